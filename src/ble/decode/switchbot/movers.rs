//! `SwitchBot`'s things that move others: bots, curtains, blinds, locks; and what is pressed to make them.

use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::switchbot::Sent;
use crate::ble::decode::switchbot::battery;
use crate::ble::decode::switchbot::share;

const LOCK_STATUS: [&str; 8] =
    ["locked", "unlocked", "locking", "unlocking", "locking_stop", "unlocking_stop", "not_fully_locked", "half_locked"];

/// A bot presses, or it switches; only then it is on or off.
pub(super) fn bot(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.service(3)?;
    let switches = data[1] & 0x80 != 0;
    battery(sent, draft);
    draft.text(P::Mode, if switches { "switch" } else { "press" });
    draft.flag(P::Powered, switches && data[1] & 0x40 == 0);
    Some(())
}

pub(super) fn curtain(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let (place, light, percent) = if let Some(data) = sent.company(11) {
        let of_the_third = sent.company(13).map(|data| data[12]);
        (data[8], data[9], of_the_third.or_else(|| sent.service(3).map(|data| data[2])))
    } else {
        let data = sent.service(6)?;
        (data[3], data[4], Some(data[2]))
    };
    if let Some(percent) = percent {
        share(P::Battery, percent, draft);
    }
    draft.whole(P::Position, open(place));
    draft.whole(P::LightLevel, light >> 4);
    draft.flag(P::Moving, place & 0x80 != 0);
    if let Some(data) = sent.service(2) {
        draft.flag(P::Calibrated, data[1] & 0x40 != 0);
    }
    Some(())
}

pub(super) fn roller_shade(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(10)?;
    battery(sent, draft);
    draft.whole(P::Position, open(data[8]));
    draft.whole(P::LightLevel, data[9] >> 4);
    draft.flag(P::Moving, data[7] & 0b0110 != 0);
    draft.flag(P::Calibrated, data[8] & 0x80 != 0);
    Some(())
}

pub(super) fn blind_tilt(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(10)?;
    battery(sent, draft);
    draft.whole(P::Tilt, (data[8] & 0x7f).min(100));
    draft.whole(P::LightLevel, data[9] >> 4);
    draft.flag(P::Moving, data[8] & 0x80 != 0);
    draft.flag(P::Calibrated, data[7] & 0x01 != 0);
    Some(())
}

pub(super) fn lock_lite(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(9)?;
    battery(sent, draft);
    status(data[7] >> 4 & 0x07, draft)?;
    draft.flag(P::Calibrated, data[7] & 0x80 != 0);
    draft.flag(P::DoubleLockMode, data[8] & 0x80 != 0);
    draft.flag(P::UnlockedAlarm, data[8] & 0x10 != 0);
    draft.flag(P::NightLatch, data.get(9).is_some_and(|bits| bits & 0x01 != 0));
    Some(())
}

pub(super) fn lock(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    lock_lite(sent, draft)?;
    let data = sent.company(9)?;
    draft.flag(P::Door, data[7] & 0x04 != 0);
    draft.flag(P::UnclosedAlarm, data[8] & 0x20 != 0);
    draft.flag(P::AutoLockPaused, data[8] & 0x02 != 0);
    Some(())
}

/// The later locks have a layout of their own.
pub(super) fn lock_pro(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(12)?;
    share(P::Battery, data[9], draft);
    status(data[7] >> 3 & 0x0f, draft)?;
    draft.flag(P::Calibrated, data[7] & 0x80 != 0);
    draft.flag(P::Door, data[8] & 0x10 != 0);
    draft.flag(P::AutoLockPaused, data[8] & 0x08 != 0);
    draft.flag(P::DoubleLockMode, data[10] & 0x80 != 0);
    draft.flag(P::UnclosedAlarm, data[11] & 0x80 != 0);
    draft.flag(P::UnlockedAlarm, data[11] & 0x40 != 0);
    Some(())
}

pub(super) fn lock_ultra(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    lock_pro(sent, draft)
}

/// Nothing is known of what a key pad was asked but that the byte changes with each attempt.
pub(super) fn keypad(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    sent.service(3)?;
    let data = sent.company(7)?;
    battery(sent, draft);
    draft.whole(P::Counter, data[6]);
    Some(())
}

pub(super) fn keypad_vision(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(14)?;
    share(P::Battery, data[7], draft);
    draft.flag(P::BatteryCharging, data[7] & 0x80 != 0);
    draft.flag(P::LockoutAlarm, data[8] & 0x01 != 0);
    draft.flag(P::Tamper, data[8] & 0x02 != 0);
    draft.flag(P::DuressAlarm, data[8] & 0x04 != 0);
    draft.flag(P::Heat, data[8] & 0x40 != 0);
    draft.flag(P::Cold, data[8] & 0x80 != 0);
    draft.flag(P::Presence, data[13] & 0x03 != 0);
    if data[12] & 0x08 != 0 {
        draft.text(P::Doorbell, "press");
    }
    Some(())
}

pub(super) fn remote(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    sent.service(3)?;
    battery(sent, draft);
    Some(())
}

pub(super) fn universal_remote(sent: Sent<'_>, draft: &mut Draft) -> Option<()> {
    let data = sent.company(8)?;
    share(P::Battery, data[7], draft);
    draft.flag(P::BatteryCharging, data[7] & 0x80 != 0);
    Some(())
}

/// They count from open to closed, and people the other way round.
fn open(closed: u8) -> u8 {
    100 - (closed & 0x7f).min(100)
}

/// In words, and as `BTHome` has it: true is open.
fn status(code: u8, draft: &mut Draft) -> Option<()> {
    draft.text(P::LockStatus, *LOCK_STATUS.get(usize::from(code))?);
    draft.flag(P::Lock, code != 0);
    Some(())
}
