//! The pages about devices and products, as somebody with a browser uses them.

use serde_json::json;

use crate::account::Account;
use crate::account::PASSWORD;
use crate::browser::Browser;
use crate::browser::Page;
use crate::gateway::Gateway;
use crate::mqtt::Client;
use crate::receiver::Receiver;
use crate::tools;

const OWNER: &str = "me@example.com";

/// What a browser shows of `<b>x</b>`.
const ESCAPED: &str = "&lt;b&gt;x&lt;&#x2f;b&gt;";

async fn scene() -> (Gateway, Browser) {
    let gateway = Gateway::start().await;
    let browser = Browser::claiming(&gateway, OWNER).await;
    (gateway, browser)
}

/// Adds a device with the form, and shows its page.
async fn add(browser: &mut Browser, name: &str) -> (String, Page) {
    let devices = browser.open("/devices").await;
    let page = browser.fill_in(&devices, "/devices", &[("name", name)]).await;
    assert_eq!(page.status, 200, "{}", page.html);
    let id = page.path.strip_prefix("/devices/").unwrap_or_else(|| panic!("{}", page.html)).to_owned();
    (id, page)
}

#[tokio::test]
async fn a_device_that_is_added_with_the_form_logs_in_with_the_key_that_is_shown_once() {
    let (gateway, mut browser) = scene().await;
    assert!(browser.open("/devices").await.has("There are no devices yet"));
    let (id, page) = add(&mut browser, "kitchen").await;
    let key = page.secret().to_owned();
    assert_eq!(page.html.matches(&key).count(), 7, "once by itself, and in every sketch: {}", page.html);
    assert!(page.has(&gateway.mqtt.port().to_string()));
    let again = browser.open(&page.path).await;
    assert!(!again.has(&key) && again.has("YOUR_DEVICE_KEY") && again.has("offline"));

    let mut device = Client::login(gateway.mqtt, &id, &key).await.expect("it may log in");
    device.publish("temp", "21.5 <b>x</b>").await;

    for path in [page.path.clone(), format!("{}/now", page.path)] {
        let page = browser.open(&path).await;
        assert!(page.has("class=\"state good\">online"), "{}", page.html);
        assert!(page.has("temp") && page.has(&format!("21.5 {ESCAPED}")), "{}", page.html);
    }
    for path in ["/devices", "/devices/now"] {
        let page = browser.open(path).await;
        assert!(page.has(">kitchen</a>") && page.has("class=\"state good\">online"), "{}", page.html);
        assert!(page.has("temp, <time"), "{}", page.html);
    }
    assert!(!gateway.log().contains(&key));
}

#[tokio::test]
async fn the_command_of_the_page_publishes_as_the_device() {
    if tools::is_missing("curl", "curl") || tools::is_missing("mosquitto_pub", "mosquitto-clients") {
        return;
    }
    let (gateway, mut browser) = scene().await;
    let (id, page) = add(&mut browser, "kitchen").await;
    let commands = ["curl", "mosquitto"].map(|sketch| {
        let text = page.between(&format!("<pre id=\"sketch-{sketch}\" tabindex=\"0\">"), "</pre>");
        let text = text.replace("&#x2f;", "/").replace("&#x27;", "'").replace("&quot;", "\"");
        text.lines().next().unwrap().to_owned()
    });
    for command in commands {
        let mut shell = tokio::process::Command::new("sh");
        // Nothing of where the tests run: a proxy would be asked for this machine.
        shell.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        let output = shell.args(["-c", &command]).output().await.unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
    let shown = browser.open(&format!("/devices/{id}")).await;
    assert_eq!(shown.html.matches("<code>21.5</code>").count(), 2, "{}", shown.html);
    drop(gateway);
}

#[tokio::test]
async fn what_a_device_was_told_stands_beside_what_it_said() {
    let (gateway, mut browser) = scene().await;
    let mut receiver = Receiver::start();
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let (id, page) = add(&mut browser, "kitchen").await;
    let mut device = Client::login(gateway.mqtt, &id, page.secret()).await.unwrap();
    device.subscribe("hook-sent/#").await;
    device.publish("temp", "1").await;
    receiver.next().await;
    device.hear_on("hook-sent/temp").await;
    let page = browser.open(&page.path).await;
    assert!(page.has("the device") && page.has("the gateway"), "{}", page.html);
    assert!(page.has("hook-sent&#x2f;temp") && page.has("1 of 10"), "{}", page.html);
}

#[tokio::test]
async fn a_device_is_renamed_noted_about_and_gets_a_new_key() {
    let (gateway, mut browser) = scene().await;
    let (id, page) = add(&mut browser, "kitchen").await;
    let (path, old) = (page.path.clone(), page.secret().to_owned());
    let form = |name: &str| format!("{path}/{name}");

    let page = browser.fill_in(&page, &form("name"), &[("name", "<b>x</b>")]).await;
    assert!(page.has(&format!("<h1>{ESCAPED}</h1>")) && !page.has("<b>"), "{}", page.html);
    assert!(!browser.open("/devices").await.has("<b>"));

    let page = browser.fill_in(&page, &form("notes"), &[("notes", "in the shed\r\n</textarea><b>x</b>")]).await;
    assert!(page.has("in the shed\n&lt;&#x2f;textarea&gt;") && !page.has("<b>"), "{}", page.html);
    let long = "x".repeat(2_001);
    let page = browser.fill_in(&page, &form("notes"), &[("notes", &long)]).await;
    assert!(page.status == 422 && page.has(&long) && page.has("role=\"alert\""), "{}", page.html);

    let page = browser.fill_in(&page, &form("key"), &[]).await;
    let new = page.secret().to_owned();
    assert_ne!(new, old);
    assert!(Client::login(gateway.mqtt, &id, &old).await.is_none());
    assert!(Client::login(gateway.mqtt, &id, &new).await.is_some());
    assert!(!browser.open(&path).await.has(&new), "it was shown once");

    let shown = gateway.json(&["device", "show", &id]).await;
    assert_eq!((&shown["name"], &shown["notes"]), (&json!("<b>x</b>"), &json!("in the shed\n</textarea><b>x</b>")));
}

#[tokio::test]
async fn a_key_that_waits_for_its_page_is_not_taken_by_a_table_that_refreshes_itself() {
    let (_gateway, mut browser) = scene().await;
    let (id, page) = add(&mut browser, "kitchen").await;
    let token = page.between("name=\"form_token\" value=\"", "\"").to_owned();
    let answer = browser.send_only(&format!("/devices/{id}/key"), &[("form_token", &token)]).await;
    assert_eq!(answer.status, 303);
    for part in ["/devices/now".to_owned(), format!("/devices/{id}/now")] {
        assert!(!browser.open(&part).await.has("id=\"once\""));
    }
    assert!(!browser.open(&page.path).await.secret().is_empty());
}

#[tokio::test]
async fn a_device_that_was_removed_is_claimed_back() {
    let (gateway, mut browser) = scene().await;
    let (id, page) = add(&mut browser, "kitchen").await;
    let key = page.secret().to_owned();
    let removed = browser.fill_in(&page, &format!("{}/remove", page.path), &[]).await;
    assert!(removed.path == "/devices" && removed.has(&id), "{}", removed.html);
    assert_eq!(browser.get(&page.path).await.status, 404);
    assert!(Client::login(gateway.mqtt, &id, &key).await.is_none());

    let claim = browser.open("/devices/claim").await;
    let refused = browser.fill_in(&claim, "/devices/claim", &[("id", "<b>x</b>")]).await;
    assert!(refused.status == 422 && refused.has(ESCAPED) && !refused.has("<b>"), "{}", refused.html);
    let claimed = browser.fill_in(&claim, "/devices/claim", &[("id", &id)]).await;
    assert!(claimed.path == page.path && claimed.has("yours again"), "{}", claimed.html);
    assert!(Client::login(gateway.mqtt, &id, &key).await.is_some());
}

#[tokio::test]
async fn who_claims_somebody_elses_former_device_is_shown_its_new_key() {
    let (gateway, mut browser) = scene().await;
    let (id, page) = add(&mut browser, "kitchen").await;
    let key = page.secret().to_owned();
    let mut device = Client::login(gateway.mqtt, &id, &key).await.unwrap();
    device.publish("secret-event", "1").await;
    browser.fill_in(&page, &format!("{}/remove", page.path), &[]).await;

    gateway.json_with(&["user", "add", "you", "--password-stdin"], PASSWORD).await;
    let mut other = Browser::login(&gateway, "you").await;
    let claim = other.open("/devices/claim").await;
    let claimed = other.fill_in(&claim, "/devices/claim", &[("id", &id)]).await;
    assert_ne!(claimed.secret(), key);
    assert!(!claimed.has("secret-event"), "{}", claimed.html);
    assert!(Client::login(gateway.mqtt, &id, claimed.secret()).await.is_some());
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_with_what_was_typed() {
    let (_gateway, mut browser) = scene().await;
    add(&mut browser, "kitchen").await;
    let devices = browser.open("/devices").await;
    let refused = browser.fill_in(&devices, "/devices", &[("name", "Kitchen")]).await;
    assert!(refused.status == 422 && refused.has("value=\"Kitchen\""), "{}", refused.html);
    assert!(refused.has("there is already a device named"), "{}", refused.html);
}

#[tokio::test]
async fn devices_go_in_and_out_of_a_product() {
    let (gateway, mut browser) = scene().await;
    let (kitchen, _) = add(&mut browser, "kitchen").await;
    let (cellar, _) = add(&mut browser, "cellar").await;
    let products = browser.open("/products").await;
    let fields = [("name", "Green <b>x</b>"), ("description", "all of them")];
    let product = browser.fill_in(&products, "/products", &fields).await;
    assert!(product.path == "/products/1001" && product.has(ESCAPED) && !product.has("<b>"), "{}", product.html);
    let form = |name: &str| format!("/products/1001/{name}");

    let typed = format!("kitchen\r\nnowhere\r\n{cellar}");
    let refused = browser.fill_in(&product, &form("devices"), &[("devices", &typed)]).await;
    assert!(refused.status == 422 && refused.has("there is no device") && refused.has("nowhere"), "{}", refused.html);
    assert!(refused.has("No device is in it yet"), "all of them, or none: {}", refused.html);
    let typed = format!("kitchen\r\n{cellar}\r\n");
    let filled = browser.fill_in(&product, &form("devices"), &[("device", ""), ("devices", &typed)]).await;
    assert!(filled.has(&format!("/devices/{kitchen}")) && filled.has(&format!("/devices/{cellar}")));

    let emptied = browser.fill_in(&filled, &form("remove"), &[("device", &kitchen)]).await;
    assert!(!emptied.has(&format!("href=\"/devices/{kitchen}\"")) && emptied.has(">kitchen</option>"));
    let chosen = browser.fill_in(&emptied, &form("devices"), &[("device", &kitchen), ("devices", "")]).await;
    assert!(chosen.has(&format!("href=\"/devices/{kitchen}\"")), "{}", chosen.html);

    let device = browser.open(&format!("/devices/{kitchen}")).await;
    let device = browser.fill_in(&device, &format!("/devices/{kitchen}/product"), &[("product", "")]).await;
    assert!(!device.has(" selected"), "{}", device.html);
    assert_eq!(gateway.json(&["product", "show", "1001"]).await["devices"], 1);

    let fields = [("name", "House"), ("description", "")];
    let edited = browser.fill_in(&chosen, &form("edit"), &fields).await;
    assert!(edited.has("<h1>House</h1>") && !edited.has("all of them"), "{}", edited.html);
    let refused = browser.fill_in(&edited, &form("edit"), &[("name", ""), ("description", "kept")]).await;
    assert!(refused.status == 422 && refused.has("kept") && refused.has("<h1>House</h1>"), "{}", refused.html);

    let hook = json!({ "event": "temp", "url": "http://127.0.0.1:9/", "name": "to the web" });
    let created = gateway.json_with(&["hook", "create", "-", "--product", "1001"], &hook.to_string()).await;
    let product = browser.open("/products/1001").await;
    assert!(product.has(&format!("/integrations/{}", created["id"].as_str().unwrap())), "{}", product.html);
    assert!(product.has("to the web") && product.has("/integrations/new?product=1001"));
    let products = browser.fill_in(&product, &form("delete"), &[]).await;
    assert!(products.path == "/products" && products.has("There are no products."), "{}", products.html);
    assert_eq!(gateway.json(&["hook", "list"]).await, json!([]));
    assert!(browser.open("/devices").await.has(">cellar</a>"), "its devices stay");
}

#[tokio::test]
async fn a_device_can_be_added_into_a_product_at_once() {
    let (gateway, mut browser) = scene().await;
    gateway.json(&["product", "create", "Green"]).await;
    let devices = browser.open("/devices").await;
    let page = browser.fill_in(&devices, "/devices", &[("name", "kitchen"), ("product", "1001")]).await;
    assert!(page.has("value=\"1001\" selected"), "{}", page.html);
    assert!(!page.secret().is_empty());
}

#[tokio::test]
async fn a_long_list_is_filtered_and_shown_in_parts() {
    let (gateway, mut browser) = scene().await;
    let account = Account::new(&gateway, "you").await;
    for number in 0..103 {
        account.device(&gateway, &format!("sensor-{number:03}")).await;
    }
    let mut other = Browser::login(&gateway, "you").await;
    let first = other.open("/devices").await;
    assert!(first.has("sensor-099") && !first.has("sensor-100") && first.has("1 to 100 of 103"), "{}", first.html);
    let second = other.open("/devices?q=&page=2").await;
    assert!(second.has("sensor-102") && !second.has("sensor-099"));
    let found = other.open("/devices?q=SENSOR-04").await;
    assert!(found.has("sensor-047") && !found.has("sensor-050"));
    assert!(other.open("/devices?q=%3Cb%3E").await.has("No device has that"));
    assert!(browser.open("/devices").await.has("There are no devices yet"), "they are somebody else's");
}

#[tokio::test]
async fn nobody_sees_or_changes_what_is_somebody_elses() {
    let (gateway, mut browser) = scene().await;
    let (id, page) = add(&mut browser, "larder").await;
    gateway.json(&["product", "create", "Green"]).await;
    gateway.json_with(&["user", "add", "you", "--password-stdin"], PASSWORD).await;
    let mut member = Browser::login(&gateway, "you").await;
    let list = member.open("/devices").await;
    assert!(!list.has("larder") && !member.open("/products").await.has("Green"));
    for path in [&page.path, &format!("{}/now", page.path), "/devices/larder", "/products/1001", "/products/green"] {
        assert_eq!(member.get(path).await.status, 404, "{path}");
    }
    let token = list.between("name=\"form_token\" value=\"", "\"").to_owned();
    for (path, field, value) in [
        (format!("/devices/{id}/name"), "name", "mine"),
        (format!("/devices/{id}/notes"), "notes", "mine"),
        (format!("/devices/{id}/product"), "product", ""),
        (format!("/devices/{id}/key"), "x", ""),
        (format!("/devices/{id}/remove"), "x", ""),
        ("/products/1001/devices".to_owned(), "devices", "larder"),
        ("/products/1001/remove".to_owned(), "device", "larder"),
        ("/products/1001/edit".to_owned(), "name", "mine"),
        ("/products/1001/delete".to_owned(), "x", ""),
    ] {
        let refused = member.send(&path, &[("form_token", &token), (field, value)]).await;
        assert_eq!(refused.status, 404, "{path}: {}", refused.html);
    }
    let refused = member.send("/devices/claim", &[("form_token", &token), ("id", &id)]).await;
    assert!(refused.status == 422 && !refused.has("larder"), "{}", refused.html);
    // A product of the owner's takes no device of the member's.
    let added = member.send("/devices", &[("form_token", &token), ("name", "mine"), ("product", "1001")]).await;
    assert!(!added.secret().is_empty() && added.has("there is no product"), "{}", added.html);
    let shown = gateway.json(&["device", "show", &id]).await;
    assert_eq!((&shown["name"], &shown["notes"]), (&json!("larder"), &json!(null)));
    assert_eq!(gateway.json(&["product", "show", "1001"]).await["devices"], 0);
    assert!(Client::login(gateway.mqtt, &id, page.secret()).await.is_some(), "its key is as it was");

    let mut nobody = Browser::new(&gateway);
    assert!(nobody.get("/devices").await.path.starts_with("/login"));
    let foreign = browser.send("/devices", &[("form_token", &token), ("name", "forged")]).await;
    assert_eq!(foreign.status, 403, "the form of another session");
}
