//! One lane: a hook's deliveries for one publisher, in their order. Pure.
//!
//! Only the first of them are in memory; what waits behind them is in the store, and is read page by page. So a million
//! deliveries that wait cost no more memory than a few.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::dispatch::age::AcceptedAt;
use crate::model::Event;

/// Deliveries of one lane that are in memory, at most.
pub(super) const IN_MEMORY: usize = 64;

/// With so few left the next page is read, before the lane runs dry.
const FEW: usize = 16;

/// One waiting delivery.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) seq: u64,
    /// Answers that it got so far.
    pub(super) answers: u32,
    pub(super) accepted: AcceptedAt,
    /// Not to be started before; 0 for at once.
    pub(super) due_ms: u64,
    /// Whether its last attempt got no answer.
    pub(super) met_silence: bool,
    /// Not kept in memory when much waits; it is on disk in any case.
    pub(super) event: Option<Arc<Event>>,
}

/// A lane's deliveries.
#[derive(Debug, Default)]
pub(super) struct Lane {
    items: VecDeque<Item>,
    /// Whether some may stand behind them in the store.
    has_more: bool,
    /// The last that was taken into memory, or looked at.
    known_seq: Option<u64>,
    /// The last that was announced and not taken.
    announced_seq: Option<u64>,
    is_reading: bool,
    /// Taken out beyond what is in memory: a page may still hold them.
    taken_out: Vec<u64>,
    pub(super) state: State,
}

/// Where a lane is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing to do, or its hook is held.
    #[default]
    Aside,
    InLine,
    UnderWay,
    /// Its head was delivered; the next may start when its results are out.
    Paused,
    /// Its head may be started at this time.
    Resting(u64),
}

/// Where a page begins: behind this delivery, or at the beginning of the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind(pub(super) Option<u64>);

/// A page of a lane as it was read.
#[derive(Debug, Default)]
pub(super) struct Filling {
    pub(super) items: Vec<Item>,
    pub(super) last_seq: Option<u64>,
    pub(super) is_last: bool,
}

impl Lane {
    /// A delivery is in the store. It is taken into memory if nothing stands between; announcements come in order. True
    /// if it was taken.
    pub(super) fn announce(&mut self, item: Item) -> bool {
        if self.known_seq.is_some_and(|known| item.seq <= known) {
            // A page that was read in the meantime held it.
            return false;
        }
        let is_taken = !self.has_more && !self.is_reading && self.items.len() < IN_MEMORY;
        if is_taken {
            self.known_seq = Some(item.seq);
            self.items.push_back(item);
        } else {
            self.has_more = true;
            self.announced_seq = Some(item.seq);
        }
        is_taken
    }

    /// Where a page shall be read now, if one shall. The lane takes it that it is.
    pub(super) fn begin_reading(&mut self) -> Option<Behind> {
        let wants = self.has_more && !self.is_reading && self.items.len() <= FEW;
        if wants {
            self.is_reading = true;
            // What was announced before is in the store, and the page shows it.
            self.announced_seq = None;
        }
        wants.then_some(Behind(self.known_seq))
    }

    /// A page was read. `None` if that failed: it will be tried again.
    pub(super) fn fill(&mut self, filling: Option<Filling>) {
        self.is_reading = false;
        let Some(Filling { items, last_seq, is_last }) = filling else { return };
        let (known, taken_out) = (self.known_seq, &self.taken_out);
        let is_new = |item: &Item| known.is_none_or(|known| item.seq > known) && !taken_out.contains(&item.seq);
        self.items.extend(items.into_iter().filter(is_new));
        self.known_seq = self.known_seq.max(last_seq);
        self.has_more = !is_last || self.announced_seq > self.known_seq;
        let (known, has_more) = (self.known_seq, self.has_more);
        self.taken_out.retain(|seq| has_more && Some(*seq) > known);
    }

    /// The delivery that is next, or under way.
    pub(super) fn head(&self) -> Option<&Item> {
        self.items.front()
    }

    pub(super) fn head_mut(&mut self) -> Option<&mut Item> {
        self.items.front_mut()
    }

    /// The first delivery that is not under way.
    pub(super) fn first_waiting(&self) -> Option<&Item> {
        self.items.get(usize::from(self.state == State::UnderWay))
    }

    /// The head leaves the queue.
    pub(super) fn pop(&mut self) -> Option<Item> {
        self.items.pop_front()
    }

    /// A delivery is removed from the store out of turn. Gives it if it was in memory.
    ///
    /// # Errors
    /// When it is under way, or was delivered already.
    pub(super) fn take_out(&mut self, seq: u64) -> Result<Option<Item>, NotWaiting> {
        match self.items.iter().position(|item| item.seq == seq) {
            Some(0) if self.state == State::UnderWay => Err(NotWaiting),
            Some(at) => Ok(self.items.remove(at)),
            None if self.known_seq.is_some_and(|known| seq <= known) => Err(NotWaiting),
            None => {
                self.taken_out.push(seq);
                Ok(None)
            }
        }
    }

    /// Whether nothing of it is left, neither here nor in the store.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && !self.has_more && !self.is_reading
    }

    /// Whether its head is all there is: it does not stand behind older ones of its publisher.
    pub(super) fn is_single(&self) -> bool {
        self.items.len() == 1 && !self.has_more
    }

    /// Deliveries that are in memory.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes of events that it keeps in memory.
    pub(super) fn event_bytes(&self) -> usize {
        self.items.iter().map(Item::event_bytes).sum()
    }
}

/// A delivery does not wait, and cannot be taken out: it is under way, or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotWaiting;

impl Item {
    /// Bytes of the event that it keeps in memory.
    pub(super) fn event_bytes(&self) -> usize {
        self.event.as_ref().map_or(0, |event| event.data.len() + size_of::<Event>())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(seq: u64) -> Item {
        Item { seq, answers: 0, accepted: AcceptedAt::START, due_ms: 0, met_silence: false, event: None }
    }

    fn page(stored: &[u64], after: Option<u64>) -> Filling {
        let behind: Vec<u64> = stored.iter().copied().filter(|seq| after.is_none_or(|after| *seq > after)).collect();
        let seqs = &behind[..behind.len().min(IN_MEMORY)];
        Filling {
            items: seqs.iter().copied().map(item).collect(),
            last_seq: seqs.last().copied(),
            is_last: seqs.len() == behind.len(),
        }
    }

    #[test]
    fn a_long_lane_is_not_in_memory() {
        let mut lane = Lane::default();
        (1..=100_000).for_each(|seq| assert_eq!(lane.announce(item(seq)), seq <= 64));
        assert_eq!(lane.items.len(), IN_MEMORY);
        assert_eq!(lane.begin_reading(), None, "there are plenty");
        while lane.items.len() > FEW {
            lane.pop();
        }
        assert_eq!(lane.begin_reading(), Some(Behind(Some(64))));
        assert_eq!(lane.begin_reading(), None, "it is being read");
    }

    #[test]
    fn what_is_taken_out_while_it_is_read_does_not_come_back() {
        let mut lane = Lane::default();
        let stored: Vec<u64> = (1..=70).collect();
        for seq in &stored {
            lane.announce(item(*seq));
        }
        while lane.items.len() > 1 {
            lane.pop();
        }
        let Behind(after) = lane.begin_reading().unwrap();
        let read = page(&stored, after);
        lane.take_out(66).unwrap();
        lane.fill(Some(read));
        let seqs: Vec<u64> = lane.items.iter().map(|item| item.seq).collect();
        assert_eq!(seqs, [64, 65, 67, 68, 69, 70]);
        lane.state = State::UnderWay;
        assert_eq!(lane.take_out(64).unwrap_err(), NotWaiting, "it is under way");
        assert_eq!(lane.take_out(65).unwrap().unwrap().seq, 65);
        assert_eq!(lane.take_out(65).unwrap_err(), NotWaiting, "it is gone");
        assert_eq!(lane.take_out(1).unwrap_err(), NotWaiting, "it was delivered");
    }

    #[test]
    fn what_is_taken_out_before_its_page_is_read_does_not_come_either() {
        let mut lane = Lane::default();
        lane.fill(Some(Filling { is_last: false, ..Filling::default() }));
        lane.begin_reading().unwrap();
        let read_before = page(&[], None);
        (1..=2).for_each(|seq| assert!(!lane.announce(item(seq)), "a page is being read"));
        lane.take_out(1).unwrap();
        lane.fill(Some(read_before));
        let Behind(after) = lane.begin_reading().unwrap();
        lane.fill(Some(page(&[1, 2], after)));
        assert_eq!(lane.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_lane_of_which_everything_was_taken_out_comes_to_its_end() {
        let mut lane = Lane::default();
        (1..=100).for_each(|seq| assert_eq!(lane.announce(item(seq)), seq <= 64));
        (1..=100).for_each(|seq| drop(lane.take_out(seq).unwrap()));
        // The disk may have removed them by then, or not.
        for stored in [vec![], (1..=100).collect::<Vec<u64>>()] {
            let mut lane = Lane { items: VecDeque::new(), taken_out: lane.taken_out.clone(), ..lane_of(&lane) };
            let Behind(after) = lane.begin_reading().unwrap();
            lane.fill(Some(page(&stored, after)));
            assert!(lane.is_empty() && lane.begin_reading().is_none(), "{stored:?}");
        }
    }

    /// The same lane, without its deliveries.
    fn lane_of(lane: &Lane) -> Lane {
        Lane {
            has_more: lane.has_more,
            known_seq: lane.known_seq,
            announced_seq: lane.announced_seq,
            ..Lane::default()
        }
    }

    #[test]
    fn a_page_that_could_not_be_read_is_asked_for_again() {
        let mut lane = Lane::default();
        lane.fill(Some(Filling { is_last: false, ..Filling::default() }));
        assert_eq!(lane.begin_reading(), Some(Behind(None)));
        lane.fill(None);
        assert_eq!(lane.begin_reading(), Some(Behind(None)));
        lane.fill(Some(Filling { is_last: true, ..Filling::default() }));
        assert!(lane.is_empty());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Store,
        Announce,
        Pop,
        Read,
        Fill,
        /// Somebody cancels the delivery of this place among those that are stored.
        TakeOut(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Store),
            3 => Just(Step::Announce),
            3 => Just(Step::Pop),
            1 => Just(Step::Read),
            1 => Just(Step::Fill),
            1 => any::<usize>().prop_map(Step::TakeOut),
        ]
    }

    proptest! {
        /// However storing, announcing and reading fall together: every delivery comes once, in order.
        #[test]
        fn every_delivery_comes_once_and_in_order(before in 0_u64..200, steps in prop::collection::vec(step(), 0..800)) {
            let mut lane = Lane::default();
            let mut stored: Vec<u64> = (1..=before).collect();
            let (mut announced, mut came, mut reading, mut taken_out) = (before, Vec::new(), None, Vec::new());
            // What was there at the start.
            lane.fill(Some(Filling { is_last: false, ..Filling::default() }));
            let mut act = |step: &Step, lane: &mut Lane| match step {
                Step::Store => stored.push(stored.last().map_or(1, |seq| seq + 1)),
                Step::Announce => {
                    if stored.last().is_some_and(|last| *last > announced) {
                        announced += 1;
                        lane.announce(item(announced));
                    }
                }
                Step::Pop => {
                    came.extend(lane.pop().map(|item| item.seq));
                }
                Step::Read => {
                    if let Some(Behind(after)) = lane.begin_reading() {
                        reading = Some(page(&stored, after));
                    }
                }
                Step::TakeOut(choice) => {
                    let seq = choice.checked_rem(stored.len()).map(|at| stored[at]);
                    // What nobody announced yet cannot be known to anybody.
                    if let Some(seq) = seq.filter(|seq| *seq <= announced && !taken_out.contains(seq)) {
                        if lane.take_out(seq).is_ok() {
                            taken_out.push(seq);
                        }
                    }
                }
                Step::Fill => {
                    if let Some(page) = reading.take() {
                        lane.fill(Some(page));
                    }
                }
            };
            for step in &steps {
                act(step, &mut lane);
            }
            for _ in 0..2_000 {
                for step in [Step::Announce, Step::Fill, Step::Read, Step::Fill, Step::Pop] {
                    act(&step, &mut lane);
                }
            }
            prop_assert!(lane.is_empty());
            stored.retain(|seq| !taken_out.contains(seq));
            prop_assert_eq!(came, stored);
        }
    }
}
