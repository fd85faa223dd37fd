//! Paces the parts of responses: one per interval and device. Pure: it is told the time and says what is due.

use std::collections::HashMap;
use std::collections::VecDeque;

use crate::dispatch::announcement::Announcement;
use crate::model::DeviceId;
use crate::store::LaneKey;

/// Parts that may wait for one device before its next delivery waits, too: a little more than one whole response.
const BACKLOG_PARTS: usize = 256;

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Tell everybody of this event.
    Announce(Announcement),
    /// The lane's results are out, or few enough: its next delivery may start.
    Release(LaneKey),
}

/// Everything that waits to be told.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    devices: HashMap<Option<DeviceId>, Line>,
}

#[derive(Debug, Default)]
struct Line {
    parts: VecDeque<Announcement>,
    /// Lanes that wait for this device's parts to become fewer.
    lanes: Vec<LaneKey>,
    next_ms: u64,
}

impl Pacer {
    /// Takes the parts of one response to a lane's device; the lane waits until they are out.
    pub(super) fn take(&mut self, lane: LaneKey, parts: Vec<Announcement>) {
        let device = self.devices.entry(lane.device).or_default();
        device.parts.extend(parts);
        device.lanes.push(lane);
    }

    /// What is due at `now_ms`, in order.
    pub(super) fn due(&mut self, now_ms: u64, interval_ms: u64) -> Vec<Due> {
        let mut due = Vec::new();
        self.devices.retain(|_, line| {
            line.next_ms = line.next_ms.min(now_ms + interval_ms);
            while line.next_ms <= now_ms {
                let Some(part) = line.parts.pop_front() else { break };
                due.push(Due::Announce(part));
                line.next_ms = now_ms + interval_ms;
            }
            if line.parts.len() < BACKLOG_PARTS {
                due.extend(line.lanes.drain(..).map(Due::Release));
            }
            // The time of the last part is remembered as long as it matters.
            !line.parts.is_empty() || line.next_ms > now_ms
        });
        due
    }

    /// When the next part is due, if any waits.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.devices.values().filter(|line| !line.parts.is_empty()).map(|line| line.next_ms).min()
    }

    /// Everything that waits, each device's parts in order: the daemon stops, and nobody will tell them later.
    pub(super) fn drain(&mut self) -> Vec<Announcement> {
        self.devices.drain().flat_map(|(_, line)| line.parts).collect()
    }

    /// Parts that wait, for all devices.
    pub(super) fn waiting(&self) -> usize {
        self.devices.values().map(|line| line.parts.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HookId;
    use crate::sessions::Kept;
    use crate::store::tests::delivery;

    const EVERY_MS: u64 = 250;

    fn lane(hook: u8, device: u8) -> LaneKey {
        LaneKey { hook: HookId::from_bytes([hook; 12]), device: Some(DeviceId::from_bytes([device; 12])) }
    }

    fn parts(count: usize) -> Vec<Announcement> {
        let part = |part: usize| Announcement { event: delivery(&part.to_string()).event, kept: Kept::default() };
        (0..count).map(part).collect()
    }

    /// The data of what is announced, and the lanes that are released.
    fn due(pacer: &mut Pacer, now_ms: u64) -> (Vec<String>, Vec<LaneKey>) {
        let (mut told, mut released) = (Vec::new(), Vec::new());
        for due in pacer.due(now_ms, EVERY_MS) {
            match due {
                Due::Announce(part) => told.push(part.event.data.clone()),
                Due::Release(lane) => released.push(lane),
            }
        }
        (told, released)
    }

    fn told(pacer: &mut Pacer, now_ms: u64) -> Vec<String> {
        due(pacer, now_ms).0
    }

    #[test]
    fn at_the_end_everything_that_waits_comes_out_in_order() {
        let mut pacer = Pacer::default();
        pacer.take(lane(1, 1), parts(3));
        told(&mut pacer, 1_000);
        let rest: Vec<String> = pacer.drain().iter().map(|part| part.event.data.clone()).collect();
        assert_eq!((rest, pacer.waiting()), (vec!["1".to_owned(), "2".to_owned()], 0));
    }

    #[test]
    fn a_device_is_told_one_part_in_each_interval_in_order() {
        let mut pacer = Pacer::default();
        pacer.take(lane(1, 1), parts(3));
        assert_eq!(told(&mut pacer, 1_000), ["0"], "the first is not waited for");
        assert_eq!((pacer.waiting(), pacer.next_due_ms()), (2, Some(1_250)));
        assert_eq!(told(&mut pacer, 1_249), [""; 0]);
        assert_eq!(told(&mut pacer, 1_250), ["1"]);
        assert_eq!(told(&mut pacer, 9_000), ["2"], "a late call catches nothing up");
        assert_eq!((pacer.waiting(), pacer.next_due_ms()), (0, None));
    }

    #[test]
    fn the_interval_holds_between_the_responses_of_two_hooks() {
        let mut pacer = Pacer::default();
        pacer.take(lane(1, 1), parts(1));
        assert_eq!(told(&mut pacer, 0), ["0"]);
        assert_eq!(told(&mut pacer, 100), [""; 0]);
        pacer.take(lane(2, 1), parts(1));
        assert_eq!(told(&mut pacer, 249), [""; 0]);
        assert_eq!(told(&mut pacer, 250), ["0"]);
    }

    #[test]
    fn devices_do_not_wait_for_each_other() {
        let mut pacer = Pacer::default();
        for device in 0..5 {
            pacer.take(lane(1, device), parts(2));
        }
        assert_eq!(told(&mut pacer, 0), ["0"; 5]);
        assert_eq!(told(&mut pacer, 250), ["1"; 5]);
    }

    #[test]
    fn a_lane_goes_on_once_few_enough_parts_wait_for_its_device() {
        let mut pacer = Pacer::default();
        pacer.take(lane(1, 1), parts(BACKLOG_PARTS));
        assert_eq!(due(&mut pacer, 0).1, [lane(1, 1)], "one whole response does not hold its lane up");
        pacer.take(lane(1, 1), parts(2));
        assert_eq!(due(&mut pacer, 250), (vec!["1".to_owned()], vec![]));
        assert_eq!(due(&mut pacer, 500), (vec!["2".to_owned()], vec![lane(1, 1)]));
        assert_eq!(due(&mut pacer, 750).1, [], "it is released once");
    }

    #[test]
    fn without_an_interval_everything_is_told_at_once() {
        let mut pacer = Pacer::default();
        pacer.take(lane(1, 1), parts(1_000));
        assert_eq!(pacer.due(0, 0).len(), 1_001);
    }

    #[test]
    fn a_shortened_interval_holds_at_once() {
        let mut pacer = Pacer::default();
        pacer.take(lane(1, 1), parts(2));
        pacer.due(0, 60_000);
        assert_eq!(pacer.due(10, 0).len(), 1);
    }

    #[test]
    fn devices_that_are_told_everything_are_forgotten() {
        let mut pacer = Pacer::default();
        for device in 0..5 {
            pacer.take(lane(1, device), parts(1));
        }
        pacer.due(0, EVERY_MS);
        pacer.due(EVERY_MS, EVERY_MS);
        assert!(pacer.devices.is_empty());
    }
}
