//! What somebody wrote is text on every page, every page forbids what it does not need, and shows what is its user's
//! alone.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::time::Instant;

use crate::account::PASSWORD;
use crate::browser::Browser;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::household::Household;
use crate::mqtt::Client;
use crate::plain_http;
use crate::plain_http::Answer;
use crate::receiver;
use crate::receiver::Receiver;
use crate::web_routes;
use crate::web_routes::Kind;
use crate::web_routes::WebRoute;
use crate::web_security::form_token;

/// Breaks out of an attribute and of a text that do not escape it. Without blanks and slashes, which not every name has.
const MARK: &str = "\"onx='><b>x";

/// What a page has of it if it does not escape it.
const RAW: [&str; 3] = ["<b>", "\"onx", "'><"];

/// The same as a page should have it.
const ESCAPED: &str = "&quot;onx=&#x27;&gt;&lt;b&gt;x";

/// What a page may do.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A gateway on which everything is called so, and that was answered so.
struct Scene {
    gateway: Gateway,
    browser: Browser,
    device: String,
    hook: String,
    receiver: Receiver,
}

impl Scene {
    async fn new() -> Self {
        let limits = "[limits]\nerrors_in_a_row = 2\ndevice_per_minute = 0\nhost_per_minute = 0";
        let gateway = Setup::new().with(limits).start().await;
        let code = gateway.json(&["claim"]).await["code"].as_str().unwrap().to_owned();
        let mut browser = Browser::new(&gateway);
        let code = code.as_str();
        let who = [("name", MARK), ("password", PASSWORD), ("password_again", PASSWORD)];
        let page = browser.send("/claim", &[[("code", code), ("gateway", MARK)].as_slice(), &who].concat()).await;
        assert_eq!((page.status, page.path.as_str()), (200, "/"), "{}", page.html);
        let receiver = Receiver::with(|request| {
            let status = if request.path.starts_with("/good") { 200 } else { 500 };
            receiver::Answer::Status(status, vec![("x-mark", MARK.to_owned())], MARK.to_owned())
        });
        let mut scene = Self { gateway, browser, device: String::new(), hook: String::new(), receiver };
        scene.furnish().await;
        scene
    }

    async fn furnish(&mut self) {
        let devices = self.browser.open("/devices").await;
        let page = self.browser.fill_in(&devices, "/devices", &[("name", MARK)]).await;
        let key = page.secret().to_owned();
        page.path.strip_prefix("/devices/").unwrap().clone_into(&mut self.device);
        self.browser.fill_in(&page, &format!("{}/notes", page.path), &[("notes", MARK)]).await;
        let products = self.browser.open("/products").await;
        let product = self.browser.fill_in(&products, "/products", &[("name", MARK), ("description", MARK)]).await;
        assert_eq!(product.path, "/products/1001");
        self.browser.fill_in(&product, "/products/1001/devices", &[("devices", &self.device)]).await;

        let hook = |path: &str| {
            let url = format!("{}{path}?q={MARK}", self.receiver.url(""));
            json!({
                "event": MARK, "name": MARK, "url": url, "headers": { "x-mark": MARK }, "body": MARK,
                "query": { "a": MARK }, "requestType": "POST",
            })
        };
        let (bad, good) = (hook("/bad"), hook("/good"));
        self.gateway.json_with(&["hook", "create", "-", "--product", "1001"], &good.to_string()).await;
        self.hook = self.gateway.hook(&bad).await;

        let mut device = Client::login(self.gateway.mqtt, &self.device, &key).await.unwrap();
        let offers = json!({ "variables": { (MARK): "double" }, "functions": [MARK] });
        device.publish("farhook/describe", &offers.to_string()).await;
        device.publish(MARK, MARK).await;
        device.publish(MARK, MARK).await;
        self.gateway.wait_for_queue("delivered", 2).await;
        let deadline = Instant::now() + PATIENCE;
        while self.gateway.json(&["hook", "show", &self.hook]).await["state"] != "too many errors" {
            assert!(Instant::now() < deadline, "it is never disabled");
        }
    }

    fn path_of(&self, route: &WebRoute) -> String {
        route.filled(|placeholder| match placeholder {
            "device" => self.device.clone(),
            "hook" => self.hook.clone(),
            "product" => "1001".to_owned(),
            "address" => "A4:C1:38:00:00:01".to_owned(),
            _ => "1".to_owned(),
        })
    }

    async fn get(&self, path: &str) -> Answer {
        plain_http::send(self.gateway.http, "GET", path, &[("cookie", self.browser.cookie())], "").await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [
            ("cookie", self.browser.cookie()),
            ("origin", format!("http://{}", self.gateway.http)),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        plain_http::send(self.gateway.http, "POST", path, &headers, &form).await
    }
}

/// The page is safe, if it is one. Says whether it shows what was written.
fn look_at(what: &str, answer: &Answer) -> bool {
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(answer.status < 500, "{what}: {answer:?}");
    let is_download = answer.header("content-disposition").is_some_and(|how| how.starts_with("attachment"));
    if answer.status == 303 || kind == "application/json" || is_download {
        return false;
    }
    assert_eq!(kind, "text/html; charset=utf-8", "{what}");
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{what}: {name}");
    }
    for raw in RAW {
        let around = answer.body.find(raw).map(|at| &answer.body[at.saturating_sub(80)..]);
        let around = around.map(|text| text.chars().take(160).collect::<String>());
        assert_eq!(around, None, "{raw} on {what}");
    }
    assert!(!answer.body.contains(" style=") && !answer.body.contains("<style"), "{what} has a style of its own");
    let mut scripts = answer.body.split("<script").skip(1);
    assert!(scripts.all(|script| script.starts_with(" defer src=\"&#x2f;")), "{what} has a script of its own");
    answer.body.contains(ESCAPED)
}

/// The names of all fields of a page.
fn fields_of(html: &str) -> BTreeSet<String> {
    let named = html.split(" name=\"").skip(1).filter_map(|rest| rest.split('"').next());
    named.map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn what_somebody_wrote_is_text_on_every_page() {
    let scene = Scene::new().await;
    let mut fields = BTreeSet::new();
    let mut shown = Vec::new();
    for route in web_routes::pages() {
        let path = scene.path_of(&route);
        let answer = scene.get(&path).await;
        fields.extend(fields_of(&answer.body));
        if look_at(&path, &answer) {
            shown.push(route.path);
        }
    }
    // Without that the test says nothing.
    for path in ["/", "/devices", "/devices/:device", "/integrations", "/integrations/:hook", "/logs", "/products"] {
        assert!(shown.iter().any(|shown| shown == path), "{path} does not show it: {shown:?}");
    }
    let answer = scene.get(&format!("/integrations/{}", scene.hook)).await;
    assert!(answer.body.matches(ESCAPED).count() > 12, "requests and answers are shown: {}", answer.body);

    // Addresses are written by others, too.
    let encoded: String = url::form_urlencoded::byte_serialize(MARK.as_bytes()).collect();
    for path in [
        "/devices",
        "/sensors",
        "/sensors/A4:C1:38:00:00:01",
        "/logs",
        "/products/1001",
        "/integrations",
        "/integrations/new",
        "/queue",
        "/login",
        "/",
    ] {
        for name in ["q", "page", "name", "device", "kind", "next", "product", "code", "example"] {
            look_at(path, &scene.get(&format!("{path}?{name}={encoded}")).await);
        }
    }
    for path in ["/{}", "/devices/{}1", "/devices/{}1/now", "/products/{}", "/integrations/{}"] {
        let answer = scene.get(&path.replace("{}", &encoded)).await;
        look_at(path, &answer);
        assert_eq!(answer.status, 404, "{path}");
    }

    // And forms. In which order does not matter: what is gone is a page, too.
    let token = scene.get("/devices").await;
    let token = token.body.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.expect("forms have one").to_owned();
    assert!(fields.len() > 8, "{fields:?}");
    let mut filled: Vec<_> = fields.iter().map(|name| (name.as_str(), MARK)).collect();
    filled.retain(|(name, _)| *name != "form_token");
    filled.push(("form_token", &token));
    let (ends, forms): (Vec<_>, Vec<_>) = web_routes::forms()
        .into_iter()
        .partition(|route| ["/remove", "/delete", "/discard", "/logout"].iter().any(|end| route.path.ends_with(end)));
    for route in forms.into_iter().chain(ends) {
        let path = scene.path_of(&route);
        let answer = scene.post(&path, &filled).await;
        look_at(&path, &answer);
        if let Some(next) = answer.header("location") {
            look_at(&format!("{next}, after {path}"), &scene.get(next).await);
        }
    }
}

#[tokio::test]
async fn also_who_is_not_let_in_gets_pages_that_forbid_what_they_do_not_need() {
    let gateway = Gateway::start().await;
    let ask =
        async |path: &str, headers: &[(&str, String)]| plain_http::send(gateway.http, "GET", path, headers, "").await;
    assert_eq!(ask("/", &[]).await.header("location"), Some("/claim"));
    let encoded: String = url::form_urlencoded::byte_serialize(MARK.as_bytes()).collect();
    assert!(look_at("/claim", &ask(&format!("/claim?code={encoded}"), &[]).await));
    let fields = [("code", MARK), ("gateway", MARK), ("name", MARK), ("password", "a"), ("password_again", "b")];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    assert!(look_at("/claim", &plain_http::send(gateway.http, "POST", "/claim", &headers, &form).await));
    gateway.json_with(&["user", "add", "olga", "--password-stdin"], PASSWORD).await;

    let next: String = url::form_urlencoded::byte_serialize(format!("/{MARK}").as_bytes()).collect();
    assert!(look_at("/login", &ask(&format!("/login?next={next}"), &[]).await));
    let fields = [("name", MARK), ("password", "wrong"), ("next", MARK), ("token", MARK), ("otp", MARK)];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    for path in ["/login", "/login/otp"] {
        let answer = plain_http::send(gateway.http, "POST", path, &headers, &form).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(look_at(path, &answer), "{path}");
    }
    let missing = ask("/nothing", &[]).await;
    assert_eq!(missing.status, 404);
    look_at("/nothing", &missing);
    let foreign = ask("/login", &[("host", "evil.example".to_owned())]).await;
    assert_eq!(foreign.status, 421);
    look_at("a foreign host", &foreign);
    for _ in 0..6 {
        let answer = plain_http::send(gateway.http, "POST", "/login", &headers, &form).await;
        look_at("/login", &answer);
    }
}

#[tokio::test]
async fn a_page_shows_what_is_its_users_alone() {
    let gateway = Gateway::start().await;
    let receiver = Receiver::start();
    let owner = Household::new(&gateway, "olga", &receiver.url("/olga-target")).await;
    let member = Household::new(&gateway, "mike", &receiver.url("/mike-target")).await;
    owner.account.publish(&json!({ "name": "olga-event", "data": "olga-data" })).await;
    for (reader, other) in [(&member, &owner), (&owner, &member)] {
        let mut browser = Browser::login(&gateway, &reader.account.name).await;
        let token = form_token(&browser.open("/devices").await);
        let before = other.all().await;
        let mut foreign = other.words();
        // Its account is the owner's to see.
        foreign.retain(|word| reader.account.name == "mike" || *word != other.token);
        foreign.extend(["event", "data", "target"].map(|what| format!("{}-{what}", other.account.name)));
        for route in web_routes::all() {
            let is_of_users = matches!(route.kind, Kind::Page | Kind::Form);
            if !is_of_users || route.path == "/logout" {
                continue;
            }
            let path = other.path_of(&route);
            let page = match route.kind {
                Kind::Form if !route.has_placeholder() => continue,
                Kind::Form => {
                    let fields = [("form_token", token.as_str()), ("name", "forged"), ("device", "kitchen")];
                    browser.send(&path, &fields).await
                }
                _ => browser.get(&path).await,
            };
            if [":device", ":hook", ":product"].iter().any(|thing| route.path.contains(thing)) {
                assert_eq!(page.status, 404, "{path}: {}", page.html);
            }
            for word in &foreign {
                assert!(!page.html.contains(word), "{word} on {path} of {}", reader.account.name);
            }
        }
        assert_eq!(other.all().await, before);
    }
}
