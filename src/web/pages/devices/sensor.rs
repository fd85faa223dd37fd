//! POST /devices/:device/telling, /bind-key and /forget
//!
//! The part of a device's page that is about its Bluetooth: how it is heard, how much of what it sends is told, its bind
//! key, and forgetting it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::bus::BleFound;
use crate::bus::protocol::Request;
use crate::http;
use crate::http::PageStatus;
use crate::http::Route;
use crate::limits::Place;
use crate::model::Address;
use crate::model::Device;
use crate::model::Hidden;
use crate::model::Link;
use crate::model::Sensor;
use crate::model::Telling;
use crate::model::TellingChange;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::form::Form;
use crate::web::heard::Seen;
use crate::web::moment;
use crate::web::pages::devices;
use crate::web::pages::devices::one;
use crate::web::pages::go_on;
use crate::web::pages::show_as;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::visit::Visit;

/// What the fields of deadbands are called: so, and the name of what is measured.
const DEADBAND: &str = "deadband-";

/// What a sensor's events are called, or begin with.
const EVENTS: &str = "sensor";

/// What changes while somebody looks.
#[derive(Serialize)]
pub(super) struct Now {
    address: String,
    /// None if it was not heard in the last hour.
    seen: Option<Seen>,
    link: Option<&'static str>,
    /// Why it is not connected to, in words for people who know English.
    link_reason: Option<String>,
    /// Whether a bind key is tried.
    pub(super) is_trying: bool,
}

/// What can be set.
#[derive(Serialize)]
pub(super) struct Settings {
    has_bind_key: bool,
    /// Whether it is connected to with its device key.
    has_key: bool,
    numbers: Vec<Number>,
    deadbands: Vec<Number>,
    /// Why it was not set so.
    error: Option<String>,
    /// Why another bind key was not taken.
    key_error: Option<String>,
    /// The hooks that it drives, if anybody nearby can send in its name.
    unproven: Vec<String>,
}

/// A field with a number.
#[derive(Serialize)]
struct Number {
    field: String,
    label: &'static str,
    /// What it is of, beside the label.
    of: String,
    value: String,
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.form(&["/devices/:device/telling"], set),
        site.form(&["/devices/:device/bind-key"], renew_bind_key),
        site.form(&["/devices/:device/forget"], forget),
    ]
}

/// The device that the path names, if it is a sensor.
fn wanted(context: &Context, visit: &Visit) -> Result<(Arc<Device>, Sensor), Refusal> {
    let device = devices::wanted(context, visit)?;
    let sensor = device.sensor.clone().ok_or(Refusal::NotFound)?;
    Ok((device, sensor))
}

async fn set(context: Arc<Context>, visit: Visit) -> Shown {
    let (device, sensor) = wanted(&context, &visit)?;
    let went = match change(&visit.form, &sensor.telling) {
        Ok(telling) => {
            let request = Request::BleSet { device: device.id.to_string(), telling, bind_key: None };
            context.ask(visit.user_id(), request).await?.map(drop)
        }
        Err(typed) => Err(visit.t("{typed} is no number.").replace("{typed}", &typed)),
    };
    if let Err(error) = went {
        let page = one::not_set(&context, &visit, &device, |settings| {
            settings.retype(&visit.form);
            settings.error = Some(error);
        });
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &page.await?));
    }
    Ok(go_on(&context, &visit, &devices::path_of(device.id), Flash::Done { text: visit.t("Saved.") }))
}

async fn renew_bind_key(context: Arc<Context>, visit: Visit) -> Shown {
    let (device, sensor) = wanted(&context, &visit)?;
    let (path, language) = (devices::path_of(device.id), visit.language);
    let Some(place) = context.trying.take(sensor.address, 1) else { return Ok(http::see_other(&path)) };
    let request = Request::BleSet {
        device: device.id.to_string(),
        telling: TellingChange::default(),
        bind_key: Some(Hidden::new(visit.form.text("bind_key").to_owned())),
    };
    let (asking, user) = (Arc::clone(&context), visit.user_id());
    let work = async move { (asking.ask(user, request).await, place) };
    let (flashes, session) = (context.flashes.clone(), visit.session());
    let done = visit.t("The bind key fits, and is saved.");
    let text = done.clone();
    // The next page that is loaded tells it; only then may another key be tried.
    let late = move |(went, place): (Result<Result<Value, String>, Refusal>, Place<Address>)| {
        let went = went.unwrap_or_else(|refusal| Err(language.text(refusal.text()).to_owned()));
        flashes.put(session, Flash::of(&went, text));
        drop(place);
    };
    let Some((went, place)) = moment::wait(work, late).await else { return Ok(http::see_other(&path)) };
    drop(place);
    if let Err(error) = went? {
        let page = one::not_set(&context, &visit, &device, |settings| settings.key_error = Some(error));
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &page.await?));
    }
    Ok(go_on(&context, &visit, &path, Flash::Done { text: done }))
}

async fn forget(context: Arc<Context>, visit: Visit) -> Shown {
    let (device, _) = wanted(&context, &visit)?;
    let went = context.ask(visit.user_id(), Request::BleForget { device: device.id.to_string() }).await?;
    let text = visit.t("Sensor {name} is forgotten.").replace("{name}", device.name.as_str());
    Ok(go_on(&context, &visit, "/sensors", Flash::of(&went, text)))
}

/// What a form sets. Each of its fields is there, unless everything shall be as if nobody had set it.
///
/// # Errors
/// What was typed instead of a number.
fn change(form: &Form, telling: &Telling) -> Result<TellingChange, String> {
    fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
        text.parse().map_err(|_| text.to_owned())
    }
    if form.is_set("defaults") {
        return Ok(TellingChange { defaults: true, ..TellingChange::default() });
    }
    let whole = |field: &str| form.filled(field).map(|text| number(&text)).transpose();
    let mut deadbands = BTreeMap::new();
    for (field, value) in form.fields() {
        if let (Some(name), Some(text)) = (field.strip_prefix(DEADBAND), value.as_str()) {
            let text = text.trim();
            // What nobody has typed anything for counts however little it changes, as before.
            if !text.is_empty() {
                deadbands.insert(name.to_owned(), number(text)?);
            } else if telling.deadbands.contains_key(name) {
                deadbands.insert(name.to_owned(), 0.0);
            }
        }
    }
    Ok(TellingChange {
        defaults: false,
        min_interval_s: whole("min_interval_s")?,
        max_interval_s: whole("max_interval_s")?,
        repeat_s: whole("repeat_s")?,
        per_minute: whole("per_minute")?,
        counter_reset_h: whole("counter_reset_h")?,
        deadbands,
    })
}

impl Now {
    /// None if the device is no sensor.
    pub(super) async fn of(context: &Context, visit: &Visit, device: &Device) -> Result<Option<Self>, Refusal> {
        let Some(sensor) = &device.sensor else { return Ok(None) };
        let found = heard(context, sensor).await?;
        Ok(Some(Self {
            address: sensor.address.to_string(),
            seen: found.map(|found| Seen::of(&found, visit.now.wall)),
            link: sensor.link.map(Link::name),
            link_reason: context.ble.link(device.id).and_then(|link| link.reason),
            is_trying: context.trying.has(sensor.address),
        }))
    }

    #[cfg(test)]
    pub(super) fn sample(is_trying: bool) -> Self {
        let [seen, _] = crate::web::heard::samples();
        Self {
            address: "A4:C1:38:00:00:01".to_owned(),
            seen: Some(seen),
            link: Some("farhook"),
            link_reason: None,
            is_trying,
        }
    }
}

impl Settings {
    /// None if the device is no sensor.
    pub(super) async fn of(context: &Context, visit: &Visit, device: &Device) -> Result<Option<Self>, Refusal> {
        let Some(sensor) = &device.sensor else { return Ok(None) };
        let reading = heard(context, sensor).await?.and_then(|found| found.reading).unwrap_or_default();
        let of_reading = reading.keys().filter(|name| context.ble.measured().contains(&name.as_str()));
        let is_proven = sensor.bind_key.is_some() || sensor.link == Some(Link::Farhook);
        Ok(Some(Self {
            has_bind_key: sensor.bind_key.is_some(),
            has_key: sensor.link == Some(Link::Farhook),
            numbers: numbers(&sensor.telling),
            deadbands: deadbands(&sensor.telling, of_reading),
            error: None,
            key_error: None,
            unproven: if is_proven { Vec::new() } else { driven(context, visit, device) },
        }))
    }

    /// Shows what was typed.
    fn retype(&mut self, form: &Form) {
        for number in self.numbers.iter_mut().chain(&mut self.deadbands) {
            form.text(&number.field).clone_into(&mut number.value);
        }
    }

    #[cfg(test)]
    pub(super) fn sample() -> Self {
        let telling = Telling { deadbands: [("temperature".to_owned(), 0.1)].into(), ..Telling::default() };
        Self {
            has_bind_key: false,
            has_key: true,
            numbers: numbers(&telling),
            deadbands: deadbands(&telling, ["<b>".to_owned()].iter()),
            error: Some("<b> is no number".to_owned()),
            key_error: Some("<b>".to_owned()),
            unproven: vec!["<b>temp</b>".to_owned(), "door".to_owned()],
        }
    }
}

async fn heard(context: &Context, sensor: &Sensor) -> Result<Option<BleFound>, Refusal> {
    let address = sensor.address.to_string();
    let found = context.ble.found().await.ok_or(Refusal::Stopping)?;
    Ok(found.into_iter().find(|found| found.address == address))
}

/// The user's hooks that its events may trigger.
fn driven(context: &Context, visit: &Visit, device: &Device) -> Vec<String> {
    let snapshot = context.snapshot();
    let hooks = snapshot.hooks_of(visit.user_id()).filter(|hook| {
        let definition = &hook.definition;
        let prefix = definition.event_prefix();
        let is_of_device = definition.device().is_none_or(|only| only == device.id);
        let is_of_product = hook.product.is_none() || hook.product == device.product;
        let is_of_events = EVENTS.starts_with(prefix) || prefix.starts_with(EVENTS);
        !definition.is_disabled() && is_of_device && is_of_product && is_of_events
    });
    let mut titles: Vec<_> = hooks.map(|hook| hook.definition.title().to_owned()).collect();
    titles.sort();
    titles
}

fn numbers(telling: &Telling) -> Vec<Number> {
    let number = |field: &str, label, value: u32| Number {
        field: field.to_owned(),
        label,
        of: String::new(),
        value: value.to_string(),
    };
    vec![
        number("min_interval_s", MIN_INTERVAL, telling.min_interval_s),
        number("max_interval_s", MAX_INTERVAL, telling.max_interval_s),
        number("repeat_s", REPEAT, telling.repeat_s),
        number("per_minute", PER_MINUTE, telling.per_minute),
        number("counter_reset_h", COUNTER_RESET, telling.counter_reset_h),
    ]
}

const MIN_INTERVAL: &str = "Seconds at least between two events with measured values";
const MAX_INTERVAL: &str = "Seconds after which what did not change is told again";
const REPEAT: &str = "Seconds for which the same event again is a repetition, without a counter";
const PER_MINUTE: &str = "Events a minute at most";
const COUNTER_RESET: &str = "Hours of silence after which it may begin its counter anew";

/// Of everything that has one, and of what it measures.
fn deadbands<'a>(telling: &Telling, measures: impl Iterator<Item = &'a String>) -> Vec<Number> {
    let mut least: BTreeMap<&str, String> = measures.map(|name| (name.as_str(), String::new())).collect();
    least.extend(telling.deadbands.iter().map(|(name, least)| (name.as_str(), least.to_string())));
    let number = |(name, value): (&str, String)| Number {
        field: format!("{DEADBAND}{name}"),
        label: "",
        of: name.to_owned(),
        value,
    };
    least.into_iter().map(number).collect()
}

/// The labels, for the catalogues.
#[cfg(test)]
pub(in crate::web) const LABELS: [&str; 5] = [MIN_INTERVAL, MAX_INTERVAL, REPEAT, PER_MINUTE, COUNTER_RESET];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(fields: &Value) -> Form {
        Form::of(fields.as_object().unwrap().clone())
    }

    #[test]
    fn a_form_sets_what_stands_in_it_and_what_was_emptied_counts_however_little_it_changes() {
        let typed = json!({ "min_interval_s": "60", "repeat_s": "", "deadband-temperature": "", "deadband-co2": "", "deadband-humidity": " 2.5" });
        let set = change(&form(&typed), &Telling::default()).unwrap();
        let deadbands = [("temperature".to_owned(), 0.0), ("humidity".to_owned(), 2.5)].into();
        assert_eq!(set, TellingChange { min_interval_s: Some(60), deadbands, ..TellingChange::default() });
    }

    #[test]
    fn what_is_no_number_is_told_as_it_was_typed() {
        for field in ["per_minute", "deadband-temperature"] {
            assert_eq!(change(&form(&json!({ field: "many" })), &Telling::default()), Err("many".to_owned()));
        }
        assert!(
            change(&form(&json!({ "per_minute": "many", "defaults": "1" })), &Telling::default()).unwrap().defaults
        );
    }

    #[test]
    fn there_is_a_field_for_each_deadband_and_for_what_is_measured() {
        let telling = Telling { deadbands: [("temperature".to_owned(), 0.1)].into(), ..Telling::default() };
        let fields = deadbands(&telling, ["co2".to_owned(), "temperature".to_owned()].iter());
        let fields: Vec<_> = fields.iter().map(|field| (field.field.as_str(), field.value.as_str())).collect();
        assert_eq!(fields, [("deadband-co2", ""), ("deadband-temperature", "0.1")]);
    }
}
