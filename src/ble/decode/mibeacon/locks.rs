//! Doors and locks of `MiBeacon`. A lock is true when it is open, as in `BTHome`.
//! Source: <https://iot.mi.com/new/doc/accesses/direct-access/embedded-development/ble/object-definition>, read 2026-11.

use std::borrow::Cow;

use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Draft;

pub(super) fn door(state: u8, draft: &mut Draft) {
    if let 0..=5 = state {
        draft.flag(P::Door, matches!(state, 0 | 2 | 4));
    }
    match state {
        0 => {
            draft.flag(P::DoorStuck, false);
            draft.flag(P::KnockOnTheDoor, false);
        }
        1 => {
            draft.flag(P::DoorLeftOpen, false);
            draft.flag(P::PryTheDoor, false);
        }
        2 => draft.flag(P::DoorLeftOpen, true),
        3 => draft.flag(P::KnockOnTheDoor, true),
        4 => draft.flag(P::PryTheDoor, true),
        5 => draft.flag(P::DoorStuck, true),
        _ => {}
    }
}

pub(super) fn armed(state: u8, model: &str, draft: &mut Draft) {
    let is_armed = state != 1;
    draft.flag(P::Armed, is_armed);
    if model == "DSL-C08" {
        // That is how it says that its handle was lifted from outside.
        draft.flag(P::Lock, is_armed);
        draft.text(P::LockAction, "lock_outside_the_door");
        draft.text(P::LockMethod, "manual");
    }
}

pub(super) fn attribute(bits: u8, model: &str, draft: &mut Draft) {
    if model == "DSL-C08" {
        draft.flag(P::Lock, bits & 1 == 0);
        draft.flag(P::Childlock, bits >> 3 != 1);
    }
}

pub(super) fn fingerprint(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    let (key, result) = (data.u32_le(0)?, data.u8(4)?);
    draft.flag(P::Fingerprint, result == 0);
    draft.text(P::KeyId, someone(key).map_or_else(|| key.to_string().into(), Cow::Borrowed));
    let result = match result {
        0 => "match_successful",
        1 => "match_failed",
        2 => "timeout",
        3 => "low_quality_too_light_fuzzy",
        4 => "insufficient_area",
        5 => "skin_is_too_dry",
        6 => "skin_is_too_wet",
        _ => return None,
    };
    draft.text(P::FingerprintResult, result);
    Some(())
}

pub(super) fn lock(data: Bytes<'_>, model: &str, draft: &mut Draft) -> Option<()> {
    let (code, key) = (data.u8(0)?, data.u32_le(1)?);
    let (is_open, kind, action) = action(code & 0x0f)?;
    let method = method(code >> 4)?;
    // Only one model tells its three bolts apart.
    draft.flag(if model == "ZNMS17LM" { kind } else { P::Lock }, is_open);
    let error = error(key);
    if error.is_none() {
        draft.text(P::KeyId, key_name(key));
    }
    draft.text(P::LockAction, action);
    draft.text(P::LockMethod, method);
    if let Some(error) = error {
        draft.text(P::LockError, error);
    }
    Some(())
}

fn action(code: u8) -> Option<(bool, P, &'static str)> {
    Some(match code {
        0b0000 => (true, P::Lock, "unlock_outside_the_door"),
        0b0001 => (false, P::Lock, "locked"),
        0b0010 => (false, P::Antilock, "turn_on_antilock"),
        0b0011 => (true, P::Antilock, "release_the_antilock"),
        0b0100 => (true, P::Lock, "unlock_inside_the_door"),
        0b0101 => (false, P::Lock, "lock_inside_the_door"),
        0b0110 => (false, P::Childlock, "turn_on_child_lock"),
        0b0111 => (true, P::Childlock, "turn_off_child_lock"),
        0b1000 => (false, P::Lock, "lock_outside_the_door"),
        0b1111 => (true, P::Lock, "abnormal"),
        _ => return None,
    })
}

fn method(code: u8) -> Option<&'static str> {
    Some(match code {
        0b0000 => "bluetooth",
        0b0001 => "password",
        0b0010 => "biometrics",
        0b0011 => "key_method",
        0b0100 => "turntable_method",
        0b0101 => "nfc_method",
        0b0110 => "one_time_password",
        0b0111 => "two_step_verification",
        0b1000 => "coercion_method",
        0b1001 => "homekit",
        0b1010 => "manual",
        0b1011 => "automatic",
        0b1111 => "abnormal",
        _ => return None,
    })
}

/// Some key numbers are errors.
fn error(key: u32) -> Option<&'static str> {
    Some(match key {
        0xc0de_0000 => "frequent_unlocking_with_incorrect_password",
        0xc0de_0001 => "frequent_unlocking_with_wrong_fingerprints",
        0xc0de_0002 => "operation_timeout_password_input_timeout",
        0xc0de_0003 => "lock_picking",
        0xc0de_0004 => "reset_button_is_pressed",
        0xc0de_0005 => "the_wrong_key_is_frequently_unlocked",
        0xc0de_0006 => "foreign_body_in_the_keyhole",
        0xc0de_0007 => "the_key_has_not_been_taken_out",
        0xc0de_0008 => "error_nfc_frequently_unlocks",
        0xc0de_0009 => "timeout_is_not_locked_as_required",
        0xc0de_000a => "failure_to_unlock_frequently_in_multiple_ways",
        0xc0de_000b => "unlocking_the_face_frequently_fails",
        0xc0de_000c => "failure_to_unlock_the_vein_frequently",
        0xc0de_000d => "hijacking_alarm",
        0xc0de_000e => "unlock_inside_the_door_after_arming",
        0xc0de_000f => "palmprints_frequently_fail_to_unlock",
        0xc0de_0010 => "the_safe_was_moved",
        0xc0de_1000 => "the_battery_level_is_less_than_10_percent",
        0xc0de_1001 => "the_battery_level_is_less_than_5_percent",
        0xc0de_1002 => "the_fingerprint_sensor_is_abnormal",
        0xc0de_1003 => "the_accessory_battery_is_low",
        0xc0de_1004 => "mechanical_failure",
        0xc0de_1005 => "the_lock_sensor_is_faulty",
        _ => return None,
    })
}

/// Key numbers that stand for somebody.
fn someone(key: u32) -> Option<&'static str> {
    Some(match key {
        0x0000_0000 => "administrator",
        0xffff_ffff => "unknown operator",
        0xdead_beef => "invalid operator",
        _ => return None,
    })
}

/// The high half of a key number says what kind of key it is.
fn key_name(key: u32) -> Cow<'static, str> {
    if let Some(someone) = someone(key) {
        return someone.into();
    }
    let short = key & 0xffff;
    match key >> 16 {
        0..=0x7fff => format!("Bluetooth key {key}"),
        0x8000 | 0x8001 => format!("Fingerprint key id {short}"),
        0x8002 => format!("Password key id {short}"),
        0x8003 => format!("Keys key id {short}"),
        0x8004 => format!("NFC key id {short}"),
        0x8005 => format!("Two-step verification key id {short}"),
        0x8006 => format!("Human face key id {short}"),
        0x8007 => format!("Finger veins key id {short}"),
        0x8008 => format!("Palm print key id {short}"),
        _ => format!("key id {short}"),
    }
    .into()
}
