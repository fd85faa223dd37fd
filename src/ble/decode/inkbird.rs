//! Inkbird's thermometers. The name says which one it is, but for two that a byte in front tells.
//!
//! What the radio counts as the company id are the first two bytes of their data.
//! Source: inkbird-ble 1.7, read 2026-11.

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

const SERVICE: u16 = 0xfff0;
const OTHER_SERVICE: u16 = 0xff00;
/// A company id that no model reads; one of the two adverts of the BBQ thermometers has it.
const SECOND_ADVERT: u16 = 2;
const EIGHTEEN: u16 = 9289;
const IAM_T1: u16 = 12628;
const IAM_T2: u16 = 12884;

/// Nothing more than this can be, in percent.
const MOST: u16 = 100;
/// Says that a probe is not plugged in, or a sensor is not there.
const NONE: u16 = 0xffff;

/// How the bytes are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Temperature and humidity in hundredths, and the battery: 9 bytes.
    Nine,
    /// The same without trust in the humidity: some have no sensor for it.
    NineMaybeHumid,
    /// Tenths: 18 bytes.
    Eighteen,
    /// Carbon dioxide, too: 17 bytes.
    Air,
    /// Probes for meat.
    Probes(u8),
    /// Its values come over a connection only.
    Silent,
}

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    // Of two adverts only the one that the models read is of interest.
    let is_alone = advert.manufacturer_data.len() == 1;
    let mut sent = advert.manufacturer_data.iter().filter(|(company, _)| is_alone || **company != SECOND_ADVERT);
    let (company, rest) = sent.next()?;
    let data = [company.to_le_bytes().as_slice(), rest].concat();
    let (model, layout) = model(advert, *company, &data)?;
    if sent.next().is_some() {
        return Some(Err(Refusal::Unsupported("which of its adverts is the latest cannot be told")));
    }
    let mut draft = Draft::new("inkbird");
    draft.model(model);
    Some(read(layout, Bytes(&data), &mut draft).and_then(|()| draft.finish()))
}

fn model(advert: &Advert, company: u16, data: &[u8]) -> Option<(&'static str, Layout)> {
    let name = advert.name().to_ascii_lowercase();
    let has_service = advert.has_service(SERVICE);
    if matches!(data.len(), 9 | 17 | 18) || has_service || advert.has_service(OTHER_SERVICE) {
        if let Some(model) = by_name(&name) {
            return Some(model);
        }
    }
    if name.starts_with("ink@iht-2pb") {
        return Some(("IHT-2PB", Layout::Silent));
    }
    if name.contains("xbbq") || name.contains("ibbq") {
        return Some(match data.len() {
            12 => ("BBQ-1", Layout::Probes(1)),
            14 => ("BBQ-2", Layout::Probes(2)),
            18 => ("BBQ-4", Layout::Probes(4)),
            22 => ("BBQ-6", Layout::Probes(6)),
            _ => return None,
        });
    }
    match company {
        EIGHTEEN if has_service && data.len() == 18 && data.ends_with(&[0, 0, 0]) => {
            Some(("18 bytes", Layout::Eighteen))
        }
        IAM_T1 if data[2..].starts_with(b"AC-6200") => Some(("IAM-T1", Layout::Silent)),
        IAM_T2 if data.len() == 17 && data[2..].starts_with(&[0x00, 0x62]) => Some(("IAM-T2", Layout::Air)),
        _ => None,
    }
}

fn by_name(name: &str) -> Option<(&'static str, Layout)> {
    Some(match name {
        "sps" => ("IBS-TH", Layout::Nine),
        "tps" => ("IBS-TH2/P01B", Layout::NineMaybeHumid),
        "unknown" => ("18 bytes", Layout::Eighteen),
        "ibs-p02b" => ("IBS-P02B", Layout::Eighteen),
        "ith-11-b" => ("ITH-11-B", Layout::Eighteen),
        "ith-13-b" => ("ITH-13-B", Layout::Eighteen),
        "ith-21-b" => ("ITH-21-B", Layout::Eighteen),
        "ink@iam-t1" => ("IAM-T1", Layout::Silent),
        "ink@iam-t2" => ("IAM-T2", Layout::Air),
        "int-11p-b" => ("INT-11P-B", Layout::Silent),
        "int-11i-b" => ("INT-11I-B", Layout::Silent),
        "idt-34c-b" => ("IDT-34c-B", Layout::Silent),
        _ => return None,
    })
}

fn read(layout: Layout, data: Bytes<'_>, draft: &mut Draft) -> Result<(), Refusal> {
    match layout {
        Layout::Nine => nine(data, true, draft),
        Layout::NineMaybeHumid => nine(data, !matches!(data.u16_le(2), Some(0 | NONE)), draft),
        Layout::Eighteen => eighteen(data, draft),
        Layout::Air => air(data, draft),
        Layout::Probes(count) => {
            probes(data, count, draft);
            Ok(())
        }
        Layout::Silent => Err(Refusal::Unsupported("it tells its values over a connection only")),
    }
}

fn nine(data: Bytes<'_>, has_humidity: bool, draft: &mut Draft) -> Result<(), Refusal> {
    let values = data.i16_le(0).zip(data.u16_le(2)).zip(data.u8(7));
    let ((temperature, humidity), battery) = values.ok_or(Refusal::Truncated)?;
    if has_humidity {
        check_percent(humidity, 100)?;
    }
    check_percent(battery.into(), 1)?;
    draft.scaled(Property::Temperature, temperature, 2);
    if has_humidity {
        draft.scaled(Property::Humidity, humidity, 2);
    }
    draft.whole(Property::Battery, battery);
    Ok(())
}

fn eighteen(data: Bytes<'_>, draft: &mut Draft) -> Result<(), Refusal> {
    let values = data.i16_le(6).zip(data.u16_le(8)).zip(data.u8(10));
    let ((temperature, humidity), battery) = values.ok_or(Refusal::Truncated)?;
    check_percent(humidity, 10)?;
    check_percent(battery.into(), 1)?;
    draft.scaled(Property::Temperature, temperature, 1);
    draft.whole(Property::Battery, battery);
    if humidity != 0 {
        draft.scaled(Property::Humidity, humidity, 1);
    }
    Ok(())
}

/// From high to low, unlike the others. What it says of its battery is not understood.
fn air(data: Bytes<'_>, draft: &mut Draft) -> Result<(), Refusal> {
    let values = data.u8(9).zip(data.i16_be(10)).zip(data.u16_be(12)).zip(data.u16_be(14));
    let (((status, temperature), humidity), co2) = values.ok_or(Refusal::Truncated)?;
    check_percent(humidity, 10)?;
    let is_fahrenheit = status & 0x02 != 0;
    if is_fahrenheit {
        draft.float(Property::Temperature, (f64::from(temperature) / 10.0 - 32.0) * 5.0 / 9.0);
    } else {
        draft.scaled(Property::Temperature, temperature, 1);
    }
    draft.scaled(Property::Humidity, humidity, 1);
    draft.whole(Property::Co2, co2);
    Ok(())
}

fn probes(data: Bytes<'_>, count: u8, draft: &mut Draft) {
    for probe in 1..=count {
        let at = 8 + 2 * usize::from(probe);
        if let Some(temperature) = data.i16_le(at).filter(|_| data.u16_le(at) != Some(NONE)) {
            draft.scaled((Property::Temperature, Part::Probe(probe)), temperature, 1);
        }
    }
}

/// A share that cannot be shows that the advert was damaged; then nothing in it is to be trusted.
fn check_percent(value: u16, of_one: u16) -> Result<(), Refusal> {
    if value > MOST * of_one { Err(Refusal::Damaged("no share is above 100 %")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::decode::testing::company;
    use crate::ble::decode::testing::named;
    use crate::ble::decode::testing::reading;
    use crate::ble::decode::testing::values;
    use crate::ble::decode::testing::with_service;

    #[test]
    fn the_small_ones_are_read_with_and_without_a_sensor_for_humidity() {
        let sps = named("sps", company(0xff85, "a00f0000006008"));
        assert_eq!(values(&sps), json!({ "temperature": -1.23, "humidity": 40, "battery": 96 }));
        for humidity in ["0000", "ffff"] {
            let tps = named("tps", company(0xff85, &format!("{humidity}0000006008")));
            assert_eq!(values(&tps), json!({ "temperature": -1.23, "battery": 96 }));
        }
    }

    #[test]
    fn what_cannot_be_is_no_reading() {
        for (name, hex) in [("sps", "ffff0000006008"), ("sps", "a00f0000006508"), ("tps", "a00f000000ff08")] {
            assert!(matches!(reading(&named(name, company(0xff85, hex))), Err(Refusal::Damaged(_))), "{name} {hex}");
        }
        assert_eq!(reading(&with_service(SERVICE, named("sps", company(1, "00")))), Err(Refusal::Truncated));
    }

    #[test]
    fn the_long_ones_are_read_by_name_and_without() {
        let expected = json!({ "temperature": -0.5, "battery": 90, "humidity": 53.1 });
        let hex = "07110098fbff13025a01900400000000";
        assert_eq!(values(&named("ITH-21-B", company(EIGHTEEN, hex))), expected);
        assert_eq!(values(&with_service(SERVICE, company(EIGHTEEN, hex))), expected);
        assert_eq!(reading(&company(EIGHTEEN, hex)), Err(Refusal::UnknownFormat));
    }

    #[test]
    fn the_air_is_read_in_both_units() {
        let expected = json!({ "temperature": -5, "humidity": 49.4, "co2": 595 });
        assert_eq!(values(&company(IAM_T2, "006211223344d4d4ffce01ee025391")), expected);
        let advert = company(IAM_T2, "006211223344d4d6033c01ee025391");
        assert_eq!(values(&advert)["temperature"], 28.22);
    }

    #[test]
    fn probes_that_are_not_plugged_in_are_left_out() {
        let advert = named("xBBQ", company(1, "00002c1100006dd3ceffffff"));
        assert_eq!(values(&advert), json!({ "temperature_probe_1": -5 }));
        let nothing = named("iBBQ", company(1, "00002c1100006dd3ffffffff"));
        assert_eq!(reading(&nothing), Err(Refusal::Empty));
    }

    #[test]
    fn of_several_adverts_the_one_that_is_read_must_be_clear() {
        let mut advert = named("xBBQ", company(1, "00002c1100006dd3ceffffff"));
        advert.manufacturer_data.insert(SECOND_ADVERT, vec![0; 12]);
        assert_eq!(values(&advert), json!({ "temperature_probe_1": -5 }));
        advert.manufacturer_data.insert(3, vec![0; 12]);
        assert!(matches!(reading(&advert), Err(Refusal::Unsupported(_))));
    }

    #[test]
    fn what_tells_its_values_elsewhere_says_so() {
        let advert = named("Ink@IHT-2PB#c4b", company(18505, "3250"));
        assert!(matches!(reading(&advert), Err(Refusal::Unsupported(_))));
    }
}
