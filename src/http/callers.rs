//! How many connections each address holds: nobody gets all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;

use crate::model::network_of;

/// The connections of each address. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Callers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of an address; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    callers: Callers,
    network: IpAddr,
}

impl Callers {
    /// A place for one more connection from there; none if there are `most` already.
    pub(super) fn take(&self, from: IpAddr, most: usize) -> Option<Place> {
        let network = network_of(from);
        let mut counts = self.0.lock().expect("counting does not panic");
        let count = counts.entry(network).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { callers: self.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.callers.0.lock().expect("counting does not panic");
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_and_others_have_their_own() {
        let (callers, [one, other]) = (Callers::default(), [1, 2].map(|last| IpAddr::from([10, 0, 0, last])));
        let (first, _second) = (callers.take(one, 2).unwrap(), callers.take(one, 2).unwrap());
        assert!(callers.take(one, 2).is_none() && callers.take(other, 2).is_some());
        drop(first);
        assert!(callers.take(one, 2).is_some());
        assert_eq!(callers.0.lock().unwrap().len(), 1, "who holds none is not remembered");
    }
}
