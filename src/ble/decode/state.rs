//! The little that a decoder has to know of the adverts before. Whoever calls keeps it, for each address one.

use serde::Deserialize;
use serde::Serialize;

use crate::ble::decode::refusal::Refusal;

/// What the adverts of one address have told so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// The highest encryption counter of `BTHome`.
    pub bthome: Option<u32>,
    /// The highest encryption counter of `MiBeacon`.
    pub mibeacon: Option<u32>,
    /// Which `SwitchBot` it is: only some of its adverts say so.
    pub switchbot: Option<u32>,
}

/// Takes a counter for the highest one, if it is. The same one again is no replay: every sending is heard several times.
pub(super) fn advance(highest: &mut Option<u32>, counter: u32) -> Result<(), Refusal> {
    match *highest {
        Some(last) if counter < last => Err(Refusal::Replayed { counter, last }),
        _ => {
            *highest = Some(counter);
            Ok(())
        }
    }
}
