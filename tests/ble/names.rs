//! What the parsers that recorded the adverts call a value, and what farhook calls it.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// The values that farhook should give for a record.
pub(crate) fn expected(record: &Value) -> Map<String, Value> {
    let values = &record["expected"]["values"];
    match record["family"].as_str().unwrap() {
        "switchbot" => of_switchbot(&values["data"]),
        "ruuvi-spec" => of_ruuvi_itself(values),
        _ => {
            let values = values.as_object().into_iter().flatten();
            values.flat_map(|(name, value)| renamed(record, name, value)).collect()
        }
    }
}

/// A value of the other parsers. They give `error` where farhook gives nothing, and nothing for what is not there.
fn renamed(record: &Value, name: &str, value: &Value) -> Vec<(String, Value)> {
    let family = record["family"].as_str().unwrap();
    let test = record["test"].as_str().unwrap();
    if value.is_null() || value == "error" || name.starts_with("signal_strength") {
        return Vec::new();
    }
    if let Some(event) = name.strip_prefix("event.") {
        return of_event(event, value);
    }
    let (base, value) = match name.strip_prefix("bin.") {
        Some(state) => (state, json!(value != &json!(false) && value != &json!(0))),
        None => (name.trim_end_matches(":primary"), value.clone()),
    };
    let name = match (family, base) {
        ("mopeka", "reading_quality_raw") => return Vec::new(),
        ("mopeka", "battery_voltage") => "voltage",
        ("thermobeacon", "occupancy") => "button_pressed",
        ("bthome", "mass") if test.contains("pounds") => "mass_lb",
        ("bthome", "volume") if test.contains("milliliters") => "volume_ml",
        (_, "battery") if name.starts_with("bin.") => "battery_low",
        (_, "generic") => "generic_boolean",
        (_, "dew_point") => "dewpoint",
        (_, "carbon_dioxide") => "co2",
        (_, "volatile_organic_compounds") => "tvoc",
        (_, "pm25") => "pm2_5",
        ("bthome", base) => base.strip_suffix("_1").unwrap_or(base),
        (_, base) => base,
    };
    let value = match (family, name) {
        ("ruuvi", "voltage") => json!(value.as_f64().unwrap() / 1000.0),
        (_, "charging_state") => json!(value.as_str().unwrap().to_lowercase().replace(' ', "_")),
        _ => value,
    };
    vec![(name.to_owned(), value)]
}

/// An event has a word, and at times a number of something.
fn of_event(name: &str, event: &Value) -> Vec<(String, Value)> {
    if let "motion" | "vibration" = name {
        return vec![(name.to_owned(), json!(true))];
    }
    let name = if name == "lock" { "lock_action" } else { name };
    let mut values = vec![(name.to_owned(), event["type"].clone())];
    for (property, number) in event["props"].as_object().into_iter().flatten() {
        let property = if property == "number_of_presses" { "presses" } else { property };
        values.push((format!("{name}_{property}"), number.clone()));
    }
    values
}

/// What farhook gives of the many things of a `SwitchBot`. The others are about its network, its lamp or its firmware.
fn of_switchbot(data: &Value) -> Map<String, Value> {
    let values = data.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let mut renamed: Map<String, Value> = values
        .filter_map(|(name, value)| {
            let name = match name.as_str() {
                "temperature" | "humidity" | "battery" | "co2" | "illuminance" | "position" | "tilt" | "brightness"
                | "target_temperature" | "target_humidity" | "button_count" | "tested" | "contact_timeout"
                | "unclosed_alarm" | "unlocked_alarm" | "auto_lock_paused" | "double_lock_mode" | "lockout_alarm"
                | "duress_alarm" | "tank_removed" | "battery_charging" | "oscillating" | "humidity_alarm"
                | "duration" | "aqi_level" | "work_status" => name,
                // The later locks have none, and their parser says that it is open.
                "night_latch" if data.get("is_secondary_lock").is_none() => name,
                "isOn" => "power",
                "motion_detected" => "motion",
                "contact_open" => "opening",
                "is_light" => "light",
                "leak" => "moisture",
                "tampered" | "tamper_alarm" => "tamper",
                "low_battery" => "battery_low",
                "inMotion" => "moving",
                "lightLevel" | "light_intensity" => "light_level",
                "calibration" => "calibrated",
                "charging" => "battery_charging",
                "cw" => "color_temperature",
                "temperature_alarm" => "temperature_out_of_bounds",
                "low_temperature" => "cold",
                "high_temperature" => "heat",
                "child_lock" => "childlock",
                "water_level" => "water_level",
                "door_open" => "door",
                "main_isOn" => "power_main",
                "main_brightness" => "brightness_main",
                "err_code" => "error_code",
                "speed" if data.get("loop_index").is_none() => "fan_speed",
                "filter element working time" => "filter_hours",
                _ => return None,
            };
            Some((name.to_owned(), value.clone()))
        })
        .collect();
    if let Some(status) = data["status"].as_str() {
        let status = status.trim_start_matches("LockStatus.").to_lowercase();
        renamed.insert("lock".to_owned(), json!(status != "locked"));
        renamed.insert("lock_status".to_owned(), json!(status));
    }
    // A garage door says the same as a door of a lock, in other words.
    if data.get("calibration").is_none() {
        if let Some(door) = renamed.remove("door") {
            renamed.insert("garage_door".to_owned(), door);
        }
    }
    renamed
}

/// Ruuvi's own examples, written for people.
fn of_ruuvi_itself(values: &Value) -> Map<String, Value> {
    let number = |text: &str| -> Option<f64> {
        let text = text.replace(' ', "");
        let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-')).unwrap_or(text.len());
        text[..end].parse().ok()
    };
    let values = values.as_object().into_iter().flatten();
    let named = values.filter_map(|(name, text)| {
        let number = number(text.as_str()?)?;
        Some(match name.as_str() {
            "Temperature" => ("temperature", number),
            "Humidity" => ("humidity", number),
            "Pressure" => ("pressure", number / 100.0),
            "Voltage" => ("voltage", number),
            "Acceleration X" => ("acceleration_x", number * 9.806_65),
            "Acceleration Y" => ("acceleration_y", number * 9.806_65),
            "Acceleration Z" => ("acceleration_z", number * 9.806_65),
            "TX Power" => ("tx_power", number),
            "Movement counter" => ("movement_counter", number),
            "PM 2.5" => ("pm2_5", number),
            "CO2" => ("co2", number),
            "VOC" => ("voc_index", number),
            "NOX" => ("nox_index", number),
            "Luminosity" => ("illuminance", number),
            _ => return None,
        })
    });
    named.map(|(name, number)| (name.to_owned(), json!(number))).collect()
}
