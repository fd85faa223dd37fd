//! Which `SwitchBot` is which.

use crate::ble::decode::reading::Draft;
use crate::ble::decode::switchbot::Sent;
use crate::ble::decode::switchbot::movers;
use crate::ble::decode::switchbot::powered;
use crate::ble::decode::switchbot::sensors;

/// A kind of device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) name: &'static str,
    /// None if what was heard is too short.
    pub(super) read: fn(Sent<'_>, &mut Draft) -> Option<()>,
    /// Whether the byte behind the address counts its adverts.
    pub(super) has_sequence: bool,
}

/// The code in the first byte of the service data, without the bit that says that commands are encrypted.
pub(super) fn in_first_byte(service: &[u8]) -> Option<u32> {
    let code = u32::from(service.first()? & 0x7f);
    model(code).map(|_| code)
}

/// The code in the last four bytes of the service data, or in the four before the last.
pub(super) fn in_last_bytes(service: &[u8]) -> Option<u32> {
    if service.len() <= 5 {
        return None;
    }
    let ends = [service, &service[..service.len() - 1]];
    let mut codes = ends.into_iter().filter_map(|data| data.last_chunk().copied().map(u32::from_be_bytes));
    codes.find(|code| *code > 0xff && model(*code).is_some())
}

/// The device with a code. Most have two: one for before they are set up.
pub(super) fn model(code: u32) -> Option<Model> {
    let (name, read, has_sequence) = match u8::try_from(code) {
        Ok(code) => short(code)?,
        Err(_) if code >> 24 <= 1 => long(code & 0x00ff_ffff)?,
        Err(_) => return None,
    };
    Some(Model { name, read, has_sequence })
}

type Row = (&'static str, fn(Sent<'_>, &mut Draft) -> Option<()>, bool);

fn short(code: u8) -> Option<Row> {
    Some(match code {
        b'd' | b'D' => ("Contact Sensor", sensors::contact, false),
        b'H' => ("Bot", movers::bot, false),
        b's' | b'S' => ("Motion Sensor", sensors::motion, false),
        b'r' | b'R' => ("Light Strip", powered::light, true),
        b'{' | b'[' => ("Curtain 3", movers::curtain, false),
        b'c' | b'C' => ("Curtain", movers::curtain, false),
        b'w' | b'W' => ("Indoor/Outdoor Meter", sensors::meter, false),
        b'i' | b'I' => ("Meter Plus", sensors::meter, false),
        b'T' | b't' => ("Meter", sensors::meter, false),
        b'4' | 0x14 => ("Meter Pro", sensors::meter, false),
        b'5' | 0x15 => ("Meter Pro CO2", sensors::meter_with_co2, false),
        b'v' | b'V' => ("Hub 2", sensors::hub2, false),
        b'g' | b'G' => ("Plug Mini (US)", powered::plug, false),
        b'j' | b'J' => ("Plug Mini (JP)", powered::plug, false),
        b'?' | 0x1f => ("Plug Mini (EU)", powered::relay_with_power, true),
        b'u' | b'U' => ("Color Bulb", powered::bulb, true),
        b'q' | b'Q' => ("Ceiling Light", powered::ceiling_light, true),
        b'n' | b'N' => ("Ceiling Light Pro", powered::ceiling_light, true),
        b'e' | b'E' => ("Humidifier", powered::humidifier, false),
        b'#' | 0x03 => ("Evaporative Humidifier", powered::evaporative_humidifier, true),
        b'o' | b'O' => ("Lock", movers::lock, true),
        b'$' | 0x04 => ("Lock Pro", movers::lock_pro, true),
        b'-' | 0x0d => ("Lock Lite", movers::lock_lite, true),
        b'x' | b'X' => ("Blind Tilt", movers::blind_tilt, true),
        b'&' | 0x06 => ("Leak Detector", sensors::leak, false),
        b'y' | b'Y' => ("Keypad", movers::keypad, false),
        b'<' | 0x1c => ("Relay Switch 1PM", powered::relay_with_power, true),
        b';' | 0x1b => ("Relay Switch 1", powered::relay, true),
        b'=' | 0x1d => ("Relay Switch 2PM", powered::two_relays, true),
        b'>' | 0x1e => ("Garage Door Opener", powered::garage_door, true),
        b'b' | b'B' => ("Remote", movers::remote, false),
        b'\'' | 0x07 => ("Universal Remote", movers::universal_remote, false),
        b',' | 0x0c => ("Roller Shade", movers::roller_shade, true),
        b'%' | 0x05 => ("HubMini Matter", sensors::hub_mini, false),
        b'~' | b'^' => ("Circulator Fan", powered::fan, true),
        b'.' | 0x0f => ("K20 Vacuum", powered::vacuum, true),
        b'z' | b'Z' => ("S10 Vacuum", powered::vacuum, true),
        b'3' | 0x13 => ("K10+ Pro Combo Vacuum", powered::vacuum, true),
        b'}' | b']' => ("K10+ Vacuum", powered::small_vacuum, true),
        b'(' | 0x08 => ("K10+ Pro Vacuum", powered::small_vacuum, true),
        b'*' | 0x0a => ("Air Purifier US", powered::air_purifier, true),
        b'+' | 0x0b => ("Air Purifier JP", powered::air_purifier, true),
        b'7' | 0x17 => ("Air Purifier Table US", powered::air_purifier, true),
        b'8' | 0x18 => ("Air Purifier Table JP", powered::air_purifier, true),
        _ => return None,
    })
}

fn long(code: u32) -> Option<Row> {
    Some(match code {
        0x10_b940 => ("Hub 3", sensors::hub3, true),
        0x10_a5b8 => ("Lock Ultra", movers::lock_ultra, true),
        0x11_9fb8 => ("Lock Ultra Max", movers::lock_ultra, true),
        0x11_6909 => ("Lock Vision Pro", movers::lock_ultra, true),
        0x11_6908 => ("Lock Vision", movers::lock_lite, true),
        0x10_ff90 => ("Lock Pro Wifi", movers::lock_pro, true),
        0x10_d0b0 => ("Floor Lamp", powered::lamp, true),
        0x10_d0b1 => ("Strip Light 3", powered::lamp, true),
        0x11_22b8 => ("Candle Warmer Lamp", powered::light, true),
        0x10_d0b3 => ("RGBICWW Strip Light", powered::rgb_light, true),
        0x10_d0b4 => ("RGBICWW Floor Lamp", powered::rgb_light, true),
        0x11_bef8 => ("RGBICWW Light Bars", powered::rgb_light, true),
        0x11_bb10 => ("RGBICWW Ceiling Light", powered::rgb_ceiling_light, true),
        0x10_d0b7 => ("Permanent Outdoor Light", powered::rgb_light, true),
        0x10_d0b5 => ("RGBIC Neon Wire Rope Light", powered::light, true),
        0x10_d0b6 => ("RGBIC Neon Rope Light", powered::light, true),
        0x11_b340 => ("Circulator Fan Pro", powered::fan_pro, true),
        0x11_0760 => ("Standing Fan", powered::standing_fan, true),
        0x10_fba8 => ("K11+ Vacuum", powered::vacuum, true),
        0x10_e050 => ("S20 Vacuum", powered::vacuum, true),
        0x10_f3d8 => ("Climate Panel", sensors::climate_panel, true),
        0x11_3640 => ("Smart Thermostat Radiator", powered::radiator, true),
        0x10_ccc8 => ("Presence Sensor", sensors::presence, true),
        0x11_3e10 => ("Art Frame", powered::art_frame, true),
        0x11_0378 => ("Keypad Vision", movers::keypad_vision, true),
        0x11_5198 => ("Keypad Vision Pro", movers::keypad_vision, true),
        0x10_53b0 => ("Weather Station", sensors::weather_station, true),
        _ => return None,
    })
}
