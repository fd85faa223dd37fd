//! The request that a definition would make of an event: what is shown beside the form in which it is changed.

use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::hooks::HookDefinition;
use crate::hooks::masking::ShownRequest;
use crate::hooks::preview;
use crate::hooks::preview::Missing;
use crate::hooks::sample_event;
use crate::model::Event;
use crate::model::EventId;
use crate::model::EventProduct;
use crate::model::ProductId;
use crate::web::context::Context;
use crate::web::editor::Form;
use crate::web::pages::integrations::latest;
use crate::web::shown::Moment;
use crate::web::visit::Visit;

/// What an event is made up of while none of that name is known.
pub(super) const MADE_UP: &str = "21.5";

/// The data of an event that was not published.
pub(super) struct Sample {
    /// As somebody typed it; empty to leave it to the page.
    pub(super) typed: String,
    /// While no such event is known.
    pub(super) made_up: &'static str,
}

#[derive(Default, Serialize)]
pub(super) struct Previewed {
    /// What is wrong with the definition, or why it makes no request of this event.
    problems: Vec<Problem>,
    request: Option<Sent>,
    /// Variables that there are not.
    missing: Vec<Lacking>,
    /// Why the event would not trigger the hook.
    mismatch: Option<String>,
    /// The names of the form's fields that the problems are about, with blanks between them.
    marks: String,
    /// The event of which the request is made.
    event: Option<Of>,
}

#[derive(Serialize)]
struct Problem {
    text: String,
    /// The form's field, to go there.
    field: Option<&'static str>,
}

/// A request, secrets masked.
#[derive(Serialize)]
struct Sent {
    line: String,
    headers: String,
    body: String,
}

#[derive(Serialize)]
struct Lacking {
    name: String,
    /// Where it stands.
    path: String,
}

#[derive(Serialize)]
struct Of {
    name: String,
    data: String,
    /// When it was published; none for a made-up one.
    at: Option<Moment>,
}

impl Previewed {
    /// None can be made of what was typed.
    pub(super) fn impossible(reason: String) -> Self {
        Self { problems: vec![Problem { text: reason, field: None }], ..Self::default() }
    }

    /// Says this, too, before all others.
    pub(super) fn problem(&mut self, text: Option<String>) {
        self.problems.splice(0..0, text.map(|text| Problem { text, field: None }));
    }

    #[cfg(test)]
    pub(super) fn sample() -> Self {
        let sent = Sent {
            line: "POST https://a.example/<b>".to_owned(),
            headers: "content-type: <b>".to_owned(),
            body: "<script>alert(1)</script>".to_owned(),
        };
        let event = Of { name: "temp".to_owned(), data: "<b>21.5</b>".to_owned(), at: None };
        let missing = vec![Lacking { name: "<b>x".to_owned(), path: "form.<i>".to_owned() }];
        Self { request: Some(sent), missing, event: Some(event), ..Self::default() }
    }

    #[cfg(test)]
    pub(super) fn bad_sample() -> Self {
        let problem = Problem { text: "url: <b> is no address".to_owned(), field: Some("url") };
        Self { problems: vec![problem], mismatch: Some("<b>".to_owned()), marks: "url".to_owned(), ..Self::default() }
    }
}

/// Of a definition with its secrets, beside the form in which it is shown.
pub(super) fn of(
    context: &Context,
    visit: &Visit,
    definition: &Value,
    product: Option<ProductId>,
    (form, sample): (&Form, &Sample),
) -> Previewed {
    let hook = match HookDefinition::parse(definition) {
        Ok(hook) => hook,
        Err(invalid) => {
            let paths: Vec<_> =
                invalid.problems().iter().map(|problem| (problem.to_string(), &*problem.field)).collect();
            return with_problems(form, &paths, Previewed::default());
        }
    };
    let (event, at) = match event(context, visit, &hook, product, sample) {
        Ok(event) => event,
        Err(reason) => return Previewed::impossible(reason),
    };
    let shown = Some(Of { name: event.name.to_string(), data: event.data.clone(), at });
    let secrets = context.snapshot().secrets_of(visit.user_id());
    let default_body = context.overview.config.borrow().hooks.default_body;
    let made = preview::preview(&hook, &event, &secrets, default_body, visit.now.wall);
    match made {
        Ok(made) => Previewed {
            request: Some(sent(&made.request)),
            missing: made.missing.iter().map(lacking).collect(),
            mismatch: made.mismatch.map(|mismatch| mismatch.to_string()),
            event: shown,
            ..Previewed::default()
        },
        Err(failed) => {
            let previewed = Previewed {
                missing: failed.missing.iter().map(lacking).collect(),
                mismatch: failed.mismatch.map(|mismatch| mismatch.to_string()),
                event: shown,
                ..Previewed::default()
            };
            with_problems(form, &[(failed.reason.to_string(), failed.reason.field().unwrap_or_default())], previewed)
        }
    }
}

/// What was typed as the sample's data, else the last event that triggers the hook, else a made-up one.
fn event(
    context: &Context,
    visit: &Visit,
    hook: &HookDefinition,
    product: Option<ProductId>,
    sample: &Sample,
) -> Result<(Event, Option<Moment>), String> {
    let (typed, user) = (sample.typed.as_str(), visit.user_id());
    let latest = if typed.is_empty() { latest(context, user, hook) } else { None };
    if let Some(event) = latest {
        return Ok((Event::clone(&event), Some(Moment::of(event.published_at, visit.now.wall))));
    }
    let data = if typed.is_empty() { sample.made_up } else { typed };
    let written = json!({ "name": hook.event_prefix(), "data": data, "coreid": hook.device() });
    let id = EventId::from_bytes([0; 12]);
    let mut event = sample_event::parse(&written, id, user, visit.now.wall).map_err(|error| error.to_string())?;
    event.product = product.map(|id| EventProduct { id, version: None });
    Ok((event, None))
}

fn with_problems(form: &Form, problems: &[(String, &str)], previewed: Previewed) -> Previewed {
    let field = |path: &str| form.mark(path).map(|mark| mark.field);
    let marks: Vec<_> = problems.iter().filter_map(|(_, path)| field(path)).collect();
    Previewed {
        marks: marks.join(" "),
        problems: problems.iter().map(|(text, path)| Problem { text: text.clone(), field: field(path) }).collect(),
        ..previewed
    }
}

fn sent(request: &ShownRequest) -> Sent {
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    Sent {
        line: format!("{} {}", request.method.as_str(), request.url),
        headers: headers.join("\n"),
        body: request.body.clone(),
    }
}

fn lacking(missing: &Missing) -> Lacking {
    Lacking { name: missing.name.clone(), path: missing.field.clone() }
}
