//! The objects of `BTHome`: what an id means, how long it is, how it is scaled.

use crate::ble::decode::bind_key::to_hex;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::bytes::signed_le;
use crate::ble::decode::bytes::unsigned_le;
use crate::ble::decode::property::Property;
use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Datum;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Key;

/// How version 2 writes an object. Version 1 says length and type beside each value.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// So many bytes of a number without a sign.
    Unsigned(usize),
    /// So many bytes of a number with one.
    Signed(usize),
    /// A length, then UTF-8.
    Text,
    /// A length, then anything.
    Raw,
    /// A length of arguments in the low five bits, an opcode, the arguments.
    Command,
}

/// What a value is about, and how its number is to be read.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    /// A number with so many of its digits behind the point.
    Number(Property, u8),
    /// A number of steps of 0.35. bthome-ble gives it one decimal, and so do we.
    Steps35(Property),
    State(Property),
    Text(Property),
    PacketId,
    Button,
    Dimmer,
    Command,
    /// About the device's make, not about its surroundings.
    Device,
}

/// Source: <https://bthome.io/format/>, read 2026-11; 0x3B, 0x58, 0x62 to 0x65 and the commands: bthome-ble 3.25.
#[expect(clippy::too_many_lines, reason = "a table, in the order of the ids")]
fn object(id: u8) -> Option<(Form, Meaning)> {
    use Form::Command;
    use Form::Raw;
    use Form::Signed;
    use Form::Text;
    use Form::Unsigned;
    use Meaning::Number;
    use Meaning::State;
    let state = |property| (Unsigned(1), State(property));
    Some(match id {
        0x00 => (Unsigned(1), Meaning::PacketId),
        0x01 => (Unsigned(1), Number(P::Battery, 0)),
        0x02 => (Signed(2), Number(P::Temperature, 2)),
        0x03 => (Unsigned(2), Number(P::Humidity, 2)),
        0x04 => (Unsigned(3), Number(P::Pressure, 2)),
        0x05 => (Unsigned(3), Number(P::Illuminance, 2)),
        0x06 => (Unsigned(2), Number(P::Mass, 2)),
        0x07 => (Unsigned(2), Number(P::MassLb, 2)),
        0x08 => (Signed(2), Number(P::Dewpoint, 2)),
        0x09 => (Unsigned(1), Number(P::Count, 0)),
        0x0a => (Unsigned(3), Number(P::Energy, 3)),
        0x0b => (Unsigned(3), Number(P::Power, 2)),
        0x0c => (Unsigned(2), Number(P::Voltage, 3)),
        0x0d => (Unsigned(2), Number(P::Pm25, 0)),
        0x0e => (Unsigned(2), Number(P::Pm10, 0)),
        0x0f => state(P::GenericBoolean),
        0x10 => state(P::Powered),
        0x11 => state(P::Opening),
        0x12 => (Unsigned(2), Number(P::Co2, 0)),
        0x13 => (Unsigned(2), Number(P::Tvoc, 0)),
        0x14 => (Unsigned(2), Number(P::Moisture, 2)),
        0x15 => state(P::BatteryLow),
        0x16 => state(P::BatteryCharging),
        0x17 => state(P::CarbonMonoxide),
        0x18 => state(P::Cold),
        0x19 => state(P::Connectivity),
        0x1a => state(P::Door),
        0x1b => state(P::GarageDoor),
        0x1c => state(P::GasFound),
        0x1d => state(P::Heat),
        0x1e => state(P::Light),
        0x1f => state(P::Lock),
        0x20 => state(P::Wet),
        0x21 => state(P::Motion),
        0x22 => state(P::Moving),
        0x23 => state(P::Occupancy),
        0x24 => state(P::Plug),
        0x25 => state(P::Presence),
        0x26 => state(P::Problem),
        0x27 => state(P::Running),
        0x28 => state(P::Safety),
        0x29 => state(P::Smoke),
        0x2a => state(P::Sound),
        0x2b => state(P::Tamper),
        0x2c => state(P::Vibration),
        0x2d => state(P::Window),
        0x2e => (Unsigned(1), Number(P::Humidity, 0)),
        0x2f => (Unsigned(1), Number(P::Moisture, 0)),
        0x3a => (Unsigned(1), Meaning::Button),
        0x3b => (Command, Meaning::Command),
        0x3c => (Unsigned(2), Meaning::Dimmer),
        0x3d => (Unsigned(2), Number(P::Count, 0)),
        0x3e => (Unsigned(4), Number(P::Count, 0)),
        0x3f => (Signed(2), Number(P::Rotation, 1)),
        0x40 => (Unsigned(2), Number(P::DistanceMm, 0)),
        0x41 => (Unsigned(2), Number(P::Distance, 1)),
        0x42 => (Unsigned(3), Number(P::Duration, 3)),
        0x43 => (Unsigned(2), Number(P::Current, 3)),
        0x44 => (Unsigned(2), Number(P::Speed, 2)),
        0x45 => (Signed(2), Number(P::Temperature, 1)),
        0x46 => (Unsigned(1), Number(P::UvIndex, 1)),
        0x47 => (Unsigned(2), Number(P::Volume, 1)),
        0x48 => (Unsigned(2), Number(P::VolumeMl, 0)),
        0x49 => (Unsigned(2), Number(P::VolumeFlowRate, 3)),
        0x4a => (Unsigned(2), Number(P::Voltage, 1)),
        0x4b => (Unsigned(3), Number(P::Gas, 3)),
        0x4c => (Unsigned(4), Number(P::Gas, 3)),
        0x4d => (Unsigned(4), Number(P::Energy, 3)),
        0x4e => (Unsigned(4), Number(P::Volume, 3)),
        0x4f => (Unsigned(4), Number(P::Water, 3)),
        0x50 => (Unsigned(4), Number(P::Timestamp, 0)),
        0x51 => (Unsigned(2), Number(P::Acceleration, 3)),
        0x52 => (Unsigned(2), Number(P::Gyroscope, 3)),
        0x53 => (Text, Meaning::Text(P::Text)),
        0x54 => (Raw, Meaning::Text(P::Raw)),
        0x55 => (Unsigned(4), Number(P::VolumeStorage, 3)),
        0x56 => (Unsigned(2), Number(P::Conductivity, 0)),
        0x57 => (Signed(1), Number(P::Temperature, 0)),
        0x58 => (Signed(1), Meaning::Steps35(P::Temperature)),
        0x59 => (Signed(1), Number(P::Count, 0)),
        0x5a => (Signed(2), Number(P::Count, 0)),
        0x5b => (Signed(4), Number(P::Count, 0)),
        0x5c => (Signed(4), Number(P::Power, 2)),
        0x5d => (Signed(2), Number(P::Current, 3)),
        0x5e => (Unsigned(2), Number(P::Direction, 2)),
        0x5f => (Unsigned(2), Number(P::Precipitation, 1)),
        0x60 => (Unsigned(1), Number(P::Channel, 0)),
        0x61 => (Unsigned(2), Number(P::RotationalSpeed, 0)),
        0x62 => (Signed(4), Number(P::Speed, 6)),
        0x63 => (Signed(4), Number(P::Acceleration, 6)),
        0x64 => (Unsigned(1), Number(P::LightLevel, 0)),
        0x65 => (Unsigned(1), Number(P::SettingsRevision, 0)),
        0xf0 => (Unsigned(2), Meaning::Device),
        0xf1 => (Unsigned(4), Meaning::Device),
        0xf2 => (Unsigned(3), Meaning::Device),
        _ => return None,
    })
}

/// The objects of version 2, up to the first that is not known or not whole: without its length nothing behind it can
/// be found.
pub(super) fn v2(mut payload: &[u8], draft: &mut Draft) {
    let mut events = Events::default();
    while let Some((&id, rest)) = payload.split_first() {
        let Some((form, meaning)) = object(id) else { return };
        let (length, rest) = match (form, rest.split_first()) {
            (Form::Unsigned(length) | Form::Signed(length), _) => (length, rest),
            (_, None) => return,
            (Form::Text | Form::Raw, Some((&length, rest))) => (length.into(), rest),
            (Form::Command, Some((&length, rest))) => (1 + usize::from(length & 0x1f), rest),
        };
        let Some((data, rest)) = rest.split_at_checked(length) else { return };
        payload = rest;
        let read = match form {
            Form::Unsigned(_) => unsigned_le(data).map(Read::Digits),
            Form::Signed(_) => signed_le(data).map(Read::Digits),
            Form::Text => std::str::from_utf8(data).ok().map(|text| Read::Text(text.to_owned())),
            Form::Raw | Form::Command => Some(Read::Text(to_hex(data))),
        };
        if let Some(read) = read.filter(|_| !data.is_empty()) {
            put(meaning, read, data, draft, &mut events);
        }
    }
}

/// The objects of version 1, each with its length and type. One that is not known is passed over.
pub(super) fn v1(mut payload: &[u8], draft: &mut Draft) {
    let mut events = Events::default();
    while let Some((&control, rest)) = payload.split_first() {
        let Some((object_bytes, rest)) = rest.split_at_checked(usize::from(control & 0x1f)) else { return };
        payload = rest;
        let Some((&id, data)) = object_bytes.split_first() else { continue };
        let read = match control >> 5 {
            0 => unsigned_le(data).map(Read::Digits),
            1 => signed_le(data).map(Read::Digits),
            2 => float(data).map(Read::Float),
            3 => std::str::from_utf8(data).ok().map(|text| Read::Text(text.to_owned())),
            4 => Some(Read::Text(to_hex(data))),
            _ => None,
        };
        if let (Some((_, meaning)), Some(read), false) = (object(id), read, data.is_empty()) {
            put(meaning, read, data, draft, &mut events);
        }
    }
}

/// A value as the bytes say it, before its meaning.
#[derive(Debug, Clone)]
enum Read {
    Digits(i64),
    Float(f64),
    Text(String),
}

/// How many events of a kind there were, with those that say that nothing happened: the second button of a device stays
/// the second one.
#[derive(Debug, Default)]
struct Events {
    buttons: u8,
    dimmers: u8,
    commands: u8,
}

fn put(meaning: Meaning, read: Read, data: &[u8], draft: &mut Draft, events: &mut Events) {
    match (meaning, read) {
        (Meaning::Number(property, decimals), Read::Digits(digits)) => draft.scaled(property, digits, decimals),
        (Meaning::Number(property, decimals), Read::Float(number)) => {
            draft.rounded(property, number / 10_f64.powi(decimals.into()), decimals);
        }
        (Meaning::Steps35(property), Read::Digits(digits)) => {
            draft.rounded(property, i32::try_from(digits).map_or(f64::NAN, f64::from) * 0.35, 1);
        }
        (Meaning::State(property), Read::Digits(digits)) => draft.flag(property, digits != 0),
        (Meaning::State(property), Read::Float(number)) => draft.flag(property, number.abs() > 0.5),
        (Meaning::Text(property), Read::Text(text)) => draft.text(property, text),
        (Meaning::PacketId, Read::Digits(id)) => {
            if let Ok(id) = u8::try_from(id) {
                draft.packet_id(id);
            }
        }
        (Meaning::Button, _) => {
            events.buttons = events.buttons.saturating_add(1);
            if let Some(press) = data.first().and_then(|code| press(*code)) {
                event(draft, P::Button, events.buttons, press);
            }
        }
        (Meaning::Dimmer, _) => {
            events.dimmers = events.dimmers.saturating_add(1);
            if let [code @ (1 | 2), steps, ..] = *data {
                event(draft, P::Dimmer, events.dimmers, if code == 1 { "rotate_left" } else { "rotate_right" });
                numbered(draft, P::DimmerSteps, events.dimmers, Datum::Number(steps.into()));
            }
        }
        (Meaning::Command, _) => {
            events.commands = events.commands.saturating_add(1);
            if let Some((code, args)) = data.split_first().and_then(|(code, args)| Some((command(*code)?, args))) {
                event(draft, P::Command, events.commands, code);
                if !args.is_empty() {
                    numbered(draft, P::CommandArgs, events.commands, Datum::Text(to_hex(args).into()));
                }
            }
        }
        (Meaning::Device, _) | (_, Read::Digits(_) | Read::Float(_) | Read::Text(_)) => {}
    }
}

fn press(code: u8) -> Option<&'static str> {
    Some(match code {
        0x01 => "press",
        0x02 => "double_press",
        0x03 => "triple_press",
        0x04 => "long_press",
        0x05 => "long_double_press",
        0x06 => "long_triple_press",
        0x80 => "hold_press",
        0x81 => "hold_release",
        _ => return None,
    })
}

fn command(code: u8) -> Option<&'static str> {
    Some(match code {
        0x00 => "off",
        0x01 => "on",
        0x02 => "toggle",
        0x03 => "step_up",
        0x04 => "step_down",
        _ => return None,
    })
}

fn event(draft: &mut Draft, property: Property, nth: u8, word: &'static str) {
    numbered(draft, property, nth, Datum::Text(word.into()));
}

/// Puts a value down as the nth of its name, whether the ones before are there or not.
fn numbered(draft: &mut Draft, property: Property, nth: u8, datum: Datum) {
    draft.set(Key { nth, ..property.into() }, datum);
}

/// A float of two, four or eight bytes.
fn float(data: &[u8]) -> Option<f64> {
    match data.len() {
        2 => Bytes(data).u16_le(0).map(half),
        4 => Bytes(data).f32_le(0),
        8 => Bytes(data).array(0).map(f64::from_le_bytes),
        _ => None,
    }
}

/// Source: IEEE 754, binary16: 1 bit of sign, 5 of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        0x1f => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}
