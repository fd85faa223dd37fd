//! GET and POST /integrations/new and /integrations/:hook/edit, POST /integrations/import and /integrations/preview
//!
//! A hook as a form and as JSON, both in step, and the request that it would make of an event.
//!
//! The page carries the definition three times: in the fields, in the JSON tab, and as the `base` from which the other
//! two were made. What differs from the base is what was changed; if both were, somebody has to say which counts.
//! Secrets are masked in all three, and put back before the definition is used.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use crate::bus::protocol::Request;
use crate::hooks::masking;
use crate::hooks::unmasking;
use crate::http::PageStatus;
use crate::http::Response;
use crate::http::Route;
use crate::model::DeviceId;
use crate::model::HookId;
use crate::model::UserId;
use crate::model::hex;
use crate::registry::Hook;
use crate::registry::Snapshot;
use crate::web::context::Context;
use crate::web::editor::Example;
use crate::web::editor::Form;
use crate::web::editor::examples;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::integrations::hook_named;
use crate::web::pages::integrations::hook_of;
use crate::web::pages::integrations::page_of;
use crate::web::pages::integrations::preview;
use crate::web::pages::integrations::preview::MADE_UP;
use crate::web::pages::integrations::preview::Previewed;
use crate::web::pages::integrations::preview::Sample;
use crate::web::pages::integrations::sent::NotOne;
use crate::web::pages::integrations::sent::Sent;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::pages::show_part;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Choice;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Bytes of the form: a definition has up to 64 KB, stands in it three times, and each byte can take three on its way.
const EDITOR_BYTES: usize = 1 << 20;

/// Rows that are left free in each list of names and values.
const FREE_ROWS: usize = 2;

#[derive(Serialize)]
pub(in crate::web::pages) struct Editor {
    /// Where the form goes.
    action: String,
    /// The hook that is edited; none for a new one.
    hook: Option<HookId>,
    /// Its mark, by which is found out whether it was changed meanwhile.
    seen: String,
    title: String,
    form: Form,
    free_rows: usize,
    /// The whole definition as text, as it stands in the JSON tab.
    definition: String,
    /// The definition from which the form was made.
    base: String,
    devices: Vec<Choice>,
    products: Vec<Choice>,
    /// The number of the product that a new hook is for; empty for none.
    product: String,
    examples: &'static [Example],
    example: Option<&'static Example>,
    /// Why it was not saved.
    error: Option<String>,
    /// Whether the fields and the JSON were both changed.
    is_torn: bool,
    /// What was typed as the data of the event of the preview.
    sample: String,
    preview: Previewed,
    /// What of the page is answered to its script: the fields, the JSON, or all of it.
    answer: &'static str,
}

/// The same, as what the page's script gets while somebody types.
#[derive(Serialize)]
#[serde(transparent)]
struct InStep(Editor);

impl Page for InStep {
    const TEMPLATE: &'static str = "parts/edit_step.html";
}

impl Page for Editor {
    const TEMPLATE: &'static str = "pages/integration_edit.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let choice = |value: &str| Choice {
            value: value.to_owned(),
            name: "<b>kitchen</b>".to_owned(),
            is_chosen: value == "0123456789abcdef01234567",
        };
        let of = |definition: &Value, preview, error: Option<&str>| Self {
            action: "/integrations/new".to_owned(),
            hook: None,
            seen: String::new(),
            title: "temp".to_owned(),
            form: Form::of(definition),
            free_rows: 1,
            definition: pretty(definition),
            base: pretty(definition),
            devices: vec![choice("0123456789abcdef01234567")],
            products: vec![choice("1001")],
            product: "1001".to_owned(),
            examples: examples(),
            example: None,
            error: error.map(ToOwned::to_owned),
            is_torn: error.is_some(),
            sample: "<b>".to_owned(),
            preview,
            answer: "all",
        };
        let odd = json!({
            "event": "<b>temp", "url": "https://a.example/\"><script>alert(1)</script>", "requestType": "{{m}}",
            "deviceID": "0123456789abcdef01234567", "headers": { "X-<b>": "<i>" }, "json": { "a": ["<b>"] },
            "retry": "<b>", "when_full": "<b>",
        });
        let mut example = of(&examples()[0].definition, Previewed::sample(), None);
        example.example = Some(&examples()[0]);
        vec![("odd", of(&odd, Previewed::bad_sample(), Some("url: <b> is no address"))), ("example", example)]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.page(&["/integrations/new"], begin),
        site.page(&["/integrations/:hook/edit"], edit),
        site.upload(&["/integrations/new", "/integrations/:hook/edit"], EDITOR_BYTES, sent),
        site.upload(&["/integrations/import"], EDITOR_BYTES, import),
        site.upload(&["/integrations/preview"], EDITOR_BYTES, in_step),
    ]
}

async fn begin(context: Arc<Context>, visit: Visit) -> Shown {
    let draft = Draft::of(None, |name| visit.request.query(name).unwrap_or_default());
    let Some(example) = draft.example else {
        // What is not filled in yet is no mistake.
        let page = draft.page(&context, &visit, &json!({ "event": "", "url": "" }));
        return Ok(show(&context, &visit, &Editor { preview: Previewed::default(), ..page }));
    };
    Ok(show(&context, &visit, &draft.page(&context, &visit, &example.definition)))
}

async fn edit(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?;
    let definition = masking::shown_definition(hook.definition.original());
    Ok(show(&context, &visit, &Draft { hook: Some(hook), ..Draft::default() }.page(&context, &visit, &definition)))
}

/// A hook file, shown before it is saved.
async fn import(context: Arc<Context>, visit: Visit) -> Shown {
    let file = visit.form.file("file").cloned().unwrap_or_default();
    let read: Result<Value, _> = serde_json::from_slice(&file);
    let definition = match read {
        Ok(definition @ Value::Object(_)) => definition,
        Ok(_) => return Ok(not_imported(&context, &visit, visit.t("A hook file is one JSON object."))),
        Err(error) => {
            let text = visit.t("That is no hook file: {why}").replace("{why}", &error.to_string());
            return Ok(not_imported(&context, &visit, text));
        }
    };
    Ok(show(&context, &visit, &Draft::default().page(&context, &visit, &definition)))
}

fn not_imported(context: &Context, visit: &Visit, text: String) -> Response {
    go_on(context, visit, "/integrations", Flash::Failed { text })
}

/// Saved, or only brought in step for who has no script.
async fn sent(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = visit.request.path.get("hook").map(|_| hook_of(&context, &visit)).transpose()?;
    let draft = Draft::of(hook, |name| visit.form.text(name));
    let sent = Sent::read(&visit);
    let wanted = match visit.form.text("do") {
        "from_form" | "save_form" => Ok(sent.of_form()),
        "from_json" | "save_json" => sent.of_json(),
        _ => sent.changed(),
    };
    let again = |definition: Value, error: String| {
        let mut page = draft.page(&context, &visit, &definition);
        page.error = Some(error);
        page
    };
    let definition = match wanted {
        Ok(definition) => definition,
        Err(NotOne::NoJson(error)) => {
            let mut page = again(sent.of_form(), error);
            page.definition = sent.json;
            return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
        }
        Err(NotOne::Torn) => {
            let text = visit.t("The form and the JSON were both changed. Choose which of them counts.");
            let mut page = again(sent.of_form(), text);
            (page.definition, page.base, page.is_torn) = (sent.json, sent.base_text, true);
            return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
        }
    };
    let is_saving = !visit.form.text("do").starts_with("from_");
    if !is_saving {
        return Ok(show(&context, &visit, &draft.page(&context, &visit, &definition)));
    }
    if let Some(placeholder) = draft.unfilled(&definition) {
        let text = visit.t("Put your own in the place of {word} first.").replace("{word}", placeholder);
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &again(definition, text)));
    }
    if !draft.is_as_seen() {
        let text = visit.t("It was changed meanwhile, in another window or by a program. If you save again, what you see here replaces that.");
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &again(definition, text)));
    }
    match draft.save(&context, &visit, &definition).await? {
        Ok(id) => Ok(go_on(&context, &visit, &page_of(id), Flash::Done { text: visit.t("Saved.") })),
        Err(error) => Ok(show_as(&context, &visit, PageStatus::Unusable, &again(definition, error))),
    }
}

/// While somebody types: the other side, and the preview.
async fn in_step(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_named(&context, &visit, visit.form.text("hook"));
    let draft = Draft::of(hook, |name| visit.form.text(name));
    let sent = Sent::read(&visit);
    let (answer, definition) = match visit.form.text("source") {
        "json" => ("form", sent.of_json()),
        _ => ("json", Ok(sent.of_form())),
    };
    let page = match definition {
        Ok(definition) => Editor { answer, ..draft.page(&context, &visit, &definition) },
        // The fields stay as they are until the JSON is whole again.
        Err(NotOne::NoJson(error)) => Editor {
            answer: "none",
            preview: Previewed::impossible(error),
            ..draft.page(&context, &visit, &sent.of_form())
        },
        Err(NotOne::Torn) => unreachable!("one side was asked for"),
    };
    Ok(show_part(&context, &visit, &InStep(page)))
}

/// The hook that is edited, or the one that shall be.
#[derive(Default)]
struct Draft {
    hook: Option<Arc<Hook>>,
    product: String,
    /// With what it was begun.
    example: Option<&'static Example>,
    /// The mark of the hook as the page had it.
    seen: String,
}

impl Draft {
    /// With what was asked for beside the definition.
    fn of<'a>(hook: Option<Arc<Hook>>, asked: impl Fn(&str) -> &'a str) -> Self {
        let example = examples().iter().find(|example| example.id == asked("example"));
        Self { hook, product: asked("product").to_owned(), example, seen: asked("seen").to_owned() }
    }

    /// The page with a definition in which secrets are masked, in step.
    fn page(&self, context: &Context, visit: &Visit, definition: &Value) -> Editor {
        let (snapshot, form) = (context.snapshot(), Form::of(definition));
        let text = pretty(definition);
        let action = self.hook.as_ref().map(|hook| format!("{}/edit", page_of(hook.id)));
        let name = |hook: &Arc<Hook>| hook.definition.title().to_owned();
        // With its secrets, or it could not be told whether the hook works; what is shown is masked again.
        let whole = self.whole(definition);
        let product = self.hook.as_ref().map_or_else(
            || snapshot.product_of(visit.user_id(), &self.product).map(|product| product.id),
            |hook| hook.product,
        );
        let sample = Sample {
            typed: visit.form.exact("sample").to_owned(),
            made_up: self.example.map_or(MADE_UP, |example| example.event["data"].as_str().unwrap_or(MADE_UP)),
        };
        let mut preview = preview::of(context, visit, whole.as_ref().unwrap_or(definition), product, (&form, &sample));
        preview.problem(whole.err());
        Editor {
            action: action.unwrap_or_else(|| "/integrations/new".to_owned()),
            hook: self.hook.as_ref().map(|hook| hook.id),
            seen: self.hook.as_deref().map(mark_of).unwrap_or_default(),
            title: self.hook.as_ref().map_or_else(|| visit.t("New integration"), name),
            free_rows: FREE_ROWS,
            base: text.clone(),
            definition: text,
            devices: devices(&snapshot, visit.user_id(), &form.device_id),
            products: if self.hook.is_none() { self.products(&snapshot, visit.user_id()) } else { Vec::new() },
            product: self.product.clone(),
            form,
            examples: examples(),
            example: self.example,
            error: None,
            is_torn: false,
            sample: sample.typed,
            preview,
            answer: "all",
        }
    }

    /// A word of the example that still stands where something of the user's should.
    fn unfilled(&self, definition: &Value) -> Option<&'static str> {
        let text = definition.to_string();
        let mut placeholders = self.example?.placeholders.iter();
        placeholders.find(|placeholder| text.contains(&placeholder.text)).map(|placeholder| placeholder.text.as_str())
    }

    /// Whether the hook is still the one that the page had.
    fn is_as_seen(&self) -> bool {
        self.hook.as_deref().is_none_or(|hook| self.seen == mark_of(hook))
    }

    fn products(&self, snapshot: &Snapshot, user: UserId) -> Vec<Choice> {
        let choice = |product: &Arc<crate::registry::Product>| Choice {
            value: product.id.to_string(),
            name: product.name.clone(),
            is_chosen: product.is_called(&self.product),
        };
        snapshot.products_of(user).map(choice).collect()
    }

    /// A definition with the secrets that its masks stand for.
    fn whole(&self, definition: &Value) -> Result<Value, String> {
        let original = self.hook.as_ref().map_or(&Value::Null, |hook| hook.definition.original());
        unmasking::restored(definition, original).map_err(|masked| masked.to_string())
    }

    async fn save(
        &self,
        context: &Context,
        visit: &Visit,
        definition: &Value,
    ) -> Result<Result<HookId, String>, Refusal> {
        let definition = match self.whole(definition) {
            Ok(definition) => definition,
            Err(masked) => return Ok(Err(masked)),
        };
        let request = if let Some(hook) = &self.hook {
            Request::HookEdit { hook: hook.id, definition }
        } else {
            let product = Some(self.product.clone()).filter(|product| !product.is_empty());
            Request::HookCreate { definition, again: false, product }
        };
        let went = context.ask(visit.user_id(), request).await?;
        let id = |hook: Value| hook["id"].as_str().and_then(|id| id.parse().ok()).expect("a hook has an id");
        Ok(went.map(id))
    }
}

/// Another one whenever the hook was changed, of 16 characters.
fn mark_of(hook: &Hook) -> String {
    hex(&Sha256::digest(hook.definition.original().to_string())[..8])
}

fn devices(snapshot: &Snapshot, user: UserId, chosen: &str) -> Vec<Choice> {
    let chosen: Option<DeviceId> = chosen.parse().ok();
    let choice = |device: &Arc<crate::model::Device>| Choice {
        value: device.id.to_string(),
        name: device.name.to_string(),
        is_chosen: Some(device.id) == chosen,
    };
    let mut devices: Vec<_> = snapshot.devices_of(user).map(choice).collect();
    devices.sort_by(|one, other| one.name.cmp(&other.name));
    devices
}

fn pretty(definition: &Value) -> String {
    serde_json::to_string_pretty(definition).expect("a definition is plain JSON")
}
