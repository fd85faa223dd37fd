//! Who may hear an event at all, over whatever transport.
//!
//! - What a device or a user published is for everybody of the same owner; but an [answer](reply) for a device is for
//!   no other device.
//! - What farhook emits (results, refusals) is for the device that it is addressed to, for the owner's observers, and
//!   for devices that may read all results of their owner.
//! - What farhook asks of a device is no result: it is for that device and for the owner's observers.

use crate::model::DeviceId;
use crate::model::Event;
use crate::model::Source;
use crate::model::call;
use crate::model::reply;

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearer {
    /// A device.
    Device {
        /// Which one.
        id: DeviceId,
        /// Whether it may read the results of its owner's other devices.
        reads_all_results: bool,
    },
    /// A user with a token.
    Observer,
}

impl Hearer {
    /// Whether they may hear an event of their owner.
    pub fn may_hear(self, event: &Event) -> bool {
        let is_own = |id| event.source.addressee() == Some(id);
        match (self, event.source) {
            (Self::Observer, _) => true,
            (Self::Device { id, .. }, Source::Device(_) | Source::Api) => !reply::is_for_another(&event.name, id),
            (Self::Device { id, reads_all_results }, Source::Hook { .. }) => reads_all_results || is_own(id),
            (Self::Device { id, reads_all_results }, Source::Gateway { .. }) => {
                reads_all_results && !call::is_request(&event.name) || is_own(id)
            }
        }
    }
}
