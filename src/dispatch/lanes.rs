//! What waits, and what is next. Pure: it is told what happens and when, and says what to start.
//!
//! Deliveries of one hook for one device form a lane and go one after the other. Lanes stand in line at their target
//! (scheme, host and port); a target serves its hooks in turn, and each hook's lanes in turn, so that ten thousand
//! waiting deliveries of one hook do not delay the three of another.
//!
//! ```text
//!            push                    next                    finish
//!   (empty) ─────> standing in line ──────> under way ──────────────────> paused ─ release ─> in line or empty
//!                        ^                      │ put_off
//!                        └────── rest over ── resting
//! ```
//! A held hook's lanes leave the line and come back when it is resumed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::dispatch::age::AcceptedAt;
use crate::dispatch::target::Admission;
use crate::dispatch::target::Target;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::HookId;

/// One hook's deliveries for one publisher: they keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct LaneKey {
    pub(super) hook: HookId,
    /// None for events that came over the API.
    pub(super) device: Option<DeviceId>,
}

/// One waiting delivery.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) seq: u64,
    /// Answers that it got so far.
    pub(super) answers: u32,
    pub(super) accepted: AcceptedAt,
    /// Not kept in memory when much waits; it is on disk in any case.
    pub(super) event: Option<Arc<Event>>,
}

/// What to start now.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) lane: LaneKey,
    pub(super) item: Item,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_key: HashMap<LaneKey, Lane>,
    targets: BTreeMap<Arc<str>, Line>,
    hooks: HashMap<HookId, Arc<str>>,
    held: HashSet<HookId>,
    resting: BinaryHeap<Reverse<(u64, LaneKey)>>,
    /// The target that each attempt under way went to: the hook may be gone when it ends.
    under_way: HashMap<LaneKey, Arc<str>>,
    waiting: usize,
    in_memory: usize,
}

#[derive(Debug, Default)]
struct Lane {
    items: VecDeque<Item>,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to do, or its hook is held.
    #[default]
    Aside,
    InLine,
    UnderWay,
    /// Its head was delivered; the next may start when its results are out.
    Paused,
    /// Its head may be tried again at this time.
    Resting(u64),
}

/// A target and who stands in line at it: hooks in turn, each hook's lanes in turn.
#[derive(Debug, Default)]
struct Line {
    target: Target,
    /// Whose limit counts; none if each event chooses its host.
    host: Option<String>,
    turns: VecDeque<HookId>,
    lanes: HashMap<HookId, VecDeque<LaneKey>>,
}

impl Lanes {
    /// Makes a hook and its target known. Only known hooks' deliveries are started. A hook whose events choose the
    /// host is a target of its own.
    pub(super) fn add_hook(&mut self, hook: HookId, origin: Option<&str>, host: Option<&str>) {
        let name: Arc<str> = origin.map_or_else(|| hook.to_string(), str::to_owned).into();
        self.targets.entry(Arc::clone(&name)).or_default().host = host.map(str::to_owned);
        self.hooks.insert(hook, name);
    }

    /// Forgets a hook; returns the numbers of its deliveries that waited.
    pub(super) fn remove_hook(&mut self, hook: HookId) -> Vec<u64> {
        let Some(name) = self.hooks.remove(&hook) else { return Vec::new() };
        self.held.remove(&hook);
        self.leave_line(hook, &name);
        let mut seqs = Vec::new();
        let (gone, kept) = std::mem::take(&mut self.by_key).into_iter().partition(|(lane, _)| lane.hook == hook);
        self.by_key = kept;
        let gone: HashMap<LaneKey, Lane> = gone;
        for lane in gone.into_values() {
            self.waiting -= lane.items.len();
            self.in_memory -= lane.items.iter().filter(|item| item.event.is_some()).count();
            seqs.extend(lane.items.into_iter().map(|item| item.seq));
        }
        self.forget_unused(&name);
        seqs
    }

    /// Starts nothing more of a hook until it is resumed. What waits goes on waiting.
    pub(super) fn hold(&mut self, hook: HookId) {
        if self.held.insert(hook) {
            if let Some(name) = self.hooks.get(&hook).cloned() {
                self.leave_line(hook, &name);
            }
        }
    }

    /// Takes a held hook up again.
    pub(super) fn resume(&mut self, hook: HookId) {
        if self.held.remove(&hook) {
            let aside: Vec<LaneKey> = self.lanes_of(hook, |lane| lane.state == State::Aside);
            for key in aside {
                self.line_up(key);
            }
        }
    }

    /// Adds a delivery behind the others of its lane. Its event is kept in memory while `keep` events at most are.
    pub(super) fn push(&mut self, key: LaneKey, mut item: Item, keep: usize) {
        if self.in_memory >= keep {
            item.event = None;
        }
        self.in_memory += usize::from(item.event.is_some());
        self.waiting += 1;
        let lane = self.by_key.entry(key).or_default();
        lane.items.push_back(item);
        if lane.state == State::Aside {
            self.line_up(key);
        }
    }

    /// Lets the head of a lane rest until `until_ms`, before it is started for the first time.
    pub(super) fn rest(&mut self, key: LaneKey, until_ms: u64) {
        if let Some(state) = self.by_key.get_mut(&key).map(|lane| &mut lane.state) {
            if *state == State::InLine || *state == State::Aside {
                *state = State::Resting(until_ms);
                self.resting.push(Reverse((until_ms, key)));
                self.drop_from_line(key);
            }
        }
    }

    /// What may start now; `admit` is asked for leave by the target's host. If nothing may, the time at which to ask
    /// again, if any is known.
    pub(super) fn next(
        &mut self,
        now_ms: u64,
        per_target: usize,
        mut admit: impl FnMut(Option<&str>) -> Result<(), u64>,
    ) -> Result<Start, Option<u64>> {
        self.wake_rested(now_ms);
        let mut ask_again = self.resting.peek().map(|Reverse((until_ms, _))| *until_ms);
        let mut chosen = None;
        for (name, line) in &mut self.targets {
            if line.turns.is_empty() {
                continue;
            }
            let wait_until = match line.target.admits(now_ms, per_target) {
                Admission::Now => match admit(line.host.as_deref()) {
                    Ok(()) => {
                        chosen = Some(Arc::clone(name));
                        break;
                    }
                    Err(until_ms) => until_ms,
                },
                Admission::At(until_ms) => until_ms,
                Admission::WhenOneEnds => continue,
            };
            ask_again = Some(ask_again.map_or(wait_until, |earliest| earliest.min(wait_until)));
        }
        let name = chosen.ok_or(ask_again)?;
        let line = self.targets.get_mut(&name).expect("it was chosen from there");
        let key = line.take_turn().expect("lines without turns are passed over");
        line.target.started();
        let started = self.by_key.get_mut(&key).expect("lanes in line exist");
        started.state = State::UnderWay;
        let item = started.items.front().expect("lanes in line have a head").clone();
        self.under_way.insert(key, name);
        Ok(Start { lane: key, item })
    }

    /// The attempt at a lane's head ended and the head leaves the queue. The lane pauses until it is released.
    /// None if the lane is gone: its hook was removed.
    pub(super) fn finish(&mut self, key: LaneKey) -> Option<Item> {
        self.free_slot(key);
        let lane = self.by_key.get_mut(&key)?;
        lane.state = State::Paused;
        let item = lane.items.pop_front()?;
        self.waiting -= 1;
        self.in_memory -= usize::from(item.event.is_some());
        Some(item)
    }

    /// The results of a paused lane's last delivery are out: its next may start.
    pub(super) fn release(&mut self, key: LaneKey) {
        let Some(lane) = self.by_key.get_mut(&key) else { return };
        lane.state = State::Aside;
        if lane.items.is_empty() {
            self.by_key.remove(&key);
        } else {
            self.line_up(key);
        }
    }

    /// The attempt at a lane's head ended and the head stays, to be tried again at `until_ms`.
    pub(super) fn put_off(&mut self, key: LaneKey, until_ms: u64) {
        self.free_slot(key);
        if let Some(lane) = self.by_key.get_mut(&key) {
            lane.state = State::Resting(until_ms);
            self.resting.push(Reverse((until_ms, key)));
        }
    }

    /// The attempt at a lane's head ended without an answer: the head stays, and the target's state decides.
    pub(super) fn put_back(&mut self, key: LaneKey) {
        self.free_slot(key);
        if let Some(lane) = self.by_key.get_mut(&key) {
            lane.state = State::Aside;
            self.line_up(key);
        }
    }

    /// Answers that the head of a lane got so far.
    pub(super) fn answers(&self, key: LaneKey) -> u32 {
        self.by_key.get(&key).and_then(|lane| lane.items.front()).map_or(0, |head| head.answers)
    }

    /// Notes how many answers the head of a lane got so far.
    pub(super) fn note_answers(&mut self, key: LaneKey, answers: u32) {
        if let Some(head) = self.by_key.get_mut(&key).and_then(|lane| lane.items.front_mut()) {
            head.answers = answers;
        }
    }

    /// The target of a hook, to tell it what happened.
    pub(super) fn target(&mut self, hook: HookId) -> Option<&mut Target> {
        let name = self.hooks.get(&hook)?;
        self.targets.get_mut(name).map(|line| &mut line.target)
    }

    /// Every target that is silent may be asked at once.
    pub(super) fn forgive_targets(&mut self, now_ms: u64) {
        for line in self.targets.values_mut() {
            line.target.forgive(now_ms);
        }
    }

    /// Deliveries that wait or are under way.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Attempts under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Targets that gave no answer when they were last asked.
    pub(super) fn targets_down(&self) -> usize {
        self.targets.values().filter(|line| line.target.is_down()).count()
    }

    fn wake_rested(&mut self, now_ms: u64) {
        while let Some(&Reverse((until_ms, key))) = self.resting.peek() {
            if until_ms > now_ms {
                return;
            }
            self.resting.pop();
            // Lanes that were removed or put off again since have another state.
            if self.by_key.get(&key).is_some_and(|lane| lane.state == State::Resting(until_ms)) {
                self.by_key.get_mut(&key).expect("just seen").state = State::Aside;
                self.line_up(key);
            }
        }
    }

    fn line_up(&mut self, key: LaneKey) {
        let Some(name) = self.hooks.get(&key.hook).filter(|_| !self.held.contains(&key.hook)) else { return };
        let line = self.targets.get_mut(name).expect("every hook's target exists");
        line.join(key);
        self.by_key.get_mut(&key).expect("lanes that line up exist").state = State::InLine;
    }

    fn leave_line(&mut self, hook: HookId, name: &str) {
        if let Some(line) = self.targets.get_mut(name) {
            line.turns.retain(|other| *other != hook);
            line.lanes.remove(&hook);
        }
        for key in self.lanes_of(hook, |lane| lane.state == State::InLine) {
            self.by_key.get_mut(&key).expect("just listed").state = State::Aside;
        }
    }

    fn drop_from_line(&mut self, key: LaneKey) {
        let Some(line) = self.hooks.get(&key.hook).and_then(|name| self.targets.get_mut(name)) else { return };
        if let Some(lanes) = line.lanes.get_mut(&key.hook) {
            lanes.retain(|other| *other != key);
            if lanes.is_empty() {
                line.lanes.remove(&key.hook);
                line.turns.retain(|hook| *hook != key.hook);
            }
        }
    }

    fn free_slot(&mut self, key: LaneKey) {
        let Some(name) = self.under_way.remove(&key) else { return };
        if let Some(line) = self.targets.get_mut(&name) {
            line.target.ended();
        }
        if !self.hooks.contains_key(&key.hook) {
            self.forget_unused(&name);
        }
    }

    /// Forgets a target that no hook has any more, unless an attempt is still under way there.
    fn forget_unused(&mut self, name: &Arc<str>) {
        if !self.hooks.values().any(|other| other == name) {
            self.targets.retain(|other, line| other != name || line.target.is_busy());
        }
    }

    fn lanes_of(&self, hook: HookId, which: impl Fn(&Lane) -> bool) -> Vec<LaneKey> {
        let mut lanes: Vec<LaneKey> =
            self.by_key.iter().filter(|(key, lane)| key.hook == hook && which(lane)).map(|(key, _)| *key).collect();
        lanes.sort_unstable();
        lanes
    }
}

impl Line {
    fn join(&mut self, lane: LaneKey) {
        let lanes = self.lanes.entry(lane.hook).or_default();
        if lanes.is_empty() {
            self.turns.push_back(lane.hook);
        }
        lanes.push_back(lane);
    }

    fn take_turn(&mut self) -> Option<LaneKey> {
        let hook = self.turns.pop_front()?;
        let lanes = self.lanes.get_mut(&hook)?;
        let lane = lanes.pop_front();
        if lanes.is_empty() {
            self.lanes.remove(&hook);
        } else {
            self.turns.push_back(hook);
        }
        lane
    }
}

#[cfg(test)]
mod tests;
