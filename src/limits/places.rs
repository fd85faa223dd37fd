//! How many places each holds at once: nobody gets all of them. Who holds none is not remembered.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::Mutex;

/// The places of each. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Places<K>(Arc<Mutex<HashMap<K, usize>>>);

/// One place of somebody's; it is given back when this is dropped.
#[derive(Debug)]
pub struct Place<K: Eq + Hash> {
    places: Places<K>,
    whose: K,
}

impl<K> Default for Places<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash> Places<K> {
    /// One more place for `whose`; none if that one has `most` already.
    pub fn take(&self, whose: K, most: usize) -> Option<Place<K>> {
        let mut taken = self.0.lock().expect("counting does not panic");
        let count = taken.entry(whose).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), whose })
    }

    /// Whether `whose` has any.
    pub fn has(&self, whose: K) -> bool {
        self.0.lock().expect("counting does not panic").contains_key(&whose)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().expect("counting does not panic");
        if let Some(count) = taken.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_and_others_have_their_own() {
        let places = Places::default();
        let (first, _second) = (places.take('a', 2).unwrap(), places.take('a', 2).unwrap());
        assert!(places.take('a', 2).is_none() && places.take('b', 2).is_some());
        assert!(places.has('a') && !places.has('b'));
        drop(first);
        assert!(places.take('a', 2).is_some());
        assert_eq!(places.0.lock().unwrap().len(), 1, "who holds none is not remembered");
    }
}
