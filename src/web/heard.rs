//! What is heard over Bluetooth, and how the radio is, as pages show it. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::bus::BleFound;
use crate::bus::BleReport;
use crate::bus::BleState;
use crate::model::WallTime;
use crate::web::shown::Moment;

/// From how many dBm on there is one more of the four bars. Ours: at -90 most radios begin to miss packets.
const BARS_DBM: [i16; 4] = [-90, -80, -70, -60];

/// Why readings are no events, in words.
const REASONS: [(&str, &str); 11] = [
    ("same_counter", "the same packet, heard again"),
    ("repeated", "the same event, repeated a moment later"),
    ("unchanged", "nothing changed to speak of"),
    ("too_soon", "too soon after the event before"),
    ("sensor_rate", "more events than this sensor may make"),
    ("bridge_rate", "more events than all sensors together may make"),
    ("replayed", "an old packet, sent once more"),
    ("key", "cannot be opened: the bind key is missing or wrong"),
    ("not_encrypted", "not encrypted, though it has a bind key"),
    ("unreadable", "cannot be read"),
    ("refused", "the gateway did not take the event"),
];

/// How the radio is.
#[derive(Serialize)]
pub(super) struct Radio {
    state: &'static str,
    tone: &'static str,
    hint: Option<&'static str>,
    reason: Option<String>,
    since: Option<Moment>,
    adapter: Option<String>,
    heard: u64,
    dropped: u64,
    told: u64,
    not_told: Vec<Reason>,
    scans_lost: u64,
    restarts: u64,
}

/// How often something was no event.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Reason {
    text: &'static str,
    count: u64,
}

/// How strongly something is heard.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Signal {
    dbm: String,
    /// Of four.
    bars: usize,
}

/// A device that was heard of late.
#[derive(Serialize)]
pub(super) struct Seen {
    pub(super) address: String,
    pub(super) name: Option<String>,
    /// Its model, or the format of what it sends.
    pub(super) what: Option<String>,
    pub(super) reading: Option<String>,
    pub(super) read_at: Option<Moment>,
    pub(super) signal: Option<Signal>,
    pub(super) first: Option<Moment>,
    pub(super) last: Option<Moment>,
    pub(super) needs_key: bool,
    pub(super) rotates: bool,
    /// Why its latest advert cannot be read.
    pub(super) refusal: Option<String>,
    pub(super) not_told: Vec<Reason>,
}

impl Radio {
    pub(super) fn of(report: BleReport, now: WallTime) -> Self {
        Self {
            state: report.state.name(),
            tone: tone(report.state),
            hint: report.hint,
            reason: report.reason,
            since: report.since.map(|since| Moment::of(since, now)),
            adapter: report.adapter,
            heard: report.heard,
            dropped: report.dropped,
            told: report.told,
            not_told: reasons(&report.not_told),
            scans_lost: report.scans_lost,
            restarts: report.restarts,
        }
    }
}

impl Seen {
    pub(super) fn of(found: &BleFound, now: WallTime) -> Self {
        let moment = |at: Option<WallTime>| at.map(|at| Moment::of(at, now));
        Self {
            address: found.address.clone(),
            name: found.name.clone(),
            what: found.model.clone().or_else(|| found.format.map(ToOwned::to_owned)),
            reading: found.reading.as_ref().map(words),
            read_at: moment(found.read_at),
            signal: found.rssi.map(Signal::of),
            first: moment(found.first_seen),
            last: moment(found.last_seen),
            needs_key: found.needs_key,
            rotates: found.rotates,
            refusal: found.refusal.clone(),
            not_told: reasons(&found.not_told),
        }
    }
}

impl Signal {
    fn of(dbm: i16) -> Self {
        // A minus of its own looks like one.
        let sign = if dbm < 0 { "−" } else { "" };
        let bars = BARS_DBM.iter().filter(|least| dbm >= **least).count();
        Self { dbm: format!("{sign}{}", dbm.unsigned_abs()), bars }
    }
}

/// Whether it is of a kind that can be read, and will be found under its address again.
pub(super) fn is_sensor(found: &BleFound) -> bool {
    !found.rotates && (found.format.is_some() || found.refusal.is_some())
}

/// Which class a state has: a machine without Bluetooth is nothing bad.
fn tone(state: BleState) -> &'static str {
    use BleState as S;
    match state {
        S::Scanning => "good",
        S::Disabled | S::Starting | S::NoBus | S::NoBluetoothd | S::NoAdapter => "off",
        S::NotAllowed | S::Unplugged | S::Off | S::Blocked | S::Refused | S::ScanLost | S::Stalled => "bad",
    }
}

/// A reading in one line. Which packet it was is of no use to people.
fn words(reading: &Map<String, Value>) -> String {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let words: Vec<_> = reading
        .iter()
        .filter(|(name, _)| *name != "packet_id")
        .map(|(name, of)| format!("{name} {}", value(of)))
        .collect();
    words.join(", ")
}

fn reasons(counts: &BTreeMap<&'static str, u64>) -> Vec<Reason> {
    let word = |reason| REASONS.iter().find(|(known, _)| *known == reason).map_or(reason, |(_, text)| *text);
    counts.iter().map(|(reason, count)| Reason { text: word(reason), count: *count }).collect()
}

/// All texts of this file and of the radio's states, for the catalogues.
#[cfg(test)]
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    let states = BleState::ALL.into_iter();
    states.flat_map(|state| [Some(state.name()), state.hint()]).flatten().chain(REASONS.map(|(_, text)| text))
}

/// One in full, with markup in every text, and one of which little is known.
#[cfg(test)]
pub(super) fn samples() -> [Seen; 2] {
    founds().map(|found| Seen::of(&found, WallTime::from_millis(90_000)))
}

#[cfg(test)]
fn founds() -> [BleFound; 2] {
    let at = |seconds: i64| Some(WallTime::from_millis(seconds * 1_000));
    let reading = serde_json::json!({ "temperature": 21.5, "<b>": "<b>press</b>" });
    let full = BleFound {
        address: "A4:C1:38:00:00:01".to_owned(),
        rotates: false,
        name: Some("<b>ATC</b>".to_owned()),
        rssi: Some(-61),
        first_seen: at(0),
        last_seen: at(88),
        count: 9,
        services: Vec::new(),
        manufacturers: Vec::new(),
        format: Some("bthome"),
        model: Some("<b>BTHome</b>".to_owned()),
        reading: reading.as_object().cloned(),
        read_at: at(80),
        needs_key: true,
        refusal: Some("it <b>encrypts</b>".to_owned()),
        not_told: [("unchanged", 7), ("<b>", 1)].into(),
    };
    let little = BleFound {
        address: "54:00:00:00:00:02".to_owned(),
        rotates: true,
        name: None,
        rssi: None,
        last_seen: None,
        format: None,
        model: None,
        reading: None,
        read_at: None,
        needs_key: false,
        refusal: None,
        not_told: BTreeMap::new(),
        ..full.clone()
    };
    [full, little]
}

#[cfg(test)]
impl Radio {
    pub(super) fn sample(state: BleState) -> Self {
        let report = BleReport {
            state,
            since: Some(WallTime::from_millis(0)),
            hint: state.hint(),
            reason: (state == BleState::Refused).then(|| "org.bluez.<b>Error</b>".to_owned()),
            adapter: Some("B8:27:EB:00:00:01".to_owned()),
            heard: 120,
            not_told: [("unchanged", 7)].into(),
            ..BleReport::default()
        };
        Self::of(report, WallTime::from_millis(90_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stronger_it_is_the_more_bars_it_has() {
        let bars = |dbm| Signal::of(dbm).bars;
        assert_eq!([-100, -90, -75, -61, -60, -20].map(bars), [0, 1, 2, 3, 4, 4]);
        assert_eq!(Signal::of(-61).dbm, "−61");
    }

    #[test]
    fn a_reading_stands_in_one_line() {
        let reading = serde_json::json!({ "packet_id": 7, "temperature": 21.5, "button": "press", "motion": true });
        assert_eq!(words(reading.as_object().unwrap()), "temperature 21.5, button press, motion true");
    }

    #[test]
    fn what_can_be_read_or_could_be_and_keeps_its_address_is_a_sensor() {
        let [full, little] = founds();
        assert!(is_sensor(&full) && !is_sensor(&little));
        assert!(!is_sensor(&BleFound { rotates: true, ..full.clone() }));
        assert!(is_sensor(&BleFound { format: None, ..full }), "it needs its key");
    }

    #[test]
    fn a_reason_without_words_is_told_as_it_is() {
        let told = reasons(&[("newly", 1), ("unchanged", 2)].into());
        assert_eq!(told[0], Reason { text: "newly", count: 1 });
        assert_eq!(told[1], Reason { text: "nothing changed to speak of", count: 2 });
    }
}
