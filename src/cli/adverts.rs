//! `farhook ble decode`: adverts of sensors, without a radio and without a daemon.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::ble::advert::Advert;
use crate::ble::advert::long;
use crate::ble::decode;
use crate::ble::decode::BindKey;
use crate::ble::decode::State;
use crate::ble::decode::bind_key::from_hex;
use crate::cli::print::Output;

/// An advert has at most 1,650 bytes (Bluetooth Core Specification 5.4, volume 4 part E, 7.8.57). As hex digits, with
/// much around it, it is shorter than this.
const LINE_BYTES: u64 = 64 * 1024;

const EXAMPLE: &str = "\
For example:

  echo '{\"address\": \"A4:C1:38:11:22:33\", \"service_data\": {\"fcd2\": \"4002ca0903bf13\"}}' |
    farhook ble decode";

/// Show what sensors say in adverts that were recorded
///
/// Reads one advert a line, as JSON, and prints one line for each, as JSON. Read are `address`, `name`, `service_data`,
/// `manufacturer_data` (company ids in decimal), `service_uuids` and `bindkey`; bytes are hex digits. What cannot be read
/// has no values and a reason. Counters go on from line to line for each address, as in a gateway: what was encrypted with
/// a counter, and comes with a lower one, is refused.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct Decode {
    /// The file with the adverts; without it stdin
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Decode {
    pub(super) fn run(&self, out: &mut Output) -> anyhow::Result<()> {
        match &self.file {
            Some(file) if file != Path::new("-") => {
                let name = file.display();
                let opened = File::open(file).with_context(|| format!("{name} cannot be read"))?;
                all(BufReader::new(opened), out).with_context(|| format!("{name} cannot be decoded to its end"))
            }
            _ => all(io::stdin().lock(), out).context("stdin cannot be decoded to its end"),
        }
    }
}

fn all(mut from: impl BufRead, out: &mut Output) -> io::Result<()> {
    let mut states = States::default();
    while let Some(line) = next_line(&mut from)? {
        out.json(&states.decoded(&line))?;
        if out.is_closed() {
            break;
        }
    }
    Ok(())
}

/// One line without its end. Of one that is too long only the beginning, which is then no JSON.
fn next_line(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    from.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else {
        from.skip_until(b'\n')?;
    }
    Ok(Some(line))
}

/// What is known of each address, under the text that was given for it.
#[derive(Debug, Default)]
struct States(BTreeMap<String, State>);

impl States {
    /// The line that is printed for a line that was read.
    fn decoded(&mut self, line: &[u8]) -> Value {
        let (value, given) = match parsed(line) {
            Ok(parsed) => parsed,
            Err((address, reason)) => return refused(&address, &reason),
        };
        let Given { advert, key } = given;
        let address = value.as_str().unwrap_or_default().to_ascii_uppercase();
        let before = self.0.get(&address).copied().unwrap_or_default();
        let mut state = before;
        let reading = decode::decode(&advert, key.as_ref(), &mut state);
        if state != before {
            self.0.insert(address, state);
        }
        match reading {
            Ok(reading) => json!({
                "address": value,
                "format": reading.format,
                "model": reading.model,
                "values": reading.to_json(),
                "authenticated": reading.authenticated,
            }),
            Err(refusal) => refused(&value, &refusal.to_string()),
        }
    }
}

fn refused(address: &Value, reason: &str) -> Value {
    json!({ "address": address, "values": null, "reason": reason })
}

struct Given {
    advert: Advert,
    key: Option<BindKey>,
}

/// The address as it was given, and what a radio would have heard. An address that is none is no hindrance: most formats
/// do without.
fn parsed(line: &[u8]) -> Result<(Value, Given), (Value, String)> {
    let value: Value = serde_json::from_slice(line).map_err(|error| (Value::Null, format!("no JSON: {error}")))?;
    let Value::Object(fields) = value else { return Err((Value::Null, "no advert: not an object".to_owned())) };
    let address = fields.get("address").filter(|address| address.is_string()).cloned().unwrap_or_default();
    match given(&fields) {
        Ok(given) => Ok((address, given)),
        Err(reason) => Err((address, format!("no advert: {reason}"))),
    }
}

fn given(fields: &Map<String, Value>) -> Result<Given, String> {
    let address = text(fields, "address")?;
    // Without a name of their own devices are listed under their address.
    let name = text(fields, "name")?.filter(|name| Some(*name) != address);
    let key = text(fields, "bindkey")?.map(str::parse).transpose();
    let uuids = match fields.get("service_uuids") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(uuids)) => uuids,
        Some(_) => return Err("service_uuids is no list".to_owned()),
    };
    let uuids = uuids.iter().map(|id| id.as_str().and_then(uuid).ok_or("service_uuids has something that is no UUID"));
    let advert = Advert {
        rotates: false,
        address: address.and_then(|address| address.parse().ok()).unwrap_or_default(),
        name: name.map(str::to_owned),
        rssi: None,
        service_data: bytes(fields, "service_data", uuid)?,
        manufacturer_data: bytes(fields, "manufacturer_data", |id| id.parse().ok())?,
        service_uuids: uuids.collect::<Result<_, _>>()?,
    };
    if advert.service_data.is_empty() && advert.manufacturer_data.is_empty() {
        return Err("it has neither service_data nor manufacturer_data".to_owned());
    }
    Ok(Given { advert, key: key.map_err(|error: decode::bind_key::NoBindKey| error.to_string())? })
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is no text")),
    }
}

/// An object with ids for names and hex digits for values.
fn bytes<I: Ord>(
    fields: &Map<String, Value>,
    name: &str,
    id: impl Fn(&str) -> Option<I>,
) -> Result<BTreeMap<I, Vec<u8>>, String> {
    let object = match fields.get(name) {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(object)) => object,
        Some(_) => return Err(format!("{name} is no object")),
    };
    let entry = |(key, hex): (&String, &Value)| Some((id(key)?, from_hex(hex.as_str()?)?));
    object
        .iter()
        .map(|pair| entry(pair).ok_or_else(|| format!("{name} has something that is no id with hex digits")))
        .collect()
}

/// Long, or with four digits short.
fn uuid(text: &str) -> Option<Uuid> {
    if text.len() == 4 {
        return u16::from_str_radix(text, 16).ok().map(long);
    }
    Uuid::try_parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made of two lines that were sealed with it.
    const KEY: &str = "231d39c1d7cc1ab1aee224cd096db932";

    fn decoded(line: &str) -> Value {
        States::default().decoded(line.as_bytes())
    }

    #[test]
    fn a_reading_is_told_with_where_it_is_from() {
        let line =
            r#"{"address":"a4:c1:38:11:22:33","name":"SBHT-003C","service_data":{"fcd2":"4001612101"},"rssi":-60}"#;
        let expected = json!({
            "address": "a4:c1:38:11:22:33", "format": "bthome", "model": "Shelly BLU H&T",
            "values": { "battery": 97, "motion": true }, "authenticated": false,
        });
        assert_eq!(decoded(line).to_string(), expected.to_string());
    }

    #[test]
    fn what_cannot_be_read_has_a_reason() {
        for (line, address, reason) in [
            ("", Value::Null, "no JSON"),
            ("{", Value::Null, "no JSON"),
            ("[1]", Value::Null, "not an object"),
            ("{}", Value::Null, "neither service_data nor manufacturer_data"),
            (r#"{"address":7,"manufacturer_data":{"1177":"05"}}"#, Value::Null, "address is no text"),
            (r#"{"address":"x","manufacturer_data":{"1177":"0"}}"#, json!("x"), "hex digits"),
            (r#"{"address":"x","manufacturer_data":{"70000":"00"}}"#, json!("x"), "hex digits"),
            (r#"{"address":"x","manufacturer_data":{"1177":"08"},"service_uuids":["?"]}"#, json!("x"), "no UUID"),
            (r#"{"address":"x","manufacturer_data":{"1177":"08"},"bindkey":"00"}"#, json!("x"), "32 hex digits"),
            (r#"{"address":"x","manufacturer_data":{"1177":"08"}}"#, json!("x"), "data format 8 is not known"),
            (r#"{"manufacturer_data":{"1":"08"}}"#, Value::Null, "no known format"),
        ] {
            let decoded = decoded(line);
            assert_eq!((&decoded["address"], &decoded["values"]), (&address, &Value::Null), "{line}");
            assert!(decoded["reason"].as_str().unwrap().contains(reason), "{line}: {decoded}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_no_hindrance() {
        let line = r#"{"address":"61DE521B-F0BF","manufacturer_data":{"60552":"00034db26400"}}"#;
        assert_eq!(decoded(line)["values"]["temperature"], 21.6);
    }

    #[test]
    fn what_was_heard_of_an_address_counts_for_its_next_line() {
        let mut states = States::default();
        let mut hear =
            |address: &str, rest: &str| states.decoded(format!(r#"{{"address":"{address}",{rest}}}"#).as_bytes());
        let silent = r#""manufacturer_data":{"2409":"a4c1381122330000059530"}"#;
        assert_eq!(hear("A4:C1:38:11:22:33", silent)["values"], Value::Null);
        hear("A4:C1:38:11:22:33", r#""service_data":{"fd3d":"540061"}"#);
        assert_eq!(hear("a4:c1:38:11:22:33", silent)["values"]["temperature"], 21.5);
        assert_eq!(hear("A4:C1:38:11:22:34", silent)["values"], Value::Null);
    }

    #[test]
    fn a_key_is_not_repeated() {
        let line = format!(r#"{{"address":"x","service_data":{{"fcd2":"4101"}},"bindkey":"{KEY}"}}"#);
        assert!(!decoded(&line).to_string().contains(KEY));
        let line = format!(r#"{{"address":"x","service_data":{{"fcd2":"4101"}},"bindkey":"{KEY}0"}}"#);
        assert!(!decoded(&line).to_string().contains(KEY));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_and_the_next_one_read() {
        let long = usize::try_from(LINE_BYTES).unwrap() + 100;
        let text = format!("{{\"{}\n{{}}\nend", "a".repeat(long));
        let mut from = text.as_bytes();
        assert_eq!(next_line(&mut from).unwrap().unwrap().len() as u64, LINE_BYTES);
        assert_eq!(next_line(&mut from).unwrap().unwrap(), b"{}");
        assert_eq!(next_line(&mut from).unwrap().unwrap(), b"end");
        assert_eq!(next_line(&mut from).unwrap(), None);
    }
}
