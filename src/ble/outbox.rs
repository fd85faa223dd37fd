//! Events of sensors on their way to the intake. What it refuses for now is told again later, in its order and not for
//! ever. Where the counters of a sensor stand is kept only when nothing of it is on the way any more: if the gateway
//! stops before, the sensor is heard and told again. Pure: the time is an argument.

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::bus::Publication;
use crate::model::DeviceId;
use crate::store::StoredSensor;

/// Events that may wait to be told again; the oldest makes room. Ours, like all numbers here.
const MOST: usize = 256;

/// After how long what was refused is told again.
const AGAIN_AFTER_MS: u64 = 2_000;

/// After how long it is given up: an event has the time at which it is told.
const GIVEN_UP_AFTER_MS: u64 = 60 * 60 * 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: BTreeMap<u64, Letter>,
    numbered: u64,
    /// When what waits is told.
    due_ms: u64,
    under_way: HashMap<DeviceId, UnderWay>,
    settled: Settled,
}

/// An event on its way.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) event: Publication,
    device: DeviceId,
    /// Its place in the order.
    number: u64,
    since_ms: u64,
}

/// What is on the way of one sensor.
#[derive(Debug, Default)]
struct UnderWay {
    letters: usize,
    keep: Option<StoredSensor>,
}

/// What came of it since it was asked for last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Where counters stand that can be kept.
    pub(super) keep: Vec<(DeviceId, StoredSensor)>,
    /// Events that were given up.
    pub(super) given_up: u64,
}

impl Outbox {
    /// Events of a sensor are to be told, and then its counters to be kept.
    pub(super) fn put(&mut self, device: DeviceId, events: Vec<Publication>, keep: Option<StoredSensor>, now_ms: u64) {
        if self.waiting.is_empty() {
            self.due_ms = now_ms;
        }
        let under_way = self.under_way.entry(device).or_default();
        under_way.letters += events.len();
        under_way.keep = keep.or(under_way.keep);
        for event in events {
            self.numbered += 1;
            let letter = Letter { event, device, number: self.numbered, since_ms: now_ms };
            self.waiting.insert(letter.number, letter);
        }
        self.settle(device);
        self.make_room();
    }

    /// What is to be told now, in its order.
    pub(super) fn take(&mut self, now_ms: u64) -> Vec<Letter> {
        if now_ms < self.due_ms { Vec::new() } else { std::mem::take(&mut self.waiting).into_values().collect() }
    }

    /// When there is something to be told.
    pub(super) fn due_ms(&self) -> Option<u64> {
        (!self.waiting.is_empty()).then_some(self.due_ms)
    }

    /// It was told, or never can be.
    pub(super) fn done(&mut self, letter: &Letter) {
        if let Some(under_way) = self.under_way.get_mut(&letter.device) {
            under_way.letters = under_way.letters.saturating_sub(1);
        }
        self.settle(letter.device);
    }

    /// It was refused for now.
    pub(super) fn again(&mut self, letter: Letter, now_ms: u64) {
        if now_ms.saturating_sub(letter.since_ms) >= GIVEN_UP_AFTER_MS {
            return self.give_up(&letter);
        }
        self.due_ms = now_ms + AGAIN_AFTER_MS;
        if self.under_way.contains_key(&letter.device) {
            self.waiting.insert(letter.number, letter);
        }
        self.make_room();
    }

    /// A sensor is no more.
    pub(super) fn forget(&mut self, device: DeviceId) {
        self.under_way.remove(&device);
        self.waiting.retain(|_, letter| letter.device != device);
    }

    /// Whether something of a sensor is on the way.
    pub(super) fn holds(&self, device: DeviceId) -> bool {
        self.under_way.contains_key(&device)
    }

    /// What came of it.
    pub(super) fn settled(&mut self) -> Settled {
        std::mem::take(&mut self.settled)
    }

    fn settle(&mut self, device: DeviceId) {
        if self.under_way.get(&device).is_some_and(|under_way| under_way.letters == 0) {
            let keep = self.under_way.remove(&device).and_then(|under_way| under_way.keep);
            self.settled.keep.extend(keep.map(|keep| (device, keep)));
        }
    }

    fn make_room(&mut self) {
        while self.waiting.len() > MOST {
            if let Some((_, oldest)) = self.waiting.pop_first() {
                self.give_up(&oldest);
            }
        }
    }

    fn give_up(&mut self, letter: &Letter) {
        self.settled.given_up += 1;
        self.done(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Publisher;
    use crate::model::Publishing;

    const DEVICE: DeviceId = DeviceId::from_bytes([1; 12]);

    fn event(name: &str) -> Publication {
        let publisher = Publisher::Device(DEVICE);
        Publication {
            name: name.to_owned(),
            data: "{}".into(),
            ttl_s: None,
            publisher,
            resend: None,
            publishing: Publishing::default(),
        }
    }

    fn counters(reading: u32) -> StoredSensor {
        StoredSensor { reading: Some(reading), ..StoredSensor::default() }
    }

    fn names(letters: &[Letter]) -> Vec<&str> {
        letters.iter().map(|letter| letter.event.name.as_str()).collect()
    }

    fn kept(counters: StoredSensor) -> Settled {
        Settled { keep: vec![(DEVICE, counters)], given_up: 0 }
    }

    #[test]
    fn counters_are_kept_when_all_that_they_count_is_told() {
        let mut outbox = Outbox::default();
        outbox.put(DEVICE, vec![event("a"), event("b")], Some(counters(1)), 0);
        outbox.put(DEVICE, vec![event("c")], Some(counters(2)), 0);
        outbox.put(DEVICE, Vec::new(), None, 0);
        let letters = outbox.take(0);
        assert_eq!(names(&letters), ["a", "b", "c"]);
        outbox.done(&letters[0]);
        outbox.done(&letters[1]);
        assert_eq!((outbox.settled(), outbox.holds(DEVICE)), (Settled::default(), true));
        outbox.done(&letters[2]);
        assert_eq!((outbox.settled(), outbox.holds(DEVICE)), (kept(counters(2)), false));
        outbox.put(DEVICE, Vec::new(), Some(counters(3)), 1);
        assert_eq!(outbox.settled(), kept(counters(3)), "nothing has to be told before");
    }

    #[test]
    fn what_is_refused_for_now_is_told_again_in_its_order_and_once() {
        let mut outbox = Outbox::default();
        outbox.put(DEVICE, vec![event("a"), event("b")], Some(counters(1)), 0);
        let mut letters = outbox.take(0);
        outbox.again(letters.remove(1), 1);
        outbox.again(letters.remove(0), 2);
        // What comes meanwhile waits behind it.
        outbox.put(DEVICE, vec![event("c")], Some(counters(2)), 3);
        let due_ms = outbox.due_ms().unwrap();
        assert_eq!(due_ms, 2 + AGAIN_AFTER_MS);
        assert_eq!(outbox.take(due_ms - 1).len(), 0);
        let letters = outbox.take(due_ms);
        assert_eq!(names(&letters), ["a", "b", "c"]);
        for letter in &letters {
            outbox.done(letter);
        }
        assert_eq!((outbox.settled(), outbox.due_ms()), (kept(counters(2)), None));
    }

    #[test]
    fn what_is_refused_for_too_long_and_what_is_too_much_is_given_up_and_counted() {
        let mut outbox = Outbox::default();
        outbox.put(DEVICE, vec![event("a")], Some(counters(1)), 0);
        let letter = outbox.take(0).remove(0);
        outbox.again(letter, GIVEN_UP_AFTER_MS - 1);
        let letter = outbox.take(GIVEN_UP_AFTER_MS + AGAIN_AFTER_MS).remove(0);
        outbox.again(letter, GIVEN_UP_AFTER_MS + AGAIN_AFTER_MS);
        assert_eq!(outbox.settled(), Settled { given_up: 1, ..kept(counters(1)) });

        let names: Vec<_> = (0..MOST + 2).map(|number| number.to_string()).collect();
        outbox.put(DEVICE, names.iter().map(|name| event(name)).collect(), None, 0);
        assert_eq!(outbox.settled().given_up, 2);
        assert_eq!(outbox.take(0)[0].event.name, "2");
    }

    #[test]
    fn of_a_sensor_that_is_forgotten_nothing_is_told_again_or_kept() {
        let mut outbox = Outbox::default();
        outbox.put(DEVICE, vec![event("a"), event("b")], Some(counters(1)), 0);
        let mut letters = outbox.take(0);
        outbox.again(letters.remove(0), 0);
        outbox.forget(DEVICE);
        outbox.again(letters.remove(0), 0);
        assert_eq!((outbox.due_ms(), outbox.settled()), (None, Settled::default()));
    }
}
