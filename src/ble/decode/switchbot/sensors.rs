//! `SwitchBot`'s sensors, and its hubs, which have some.

use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::switchbot::Sent;
use crate::ble::decode::switchbot::battery;
use crate::ble::decode::switchbot::share;

/// More carbon dioxide than this the sensor does not measure; it is noise. Source: pySwitchbot 3.1, read 2026-11.
const MOST_CO2_PPM: u16 = 9999;

/// What the light level of a Hub 2 is in lux, from level 1. Source: as above.
const HUB2_LUX: [u16; 21] =
    [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 105, 205, 317, 416, 510, 610, 707, 801, 897, 1023, 1091];
/// The same of a Hub 3, which stays at its highest level.
const HUB3_LUX: [u16; 10] = [0, 50, 90, 205, 317, 510, 610, 707, 801, 1023];

pub(super) fn meter(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let measured = sent.company(11).map(|data| &data[8..11]).or_else(|| Some(&sent.service(6)?[3..6]))?;
    if climate(measured, draft)? {
        battery(sent, draft);
    }
    Some(())
}

pub(super) fn meter_with_co2(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    meter(sent, draft)?;
    let is_there = !is_unset(sent.company(11).map_or(&[], |data| &data[8..11]));
    let co2 = sent.company(15).and_then(|_| sent.company.u16_be(13)).filter(|co2| *co2 <= MOST_CO2_PPM);
    if let Some(co2) = co2.filter(|_| is_there) {
        draft.whole(P::Co2, co2);
    }
    Some(())
}

pub(super) fn weather_station(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    if let Some(data) = sent.company(11) {
        if climate(&data[8..11], draft)? {
            share(P::Battery, data[7], draft);
        }
        return Some(());
    }
    if climate(&sent.service(6)?[3..6], draft)? {
        battery(sent, draft);
    }
    Some(())
}

pub(super) fn hub2(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(16)?;
    if climate(&data[13..16], draft)? {
        light(data[12] & 0x1f, &HUB2_LUX, draft);
    }
    Some(())
}

pub(super) fn hub3(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(17)?;
    temperature(data[13], data[14], draft);
    share(P::Humidity, data[15], draft);
    light(data[12] & 0x0f, &HUB3_LUX, draft);
    draft.flag(P::TemperatureOutOfBounds, data[13] & 0b1100_0000 != 0);
    draft.flag(P::HumidityAlarm, data[13] & 0b0011_0000 != 0);
    draft.flag(P::Motion, data[16] & 0x80 != 0);
    Some(())
}

pub(super) fn hub_mini(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    climate(&sent.company(16)?[13..16], draft).map(|_| ())
}

pub(super) fn climate_panel(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(16)?;
    temperature(data[8], data[9], draft);
    share(P::Humidity, data[10], draft);
    share(P::Battery, data[7], draft);
    draft.flag(P::Powered, data[7] & 0x80 != 0);
    draft.flag(P::Motion, data[15] & 0x80 != 0);
    draft.flag(P::Light, data[15] >> 1 & 0x03 == 0x02);
    Some(())
}

pub(super) fn contact(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    // Whether it is open, was not closed in time, moves, sees light; how often its button was pressed.
    let (is_open, is_late, moves, is_light, presses) = if let Some(data) = sent.company(13) {
        let bits = data[7];
        (bits & 0x10 != 0, bits & 0x20 != 0, bits & 0x80 != 0, bits & 0x40 != 0, data[12] & 0x0f)
    } else {
        let data = sent.service(9)?;
        let bits = data[3];
        (bits & 0x02 != 0, bits & 0x04 != 0, data[1] & 0x40 != 0, bits & 0x01 != 0, data[8] & 0x0f)
    };
    battery(sent, draft);
    draft.whole(P::ButtonCount, presses);
    draft.flag(P::Opening, is_open || is_late);
    draft.flag(P::ContactTimeout, is_late);
    draft.flag(P::Motion, moves);
    draft.flag(P::Light, is_light);
    if let Some(data) = sent.service(2) {
        draft.flag(P::Tested, data[1] & 0x80 != 0);
    }
    Some(())
}

pub(super) fn motion(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let (service, company) = (sent.service(6), sent.company(8));
    let (motion, light) = match (company, service) {
        (Some(data), _) => (data[7] & 0x40 != 0, data[7] & 0x20 != 0),
        (None, Some(data)) => (data[1] & 0x40 != 0, data[5] & 0x02 != 0),
        (None, None) => return None,
    };
    if let Some(data) = service {
        share(P::Battery, data[2], draft);
        draft.whole(P::LightLevel, data[5] & 0x03);
        draft.flag(P::Tested, data[1] & 0x80 != 0);
    }
    draft.flag(P::Motion, motion);
    draft.flag(P::Light, light);
    Some(())
}

pub(super) fn presence(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(12)?;
    battery(sent, draft);
    draft.whole(P::LightLevel, data[11] & 0x1f);
    draft.whole(P::Duration, u16::from_be_bytes([data[8], data[9]]));
    draft.flag(P::Motion, data[7] & 0x40 != 0);
    Some(())
}

pub(super) fn leak(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(9)?;
    share(P::Battery, data[7], draft);
    draft.flag(P::Wet, data[8] & 0x01 != 0);
    draft.flag(P::Tamper, data[8] & 0x02 != 0);
    draft.flag(P::BatteryLow, data[7] & 0x80 != 0);
    Some(())
}

/// Temperature and humidity in three bytes. Whether there are any: all zero is a sensor that is not there.
fn climate(data: &[u8], draft: &mut Draft) -> Option<bool> {
    let [tenths, whole, humidity] = *data else { return None };
    if is_unset(data) {
        return Some(false);
    }
    temperature(tenths, whole, draft);
    share(P::Humidity, humidity, draft);
    Some(true)
}

fn is_unset(data: &[u8]) -> bool {
    matches!(*data, [tenths, whole, humidity] if (tenths & 0x0f, whole & 0x7f, humidity & 0x7f) == (0, 0, 0))
}

/// Tenths in the low half of a byte; whole degrees, and a bit that says that they are above zero.
pub(super) fn temperature(tenths: u8, whole: u8, draft: &mut Draft) {
    draft.scaled(P::Temperature, tenths_of_a_degree(tenths & 0x0f, whole), 1);
}

pub(super) fn tenths_of_a_degree(tenths: u8, whole: u8) -> i64 {
    let size = i64::from(whole & 0x7f) * 10 + i64::from(tenths);
    if whole & 0x80 == 0 { -size } else { size }
}

fn light(level: u8, lux: &[u16], draft: &mut Draft) {
    draft.whole(P::LightLevel, level);
    // The highest level of a Hub 3 is the last of the table, more of a Hub 2 is none.
    let at = usize::from(level).min(if lux.len() == HUB3_LUX.len() { lux.len() } else { usize::MAX });
    draft.whole(P::Illuminance, at.checked_sub(1).and_then(|at| lux.get(at)).copied().unwrap_or(0));
}
