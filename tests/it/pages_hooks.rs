//! The pages about hooks: writing one as a form and as JSON, trying it, and what became of its deliveries.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;

use crate::account::PASSWORD;
use crate::browser::Browser;
use crate::browser::Page;
use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::mqtt::Client;
use crate::receiver::Answer;
use crate::receiver::Receiver;

const OWNER: &str = "me@example.com";
const NEW: &str = "/integrations/new";

/// What an editor's page carries, decoded.
fn carried(page: &Page, id: &str) -> String {
    let (_, rest) = page.html.split_once(&format!("<textarea id=\"{id}\"")).unwrap_or_else(|| panic!("{}", page.html));
    let (_, rest) = rest.split_once(">\n").unwrap();
    let text = rest.split("</textarea>").next().unwrap();
    ["&#x2f;:/", "&quot;:\"", "&lt;:<", "&gt;:>", "&#x27;:'", "&amp;:&"].iter().fold(text.to_owned(), |text, pair| {
        let (escaped, plain) = pair.split_once(':').unwrap();
        text.replace(escaped, plain)
    })
}

/// The definition in the JSON tab.
fn definition(page: &Page) -> Value {
    serde_json::from_str(&carried(page, "definition")).unwrap()
}

/// Sends the editor with its base and JSON as they are, but for what is said.
async fn send(browser: &mut Browser, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
    let (base, json) = (carried(page, "base"), carried(page, "definition"));
    let seen = page.between("name=\"seen\" value=\"", "\"");
    let mut all = vec![("base", base.as_str()), ("definition", json.as_str()), ("seen", seen)];
    all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
    all.extend(fields);
    browser.fill_in(page, action, &all).await
}

async fn scene() -> (Gateway, Browser) {
    let gateway = Gateway::start().await;
    let browser = Browser::claiming(&gateway, OWNER).await;
    (gateway, browser)
}

/// A hook with a secret in its form, made with the page's form.
async fn hook_by_form(browser: &mut Browser, url: &str) -> String {
    let page = browser.open(NEW).await;
    let fields = [
        ("do", "save"),
        ("event", "temp"),
        ("url", url),
        ("content", "form"),
        ("form_name[0]", "api_key"),
        ("form_value[0]", "s3cret"),
        ("form_name[1]", "field1"),
        ("form_value[1]", "{{{PARTICLE_EVENT_VALUE}}}"),
        ("no_defaults", "true"),
    ];
    let saved = send(browser, &page, NEW, &fields).await;
    assert_eq!(saved.status, 200, "{}", saved.html);
    saved.path.strip_prefix("/integrations/").unwrap_or_else(|| panic!("{}", saved.html)).to_owned()
}

#[tokio::test]
async fn a_hook_made_with_the_form_sends_and_keeps_its_secret_when_it_is_edited() {
    let (gateway, mut browser) = scene().await;
    let mut receiver = Receiver::start();
    let hook = hook_by_form(&mut browser, &receiver.url("/update")).await;
    let device = gateway.device("kitchen").await;
    let mut client = gateway.login(&device).await;
    client.publish("temp", "21.5").await;
    assert_eq!(receiver.bodies(1).await, ["api_key=s3cret&field1=21.5"]);

    let edit = format!("/integrations/{hook}/edit");
    let page = browser.open(&edit).await;
    assert!(!page.has("s3cret") && page.has("api_key=[[SENSITIVE]]&amp;field1=21.5"), "{}", page.html);
    assert_eq!(definition(&page)["form"]["api_key"], "[[SENSITIVE]]");
    // As JSON, and nothing of the form is sent with it but what the page had there.
    let mut changed = definition(&page);
    changed["url"] = json!(receiver.url("/elsewhere"));
    let fields = [("do", "save_json"), ("definition", &changed.to_string())];
    let saved = send(&mut browser, &page, &edit, &fields).await;
    assert_eq!((saved.status, saved.path), (200, format!("/integrations/{hook}")));
    client.publish("temp", "22").await;
    let request = receiver.next().await;
    assert_eq!((request.path.as_str(), request.body.as_str()), ("/elsewhere", "api_key=s3cret&field1=22"));
}

#[tokio::test]
async fn the_largest_hooks_can_be_edited_as_a_form_and_as_json() {
    let (gateway, mut browser) = scene().await;
    // Each of these takes three bytes on its way.
    let body = "&".repeat(55_000);
    let hook = json!({ "event": "temp", "url": "https://a.example/", "body": body });
    let list = browser.open("/integrations").await;
    let imported = browser.upload(&list, "/integrations/import", &[], hook.to_string().as_bytes()).await;
    let saved = send(&mut browser, &imported, NEW, &[("do", "save_json")]).await;
    let id = saved.path.strip_prefix("/integrations/").unwrap_or_else(|| panic!("{}", saved.html)).to_owned();

    let edit = format!("/integrations/{id}/edit");
    let page = browser.open(&edit).await;
    let fields = [("event", "door"), ("url", "https://a.example/"), ("content", "body"), ("body", body.as_str())];
    let saved = send(&mut browser, &page, &edit, &[&[("do", "save")], &fields[..]].concat()).await;
    assert_eq!((saved.status, saved.path), (200, format!("/integrations/{id}")));
    assert_eq!(gateway.json(&["hook", "show", &id]).await["event"], "door");

    let token = page.between("name=\"form_token\" value=\"", "\"").to_owned();
    let (base, text) = (carried(&page, "base"), carried(&page, "definition"));
    let always = [("form_token", token.as_str()), ("base", &base), ("definition", &text), ("source", "form")];
    let stepped = browser.send("/integrations/preview", &[&always[..], &fields].concat()).await;
    assert_eq!((stepped.status, &definition(&stepped)["event"]), (200, &json!("door")));
}

#[tokio::test]
async fn whichever_side_was_changed_counts_and_of_two_somebody_has_to_choose() {
    let (gateway, mut browser) = scene().await;
    let page = browser.open("/integrations/new?example=generic").await;
    let example = definition(&page);
    let other = json!({ "event": "other", "url": "https://b.example/", "unknown": [1] });
    let typed = other.to_string();
    let form = |event| {
        [("event", event), ("url", example["url"].as_str().unwrap()), ("request_type", "POST"), ("content", "default")]
    };

    let both = [&[("do", "save"), ("definition", typed.as_str())], &form("changed")[..]].concat();
    let torn = send(&mut browser, &page, NEW, &both).await;
    assert_eq!(torn.status, 422);
    assert!(torn.has("The form and the JSON were both changed") && torn.has("value=\"changed\""), "{}", torn.html);
    assert_eq!(definition(&torn), other, "nothing that was typed is lost");

    let chosen = [&[("do", "save_json"), ("definition", typed.as_str())], &form("changed")[..]].concat();
    let saved = send(&mut browser, &page, NEW, &chosen).await;
    assert_eq!(saved.status, 200, "{}", saved.html);
    let hooks = gateway.json(&["hook", "list"]).await;
    assert_eq!((&hooks[0]["event"], &hooks[0]["unknown"]), (&json!("other"), &json!([1])));

    let broken = send(&mut browser, &page, NEW, &[("do", "save_json"), ("definition", "{\"a\": <b>")]).await;
    assert_eq!(broken.status, 422);
    assert!(broken.has("JSON: expected value at line 1 column 7"), "{}", broken.html);
    assert_eq!(carried(&broken, "definition"), "{\"a\": <b>");
}

#[tokio::test]
async fn without_script_a_button_brings_both_sides_in_step() {
    let (_gateway, mut browser) = scene().await;
    let page = browser.open(NEW).await;
    let typed =
        [("do", "from_form"), ("event", "temp"), ("url", "https://a.example/{{{room}}}"), ("request_type", "PUT")];
    let stepped = send(&mut browser, &page, NEW, &typed).await;
    let expected = json!({ "event": "temp", "url": "https://a.example/{{{room}}}", "requestType": "PUT" });
    assert_eq!(definition(&stepped), expected);
    assert!(stepped.has("<mark>room</mark> in url"), "{}", stepped.html);
    let mut json = expected.clone();
    json["headers"] = json!({ "X-Room": "attic" });
    let fields = [("do", "from_json"), ("definition", &*json.to_string())];
    let stepped = send(&mut browser, &stepped, NEW, &fields).await;
    assert!(stepped.has("value=\"X-Room\"") && stepped.has("X-Room: attic"), "{}", stepped.html);
}

#[tokio::test]
async fn while_somebody_types_the_other_side_follows_and_the_request_is_shown() {
    let (gateway, mut browser) = scene().await;
    let device = gateway.device("kitchen").await;
    gateway.login(&device).await.publish("temp", "{\"t\": 21.5}").await;
    let page = browser.open(NEW).await;
    let preview = "/integrations/preview";
    let token = page.between("name=\"form_token\" value=\"", "\"").to_owned();
    let step = async |browser: &mut Browser, fields: &[(&str, &str)]| {
        let always = [("form_token", token.as_str()), ("base", "{\"event\":\"\",\"url\":\"\"}")];
        browser.send(preview, &[&always, fields].concat()).await
    };

    let url = "https://a.example/{{{t}}}/{{{missing}}}?key=s3cret";
    let stepped = step(&mut browser, &[("source", "form"), ("event", "te"), ("url", url)]).await;
    assert_eq!(definition(&stepped)["url"], url);
    assert!(stepped.has("https:&#x2f;&#x2f;a.example&#x2f;21.5&#x2f;?key=[[SENSITIVE]]"), "{}", stepped.html);
    assert!(stepped.has("<mark>missing</mark> in url") && stepped.has("Made of the last such event"));

    let wrong = step(&mut browser, &[("source", "form"), ("event", "te"), ("url", "https://a.example/{{#x}}")]).await;
    assert!(wrong.has("data-marks=\"url\"") && wrong.has("href=\"#f-url\""), "{}", wrong.html);
    assert!(wrong.has("line 1, column"), "{}", wrong.html);

    let json = "{\"event\": \"temp\", \"url\": \"https://a.example/\", \"headers\": {\"X-A\": \"{{{t}}}\"}}";
    let stepped = step(&mut browser, &[("source", "json"), ("definition", json)]).await;
    assert!(stepped.has("value=\"X-A\"") && stepped.has("hx-swap-oob") && stepped.has("X-A: 21.5"), "{}", stepped.html);
    let half = step(&mut browser, &[("source", "json"), ("definition", "{\"event\": \"te")]).await;
    // The fields stay as they are.
    assert!(half.has("JSON: EOF") && !half.has("id=\"fields\"") && half.has("Problems: 1"), "{}", half.html);
}

#[tokio::test]
async fn a_hook_file_comes_in_for_looking_at_and_goes_out_without_its_secrets() {
    let (_gateway, mut browser) = scene().await;
    let file = json!({ "event": "temp", "url": "https://a.example/", "form": { "api_key": "s3cret" }, "x": "<b>" });
    let list = browser.open("/integrations").await;
    let imported = browser.upload(&list, "/integrations/import", &[], file.to_string().as_bytes()).await;
    assert_eq!((imported.status, definition(&imported)), (200, file.clone()));
    let saved = send(&mut browser, &imported, NEW, &[("do", "save_json")]).await;
    let exported = browser.open(&format!("{}/export", saved.path)).await;
    let exported: Value = serde_json::from_str(&exported.html).unwrap();
    assert_eq!(exported["form"]["api_key"], "[[SENSITIVE]]");

    // A mask is no secret: whoever imports it has to type it.
    let imported = browser.upload(&list, "/integrations/import", &[], exported.to_string().as_bytes()).await;
    let refused = send(&mut browser, &imported, NEW, &[("do", "save_json")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.has("form.api_key: type the secret again"), "{}", refused.html);
    let refused = browser.upload(&list, "/integrations/import", &[], b"[1]").await;
    assert_eq!(refused.path, "/integrations");
    assert!(refused.has("A hook file is one JSON object."), "{}", refused.html);
}

#[tokio::test]
async fn an_example_is_not_saved_before_its_words_are_replaced() {
    let (gateway, mut browser) = scene().await;
    let page = browser.open("/integrations/new?example=thingspeak").await;
    let begun = [("do", "save_json"), ("example", "thingspeak")];
    let refused = send(&mut browser, &page, NEW, &begun).await;
    assert_eq!(refused.status, 422);
    assert!(refused.has("Put your own in the place of YOUR_WRITE_API_KEY first."), "{}", refused.html);
    let mut filled = definition(&page);
    filled["form"]["api_key"] = json!("s3cret");
    let filled = filled.to_string();
    let saved = send(&mut browser, &refused, NEW, &[&begun[..], &[("definition", &filled)]].concat()).await;
    assert!(saved.has("Saved."), "{}", saved.html);
    assert_eq!(gateway.json(&["hook", "list"]).await[0]["event"], "temp");
}

#[tokio::test]
async fn what_was_changed_meanwhile_is_not_replaced_without_a_word() {
    let (gateway, mut browser) = scene().await;
    let hook = hook_by_form(&mut browser, "https://a.example/").await;
    let edit = format!("/integrations/{hook}/edit");
    let opened = browser.open(&edit).await;
    gateway.json(&["hook", "disable", &hook]).await;
    let typed = json!({ "event": "temp", "url": "https://b.example/" }).to_string();
    let refused = send(&mut browser, &opened, &edit, &[("do", "save_json"), ("definition", &typed)]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.has("It was changed meanwhile") && refused.has("https:&#x2f;&#x2f;b.example"), "{}", refused.html);
    let kept = gateway.json(&["hook", "show", &hook]).await;
    assert_eq!(kept["url"], "https://a.example/", "{kept}");
    // Whoever has read that may.
    let saved = send(&mut browser, &refused, &edit, &[("do", "save_json"), ("definition", &typed)]).await;
    assert_eq!((saved.status, saved.path), (200, format!("/integrations/{hook}")));
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["url"], "https://b.example/");
}

#[tokio::test]
async fn a_hook_that_had_too_many_errors_is_resumed_and_what_failed_is_sent_again() {
    let gateway = Setup::new().with("[limits]\ndevice_per_minute = 0").start().await;
    let mut browser = Browser::claiming(&gateway, OWNER).await;
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let answer = move |_: &_| {
        if mended.load(Ordering::SeqCst) { Answer::ok("<script>alert(1)</script>") } else { Answer::status(500) }
    };
    let mut receiver = Receiver::with(answer);
    let hook = hook_by_form(&mut browser, &receiver.url("/")).await;
    let path = format!("/integrations/{hook}");
    let device = gateway.device("kitchen").await;
    let mut client = gateway.login(&device).await;
    for number in 1..=11 {
        client.publish("temp", &number.to_string()).await;
    }
    receiver.bodies(10).await;
    gateway.wait_for_queue("dead", 10).await;
    let page = browser.open(&path).await;
    assert!(page.has("Too many errors, webhook disabled") && page.has("Send all again (10)"), "{}", page.html);
    assert!(browser.open("/integrations").await.has("stopped: too many errors"));

    is_mended.store(true, Ordering::SeqCst);
    let page = browser.fill_in(&page, &format!("{path}/resume"), &[]).await;
    assert!(page.has("It goes on"), "{}", page.html);
    assert_eq!(receiver.bodies(1).await, ["api_key=s3cret&field1=11"], "what came meanwhile waited");
    let page = browser.open(&path).await;
    let one = page.between("name=\"id\" value=\"", "\"").to_owned();
    let page = browser.fill_in(&page, &format!("{path}/replay"), &[("id", &one)]).await;
    assert!(page.has("1 wait again"), "{}", page.html);
    let page = browser.fill_in(&page, &format!("{path}/replay"), &[]).await;
    assert!(page.has("9 wait again"), "{}", page.html);
    receiver.bodies(10).await;
    gateway.wait_for_queue("dead", 0).await;

    let page = browser.open(&path).await;
    let page = browser.fill_in(&page, &format!("{path}/test"), &[("name", "temp"), ("data", "5")]).await;
    assert!(page.has("Answer: 200") && page.has("hook-response&#x2f;temp&#x2f;0"), "{}", page.html);
    assert!(!page.has("<script>alert"), "{}", page.html);
    assert_eq!(receiver.bodies(1).await, ["api_key=s3cret&field1=5"]);
    assert!(!page.has("s3cret"), "{}", page.html);
}

#[tokio::test]
async fn that_a_members_hook_was_stopped_is_told_to_the_member_and_to_the_owner() {
    let gateway = Setup::new().with("[limits]\nerrors_in_a_row = 1").start().await;
    let mut owner = Browser::claiming(&gateway, OWNER).await;
    let mut receiver = Receiver::with(|_| Answer::status(500));
    gateway.json_with(&["user", "add", "mia", "--password-stdin"], PASSWORD).await;
    let definition = json!({ "event": "temp", "url": receiver.url("/") }).to_string();
    gateway.json_with(&["hook", "create", "-", "--user", "mia"], &definition).await;
    let device = gateway.json(&["device", "add", "shed", "--user", "mia"]).await;
    let (id, key) = (device["id"].as_str().unwrap(), device["key"].as_str().unwrap());
    Client::login(gateway.mqtt, id, key).await.unwrap().publish("temp", "1").await;
    receiver.next().await;
    gateway.wait_for_queue("dead", 1).await;

    let mut member = Browser::login(&gateway, "mia").await;
    let page = member.open("/").await;
    assert!(page.has("Notices: 1") && page.has("the hook was disabled after"), "{}", page.html);
    assert!(page.has(">Show</a>") && !page.has("Mark as read"), "{}", page.html);
    let page = owner.open("/").await;
    assert!(page.has("<strong>temp</strong> (mia): the hook was disabled") && !page.has(">Show</a>"), "{}", page.html);
    let page = owner.fill_in(&page, "/notices", &[("number", "1")]).await;
    assert!(page.has("Read.") && !page.has("was disabled"), "{}", page.html);
}

#[tokio::test]
async fn a_hook_is_switched_off_and_on_and_deleted() {
    let (gateway, mut browser) = scene().await;
    let hook = hook_by_form(&mut browser, "https://a.example/").await;
    let path = format!("/integrations/{hook}");
    let page = browser.open(&path).await;
    let page = browser.fill_in(&page, &format!("{path}/disable"), &[]).await;
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["state"], "disabled");
    let page = browser.fill_in(&page, &format!("{path}/enable"), &[]).await;
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["state"], "enabled");
    let page = browser.fill_in(&page, &format!("{path}/delete"), &[]).await;
    assert!(page.path == "/integrations" && page.has("The integration is deleted"), "{}", page.html);
    assert_eq!(browser.get(&path).await.status, 404);
}

#[tokio::test]
async fn the_queue_is_paused_and_resumed_on_its_page() {
    let (gateway, mut browser) = scene().await;
    let mut receiver = Receiver::start();
    hook_by_form(&mut browser, &receiver.url("/")).await;
    let page = browser.open("/queue").await;
    let page = browser.fill_in(&page, "/queue/pause", &[]).await;
    assert!(page.has("Sending is paused"), "{}", page.html);
    let device = gateway.device("kitchen").await;
    gateway.login(&device).await.publish("temp", "1").await;
    let now = browser.open("/queue/now").await;
    assert!(now.has("<strong>1</strong> <span>wait, of") && now.has("127.0.0.1"), "{}", now.html);
    assert!(receiver.unexpected().is_none());
    browser.fill_in(&page, "/queue/resume", &[]).await;
    assert_eq!(receiver.bodies(1).await, ["api_key=s3cret&field1=1"]);
    let series: Value = serde_json::from_str(&browser.open("/queue/history?span=month").await.html).unwrap();
    assert_eq!(series["attempts"].as_array().map(Vec::len), Some(720));
}
