//! Adverts that others have recorded, with what their parsers made of them.

use std::path::Path;

use farhook::ble::advert::Advert;
use farhook::ble::advert::long;
use farhook::ble::decode;
use farhook::ble::decode::BindKey;
use farhook::ble::decode::State;
use farhook::ble::decode::bind_key::from_hex;
use serde_json::Map;
use serde_json::Value;

use crate::names;

/// Records that cannot be compared, and why.
const PASSED_OVER: [(&str, &str); 4] = [
    ("test_corrupt_name", "the name is damaged, and its parser had heard it before"),
    ("test_mfr_48_raw", "the values are in bytes that the record does not have"),
    ("test_tdr40_air_low_quality", "its parser was told that the tank is measured through air"),
    ("test_adv_humidity_boundary_invariant[IBS-TH2]", "inkbird-ble 1.7 reads what this one refused: an IBS-P01B"),
];

#[test]
fn recorded_adverts_give_what_their_own_parsers_made_of_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/ble.jsonl");
    let Ok(recorded) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let mut wrong = Vec::new();
    let mut known = Known::default();
    let mut compared = 0;
    for line in recorded.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let test = record["test"].as_str().unwrap();
        if let Some((_, why)) = PASSED_OVER.iter().find(|(name, _)| test.contains(name)) {
            eprintln!("passed over: {}: {why}", record["id"]);
            continue;
        }
        compared += 1;
        if let Err(difference) = known.compare(&record) {
            wrong.push(format!("{} {test}: {difference}", record["id"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 100, "only {compared} records");
}

/// What the records of one test have told so far: some tests send several adverts to one parser.
#[derive(Default)]
struct Known {
    test: String,
    /// How many records of the test there were, if none of them is missing.
    seen: Option<u64>,
    state: State,
    values: Map<String, Value>,
}

impl Known {
    fn compare(&mut self, record: &Value) -> Result<(), String> {
        if record["stateful"] != true || record["test"] != *self.test {
            let test = record["test"].as_str().unwrap().to_owned();
            *self = Self { test, seen: Some(0), ..Self::default() };
        }
        self.seen = self.seen.filter(|seen| record["stateful"] != true || record["seq"] == *seen).map(|seen| seen + 1);
        let advert = advert(record);
        if record["family"] == "switchbot" && advert.service_data.is_empty() {
            // Their parser was told which device it is; ours hears another advert before.
            self.state.switchbot = model(&record["expected"]["values"]["model"]);
        }
        let key: Option<BindKey> = record["bindkey"].as_str().map(|key| key.parse().unwrap());
        let given = decode::decode(&advert, key.as_ref(), &mut self.state);
        if record["negative"] == true {
            return given.map_or(Ok(()), |reading| Err(format!("it gave {:?}", Value::from(reading.to_json()))));
        }
        let expected = names::expected(record);
        match given {
            Ok(reading) => {
                let given = reading.to_json();
                let is_complete = !matches!(record["family"].as_str(), Some("switchbot" | "ruuvi" | "ruuvi-spec"));
                let unexpected = given.keys().find(|name| is_complete && !expected.contains_key(*name));
                if let Some(name) = unexpected {
                    return Err(format!("{name}: {} is too much, expected {expected:?}", given[name]));
                }
                self.values.extend(given);
            }
            Err(refusal) if self.values.is_empty() && !expected.is_empty() => return Err(refusal.to_string()),
            Err(_) => {}
        }
        for (name, value) in &expected {
            if self.seen.is_none() && !self.values.contains_key(name) {
                // A record that is not here has told it.
                continue;
            }
            let given = self.values.get(name).or_else(|| self.values.get(&format!("{name}_state")));
            if !given.is_some_and(|given| is_same(given, value)) {
                return Err(format!("{name} is {given:?}, expected {value}"));
            }
        }
        Ok(())
    }
}

fn advert(record: &Value) -> Advert {
    let bytes = |hex: &Value| from_hex(hex.as_str().unwrap()).unwrap();
    let object = |name: &str| record[name].as_object().unwrap().clone();
    let address = record["address"].as_str().and_then(|address| address.parse().ok()).unwrap_or_default();
    Advert {
        rotates: false,
        address,
        name: record["name"].as_str().filter(|name| *name != record["address"]).map(str::to_owned),
        rssi: None,
        service_data: object("service_data").iter().map(|(id, hex)| (id.parse().unwrap(), bytes(hex))).collect(),
        manufacturer_data: object("manufacturer_data")
            .iter()
            .map(|(id, hex)| (id.parse().unwrap(), bytes(hex)))
            .collect(),
        service_uuids: record["service_uuids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap().parse().unwrap_or(long(0)))
            .collect(),
    }
}

/// One character, or four bytes in hex.
fn model(model: &Value) -> Option<u32> {
    let model = model.as_str()?;
    match model.len() {
        1 => Some(model.as_bytes()[0].into()),
        _ => u32::from_str_radix(model, 16).ok(),
    }
}

/// Numbers are the same if one, rounded to the decimals of the other, is the other.
fn is_same(given: &Value, expected: &Value) -> bool {
    let Some((given, expected)) = given.as_f64().zip(expected.as_f64()) else { return given == expected };
    let decimals = |number: f64| number.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let decimals = decimals(given).min(decimals(expected));
    format!("{given:.decimals$}") == format!("{expected:.decimals$}")
}
