//! Whatever happens in whatever order: compared with the plainest model of what waits.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const PER_TARGET: usize = 2;

/// The third hook has a target of its own, the others share one.
const HOOKS: [HookId; 3] = [A, B, HookId::from_bytes([0xc; 12])];

/// What happens; numbers choose a lane, or one of those that it can happen to.
#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    Start,
    Finish(usize),
    Release(usize),
    PutOff(usize, u64),
    PutBack(usize),
    Hold(usize),
    Resume(usize),
    Remove(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_usize).prop_map(Step::Push),
        6 => Just(Step::Start),
        4 => any::<usize>().prop_map(Step::Finish),
        4 => any::<usize>().prop_map(Step::Release),
        1 => (any::<usize>(), 0..50_u64).prop_map(|(at, wait_ms)| Step::PutOff(at, wait_ms)),
        1 => any::<usize>().prop_map(Step::PutBack),
        1 => (0..3_usize).prop_map(Step::Hold),
        2 => (0..3_usize).prop_map(Step::Resume),
        // Mostly no hook: what is removed cannot go wrong any more.
        1 => (0..30_usize).prop_map(Step::Remove),
        2 => (1..40_u64).prop_map(Step::Pass),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// May start at this time.
    Waits(u64),
    UnderWay,
    Paused,
}

#[derive(Debug)]
struct Expected {
    key: LaneKey,
    items: VecDeque<u64>,
    doing: Doing,
    is_removed: bool,
}

struct Model {
    lanes: Lanes,
    expected: Vec<Expected>,
    held: [bool; 3],
    now_ms: u64,
    next_seq: u64,
}

impl Model {
    fn new() -> Self {
        let mut lanes = lanes();
        lanes.add_hook(HOOKS[2], Some("http://c"), Some("c"));
        let key = |at: usize| lane(HOOKS[at / 2], u8::try_from(at % 2).unwrap());
        let expected =
            |at| Expected { key: key(at), items: VecDeque::new(), doing: Doing::Waits(0), is_removed: false };
        Self { lanes, expected: (0..6).map(expected).collect(), held: [false; 3], now_ms: 0, next_seq: 0 }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Push(at) if !self.expected[at].is_removed => {
                push(&mut self.lanes, self.expected[at].key, self.next_seq);
                self.expected[at].items.push_back(self.next_seq);
                self.next_seq += 1;
            }
            Step::Start => self.start(),
            Step::Finish(choice) => self.finish(choice),
            Step::Release(choice) => {
                if let Some(lane) = chosen(&mut self.expected, Doing::Paused, choice) {
                    lane.doing = Doing::Waits(0);
                    self.lanes.release(lane.key);
                }
            }
            Step::PutOff(choice, wait_ms) => {
                if let Some(lane) = chosen(&mut self.expected, Doing::UnderWay, choice) {
                    lane.doing = Doing::Waits(self.now_ms + wait_ms);
                    self.lanes.put_off(lane.key, self.now_ms + wait_ms);
                }
            }
            Step::PutBack(choice) => {
                if let Some(lane) = chosen(&mut self.expected, Doing::UnderWay, choice) {
                    lane.doing = Doing::Waits(0);
                    let _ = self.lanes.put_back(lane.key);
                }
            }
            Step::Hold(hook) => {
                self.held[hook] = true;
                self.lanes.hold(HOOKS[hook]);
            }
            Step::Resume(hook) => {
                self.held[hook] = false;
                self.lanes.resume(HOOKS[hook]);
            }
            Step::Remove(hook) if hook < HOOKS.len() => self.remove(hook),
            Step::Pass(ms) => self.now_ms += ms,
            Step::Push(_) | Step::Remove(_) => {}
        }
        let expected: usize = self.expected.iter().map(|lane| lane.items.len()).sum();
        assert_eq!(waiting(&self.lanes), expected);
        let under_way = self.expected.iter().filter(|lane| lane.doing == Doing::UnderWay).count();
        assert_eq!(self.lanes.under_way(), under_way);
    }

    fn start(&mut self) {
        let may_start: Vec<LaneKey> =
            self.expected.iter().filter(|lane| self.may_start(lane)).map(|lane| lane.key).collect();
        match self.lanes.next(self.now_ms, Order { per_target: PER_TARGET, interleave: 3 }, |_| Ok(())) {
            Ok(Start { lane: key, item }) => {
                assert!(may_start.contains(&key), "{key:?} must not start");
                let lane = self.expected.iter_mut().find(|lane| lane.key == key).unwrap();
                assert_eq!(Some(&item.seq), lane.items.front(), "the oldest of its lane goes first");
                lane.doing = Doing::UnderWay;
            }
            Err(ask_again_ms) => {
                assert_eq!(may_start, [], "nothing waits without a reason");
                assert!(ask_again_ms.is_none_or(|ms| ms > self.now_ms), "asking again at once is a busy loop");
                let next_rested = self.expected.iter().filter_map(|lane| match lane.doing {
                    Doing::Waits(from_ms) if from_ms > self.now_ms && !lane.is_removed && !self.is_held(lane) => {
                        Some(from_ms)
                    }
                    _ => None,
                });
                if let Some(next_ms) = next_rested.min() {
                    assert!(ask_again_ms.is_some_and(|ms| ms <= next_ms), "a rest that ends is not slept through");
                }
            }
        }
    }

    fn may_start(&self, lane: &Expected) -> bool {
        let is_ready = matches!(lane.doing, Doing::Waits(from_ms) if from_ms <= self.now_ms);
        let hook = hook_of(lane);
        let same_target = |other: &&Expected| (other.key.hook == HOOKS[2]) == (hook == 2);
        let busy = self.expected.iter().filter(same_target).filter(|other| other.doing == Doing::UnderWay).count();
        is_ready && !lane.items.is_empty() && !self.is_held(lane) && !lane.is_removed && busy < PER_TARGET
    }

    fn is_held(&self, lane: &Expected) -> bool {
        self.held[hook_of(lane)]
    }

    fn finish(&mut self, choice: usize) {
        let Some(lane) = chosen(&mut self.expected, Doing::UnderWay, choice) else { return };
        let finished = self.lanes.finish(lane.key).map(|item| item.seq);
        assert_eq!(finished, lane.items.pop_front());
        lane.doing = if lane.is_removed { Doing::Waits(0) } else { Doing::Paused };
    }

    fn remove(&mut self, hook: usize) {
        self.lanes.remove_hook(HOOKS[hook]);
        for lane in self.expected.iter_mut().filter(|lane| lane.key.hook == HOOKS[hook]) {
            lane.is_removed = true;
            lane.items.clear();
            if lane.doing == Doing::Paused {
                lane.doing = Doing::Waits(0);
            }
        }
    }

    /// Lets everything come to its end.
    fn drain(&mut self) {
        (0..HOOKS.len()).for_each(|hook| self.take(&Step::Resume(hook)));
        for _ in 0..400 {
            for step in [Step::Start, Step::Finish(0), Step::Release(0), Step::Pass(1)] {
                self.take(&step);
            }
        }
    }
}

fn hook_of(lane: &Expected) -> usize {
    HOOKS.iter().position(|hook| *hook == lane.key.hook).unwrap()
}

fn chosen(lanes: &mut [Expected], doing: Doing, choice: usize) -> Option<&mut Expected> {
    let count = lanes.iter().filter(|lane| lane.doing == doing).count();
    lanes.iter_mut().filter(|lane| lane.doing == doing).nth(choice.checked_rem(count)?)
}

proptest! {
    #[test]
    fn nothing_is_lost_or_overtaken_or_started_twice(steps in prop::collection::vec(step(), 0..200)) {
        let mut model = Model::new();
        for step in &steps {
            model.take(step);
        }
        model.drain();
        assert_eq!((waiting(&model.lanes), model.lanes.under_way()), (0, 0));
        assert!(model.lanes.by_key.is_empty(), "lanes without deliveries cost no memory");
    }
}
