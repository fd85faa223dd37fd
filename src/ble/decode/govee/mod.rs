//! Govee's thermometers, probes, buttons and contacts. What an advert is, its name says, or its company id, a service
//! or just its length.
//! Source: govee-ble 1.5, read 2026-11.

mod buttons;
mod probes;

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

/// Apple's: Govee sends an iBeacon beside its values.
const APPLE: u16 = 0x004c;
/// The ids that Govee takes for its thermometers.
const GOVEE: u16 = 0xec88;
const SHORT: u16 = 0x0001;
const H5179: u16 = 0x8801;
const H5127: [u16; 2] = [0x8803, 0x8843];

/// That iBeacon is at times glued to the values.
const MARK: &[u8] = b"INTELLI_ROCKS";
const GLUED_BYTES: usize = 25;

/// Outside of this a thermometer is broken, in tenths of a degree.
const SANE: std::ops::RangeInclusive<i32> = -400..=1000;

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    let mut refusal = None;
    for (company, data) in advert.manufacturer_data.iter().filter(|(company, _)| **company != APPLE) {
        let data = without_mark(data);
        let found = buttons::decode(advert, *company, data).or_else(|| thermometer(advert, *company, data));
        match found.or_else(|| probes::decode(advert, *company, data)) {
            Some(Ok(reading)) => return Some(Ok(reading)),
            Some(Err(reason)) => refusal = refusal.or(Some(reason)),
            None => {}
        }
    }
    refusal.map(Err)
}

fn without_mark(data: &[u8]) -> &[u8] {
    let has_mark = data.len() > GLUED_BYTES && data.windows(MARK.len()).any(|window| window == MARK);
    if has_mark { &data[..data.len() - GLUED_BYTES] } else { data }
}

/// Which of the models the name has.
fn model_of(advert: &Advert, models: &[&'static str]) -> Option<&'static str> {
    models.iter().find(|model| advert.name().contains(**model)).copied()
}

fn draft(model: &'static str) -> Draft {
    let mut draft = Draft::new("govee");
    draft.model(model);
    draft
}

fn thermometer(advert: &Advert, company: u16, sent: &[u8]) -> Option<Result<Reading, Refusal>> {
    const SIX: [&str; 11] =
        ["H5108", "H5100", "H5101", "H5102", "H5103", "H5104", "H5105", "H5174", "H5177", "H5110", "GV5179"];
    let named = |models: &[&'static str]| model_of(advert, models);
    let data = Bytes(sent);
    let of_govee = |model| (company == GOVEE).then_some(model);
    match sent.len() {
        6 => {
            if let Some(model) = named(&["H5072", "H5075", "H5129"]).or(of_govee("H5072/H5075")) {
                return Some(packed(draft(model), data, 1, Part::Whole));
            }
            if let Some(model) = named(&SIX) {
                return Some(packed(draft(model), data, 2, Part::Whole));
            }
            named(&["H5106"]).map(|model| dust(draft(model), data))
        }
        7 => named(&["H5074"]).or(of_govee("H5074")).map(|model| plain(draft(model), data, 1)),
        8 => {
            if named(&["H5112", "GV5112"]).is_some() {
                return Some(with_probe(draft("H5112"), data));
            }
            if named(&["5140"]).is_some() {
                return Some(carbon_dioxide(draft("H5140"), data));
            }
            let is_h5108 = named(&SIX).is_some() || company == SHORT;
            is_h5108.then(|| packed(draft("H5108"), data, 2, Part::Whole))
        }
        9 => {
            if let Some(model) = named(&["H5071", "H5052", "H5051"]).or(of_govee("H5051")) {
                return Some(plain(draft(model), data, 1));
            }
            if named(&["H5178", "B5178"]).is_some() || company == SHORT {
                let part = if data.u8(2) == Some(1) { Part::Named("remote") } else { Part::Whole };
                return Some(packed(draft("H5178"), data, 3, part));
            }
            named(&["H5179"]).or((company == H5179).then_some("H5179")).map(|model| plain(draft(model), data, 4))
        }
        _ => None,
    }
}

/// Temperature and humidity each in two bytes, from low to high, and the battery.
fn plain(mut draft: Draft, data: Bytes<'_>, at: usize) -> Result<Reading, Refusal> {
    let values = data.i16_le(at).zip(data.u16_le(at + 2)).zip(data.u8(at + 4));
    let ((temperature, humidity), battery) = values.ok_or(Refusal::Truncated)?;
    draft.scaled(Property::Temperature, temperature, 2);
    draft.scaled(Property::Humidity, humidity, 2);
    draft.whole(Property::Battery, battery);
    draft.finish()
}

/// Temperature and humidity in tenths, packed into three bytes; then the battery, and whether the sensor failed.
fn packed(mut draft: Draft, data: Bytes<'_>, at: usize, part: Part) -> Result<Reading, Refusal> {
    let ((temperature, humidity), battery) = unpacked(data, at).zip(data.u8(at + 3)).ok_or(Refusal::Truncated)?;
    if SANE.contains(&temperature) && battery & 0x80 == 0 {
        draft.scaled((Property::Temperature, part), temperature, 1);
        draft.scaled((Property::Humidity, part), humidity, 1);
    }
    draft.whole((Property::Battery, part), battery & 0x7f);
    draft.finish()
}

/// The display, or the probe at its cable, which knows no humidity.
fn with_probe(mut draft: Draft, data: Bytes<'_>) -> Result<Reading, Refusal> {
    let probe = match data.u8(7) {
        Some(0x41) => 1,
        Some(0x82) => 2,
        _ => return Err(Refusal::Unsupported("the probe is not known")),
    };
    let ((temperature, humidity), battery) = unpacked(data, 2).zip(data.u8(5)).ok_or(Refusal::Truncated)?;
    if SANE.contains(&temperature) && battery & 0x80 == 0 {
        draft.scaled((Property::Temperature, Part::Probe(probe)), temperature, 1);
        if probe == 1 {
            draft.scaled((Property::Humidity, Part::Probe(probe)), humidity, 1);
        }
    }
    draft.whole(Property::Battery, battery & 0x7f);
    draft.finish()
}

fn carbon_dioxide(mut draft: Draft, data: Bytes<'_>) -> Result<Reading, Refusal> {
    let values = unpacked(data, 2).zip(data.u16_be(5)).zip(data.u8(7));
    let (((temperature, humidity), co2), error) = values.ok_or(Refusal::Truncated)?;
    if !SANE.contains(&temperature) || error != 0 {
        return Err(Refusal::Faulty);
    }
    draft.scaled(Property::Temperature, temperature, 1);
    draft.scaled(Property::Humidity, humidity, 1);
    draft.whole(Property::Co2, co2);
    draft.finish()
}

/// Three values in four bytes, each in three decimal digits. Of the temperature more, and the sign.
fn dust(mut draft: Draft, data: Bytes<'_>) -> Result<Reading, Refusal> {
    let bits = data.u32_be(2).ok_or(Refusal::Truncated)?;
    let digits = i64::from(bits & 0x7fff_ffff);
    let temperature = digits / 1_000_000;
    draft.scaled(Property::Temperature, if bits & 0x8000_0000 == 0 { temperature } else { -temperature }, 1);
    draft.scaled(Property::Humidity, digits % 1_000_000 / 1000, 1);
    draft.whole(Property::Pm25, digits % 1000);
    draft.finish()
}

/// Tenths of a degree and of a percent: a number of which the last three decimal digits are the humidity.
fn unpacked(data: Bytes<'_>, at: usize) -> Option<(i32, i32)> {
    let [high, middle, low] = data.array(at)?;
    let digits = i32::from_be_bytes([0, high & 0x7f, middle, low]);
    let temperature = digits / 1000;
    Some((if high & 0x80 == 0 { temperature } else { -temperature }, digits % 1000))
}

#[cfg(test)]
mod tests;
