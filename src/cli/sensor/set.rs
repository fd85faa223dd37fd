//! `farhook ble set`: how much of what a sensor sends is told.

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use serde_json::Value;
use serde_json::json;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::input;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::model::Hidden;
use crate::model::Telling;
use crate::model::TellingChange;

/// Set how much of what a sensor sends becomes an event
///
/// What is not given stays as it is.
#[derive(Debug, Args)]
pub(in crate::cli) struct Set {
    /// Its name or id
    device: String,
    /// Seconds at least between two events with the same measured value; 10 if nobody sets it
    #[arg(long, value_name = "S")]
    min_interval: Option<u32>,
    /// Seconds after which a value is told again that did not change; 300 if nobody sets it
    #[arg(long, value_name = "S")]
    max_interval: Option<u32>,
    /// Seconds for which the same event again is a repetition, if the sensor sends no counter; 4 if nobody sets it
    #[arg(long, value_name = "S")]
    repeat: Option<u32>,
    /// Events a minute at most, a sixth of them and at most 10 at once; 60 if nobody sets it
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// Hours of silence after which the sensor may begin its counter anew; 24 if nobody sets it
    #[arg(long, value_name = "H")]
    counter_reset: Option<u32>,
    /// The least change of a measured value that counts, as in "temperature=0.5"; 0.1 of the temperature, 1 of humidity,
    /// pressure and battery if nobody sets it
    #[arg(long = "deadband", value_name = "NAME=LEAST", value_parser = deadband)]
    deadbands: Vec<(String, f64)>,
    /// Read the key with which it encrypts what it sends from stdin; it is tried on the next packet, for which this waits
    /// a minute
    #[arg(long)]
    bind_key_stdin: bool,
    /// Set everything else to what it is if nobody sets it
    #[arg(long)]
    defaults: bool,
}

impl Set {
    pub(in crate::cli) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let Self { device, min_interval, max_interval, repeat, per_minute, counter_reset, deadbands, .. } = self;
        let telling = TellingChange {
            defaults: self.defaults,
            min_interval_s: min_interval,
            max_interval_s: max_interval,
            repeat_s: repeat,
            per_minute,
            counter_reset_h: counter_reset,
            deadbands: deadbands.into_iter().collect(),
        };
        if telling == TellingChange::default() && !self.bind_key_stdin {
            bail!("there is nothing to set; `farhook ble set --help` shows what there is");
        }
        let bind_key = if self.bind_key_stdin { Some(Hidden::new(input::secret("bind key")?)) } else { None };
        let request = Request::BleSet { device, telling, bind_key };
        out.show(&gateway.ask(&request).await?, set).context("stdout takes nothing")
    }
}

/// What is set of a sensor, in the words of the options; a dash if nobody has set anything.
pub(super) fn in_words(sensor: &Value) -> String {
    let (telling, usual) = (&sensor["telling"], json!(Telling::default()));
    let mut words: Vec<String> = WORDS
        .iter()
        .filter(|(name, ..)| telling.get(*name).is_some_and(|set| *set != usual[*name]))
        .map(|(name, option, unit)| format!("{option} {}{unit}", telling[*name]))
        .collect();
    let deadbands = telling["deadbands"].as_object().into_iter().flatten();
    let others = deadbands.filter(|(name, least)| usual["deadbands"].get(name.as_str()) != Some(*least));
    words.extend(others.map(|(name, least)| format!("deadband {name}={least}")));
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

/// What is set, as it is told: its name in a reply, its option, its unit.
const WORDS: [(&str, &str, &str); 5] = [
    ("min_interval_s", "min-interval", " s"),
    ("max_interval_s", "max-interval", " s"),
    ("repeat_s", "repeat", " s"),
    ("per_minute", "per-minute", ""),
    ("counter_reset_h", "counter-reset", " h"),
];

fn deadband(text: &str) -> Result<(String, f64), String> {
    let parts = text.split_once('=').and_then(|(name, least)| Some((name.to_owned(), least.parse().ok()?)));
    parts.ok_or_else(|| "a deadband is a name and a number, as in temperature=0.5".to_owned())
}

fn set(sensor: &Value) -> String {
    let name = field(sensor, "name");
    match in_words(sensor).as_str() {
        "-" => format!("Of sensor {name} nothing is set."),
        words => format!("Sensor {name} is set: {words}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_told_in_the_words_of_the_options() {
        let mut telling = Telling { max_interval_s: 600, counter_reset_h: 48, ..Telling::default() };
        telling.deadbands.insert("temperature".to_owned(), 0.5);
        let sensor = json!({ "name": "kitchen", "telling": telling });
        let told = "Sensor kitchen is set: max-interval 600 s, counter-reset 48 h, deadband temperature=0.5.";
        assert_eq!(set(&sensor), told);
        let sensor = json!({ "name": "kitchen", "telling": Telling::default() });
        assert_eq!(set(&sensor), "Of sensor kitchen nothing is set.");
    }

    #[test]
    fn a_deadband_is_a_name_and_a_number() {
        assert_eq!(deadband("temperature=0.5"), Ok(("temperature".to_owned(), 0.5)));
        assert!(deadband("temperature").is_err() && deadband("temperature=warm").is_err());
    }
}
