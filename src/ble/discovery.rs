//! The list of devices whose adverts were heard of late, adopted or not: raw facts, and what was read of them, for
//! whoever looks for a device. Pure, and bounded whatever is sent.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use serde_json::Map;
use serde_json::Value;
use uuid::Uuid;

use crate::ble::advert::Address;
use crate::ble::advert::Advert;
use crate::ble::air::Sighting;
use crate::ble::decode;
use crate::ble::decode::Reading;
use crate::ble::decode::Refusal;
use crate::ble::decode::State;
use crate::bus::BleFound;
use crate::clock::Now;

/// Devices in the list; the one that was not heard for the longest time makes room.
const MOST: usize = 500;

/// Milliseconds after which a device that is not heard any more is forgotten.
const FORGOTTEN_AFTER_MS: u64 = 60 * 60 * 1_000;

/// Services, and companies, that are kept of one device. An advert has room for fewer; who sends other ones each time
/// does not fill the memory.
const MOST_IDS: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub struct Discovery(HashMap<Address, Device>);

#[derive(Debug)]
struct Device {
    name: Option<String>,
    rotates: bool,
    rssi: Option<i16>,
    first_seen: Now,
    last_seen: Option<Now>,
    /// When it was heard, or heard of, last.
    touched_ms: u64,
    count: u64,
    services: BTreeSet<Uuid>,
    manufacturers: BTreeSet<u16>,
    /// What its decoder has to know of its earlier adverts, as long as nobody has adopted it.
    state: State,
    read: Option<Read>,
    /// Why nothing was read of its latest advert; none if something was, or if it is of no known format.
    refusal: Option<Refusal>,
    /// Why readings of it were no events, and how many, since it is in the list.
    not_told: BTreeMap<&'static str, u64>,
}

/// What was read of a device last.
#[derive(Debug)]
struct Read {
    format: &'static str,
    model: Option<String>,
    values: Map<String, Value>,
    at: Now,
}

impl Discovery {
    /// Something was heard of a device. Gives the advert back with what is known of its device from earlier ones: most
    /// adverts bring data without the name, and without the strength.
    pub fn hear(&mut self, sighting: Sighting, now: Now) -> Advert {
        let Sighting { mut advert, times } = sighting;
        if !self.0.contains_key(&advert.address) {
            self.make_room(now);
        }
        let device = self.0.entry(advert.address).or_insert_with(|| Device::new(now));
        device.touched_ms = now.mono_ms;
        if times > 0 {
            device.last_seen = Some(now);
            device.count = device.count.saturating_add(u64::from(times));
        }
        // It is told again only when it changed by much.
        device.rssi = advert.rssi.or(device.rssi);
        advert.rssi = device.rssi;
        device.rotates |= advert.rotates;
        advert.rotates = device.rotates;
        device.name = advert.name.take().or(device.name.take());
        advert.name.clone_from(&device.name);
        let services = advert.service_uuids.iter().chain(advert.service_data.keys()).copied();
        keep(&mut device.services, services);
        keep(&mut device.manufacturers, advert.manufacturer_data.keys().copied());
        advert
    }

    /// Reads an advert of a device that nobody has adopted: without a key. It must have been heard just now.
    pub fn read(&mut self, advert: &Advert, now: Now) {
        if let Some(device) = self.0.get_mut(&advert.address) {
            let read = decode::decode(advert, None, &mut device.state);
            device.note(&read, now);
        }
    }

    /// What was read of an advert of an adopted device, and why something of it is no event.
    pub fn note(&mut self, address: Address, read: &Result<Reading, Refusal>, not_told: &[&'static str], now: Now) {
        if let Some(device) = self.0.get_mut(&address) {
            device.note(read, now);
            for reason in not_told {
                *device.not_told.entry(reason).or_default() += 1;
            }
        }
    }

    /// Whether a device is in the list.
    pub fn knows(&self, address: Address) -> bool {
        self.0.contains_key(&address)
    }

    /// The list, the strongest first, of those that were not forgotten.
    pub fn list(&self, now: Now) -> Vec<BleFound> {
        let known = self.0.iter().filter(|(_, device)| !device.is_forgotten(now));
        let mut found: Vec<_> = known.map(|(address, device)| device.shown(*address)).collect();
        // A device without a strength was not heard.
        found.sort_by(|one, other| other.rssi.cmp(&one.rssi).then_with(|| one.address.cmp(&other.address)));
        found
    }

    fn make_room(&mut self, now: Now) {
        self.0.retain(|_, device| !device.is_forgotten(now));
        if self.0.len() >= MOST {
            let quietest = self.0.iter().min_by_key(|(address, device)| (device.touched_ms, **address));
            if let Some(quietest) = quietest.map(|(address, _)| *address) {
                self.0.remove(&quietest);
            }
        }
    }
}

impl Device {
    fn new(now: Now) -> Self {
        Self {
            name: None,
            rotates: false,
            rssi: None,
            first_seen: now,
            last_seen: None,
            touched_ms: now.mono_ms,
            count: 0,
            services: BTreeSet::new(),
            manufacturers: BTreeSet::new(),
            state: State::default(),
            read: None,
            refusal: None,
            not_told: BTreeMap::new(),
        }
    }

    fn note(&mut self, read: &Result<Reading, Refusal>, now: Now) {
        match read {
            Ok(reading) => {
                // Not each advert tells the model.
                let known = self.read.take().and_then(|read| read.model);
                let model = reading.model.as_deref().map(str::to_owned).or(known);
                self.read = Some(Read { format: reading.format, model, values: reading.told(), at: now });
                self.refusal = None;
            }
            // Much that sensors send beside their readings is of no format.
            Err(Refusal::UnknownFormat) => {}
            Err(refusal) => self.refusal = Some(refusal.clone()),
        }
    }

    fn is_forgotten(&self, now: Now) -> bool {
        now.mono_ms.saturating_sub(self.touched_ms) > FORGOTTEN_AFTER_MS
    }

    fn shown(&self, address: Address) -> BleFound {
        let read = self.read.as_ref();
        BleFound {
            address: address.to_string(),
            name: self.name.clone(),
            rotates: self.rotates,
            rssi: self.rssi,
            first_seen: Some(self.first_seen.wall),
            last_seen: self.last_seen.map(|now| now.wall),
            count: self.count,
            services: self.services.iter().map(Uuid::to_string).collect(),
            manufacturers: self.manufacturers.iter().copied().collect(),
            format: read.map(|read| read.format),
            model: read.and_then(|read| read.model.clone()),
            reading: read.map(|read| read.values.clone()),
            read_at: read.map(|read| read.at.wall),
            needs_key: self.refusal == Some(Refusal::NeedsKey),
            refusal: self.refusal.as_ref().map(Refusal::to_string),
            not_told: self.not_told.clone(),
        }
    }
}

fn keep<T: Ord>(known: &mut BTreeSet<T>, more: impl Iterator<Item = T>) {
    for id in more {
        if known.len() < MOST_IDS {
            known.insert(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::advert::long;
    use crate::model::WallTime;

    fn at(seconds: u64) -> Now {
        let wall = WallTime::from_millis(i64::try_from(seconds * 1_000).unwrap());
        Now { mono_ms: seconds * 1_000, wall }
    }

    fn advert(number: u16) -> Advert {
        let [a, b] = number.to_be_bytes();
        Advert { address: Address::from_bytes([0xc0, 0, 0, 0, a, b]), ..Advert::default() }
    }

    #[test]
    fn what_is_known_of_a_device_comes_from_all_its_adverts() {
        let mut discovery = Discovery::default();
        let named = Advert {
            name: Some("kitchen".to_owned()),
            rssi: Some(-70),
            service_uuids: vec![long(0x180f)],
            ..advert(1)
        };
        discovery.hear(Sighting::heard(named), at(1));
        let data = Advert {
            rssi: Some(-60),
            service_data: [(long(0xfcd2), vec![1])].into(),
            manufacturer_data: [(0x0499, vec![2])].into(),
            ..advert(1)
        };
        let whole = discovery.hear(Sighting { advert: data.clone(), times: 3 }, at(5));
        assert_eq!(whole, Advert { name: Some("kitchen".to_owned()), ..data });
        let found = BleFound {
            address: "C0:00:00:00:00:01".to_owned(),
            name: Some("kitchen".to_owned()),
            rotates: false,
            rssi: Some(-60),
            first_seen: Some(at(1).wall),
            last_seen: Some(at(5).wall),
            count: 4,
            services: [0x180f, 0xfcd2].map(|short| long(short).to_string()).into(),
            manufacturers: vec![0x0499],
            format: None,
            model: None,
            reading: None,
            read_at: None,
            needs_key: false,
            refusal: None,
            not_told: BTreeMap::new(),
        };
        assert_eq!(discovery.list(at(5)), [found]);
    }

    #[test]
    fn that_an_address_changes_is_told_once_and_known_from_then_on() {
        let mut discovery = Discovery::default();
        discovery.hear(Sighting::heard(Advert { rotates: true, ..advert(1) }), at(1));
        assert!(discovery.hear(Sighting::heard(advert(1)), at(2)).rotates);
        assert!(discovery.list(at(2))[0].rotates);
    }

    #[test]
    fn why_readings_were_no_events_is_counted_for_each_device() {
        let mut discovery = Discovery::default();
        for number in [1, 2] {
            discovery.hear(Sighting::heard(advert(number)), at(1));
        }
        for reasons in [&["unchanged", "too_soon"][..], &["unchanged"], &[]] {
            discovery.note(advert(1).address, &Err(Refusal::UnknownFormat), reasons, at(1));
        }
        let counts = |number| discovery.list(at(1)).remove(number).not_told;
        assert_eq!(counts(0), [("unchanged", 2), ("too_soon", 1)].into());
        assert_eq!(counts(1), BTreeMap::new());
    }

    #[test]
    fn a_device_that_is_only_remembered_was_never_seen() {
        let mut discovery = Discovery::default();
        discovery.hear(Sighting::remembered(Advert { name: Some("old".to_owned()), ..advert(1) }), at(1));
        let found = discovery.list(at(1)).remove(0);
        assert_eq!((found.count, found.last_seen, found.name.as_deref()), (0, None, Some("old")));
    }

    #[test]
    fn the_strongest_come_first() {
        let mut discovery = Discovery::default();
        for (number, rssi) in [(1, Some(-80)), (2, None), (3, Some(-40))] {
            discovery.hear(Sighting::heard(Advert { rssi, ..advert(number) }), at(1));
        }
        let order: Vec<_> = discovery.list(at(1)).iter().map(|found| found.rssi).collect();
        assert_eq!(order, [Some(-40), Some(-80), None]);
    }

    #[test]
    fn after_an_hour_of_silence_a_device_is_forgotten() {
        let mut discovery = Discovery::default();
        discovery.hear(Sighting::heard(advert(1)), at(0));
        discovery.hear(Sighting::heard(advert(2)), at(1_800));
        assert_eq!(discovery.list(at(3_600)).len(), 2);
        assert_eq!(discovery.list(at(3_601)).len(), 1);
        discovery.hear(Sighting::heard(advert(3)), at(3_601));
        assert_eq!(discovery.0.len(), 2);
    }

    #[test]
    fn of_too_many_devices_the_quietest_makes_room() {
        let mut discovery = Discovery::default();
        for number in 0..600 {
            discovery.hear(Sighting::heard(advert(number)), at(u64::from(number)));
            // This one is heard all the time.
            discovery.hear(Sighting::heard(advert(0)), at(u64::from(number)));
        }
        let list = discovery.list(at(600));
        assert_eq!(list.len(), MOST);
        assert!(list.iter().any(|found| found.address == advert(0).address.to_string()));
        assert!(!list.iter().any(|found| found.address == advert(1).address.to_string()));
    }

    #[test]
    fn one_device_does_not_fill_the_memory_with_ids() {
        let mut discovery = Discovery::default();
        for company in 0..100 {
            let data = [(company, Vec::new())].into();
            discovery.hear(Sighting::heard(Advert { manufacturer_data: data, ..advert(1) }), at(1));
        }
        assert_eq!(discovery.list(at(1))[0].manufacturers.len(), MOST_IDS);
    }

    #[test]
    fn what_was_read_of_a_device_stays_and_a_refusal_is_told_beside_it() {
        let mut discovery = Discovery::default();
        let bthome = |data: &[u8]| Advert { service_data: [(long(0xfcd2), data.to_vec())].into(), ..advert(1) };
        let mut hear = |advert: Advert, seconds| {
            let advert = discovery.hear(Sighting::heard(advert), at(seconds));
            discovery.read(&advert, at(seconds));
            discovery.list(at(seconds)).remove(0)
        };
        // The ninth packet: a battery of 97 %, and that something moved.
        let found = hear(bthome(&[0x40, 0x00, 0x09, 0x01, 0x61, 0x21, 0x01]), 1);
        assert_eq!((found.format, found.read_at), (Some("bthome"), Some(at(1).wall)));
        let reading = found.reading.unwrap();
        assert_eq!(Value::from(reading.clone()), json!({ "battery": 97, "motion": true }));
        assert_eq!((found.needs_key, found.refusal), (false, None));
        // It ends in the middle.
        let found = hear(bthome(&[0x40, 0x02, 0x61]), 2);
        assert_eq!((found.reading.unwrap(), found.read_at), (reading, Some(at(1).wall)));
        assert!(found.refusal.is_some() && !found.needs_key);
        // It says that it is encrypted.
        let found = hear(bthome(&[0x41, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), 3);
        assert!(found.needs_key);
        // What is of no format changes nothing.
        assert!(hear(advert(1), 4).needs_key);
        assert!(!hear(bthome(&[0x40, 0x01, 0x61]), 5).needs_key);
    }
}
