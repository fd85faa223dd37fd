//! Scales that speak `MiBeacon`.
//! Source: xiaomi-ble 1.21, objects 0x4e16 and 0x6e16, read 2026-11.

use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;

/// All bits of the S400's weight mean that there is none.
const NO_MASS: u32 = 0x7ff;

/// The S200 sends only weights that are final.
pub(super) fn s200(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    let (profile, mass) = (data.u8(0)?, data.u32_le(1)?);
    if mass != 0 {
        draft.scaled(P::Mass, mass, 2);
        draft.flag(P::Stabilized, true);
        draft.whole(P::ProfileId, profile);
    }
    Some(())
}

/// The S400 sends weight, pulse and the body's resistance at two frequencies, in turn.
pub(super) fn s400(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    let (profile, packed) = (data.u8(0)?, data.u32_le(1)?);
    let (mass, pulse, impedance) = (packed & 0x7ff, packed >> 11 & 0x7f, packed >> 18);
    let mass = if mass == NO_MASS { 0 } else { mass };
    draft.whole(P::ProfileId, profile);
    if (mass, pulse, impedance) == (0, 0, 0) {
        draft.flag(P::Stabilized, false);
        return Some(());
    }
    if mass != 0 {
        draft.scaled(P::Mass, mass, 1);
    }
    if (1..127).contains(&pulse) {
        draft.whole(P::HeartRate, pulse + 50);
    }
    if (mass, pulse) == (0, 0) {
        draft.scaled((P::Impedance, Part::Named("high")), impedance, 1);
        draft.flag(P::Stabilized, true);
    } else if impedance != 0 {
        draft.scaled((P::Impedance, Part::Named("low")), impedance, 1);
        draft.flag(P::Stabilized, false);
    } else {
        // Nobody measures through socks.
        draft.flag(P::Stabilized, true);
    }
    Some(())
}
