//! The objects of `MiBeacon`: what an id means, and how long it is.
//! Source: <https://iot.mi.com/new/doc/accesses/direct-access/embedded-development/ble/object-definition> for those
//! below 0x4000, <https://miot-spec.org/miot-spec-v2/instances?status=all> and xiaomi-ble 1.21 for the others, read
//! 2026-11.

use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::mibeacon::buttons;
use crate::ble::decode::mibeacon::locks;
use crate::ble::decode::mibeacon::scales;
use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;

/// After so many seconds without motion there is none any more, as Xiaomi's own app has it.
const STILL_MOVING_S: u32 = 30;

/// Puts down every object that is known. One that is too short for its meaning is passed over.
pub(super) fn all(payload: &[u8], model: &'static str, draft: &mut Draft) {
    for (id, data) in Objects(payload) {
        // A button says all with its id.
        if !data.is_empty() || buttons::may_be_empty(id) {
            let _ = one(id, Bytes(data), model, draft);
        }
    }
}

/// Whether the bytes are objects to the last one, which noise is hardly ever.
pub(super) fn are_whole(payload: &[u8]) -> bool {
    let mut objects = Objects(payload);
    let count = objects.by_ref().count();
    count > 0 && objects.0.is_empty()
}

/// Walks over id, length and bytes, up to an object that is not whole.
struct Objects<'a>(&'a [u8]);

impl<'a> Iterator for Objects<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [low, high, length, rest @ ..] = self.0 else { return None };
        let (data, rest) = rest.split_at_checked(usize::from(*length))?;
        self.0 = rest;
        Some((u16::from_le_bytes([*low, *high]), data))
    }
}

/// None if it is not known or too short.
fn one(id: u16, data: Bytes<'_>, model: &'static str, draft: &mut Draft) -> Option<()> {
    if id < 0x4000 { public(id, data, model, draft) } else { of_a_product(id, data, model, draft) }
}

/// What Xiaomi has written down.
fn public(id: u16, data: Bytes<'_>, model: &'static str, draft: &mut Draft) -> Option<()> {
    let length = data.0.len();
    match (id, length) {
        // A night light, which never says that the motion has ended.
        (0x0003, _) => draft.flag(P::Motion, true),
        (0x0006, 5) => return locks::fingerprint(data, draft),
        (0x0007, _) => locks::door(data.u8(0)?, draft),
        (0x0008, _) => locks::armed(data.u8(0)?, model, draft),
        (0x000a, 2) => match data.i16_le(0)? {
            0 => {}
            temperature => draft.scaled(P::Temperature, temperature, 2),
        },
        (0x000b, 9) => return locks::lock(data, model, draft),
        (0x000f, 3) => return motion_with_light(data, model, draft),
        (0x0010, _) => toothbrush(data.u8(0)? == 0, data.u8(1), draft),
        (0x1001, 3) => return buttons::press(data, model, draft),
        (0x1004, 2) => draft.scaled(P::Temperature, data.i16_le(0)?, 1),
        (0x1005, _) => {
            draft.flag(P::Powered, data.u8(0)? != 0);
            draft.whole(P::Temperature, data.u8(1)?);
        }
        // Their own display cuts the decimal off, which jumps to and fro on the air.
        (0x1006, 2) if matches!(model, "LYWSD03MMC" | "MHO-C401") => draft.whole(P::Humidity, data.u16_le(0)? / 10),
        (0x1006, 2) => draft.scaled(P::Humidity, data.u16_le(0)?, 1),
        (0x1007, 3) => return illuminance(data, model, draft),
        (0x1008, _) => draft.whole(P::Moisture, data.u8(0)?),
        (0x1009, 2) => draft.whole(P::Conductivity, data.u16_le(0)?),
        (0x100a, _) => battery(data.u8(0)?, model, draft),
        (0x100d, 4) => {
            draft.scaled(P::Temperature, data.i16_le(0)?, 1);
            draft.scaled(P::Humidity, data.u16_le(2)?, 1);
        }
        (0x100e, 1) => locks::attribute(data.u8(0)?, model, draft),
        (0x100f, 1) if model == "loock.safe.v1" => draft.flag(P::Door, data.u8(0)? == 1),
        (0x1010, 2) => draft.scaled(P::Formaldehyde, data.u16_le(0)?, 2),
        (0x1012, _) => draft.flag(P::Powered, data.u8(0)? != 0),
        (0x1013, _) => draft.whole(P::Consumable, data.u8(0)?),
        (0x1014, _) => draft.flag(P::Wet, data.u8(0)? > 0),
        (0x1015, _) => draft.flag(P::Smoke, data.u8(0)? > 0),
        (0x1017, 4) => draft.flag(P::Motion, data.u32_le(0)? <= STILL_MOVING_S),
        (0x1018, _) => draft.flag(P::Light, data.u8(0)? != 0),
        (0x1019, _) => opening(data.u8(0)?, draft),
        (0x101b, _) => draft.flag(P::Motion, false),
        (0x2000, 5) => return body_temperature(data, draft),
        (0x3003, _) => return brushing(data, draft),
        _ => return None,
    }
    Some(())
}

/// What single products have of their own.
fn of_a_product(id: u16, data: Bytes<'_>, model: &'static str, draft: &mut Draft) -> Option<()> {
    let length = data.0.len();
    match (id, length) {
        (0x4801, 4) => draft.rounded(P::Temperature, data.f32_le(0)?, 1),
        (0x4802, _) | (0x4c02, 1) => draft.whole(P::Humidity, data.u8(0)?),
        (0x4803 | 0x4c03 | 0x5003, _) => draft.whole(P::Battery, data.u8(0)?),
        (0x4804 | 0x4a12, _) => opened_or_closed(data.u8(0)?, draft),
        (0x4805, 4) => draft.float(P::Illuminance, data.f32_le(0)?),
        (0x4806, 1) if matches!(model, "SJWS02LM" | "zhiee.flood.sj01") => {
            draft.flag(P::BottomSubmersion, data.u8(0)? > 0);
        }
        (0x4806, 1) => draft.flag(P::Wet, data.u8(0)? > 0),
        (0x4808, 4) => draft.rounded(P::Humidity, data.f32_le(0)?, 1),
        (0x480c, 1) => {
            if let state @ (0 | 1) = data.u8(0)? {
                draft.flag(P::Opening, state == 0);
            }
        }
        (0x4818, 2) => draft.flag(P::Motion, u32::from(data.u16_le(0)?) <= STILL_MOVING_S),
        (0x483d, 4) => draft.whole(P::PressurePresentDuration, data.u32_le(0)?),
        (0x483e, 4) => draft.whole(P::PressureAbsentDuration, data.u32_le(0)?),
        (0x484e, _) if model == "XMOSB01XS" => draft.flag(P::Occupancy, data.u8(0)? == 1),
        (0x483c, 1) | (0x484e, _) => draft.flag(P::Occupancy, data.u8(0)? > 0),
        (0x4851, _) => draft.whole(P::DurationDetected, data.u8(0)?),
        (0x4852, _) => draft.whole(P::DurationCleared, data.u8(0)?),
        (0x487b, 1) if model == "SJWS02LM" => draft.flag(P::TopSplash, data.u8(0)? > 0),
        (0x4a01 | 0x4e01, _) => draft.flag(P::BatteryLow, data.u8(0)? != 0),
        (0x4a08, 4) => {
            draft.flag(P::Motion, true);
            draft.float(P::Illuminance, data.f32_le(0)?);
        }
        (0x4a0f, _) if data.u8(0)? == 1 => {
            draft.flag(P::Opening, true);
            draft.flag(P::DeviceForciblyRemoved, true);
        }
        (0x4a13, _) if data.u8(0)? == 1 => draft.text(P::Button, "press"),
        (0x4a1a, _) if data.u8(0)? == 1 => {
            draft.flag(P::Opening, true);
            draft.flag(P::DoorLeftOpen, true);
        }
        (0x4a68, 1) if model == "SJWS02LM" => match data.u8(0)? {
            event @ (0 | 1) => draft.flag(P::BottomSubmersion, event == 0),
            event @ (2 | 3) => draft.flag(P::TopSplash, event == 2),
            _ => {}
        },
        (0x4c01, 4) => draft.rounded(P::Temperature, data.f32_le(0)?, 2),
        (0x4c08, 4) => draft.float(P::Humidity, data.f32_le(0)?),
        (0x4e16, 9) => return scales::s200(data, draft),
        (0x5413, _) if model == "ES5BB" => {
            draft.flag((P::Occupancy, Part::Named("close_range")), data.u8(0)? > 0);
        }
        (0x5422, 1) => draft.text(P::ChargingState, charging_state(data.u8(0)?)),
        (0x5810, 1) => draft.flag(P::Asleep, data.u8(0)? != 1),
        (0x6461, 1) => draft.flag(P::Wearing, data.u8(0)? != 1),
        (0x6e16, 9) => return scales::s400(data, draft),
        _ => return buttons::of_a_product(id, data, model, draft),
    }
    Some(())
}

fn motion_with_light(data: Bytes<'_>, model: &str, draft: &mut Draft) -> Option<()> {
    let light = three(data)?;
    draft.flag(P::Motion, true);
    match model {
        // 1 or 0 is darkness, 100 or 256 is light.
        "MJYD02YL" | "RTCGQ02LM" => draft.flag(P::Light, light >= 100),
        "CGPR1" => draft.whole(P::Illuminance, light),
        _ => {}
    }
    Some(())
}

fn illuminance(data: Bytes<'_>, model: &str, draft: &mut Draft) -> Option<()> {
    let light = three(data)?;
    match model {
        "MJYD02YL" | "MCCGQ02HL" => draft.flag(P::Light, light == 100),
        "HHCCJCY01" | "GCLS002" => draft.whole(P::Illuminance, light),
        _ => {}
    }
    Some(())
}

/// The voltage is not measured: it is what a battery of this kind has when so much is left.
fn battery(percent: u8, model: &str, draft: &mut Draft) {
    draft.whole(P::Battery, percent);
    let left = f64::from(percent) / 100.0;
    // One AAA cell, or a CR2032.
    let volts = if matches!(model, "LYWSDCGQ" | "CGDK3") { 0.8 + 0.8 * left } else { 2.2 + 0.9 * left };
    draft.float(P::Voltage, volts);
}

fn opening(state: u8, draft: &mut Draft) {
    match state {
        0 => draft.flag(P::Opening, true),
        1 | 2 => {
            draft.flag(P::Opening, state == 2);
            draft.flag(P::DoorLeftOpen, state == 2);
        }
        _ => {}
    }
}

fn opened_or_closed(state: u8, draft: &mut Draft) {
    match state {
        1 => draft.flag(P::Opening, true),
        2 => {
            draft.flag(P::Opening, false);
            draft.flag(P::DoorLeftOpen, false);
            draft.flag(P::DeviceForciblyRemoved, false);
        }
        _ => {}
    }
}

fn toothbrush(is_on: bool, number: Option<u8>, draft: &mut Draft) {
    draft.flag(P::Toothbrush, is_on);
    if let Some(number) = number {
        draft.whole(if is_on { P::Counter } else { P::Score }, number);
    }
}

/// The end has a score if nothing else.
fn brushing(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    let what = data.u8(0)?;
    if what <= 1 {
        draft.flag(P::Toothbrush, what == 0);
        // The time that follows is not told, but must be there.
        data.slice(1, 4)?;
    }
    if data.0.len() == 6 {
        draft.whole(P::Score, data.u8(5)?);
    }
    Some(())
}

/// Two sensors in the patch, and a formula that fits what the app shows between 36.5 and 37.8 °C.
/// Source: xiaomi-ble 1.21, object 0x2000, read 2026-11.
#[expect(clippy::approx_constant, reason = "it is a fit, and only looks like the logarithm of 2")]
fn body_temperature(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    let (skin, outside) = (f64::from(data.i16_le(0)?) / 100.0, f64::from(data.i16_le(2)?) / 100.0);
    let body = 3.719_34e-11 * (0.693_14 * skin).exp() - 1.028_01e-8 * (0.538_71 * outside).exp() + 36.413;
    draft.float(P::Temperature, body);
    draft.whole(P::Battery, data.u8(4)?);
    Some(())
}

fn charging_state(code: u8) -> &'static str {
    match code {
        0 => "charging",
        1 => "not_charging",
        2 => "full",
        _ => "unknown",
    }
}

/// A number of three bytes.
fn three(data: Bytes<'_>) -> Option<u32> {
    let [low, middle, high] = data.array(0)?;
    Some(u32::from_le_bytes([low, middle, high, 0]))
}
