//! GET and POST /sensors/several
//!
//! Adopting many sensors at once: those that are ticked, or all of one model. What needs a bind key is adopted by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::bus::BleFound;
use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::DeviceName;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::heard;
use crate::web::heard::Seen;
use crate::web::pages::go_on;
use crate::web::pages::sensors;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Choice;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Sensors that were not adopted, of which it is told why. Ours: the others have the same reasons.
const TOLD: usize = 5;

#[derive(Serialize)]
pub(in crate::web) struct Several {
    rows: Vec<Row>,
    models: Vec<Choice>,
    prefix: String,
    name_chars: usize,
    /// Why none was adopted.
    error: Option<String>,
}

#[derive(Serialize)]
struct Row {
    seen: Seen,
    is_ticked: bool,
}

impl Page for Several {
    const TEMPLATE: &'static str = "pages/sensors_several.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |rows: Vec<Row>, prefix: &str, error: Option<&str>| Self {
            models: rows.iter().map(|row| choice(row.seen.what.clone().unwrap_or_default(), 2, false)).collect(),
            rows,
            prefix: prefix.to_owned(),
            name_chars: DeviceName::MAX_CHARS,
            error: error.map(ToOwned::to_owned),
        };
        let [seen, _] = heard::samples();
        let rows = vec![Row { seen, is_ticked: true }];
        vec![("none", of(Vec::new(), "", None)), ("again", of(rows, "\"><b>x</b>", Some("<b>no</b>")))]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/sensors/several"], ask), site.form(&["/sensors/several"], adopt)]
}

async fn ask(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let found = adoptable(&context).await?;
    Ok(show(&context, &visit, &page(&visit, &found, None)))
}

async fn adopt(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let found = adoptable(&context).await?;
    let (addresses, prefix) = (chosen(&visit, &found), visit.form.text("prefix"));
    let again = |error| Ok(show_as(&context, &visit, PageStatus::Unusable, &page(&visit, &found, Some(error))));
    if addresses.is_empty() {
        return again(visit.t("Tick some sensors, or choose a model."));
    }
    if prefix.is_empty() {
        return again(visit.t("Say what their names shall begin with."));
    }
    let request = Request::BleAdoptAll { addresses, prefix: prefix.to_owned() };
    match context.ask(visit.user_id(), request).await? {
        Ok(done) => Ok(go_on(&context, &visit, "/sensors", told(&visit, &done))),
        Err(reason) => again(reason),
    }
}

/// What was heard that nobody has adopted, and that can be without a key.
async fn adoptable(context: &Context) -> Result<Vec<BleFound>, Refusal> {
    let mut found = sensors::found(context).await?;
    let snapshot = context.snapshot();
    let adopted: Vec<_> = snapshot.sensors().map(|(_, sensor)| sensor.address.to_string()).collect();
    found.retain(|found| heard::is_sensor(found) && !found.needs_key && !adopted.contains(&found.address));
    Ok(found)
}

/// What people know it by.
fn model(found: &BleFound) -> &str {
    found.model.as_deref().or(found.format).unwrap_or_default()
}

/// Those of the model that was chosen, or those that are ticked.
fn chosen(visit: &Visit, found: &[BleFound]) -> Vec<String> {
    let wanted = visit.form.filled("model");
    let is_chosen = |found: &&BleFound| match &wanted {
        Some(wanted) => model(found) == wanted,
        None => visit.form.is_set(&found.address),
    };
    found.iter().filter(is_chosen).map(|found| found.address.clone()).collect()
}

/// How many were adopted, and why some were not.
fn told(visit: &Visit, done: &Value) -> Flash {
    let list = |part: &str| done[part].as_array().map(Vec::as_slice).unwrap_or_default();
    let (adopted, refused) = (list("adopted"), list("refused"));
    let text = visit.t("Adopted: {n}.").replace("{n}", &adopted.len().to_string());
    if refused.is_empty() {
        return Flash::Done { text };
    }
    let rest = visit.t("Not adopted: {n}.").replace("{n}", &refused.len().to_string());
    let part = |refused: &Value, part: &str| refused[part].as_str().unwrap_or_default().to_owned();
    let reason = |refused| format!("{}: {}", part(refused, "address"), part(refused, "reason"));
    let mut reasons: Vec<_> = refused.iter().take(TOLD).map(reason).collect();
    if refused.len() > TOLD {
        reasons.push("…".to_owned());
    }
    Flash::Failed { text: format!("{text} {rest} {}", reasons.join("; ")) }
}

/// The page, with what was typed and ticked before.
fn page(visit: &Visit, found: &[BleFound], error: Option<String>) -> Several {
    let mut models: BTreeMap<&str, usize> = BTreeMap::new();
    for found in found {
        *models.entry(model(found)).or_default() += 1;
    }
    let wanted = visit.form.text("model");
    let row = |found| Row { seen: Seen::of(found, visit.now.wall), is_ticked: visit.form.is_set(&found.address) };
    Several {
        rows: found.iter().map(row).collect(),
        models: models.into_iter().map(|(model, count)| choice(model.to_owned(), count, model == wanted)).collect(),
        prefix: visit.form.text("prefix").to_owned(),
        name_chars: DeviceName::MAX_CHARS,
        error,
    }
}

fn choice(model: String, count: usize, is_chosen: bool) -> Choice {
    Choice { name: format!("{model} ({count})"), value: model, is_chosen }
}
