//! What another site, another session or another name can do with the pages: nothing.

use serde_json::json;

use crate::account::PASSWORD;
use crate::browser::Browser;
use crate::browser::Page;
use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::household::Household;
use crate::plain_http;
use crate::plain_http::Answer;
use crate::plain_http::Stream;
use crate::web_routes;
use crate::web_routes::Kind;
use crate::web_routes::WebRoute;

/// Forms of those who are not logged in: they have no session that a token could be of.
const OPEN_FORMS: [&str; 4] = ["/claim", "/language", "/login", "/login/otp"];

/// Another name of the gateway, which its owner configured.
const CONFIGURED: &str = "gateway.example.org";

/// A gateway whose owner has one of everything and is logged in.
pub struct Scene {
    pub gateway: Gateway,
    pub owner: Household,
    pub browser: Browser,
}

impl Scene {
    pub async fn new() -> Self {
        let gateway = Setup::new().with_http(&format!("hosts = [\"{CONFIGURED}\"]")).start().await;
        let owner = Household::new(&gateway, "olga", "http://127.0.0.1:9/").await;
        let browser = Browser::login(&gateway, "olga").await;
        Self { gateway, owner, browser }
    }

    /// A form that would do something, posted with these headers.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], token: Option<&str>) -> Answer {
        let mut fields = plausible(&self.owner);
        fields.extend(token.map(|token| ("form_token", token.to_owned())));
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        plain_http::send(self.gateway.http, "POST", path, &headers, &form).await
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        plain_http::send(self.gateway.http, "GET", path, &headers, "").await
    }

    /// What its own pages name as theirs.
    pub fn origin(&self) -> String {
        format!("http://{}", self.gateway.http)
    }
}

/// Fields with which whatever is asked would be done.
fn plausible(owner: &Household) -> Vec<(&'static str, String)> {
    [
        ("name", "olga"),
        ("password", PASSWORD),
        ("password_again", PASSWORD),
        ("old_password", PASSWORD),
        ("current", PASSWORD),
        ("new_password", "forged-password"),
        ("notes", "forged"),
        ("description", "forged"),
        ("product", ""),
        ("devices", "kitchen"),
        ("device", "kitchen"),
        ("id", &owner.device.id),
        ("event", "forged"),
        ("url", "http://127.0.0.1:9/forged"),
        ("value", "forged"),
        ("language", "de"),
        ("next", "/"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// The token that all forms of a page carry.
pub fn form_token(page: &Page) -> String {
    page.between("name=\"form_token\" value=\"", "\"").to_owned()
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let mut scene = Scene::new().await;
    let token = form_token(&scene.browser.open("/devices").await);
    let (cookie, own) = (scene.browser.cookie(), scene.origin());
    let before = scene.owner.all().await;
    let elsewhere = own.replace("127.", "128.");
    for route in web_routes::forms() {
        let path = scene.owner.path_of(&route);
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", &elsewhere),
            ("origin", &format!("{own}.evil.example")),
            ("origin", &format!("http://evil.example/{own}")),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = scene.post(&path, &[("cookie", &cookie), (name, value)], Some(&token)).await;
            assert_eq!(answer.status, 403, "{path}, {name}: {value}: {answer:?}");
            assert_eq!(answer.header("set-cookie"), None, "{path}");
        }
        // One lie is enough, whatever the other header says.
        let headers = [("cookie", cookie.as_str()), ("origin", &own), ("sec-fetch-site", "cross-site")];
        assert_eq!(scene.post(&path, &headers, Some(&token)).await.status, 403, "{path}");
    }
    assert_eq!(scene.owner.all().await, before);
    // The same from a page of the gateway is done.
    let renamed = format!("/devices/{}/name", scene.owner.device.id);
    let answer = scene.post(&renamed, &[("cookie", &cookie), ("origin", &own)], Some(&token)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_ne!(scene.owner.all().await, before);
}

#[tokio::test]
async fn a_form_without_the_token_of_its_session_does_nothing() {
    let mut scene = Scene::new().await;
    let mut other = Browser::login(&scene.gateway, "olga").await;
    let (token, foreign) =
        (form_token(&scene.browser.open("/devices").await), form_token(&other.open("/devices").await));
    assert_ne!(token, foreign, "each session has one of its own");
    let (cookie, own) = (scene.browser.cookie(), scene.origin());
    let before = scene.owner.all().await;
    let (guarded, open): (Vec<_>, Vec<_>) = web_routes::forms().into_iter().partition(|route| route.kind == Kind::Form);
    assert!(guarded.len() > 20, "{guarded:?}");
    let mut open: Vec<_> = open.into_iter().map(|route| route.path).collect();
    open.sort();
    assert_eq!(open, OPEN_FORMS, "whatever changes something that is somebody's needs a session");
    for route in guarded {
        let path = scene.owner.path_of(&route);
        let headers = [("cookie", cookie.as_str()), ("origin", &own), ("sec-fetch-site", "same-origin")];
        for (path, shown) in [
            (path.clone(), None),
            (path.clone(), Some("")),
            (path.clone(), Some(foreign.as_str())),
            (path.clone(), Some(&token[1..])),
            (format!("{path}?form_token={token}"), None),
        ] {
            let answer = scene.post(&path, &headers, shown).await;
            assert_eq!(answer.status, 403, "{path} with {shown:?}: {answer:?}");
        }
        let (kind, body) = multipart(&[("name", "forged"), ("form_token", &foreign)]);
        let mut headers: Vec<_> = headers.map(|(name, value)| (name, value.to_owned())).into();
        headers.push(("content-type", kind));
        let answer = plain_http::send(scene.gateway.http, "POST", &path, &headers, &body).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    assert_eq!(scene.owner.all().await, before);
}

#[tokio::test]
async fn who_is_not_logged_in_sees_and_changes_nothing() {
    let scene = Scene::new().await;
    let (own, before) = (scene.origin(), scene.owner.all().await);
    let is_asked_to_log_in = |path: &str, answer: &Answer| {
        let location = answer.header("location").unwrap_or_default();
        assert!(answer.status == 303 && location.starts_with("/login"), "{path}: {answer:?}");
        assert!(scene.owner.words().iter().all(|word| !answer.body.contains(word)), "{path}: {answer:?}");
    };
    let nobodys = format!("farhook={}", "0".repeat(40));
    let keys = format!("farhook={}", scene.owner.device.key);
    for route in web_routes::all() {
        let path = scene.owner.path_of(&route);
        for cookie in ["", nobodys.as_str(), keys.as_str()] {
            match route.kind {
                Kind::Form => {
                    is_asked_to_log_in(&path, &scene.post(&path, &[("origin", &own), ("cookie", cookie)], None).await);
                }
                Kind::Page => is_asked_to_log_in(&path, &scene.get(&path, &[("cookie", cookie)]).await),
                Kind::OpenPage | Kind::OpenForm => {}
            }
        }
    }
    // A token of the API lets nobody see pages: neither in a header nor in an address.
    let bearer = format!("Bearer {}", scene.owner.account.token);
    is_asked_to_log_in("/devices", &scene.get("/devices", &[("authorization", &bearer)]).await);
    let addressed = format!("/devices?access_token={}", scene.owner.account.token);
    is_asked_to_log_in("/devices", &scene.get(&addressed, &[]).await);
    assert_eq!(scene.owner.all().await, before);
}

#[tokio::test]
async fn under_a_name_that_is_not_the_gateways_there_is_nothing() {
    let mut scene = Scene::new().await;
    let token = form_token(&scene.browser.open("/devices").await);
    let (cookie, before) = (scene.browser.cookie(), scene.owner.all().await);
    let port = scene.gateway.http.port();
    for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1.evil.example", "local.evil.example"] {
        let origin = format!("http://{host}");
        let headers = [("host", host), ("cookie", cookie.as_str()), ("origin", &origin)];
        for route in web_routes::all() {
            let path = scene.owner.path_of(&route);
            let answer = match route.kind {
                Kind::Page | Kind::OpenPage => scene.get(&path, &headers[..2]).await,
                Kind::Form | Kind::OpenForm => scene.post(&path, &headers, Some(&token)).await,
            };
            assert_eq!(answer.status, 421, "{host}{path}: {answer:?}");
            assert!(scene.owner.words().iter().all(|word| !answer.body.contains(word)), "{path}: {answer:?}");
        }
    }
    assert_eq!(scene.owner.all().await, before);
    for host in [&format!("192.168.1.5:{port}"), "[fd00::5]", "raspberrypi.local", "farhook", "local", CONFIGURED] {
        let answer = scene.get("/devices", &[("host", host), ("cookie", &cookie)]).await;
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
        let origin = format!("http://{host}");
        let notes = format!("/devices/{}/notes", scene.owner.device.id);
        let headers = [("host", host), ("cookie", cookie.as_str()), ("origin", &origin)];
        let answer = scene.post(&notes, &headers, Some(&token)).await;
        assert_eq!(answer.status, 303, "{host}: {answer:?}");
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let scene = Scene::new().await;
    let own = scene.origin();
    for evil in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"]
    {
        let encoded: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        let asked = scene.get(&format!("/login?next={encoded}"), &[]).await;
        assert!(asked.status == 200 && asked.body.contains("name=\"next\" value=\"&#x2f;\""), "{asked:?}");
        let logged_in = scene.browser.cookie();
        let asked = scene.get(&format!("/login?next={encoded}"), &[("cookie", &logged_in)]).await;
        assert_eq!((asked.status, asked.header("location")), (303, Some("/")), "{evil}");
        for path in ["/login", "/language"] {
            let fields = [("name", "olga"), ("password", PASSWORD), ("language", "de"), ("next", evil)];
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let headers = [("content-type", "application/x-www-form-urlencoded".to_owned()), ("origin", own.clone())];
            let answer = plain_http::send(scene.gateway.http, "POST", path, &headers, &form).await;
            assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{path} {evil}: {answer:?}");
        }
    }
    // A path that begins as another site's address does is one of here.
    let asked = scene.get("//evil.example/devices", &[]).await;
    assert!(asked.status == 404 && !asked.body.contains("value=\"//"), "{asked:?}");
    let asked = scene.get("//devices", &[]).await;
    let location = asked.header("location").unwrap_or_default().to_owned();
    assert!(location.starts_with("/login?next="), "{asked:?}");
    let asked = scene.get(&location, &[]).await;
    assert!(asked.body.contains("name=\"next\" value=\"&#x2f;\""), "{asked:?}");
}

#[tokio::test]
async fn a_cookie_alone_hears_events_over_the_api_and_does_nothing_else() {
    let scene = Scene::new().await;
    let cookie = scene.browser.cookie();
    let before = scene.owner.all().await;
    let document = scene.get("/v1/openapi.json", &[]).await.json();
    let body = json!({
        "name": "forged", "notes": "forged", "data": "forged", "event": "forged", "url": "http://127.0.0.1:9/",
        "secret": { "name": "A", "value": "forged" }, "arg": "on", "id": scene.owner.device.id,
    });
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let filled = scene.owner.path_of(&WebRoute { kind: Kind::Page, path: path.replace('{', ":").replace('}', "") });
        for method in ["get", "post", "put", "delete"] {
            // What needs no token is there for everybody.
            let operation = &item[method];
            if operation.is_null() || operation["security"] == json!([]) {
                continue;
            }
            let is_stream = method == "get" && filled.contains("/events");
            if is_stream {
                continue;
            }
            let headers = [("cookie", cookie.clone()), ("content-type", "application/json".to_owned())];
            let method = method.to_uppercase();
            let answer = plain_http::send(scene.gateway.http, &method, &filled, &headers, &body.to_string()).await;
            assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_request")), "{method} {filled}");
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    assert_eq!(scene.owner.all().await, before);
    let mut stream = Stream::open_with(scene.gateway.http, "/v1/devices/events", &[("cookie", cookie)]).await;
    scene.owner.account.publish(&json!({ "name": "word", "data": "heard" })).await;
    let (name, data) = stream.event().await;
    assert_eq!((name.as_str(), &data["data"]), ("word", &json!("heard")));
    let device = format!("/v1/devices/{}/events", scene.owner.device.id);
    Stream::open_with(scene.gateway.http, &device, &[("cookie", scene.browser.cookie())]).await;
}

#[tokio::test]
async fn what_is_not_a_page_is_answered_as_the_api_answers() {
    let scene = Scene::new().await;
    let cookie = scene.browser.cookie();
    for path in ["/v1/nothing", "/v1", "/v1/devices/a/b/c/d", "/oauth/nothing", "//v1/nothing"] {
        let answer = scene.get(path, &[("cookie", &cookie), ("accept", "text/html")]).await;
        assert_eq!((answer.status, &answer.json()["ok"]), (404, &json!(false)), "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    }
}

/// A form as a browser sends it with files, and its content type.
fn multipart(fields: &[(&str, &str)]) -> (String, String) {
    let part = |(name, value): &(&str, &str)| {
        format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts: String = fields.iter().map(part).collect();
    ("multipart/form-data; boundary=edge".to_owned(), format!("{parts}--edge--\r\n"))
}
