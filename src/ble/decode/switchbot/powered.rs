//! `SwitchBot`'s things with a plug: switches, lights, fans, what cleans the air and the floor.

use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;
use crate::ble::decode::switchbot::Sent;
use crate::ble::decode::switchbot::sensors;
use crate::ble::decode::switchbot::share;

const RADIATOR_MODES: [&str; 6] = ["schedule", "manual", "off", "eco", "comfort", "boost"];
const FAN_MODES: [&str; 5] = ["normal", "natural", "sleep", "baby", "custom_natural"];
const FAN_PRO_MODES: [&str; 4] = ["normal", "natural", "sleep", "hurricane"];
const HUMIDIFIER_MODES: [&str; 8] =
    ["high", "medium", "low", "quiet", "target_humidity", "sleep", "auto", "drying_filter"];
const WATER_LEVELS: [&str; 4] = ["empty", "low", "medium", "high"];
const AIR_LEVELS: [&str; 4] = ["excellent", "good", "moderate", "unhealthy"];

pub(super) fn plug(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(12)?;
    draft.scaled(P::Power, u16::from_be_bytes([data[10], data[11]]) & 0x7fff, 1);
    draft.flag(P::Powered, data[7] == 0x80);
    Some(())
}

pub(super) fn relay(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    draft.flag(P::Powered, sent.company(8)?[7] & 0x80 != 0);
    Some(())
}

pub(super) fn relay_with_power(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(12)?;
    draft.whole(P::Power, u16::from_be_bytes([data[10], data[11]]));
    draft.flag(P::Powered, data[7] & 0x80 != 0);
    Some(())
}

pub(super) fn two_relays(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(14)?;
    for (relay, bit, at) in [(1, 0x80, 10), (2, 0x40, 12)] {
        draft.whole((P::Power, Part::Number(relay)), sent.company.u16_be(at)?);
        draft.flag((P::Powered, Part::Number(relay)), data[7] & bit != 0);
    }
    Some(())
}

pub(super) fn garage_door(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    relay(sent, draft)?;
    draft.flag(P::GarageDoor, sent.company(8)?[7] & 0x20 == 0);
    Some(())
}

pub(super) fn light(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(9)?;
    share(P::Brightness, data[7], draft);
    draft.flag(P::Powered, data[7] & 0x80 != 0);
    Some(())
}

pub(super) fn lamp(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    with_color_temperature(sent, 16, draft)
}

pub(super) fn rgb_light(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    with_color_temperature(sent, 10, draft)
}

pub(super) fn rgb_ceiling_light(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    rgb_light(sent, draft)?;
    let main = sent.company(14)?[13];
    draft.whole((P::Brightness, Part::Named("main")), main & 0x7f);
    draft.flag((P::Powered, Part::Named("main")), main & 0x80 != 0);
    Some(())
}

pub(super) fn bulb(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    sent.company(11)?;
    light(sent, draft)
}

pub(super) fn ceiling_light(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(11)?;
    share(P::Brightness, data[7], draft);
    draft.whole(P::ColorTemperature, u16::from_be_bytes([data[8], data[9]]));
    draft.flag(P::Powered, data[10] & 0x80 != 0);
    Some(())
}

pub(super) fn fan(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(10)?;
    fan_state(data[7], &FAN_MODES[..4], draft);
    share(P::Battery, data[8], draft);
    share(P::FanSpeed, data[9], draft);
    Some(())
}

pub(super) fn standing_fan(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(10)?;
    fan_state(data[7], &FAN_MODES, draft);
    share(P::Battery, data[8], draft);
    share(P::FanSpeed, data[9], draft);
    draft.flag(P::BatteryCharging, data[8] & 0x80 != 0);
    Some(())
}

pub(super) fn fan_pro(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(10)?;
    fan_state(data[8], &FAN_PRO_MODES, draft);
    share(P::Battery, data[7], draft);
    share(P::FanSpeed, data[9], draft);
    draft.flag(P::BatteryCharging, data[7] & 0x80 != 0);
    Some(())
}

pub(super) fn air_purifier(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(14)?;
    let speed = data[9] & 0x7f;
    if let Some(mode) = purifier_mode(data[7] & 0x07, speed) {
        draft.text(P::Mode, mode);
    }
    draft.whole(P::FanSpeed, speed);
    draft.text(P::AqiLevel, AIR_LEVELS[usize::from(data[10] >> 1 & 0x03)]);
    draft.whole(P::FilterHours, u16::from_be_bytes([data[11], data[12]]));
    draft.whole(P::ErrorCode, data[13]);
    draft.flag(P::Powered, data[7] & 0x80 != 0);
    draft.flag(P::Childlock, data[8] & 0x02 != 0);
    Some(())
}

/// The first one, which tells how much it does and nothing that it measures.
pub(super) fn humidifier(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.service(5)?;
    draft.whole(P::FanSpeed, data[4]);
    draft.flag(P::Powered, data[1] != 0);
    Some(())
}

pub(super) fn evaporative_humidifier(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(17)?;
    let mode = HUMIDIFIER_MODES.get(usize::from((data[7] & 0x0f).checked_sub(1)?))?;
    // It measures with a meter that it was bound to, if one was.
    let (is_bound, humidity) = (data[9] & 0x80 != 0, data[9] & 0x7f);
    if is_bound && humidity <= 100 {
        draft.scaled(P::Temperature, sensors::tenths_of_a_degree(data[11] >> 4, data[10]), 1);
        draft.whole(P::Humidity, humidity);
    }
    draft.text(P::Mode, *mode);
    share(P::TargetHumidity, data[16], draft);
    draft.text(P::WaterLevel, WATER_LEVELS[usize::from(data[11] & 0x03)]);
    draft.whole(P::FilterHours, u16::from_be_bytes([data[12], data[13]]) & 0x0fff);
    draft.flag(P::Powered, data[7] & 0x80 != 0);
    draft.flag(P::Childlock, data[8] & 0x20 != 0);
    draft.flag(P::TankRemoved, data[8] & 0x04 != 0);
    Some(())
}

pub(super) fn vacuum(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(14)?;
    draft.whole(P::Battery, data[12]);
    draft.whole(P::WorkStatus, data[13] & 0x3f);
    Some(())
}

pub(super) fn small_vacuum(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(9)?;
    share(P::Battery, data[8], draft);
    draft.whole(P::WorkStatus, data[7] >> 4 & 0x01);
    Some(())
}

pub(super) fn radiator(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(13)?;
    let mode = RADIATOR_MODES.get(usize::from(data[11] & 0x07))?;
    sensors::temperature(data[8], data[9], draft);
    draft.scaled(P::TargetTemperature, sensors::tenths_of_a_degree(data[8] >> 4, data[10]), 1);
    share(P::Battery, data[7], draft);
    draft.text(P::Mode, *mode);
    draft.whole(P::ErrorCode, data[12] >> 1 & 0x07);
    draft.flag(P::Powered, data[7] & 0x80 != 0);
    draft.flag(P::Window, data[12] & 0x01 != 0);
    Some(())
}

pub(super) fn art_frame(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(10)?;
    share(P::Battery, data[7], draft);
    draft.flag(P::BatteryCharging, data[7] & 0x80 != 0);
    Some(())
}

fn with_color_temperature(sent: Sent<'_>, at: usize, draft: &mut Draft) -> Option<()> {
    light(sent, draft)?;
    draft.whole(P::ColorTemperature, sent.company.u16_be(at)?);
    Some(())
}

fn fan_state(bits: u8, modes: &[&'static str], draft: &mut Draft) {
    let mode = (bits >> 4 & 0x07).checked_sub(1).and_then(|at| modes.get(usize::from(at)));
    if let Some(mode) = mode {
        draft.text(P::Mode, *mode);
    }
    draft.flag(P::Powered, bits & 0x80 != 0);
    draft.flag(P::Oscillating, bits & 0x03 != 0);
}

fn purifier_mode(code: u8, speed: u8) -> Option<&'static str> {
    Some(match (code, speed) {
        (1, 0..=33) => "level_1",
        (1, 34..=66) => "level_2",
        (1, _) => "level_3",
        (2, _) => "auto",
        (3, _) => "sleep",
        (4, _) => "pet",
        _ => return None,
    })
}
