//! What waits, and what is next. Pure: it is told what happens and when, and says what to start.
//!
//! Deliveries of one hook for one device form a lane and go one after the other. Lanes stand in line at their target
//! (scheme, host and port); a target serves its hooks in turn, and each hook's lanes in turn, so that ten thousand
//! waiting deliveries of one hook do not delay the three of another.
//!
//! ```text
//!            announce                next                    finish
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
use std::sync::Arc;
use std::time::Duration;

use crate::bus::WakeRefusal;
use crate::dispatch::age::AcceptedAt;
use crate::dispatch::lane::Behind;
use crate::dispatch::lane::Filling;
use crate::dispatch::lane::Item;
use crate::dispatch::lane::Lane;
use crate::dispatch::lane::NotWaiting;
use crate::dispatch::lane::State;
use crate::dispatch::line::Line;
use crate::dispatch::target::Admission;
use crate::dispatch::target::Target;
use crate::model::HookId;
use crate::store::DeliveryKey;
use crate::store::LaneKey;

/// What to start now.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) lane: LaneKey,
    pub(super) item: Item,
}

/// How starts are chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    /// Attempts under way at one target, at most.
    pub(super) per_target: usize,
    /// One in so many starts is of somebody who has just published; 0 for none.
    pub(super) interleave: u32,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_key: HashMap<LaneKey, Lane>,
    targets: BTreeMap<Arc<str>, Line>,
    hooks: HashMap<HookId, Arc<str>>,
    held: HashSet<HookId>,
    resting: BinaryHeap<Reverse<(u64, LaneKey)>>,
    /// The target that each attempt under way went to, as the hook may be gone when it ends; none if it asks nobody.
    under_way: HashMap<LaneKey, Option<Arc<str>>>,
    /// Lanes that may want a page.
    thin: HashSet<LaneKey>,
    /// Lanes whose last page could not be read.
    unread: HashSet<LaneKey>,
    event_bytes: usize,
}

impl Lanes {
    /// Makes a hook and its target known. Only known hooks' deliveries are started. A hook whose events choose the
    /// host is a target of its own. One that is known already goes over to that target, with what waits for it.
    pub(super) fn add_hook(&mut self, hook: HookId, origin: Option<&str>, host: Option<&str>) {
        let name: Arc<str> = origin.map_or_else(|| hook.to_string(), str::to_owned).into();
        self.targets.entry(Arc::clone(&name)).or_default().host = host.map(str::to_owned);
        let before = self.hooks.insert(hook, Arc::clone(&name));
        let Some(before) = before.filter(|before| *before != name) else { return };
        self.leave_line(hook, &before);
        self.forget_unused(&before);
        for key in self.lanes_of(hook, |lane| lane.state == State::Aside) {
            self.go_on(key);
        }
    }

    /// Forgets a hook and what waits for it.
    pub(super) fn remove_hook(&mut self, hook: HookId) {
        let Some(name) = self.hooks.remove(&hook) else { return };
        self.held.remove(&hook);
        self.leave_line(hook, &name);
        let (gone, kept) = std::mem::take(&mut self.by_key).into_iter().partition(|(lane, _)| lane.hook == hook);
        self.by_key = kept;
        let gone: HashMap<LaneKey, Lane> = gone;
        self.event_bytes -= gone.values().map(Lane::event_bytes).sum::<usize>();
        self.forget_unused(&name);
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
                self.go_on(key);
            }
        }
    }

    /// A delivery is in the store, behind the others of its lane. Its event is kept in memory while at most `keep`
    /// bytes of events are.
    pub(super) fn announce(&mut self, key: LaneKey, mut item: Item, keep: usize) {
        forget_event(&mut item, self.event_bytes, keep);
        let lane = self.by_key.entry(key).or_default();
        let (was_empty, bytes) = (lane.is_empty(), item.event_bytes());
        if lane.announce(item) {
            self.event_bytes += bytes;
        }
        if lane.head().is_none() {
            self.thin.insert(key);
        } else if lane.state == State::Aside {
            self.line_up(key, was_empty);
        }
    }

    /// Makes a lane known in which something waits; what it is comes with the first page.
    pub(super) fn open(&mut self, key: LaneKey) {
        self.by_key.entry(key).or_default().fill(Some(Filling { is_last: false, ..Filling::default() }));
        self.thin.insert(key);
    }

    /// The pages that shall be read now. Each is filled in later.
    pub(super) fn pages_to_read(&mut self) -> Vec<(LaneKey, Behind)> {
        let thin = std::mem::take(&mut self.thin);
        let wanted = |key: LaneKey| Some((key, self.by_key.get_mut(&key)?.begin_reading()?));
        thin.into_iter().filter_map(wanted).collect()
    }

    /// Pages that could not be read shall be read again.
    pub(super) fn retry_pages(&mut self) {
        self.thin.extend(self.unread.drain());
    }

    /// A page was read, or could not be: then nothing is read of that lane until [`Self::retry_pages`].
    pub(super) fn fill(&mut self, key: LaneKey, filling: Option<Filling>, keep: usize) {
        let wants_more = if filling.is_some() { &mut self.thin } else { &mut self.unread };
        wants_more.insert(key);
        let filling = filling.map(|mut filling| {
            let mut held = self.event_bytes;
            for item in &mut filling.items {
                forget_event(item, held, keep);
                held += item.event_bytes();
            }
            filling
        });
        let Some(lane) = self.by_key.get_mut(&key) else { return };
        let before = lane.event_bytes();
        lane.fill(filling);
        self.event_bytes += lane.event_bytes() - before;
        if lane.state == State::Aside {
            self.go_on(key);
        }
    }

    /// What may start now; `admit` is asked for leave by the target's host. If nothing may, the time at which to ask
    /// again, if any is known.
    pub(super) fn next(
        &mut self,
        now_ms: u64,
        order: Order,
        mut admit: impl FnMut(Option<&str>) -> Result<(), u64>,
    ) -> Result<Start, Option<u64>> {
        self.wake_rested(now_ms);
        let mut ask_again = self.resting.peek().map(|Reverse((until_ms, _))| *until_ms);
        let mut chosen = None;
        for (name, line) in &mut self.targets {
            if line.is_empty() {
                continue;
            }
            let wait_until = match line.target.admits(now_ms, order.per_target) {
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
        let key = line.take_turn(order.interleave).expect("lines without turns are passed over");
        line.target.started();
        Ok(self.start(key, Some(name)))
    }

    /// The lane with which a held hook can be tried: that of its oldest delivery. None if nothing waits there.
    pub(super) fn to_try(&self, hook: HookId) -> Option<LaneKey> {
        let waiting = |lane: &Lane| matches!(lane.state, State::Aside | State::Resting(_)) && lane.head().is_some();
        let lanes = self.lanes_of(hook, waiting);
        let lanes = lanes.into_iter().filter(|_| self.held.contains(&hook));
        lanes.min_by_key(|key| self.by_key[key].head().map(|head| head.seq))
    }

    /// Starts the oldest delivery of a held hook, to see whether its target does better. None if nothing waits there.
    pub(super) fn try_held(&mut self, hook: HookId) -> Option<Start> {
        let (key, name) = (self.to_try(hook)?, self.hooks.get(&hook).cloned()?);
        self.targets.get_mut(&name).expect("every hook's target exists").target.started();
        Some(self.start(key, Some(name)))
    }

    /// Starts deliveries that have waited too long, at most `most`: they ask no target, and only come to their end.
    pub(super) fn start_expired(
        &mut self,
        now_ms: u64,
        most: usize,
        max_age: impl Fn(HookId) -> Duration,
    ) -> Vec<Start> {
        let is_expired = |key: &LaneKey, lane: &Lane| {
            let may_start = matches!(lane.state, State::Aside | State::InLine | State::Resting(_));
            may_start && lane.head().is_some_and(|head| head.accepted.age(now_ms) > max_age(key.hook))
        };
        let known =
            self.by_key.iter().filter(|(key, lane)| self.hooks.contains_key(&key.hook) && is_expired(key, lane));
        let expired: Vec<LaneKey> = known.map(|(key, _)| *key).take(most).collect();
        let mut starts = Vec::new();
        for key in expired {
            self.leave_line_alone(key);
            starts.push(self.start(key, None));
        }
        starts
    }

    /// The attempt at a lane's head ended and the head leaves the queue. The lane pauses until it is released.
    /// None if the lane is gone: its hook was removed.
    pub(super) fn finish(&mut self, key: LaneKey) -> Option<Item> {
        self.free_slot(key);
        let lane = self.by_key.get_mut(&key)?;
        lane.state = State::Paused;
        let item = lane.pop()?;
        self.event_bytes -= item.event_bytes();
        self.thin.insert(key);
        Some(item)
    }

    /// The results of a paused lane's last delivery are out: its next may start.
    pub(super) fn release(&mut self, key: LaneKey) {
        let Some(lane) = self.by_key.get_mut(&key) else { return };
        lane.state = State::Aside;
        self.go_on(key);
    }

    /// The attempt at a lane's head ended and the head stays, to be tried again at `until_ms`.
    pub(super) fn put_off(&mut self, key: LaneKey, until_ms: u64) {
        self.free_slot(key);
        let Some(lane) = self.by_key.get_mut(&key) else { return };
        lane.state = State::Aside;
        if let Some(head) = lane.head_mut() {
            head.due_ms = until_ms;
        }
        self.go_on(key);
    }

    /// The attempt at a lane's head ended without an answer: the head stays, and the target's state decides. Gives
    /// whether the head's last attempt had no answer either.
    pub(super) fn put_back(&mut self, key: LaneKey) -> bool {
        self.free_slot(key);
        let Some(lane) = self.by_key.get_mut(&key) else { return false };
        lane.state = State::Aside;
        let met_silence = lane.head_mut().is_some_and(|head| std::mem::replace(&mut head.met_silence, true));
        self.go_on(key);
        met_silence
    }

    /// A delivery that waits is removed from the store.
    ///
    /// # Errors
    /// When it is under way, or over.
    pub(super) fn take_out(&mut self, key: DeliveryKey) -> Result<(), NotWaiting> {
        let lane = self.by_key.get_mut(&key.lane).ok_or(NotWaiting)?;
        let item = lane.take_out(key.seq)?;
        self.event_bytes -= item.as_ref().map_or(0, Item::event_bytes);
        self.thin.insert(key.lane);
        if item.is_some() && matches!(lane.state, State::InLine | State::Resting(_) | State::Aside) {
            lane.state = State::Aside;
            self.leave_line_alone(key.lane);
            self.go_on(key.lane);
        }
        Ok(())
    }

    /// The oldest delivery of a hook that is not under way.
    pub(super) fn oldest(&self, hook: HookId) -> Option<DeliveryKey> {
        let lanes = self.by_key.iter().filter(|(key, _)| key.hook == hook);
        let firsts = lanes.filter_map(|(key, lane)| Some(DeliveryKey { lane: *key, seq: lane.first_waiting()?.seq }));
        firsts.min_by_key(|key| key.seq)
    }

    /// When the oldest delivery of each known hook was accepted that waits or is under way.
    pub(super) fn oldest_accepted(&self) -> HashMap<HookId, AcceptedAt> {
        let mut oldest = HashMap::new();
        for (key, lane) in self.by_key.iter().filter(|(key, _)| self.hooks.contains_key(&key.hook)) {
            if let Some(head) = lane.head() {
                let accepted = oldest.entry(key.hook).or_insert(head.accepted);
                *accepted = head.accepted.min(*accepted);
            }
        }
        oldest
    }

    /// Answers that the head of a lane got so far.
    pub(super) fn answers(&self, key: LaneKey) -> u32 {
        self.by_key.get(&key).and_then(Lane::head).map_or(0, |head| head.answers)
    }

    /// Notes how many answers the head of a lane got so far.
    pub(super) fn note_answers(&mut self, key: LaneKey, answers: u32) {
        if let Some(head) = self.by_key.get_mut(&key).and_then(Lane::head_mut) {
            head.answers = answers;
            head.met_silence = false;
        }
    }

    /// The target that the attempt under way in that lane went to, to tell it what happened. It is not the hook's any
    /// more if the hook was given another address meanwhile.
    pub(super) fn asked(&mut self, lane: LaneKey) -> Option<&mut Target> {
        let name = self.under_way.get(&lane)?.as_ref()?;
        self.targets.get_mut(name).map(|line| &mut line.target)
    }

    /// The target of a hook.
    pub(super) fn target(&mut self, hook: HookId) -> Option<&mut Target> {
        let name = self.hooks.get(&hook)?;
        self.targets.get_mut(name).map(|line| &mut line.target)
    }

    /// Every target, by its name: scheme, host and port, or the hook whose events choose the host.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&str, &Line)> {
        self.targets.iter().map(|(name, line)| (&**name, line))
    }

    /// Every target that is silent may be asked at once.
    pub(super) fn forgive_targets(&mut self, now_ms: u64) {
        for line in self.targets.values_mut() {
            line.target.forgive(now_ms);
        }
    }

    /// Targets that are down and for which something waits that may be sent are to be asked at once: all, or those of
    /// that name or host. Gives their names.
    ///
    /// # Errors
    /// When a target is named and cannot be asked.
    pub(super) fn wake(&mut self, wanted: Option<&str>, now_ms: u64) -> Result<Vec<String>, WakeRefusal> {
        let (mut woken, mut is_known, mut is_down) = (Vec::new(), false, false);
        for (name, line) in &mut self.targets {
            if wanted.is_some_and(|wanted| wanted != &**name && line.host.as_deref() != Some(wanted)) {
                continue;
            }
            is_known = true;
            is_down |= line.target.is_down();
            if !line.is_empty() && line.target.wake(now_ms) {
                woken.push(name.to_string());
            }
        }
        match wanted.map(str::to_owned) {
            Some(target) if !is_known => Err(WakeRefusal::NoTarget { target }),
            Some(target) if !is_down => Err(WakeRefusal::NotDown { target }),
            Some(target) if woken.is_empty() => Err(WakeRefusal::NothingToSend { target }),
            _ => Ok(woken),
        }
    }

    /// Deliveries that are being brought to their end without asking anybody.
    pub(super) fn ending(&self) -> usize {
        self.under_way.values().filter(|target| target.is_none()).count()
    }

    /// Attempts under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Whether an attempt of the hook is under way.
    pub(super) fn is_under_way(&self, hook: HookId) -> bool {
        self.under_way.keys().any(|lane| lane.hook == hook)
    }

    /// Targets that gave no answer when they were last asked.
    pub(super) fn targets_down(&self) -> usize {
        self.targets.values().filter(|line| line.target.is_down()).count()
    }

    fn start(&mut self, key: LaneKey, target: Option<Arc<str>>) -> Start {
        let lane = self.by_key.get_mut(&key).expect("lanes that are started exist");
        lane.state = State::UnderWay;
        let item = lane.head().expect("lanes that are started have a head").clone();
        self.under_way.insert(key, target);
        Start { lane: key, item }
    }

    fn wake_rested(&mut self, now_ms: u64) {
        while let Some(&Reverse((until_ms, key))) = self.resting.peek() {
            if until_ms > now_ms {
                return;
            }
            self.resting.pop();
            // Lanes that were removed or put off again since have another state.
            let Some(lane) = self.by_key.get_mut(&key) else { continue };
            if lane.state == State::Resting(until_ms) {
                lane.state = State::Aside;
                if let Some(head) = lane.head_mut() {
                    head.due_ms = 0;
                }
                self.line_up(key, false);
            }
        }
    }

    /// A lane that was set aside goes on with what it has, or is forgotten if there is nothing.
    fn go_on(&mut self, key: LaneKey) {
        let lane = &self.by_key[&key];
        if lane.is_empty() {
            self.by_key.remove(&key);
        } else if lane.head().is_some() {
            self.line_up(key, false);
        }
    }

    fn line_up(&mut self, key: LaneKey, is_new: bool) {
        let lane = self.by_key.get_mut(&key).expect("lanes that line up exist");
        let head = lane.head().expect("lanes that line up have a head");
        let Some(name) = self.hooks.get(&key.hook).filter(|_| !self.held.contains(&key.hook)) else { return };
        let due_ms = head.due_ms;
        if due_ms > 0 {
            lane.state = State::Resting(due_ms);
            self.resting.push(Reverse((due_ms, key)));
            return;
        }
        let is_fresh = is_new && lane.is_single();
        lane.state = State::InLine;
        self.targets.get_mut(name).expect("every hook's target exists").join(key, is_fresh);
    }

    fn leave_line(&mut self, hook: HookId, name: &str) {
        if let Some(line) = self.targets.get_mut(name) {
            line.leave_all(hook);
        }
        for key in self.lanes_of(hook, |lane| matches!(lane.state, State::InLine | State::Resting(_))) {
            self.by_key.get_mut(&key).expect("just listed").state = State::Aside;
        }
    }

    fn leave_line_alone(&mut self, key: LaneKey) {
        if let Some(line) = self.hooks.get(&key.hook).and_then(|name| self.targets.get_mut(name)) {
            line.leave(key);
        }
    }

    fn free_slot(&mut self, key: LaneKey) {
        let Some(Some(name)) = self.under_way.remove(&key) else { return };
        if let Some(line) = self.targets.get_mut(&name) {
            line.target.ended();
        }
        if self.hooks.get(&key.hook).is_none_or(|target| *target != name) {
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

/// Leaves an event to the store if enough bytes of events are held in memory.
fn forget_event(item: &mut Item, held: usize, keep: usize) {
    if held >= keep {
        item.event = None;
    }
}

#[cfg(test)]
mod tests;
