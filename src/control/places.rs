//! Places of requests that wait for something far away: for a target's answer, for a packet of a sensor, or for many
//! deliveries to be stored anew.
//! They hold none of the seats in which everything else is done, and nobody gets all of the places.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use crate::bus::protocol::Request;
use crate::limits;
use crate::model::UserId;

/// Places of one user, and in all. Ours: a person tries one thing after the other, and a target may take minutes.
const OF_ONE: usize = 2;
const IN_ALL: usize = 8;

/// The places that there are.
#[derive(Debug)]
pub(super) struct Places {
    of_each: limits::Places<UserId>,
    of_all: Arc<Semaphore>,
}

/// One place; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _own: limits::Place<UserId>,
    _common: OwnedSemaphorePermit,
}

/// Why there is no place now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    /// The user has all that one may have.
    #[error(
        "{OF_ONE} tests, tries or replays of yours are under way, and more are not carried out at once; \
         try again when one of them has ended"
    )]
    OfOne,
    /// All are taken.
    #[error(
        "{IN_ALL} tests, tries or replays are under way on this gateway, and more are not carried out at once; \
         try again in a moment"
    )]
    InAll,
}

/// Whether a request waits for something far away.
pub(super) fn is_long(request: &Request) -> bool {
    matches!(
        request,
        Request::HookTest { .. }
            | Request::HookTry { .. }
            | Request::Replay { .. }
            | Request::BleAdopt { bind_key: Some(_), .. }
            | Request::BleSet { bind_key: Some(_), .. }
    )
}

impl Default for Places {
    fn default() -> Self {
        Self { of_each: limits::Places::default(), of_all: Arc::new(Semaphore::new(IN_ALL)) }
    }
}

impl Places {
    /// A place for one more request of `user`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn take(&self, user: UserId) -> Result<Place, NoPlace> {
        let own = self.of_each.take(user, OF_ONE).ok_or(NoPlace::OfOne)?;
        let common = Arc::clone(&self.of_all).try_acquire_owned().map_err(|_| NoPlace::InAll)?;
        Ok(Place { _own: own, _common: common })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Hidden;
    use crate::model::TellingChange;

    fn user(number: u8) -> UserId {
        UserId::from_bytes([number; 12])
    }

    #[test]
    fn a_bind_key_waits_for_a_packet_and_what_is_without_one_does_not() {
        let set = |bind_key| Request::BleSet { device: String::new(), telling: TellingChange::default(), bind_key };
        assert!(is_long(&set(Some(Hidden::new(String::new())))) && !is_long(&set(None)));
    }

    #[test]
    fn nobody_gets_all_places_and_a_place_is_given_back() {
        let places = Places::default();
        let mut taken: Vec<_> = (0..IN_ALL / OF_ONE)
            .flat_map(|number| [user(u8::try_from(number).unwrap()); OF_ONE])
            .map(|user| places.take(user).unwrap())
            .collect();
        assert_eq!(places.take(user(0)).unwrap_err(), NoPlace::OfOne);
        assert_eq!(places.take(user(9)).unwrap_err(), NoPlace::InAll);
        taken.pop();
        assert_eq!(places.take(user(0)).unwrap_err(), NoPlace::OfOne);
        taken.push(places.take(user(9)).unwrap());
        taken.clear();
        assert_eq!(places.of_all.available_permits(), IN_ALL);
    }
}
