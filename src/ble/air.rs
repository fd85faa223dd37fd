//! What was heard and not looked at yet: of each device the latest few that differ, so that it is bounded whatever is
//! sent, and a button is not lost behind a temperature. The radio puts it in, one task takes it out.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::ble::advert::Address;
use crate::ble::advert::Advert;

/// Devices that may wait to be looked at; of more nothing is kept.
const MOST: usize = 1_000;

/// Sightings of one device that may wait; the oldest makes room. Ours: a sensor alternates between two or three things
/// that it sends.
const MOST_OF_ONE: usize = 4;

/// What was heard of one device: what it sent, however often it sent the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// What was sent, and what came with it. The parts of one advert may be told one by one.
    pub advert: Advert,
    /// How often it was heard. 0: it was not, the system has only told what it remembers of it. That is old, and must
    /// never become an event.
    pub times: u32,
}

impl Sighting {
    /// Of an advert that was just heard.
    pub fn heard(advert: Advert) -> Self {
        Self { advert, times: 1 }
    }

    /// Of what the system remembers: whose address it is, the name and the services. Data is no part of it, since
    /// nobody could tell how old it is.
    pub fn remembered(advert: Advert) -> Self {
        let (service_data, manufacturer_data) = Default::default();
        Self { advert: Advert { rssi: None, service_data, manufacturer_data, ..advert }, times: 0 }
    }

    /// Whether it was heard just now.
    pub fn is_fresh(&self) -> bool {
        self.times > 0
    }

    /// Whether a later one brings other data in the place of what is here. The same again, and what is no data, does not.
    fn is_followed_by_other(&self, later: &Self) -> bool {
        let (advert, later) = (&self.advert, &later.advert);
        is_other(&advert.service_data, &later.service_data)
            || is_other(&advert.manufacturer_data, &later.manufacturer_data)
    }

    /// Takes the parts of a later one over.
    fn follow(&mut self, later: Self) {
        let Advert { address: _, rotates, name, rssi, service_data, manufacturer_data, service_uuids } = later.advert;
        let advert = &mut self.advert;
        let is_newer = later.times > 0;
        advert.rotates |= rotates;
        advert.rssi = rssi.or(advert.rssi);
        if name.is_some() && (is_newer || advert.name.is_none()) {
            advert.name = name;
        }
        if !service_uuids.is_empty() && (is_newer || advert.service_uuids.is_empty()) {
            advert.service_uuids = service_uuids;
        }
        if !service_data.is_empty() {
            advert.service_data = service_data;
        }
        if !manufacturer_data.is_empty() {
            advert.manufacturer_data = manufacturer_data;
        }
        self.times = self.times.saturating_add(later.times);
    }
}

fn is_other<T: PartialEq + Default>(before: &T, later: &T) -> bool {
    let nothing = T::default();
    *before != nothing && *later != nothing && before != later
}

/// Where adverts wait. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Air(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    told: Notify,
}

/// What waits.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// By whom it was sent, and in which order.
    pub sightings: HashMap<Address, VecDeque<Sighting>>,
    /// Adverts for which there was no room.
    pub dropped: u64,
}

impl Waiting {
    fn hear(&mut self, sighting: Sighting) {
        let is_full = self.sightings.len() >= MOST;
        match self.sightings.entry(sighting.advert.address) {
            Entry::Occupied(mut entry) => {
                let of_one = entry.get_mut();
                match of_one.back_mut() {
                    Some(last) if !last.is_followed_by_other(&sighting) => last.follow(sighting),
                    _ => of_one.push_back(sighting),
                }
                if of_one.len() > MOST_OF_ONE {
                    self.dropped += of_one.pop_front().map_or(0, |oldest| u64::from(oldest.times));
                }
            }
            Entry::Vacant(entry) if !is_full => {
                entry.insert([sighting].into());
            }
            Entry::Vacant(_) => self.dropped += u64::from(sighting.times),
        }
    }
}

impl Air {
    /// Something was heard.
    pub fn hear(&self, sighting: Sighting) {
        self.0.waiting.lock().expect("nothing here panics").hear(sighting);
        self.0.told.notify_one();
    }

    /// Waits until something was heard, and takes it out.
    pub async fn heard(&self) -> Waiting {
        self.0.told.notified().await;
        std::mem::take(&mut *self.0.waiting.lock().expect("nothing here panics"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ble::advert::long;

    fn address(number: usize) -> Address {
        let [.., a, b] = number.to_be_bytes();
        Address::from_bytes([0xc0, 0, 0, 0, a, b])
    }

    fn advert() -> Advert {
        Advert { address: address(1), ..Advert::default() }
    }

    /// What waits of the only device.
    async fn all(air: &Air) -> Vec<Sighting> {
        let waiting = air.heard().await;
        assert_eq!(waiting.sightings.len(), 1);
        waiting.sightings.into_values().next().unwrap().into()
    }

    async fn only(air: &Air) -> Sighting {
        let mut all = all(air).await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn saying(data: u8) -> Advert {
        Advert { service_data: [(long(0xfcd2), vec![data])].into(), ..advert() }
    }

    #[tokio::test]
    async fn the_parts_of_one_advert_come_together() {
        let air = Air::default();
        air.hear(Sighting::heard(Advert { rssi: Some(-60), manufacturer_data: [(1, vec![1])].into(), ..advert() }));
        air.hear(Sighting::heard(saying(3)));
        air.hear(Sighting::heard(Advert { rssi: Some(-70), ..advert() }));
        let wanted = Advert { rssi: Some(-70), manufacturer_data: [(1, vec![1])].into(), ..saying(3) };
        assert_eq!(only(&air).await, Sighting { advert: wanted, times: 3 });
    }

    #[tokio::test]
    async fn what_is_followed_by_something_else_is_not_lost_and_the_same_again_only_counts() {
        let air = Air::default();
        for data in [1, 1, 2, 1] {
            air.hear(Sighting::heard(saying(data)));
        }
        let sighting = |data, times| Sighting { advert: saying(data), times };
        assert_eq!(all(&air).await, [sighting(1, 2), sighting(2, 1), sighting(1, 1)]);
    }

    #[tokio::test]
    async fn of_too_much_from_one_device_the_oldest_is_counted_and_not_kept() {
        let air = Air::default();
        for data in [1, 1, 2, 3, 4, 5] {
            air.hear(Sighting::heard(saying(data)));
        }
        let waiting = air.heard().await;
        let kept: Vec<_> = waiting.sightings[&address(1)].iter().map(|sighting| sighting.advert.clone()).collect();
        assert_eq!((kept, waiting.dropped), ([2, 3, 4, 5].map(saying).into(), 2));
    }

    #[tokio::test]
    async fn what_is_remembered_brings_no_data_and_makes_nothing_fresh() {
        let air = Air::default();
        let old = Advert {
            name: Some("old".to_owned()),
            rssi: Some(-60),
            service_uuids: vec![long(0x180f)],
            manufacturer_data: [(1, vec![1])].into(),
            ..advert()
        };
        air.hear(Sighting::remembered(old.clone()));
        let sighting = only(&air).await;
        assert!(!sighting.is_fresh());
        assert_eq!(sighting.advert, Advert { rssi: None, manufacturer_data: [].into(), ..old.clone() });

        // It fills in what was not heard, and no more.
        air.hear(Sighting::heard(Advert { name: Some("new".to_owned()), ..advert() }));
        air.hear(Sighting::remembered(old));
        let sighting = only(&air).await;
        assert!(sighting.is_fresh());
        assert_eq!(sighting.advert.name.as_deref(), Some("new"));
        assert_eq!(sighting.advert.service_uuids, [long(0x180f)]);
    }

    #[tokio::test]
    async fn a_flood_of_addresses_is_counted_and_not_kept() {
        let air = Air::default();
        for number in 0..MOST + 5 {
            air.hear(Sighting::heard(Advert { address: address(number), ..Advert::default() }));
        }
        let waiting = air.heard().await;
        assert_eq!((waiting.sightings.len(), waiting.dropped), (MOST, 5));
        air.hear(Sighting::heard(advert()));
        assert_eq!(air.heard().await.dropped, 0);
    }
}
