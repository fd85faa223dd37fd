//! How much went when: attempts, deliveries that arrived, that were given up, events that were not kept, and how much
//! waited. For the gateway and for each user in steps of five minutes over a day and of an hour over thirty days; for
//! each hook in steps of an hour over a day and of a day over thirty days.
//!
//! The dispatcher and the intake count here; pages and the API read. What was counted is written at an orderly stop, and
//! else with a batch that is written anyway, once it is ten minutes old; if there is none in another minute, by itself. A
//! gateway that does nothing writes nothing. After a kill up to eleven minutes are missing.
//!
//! Bounded: a user takes 25 KB of memory when everything is in use, the gateway 31, a hook 1. With 200 hooks of ten users
//! that is 0.5 MB, and on the disk at most 0.4 MB, usually a quarter of it. What belongs to nobody any more is forgotten.
//!
//! While the clock is not set, what happens counts as if at the last time that is known. If none is, it counts by how long
//! the machine has been up, also over restarts, and gets its date as soon as the clock is set.

mod ring;
mod series;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use crate::clock::BUILT_AT;
use crate::clock::Now;
use crate::model::HookId;
use crate::model::UserId;
use crate::model::WallTime;
use crate::store::Changes;
use crate::store::StoredFigures;
use crate::store::Whose;

use ring::Ring;

pub use series::HookHistory;
pub use series::Series;
pub use series::Span;

/// How long what was counted waits for a batch to be written with, in milliseconds.
const WRITE_AFTER_MS: u64 = 10 * 60 * 1_000;

/// How much longer it waits before it is written by itself, in milliseconds.
const PATIENCE_MS: u64 = 60 * 1_000;

/// Seconds of a bucket, and how many there are: of the gateway and of users, and of hooks.
const DAY: (u32, usize) = (5 * 60, 288);
const MONTH: (u32, usize) = (60 * 60, 720);
const DAY_OF_HOOK: (u32, usize) = (60 * 60, 24);
const MONTH_OF_HOOK: (u32, usize) = (24 * 60 * 60, 30);

/// What is dated earlier was counted without a clock. Ours: the beginning of 2020. No farhook is so old, and no machine has
/// been up since 1970 for so long. The time of the build does not tell: an update would take a true date for none.
const DATED: WallTime = WallTime::from_millis(1_577_836_800_000);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A request was made, whatever came of it.
    Attempt,
    /// A delivery arrived.
    Delivered,
    /// A delivery was given up.
    Failed,
    /// An event was not kept for a hook that wanted it: a queue was full, or its device over its limit.
    Dropped,
}

/// The history. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// With how much waited at most.
    gateway: Rings<5>,
    users: HashMap<UserId, Rings<4>>,
    /// Delivered, failed, dropped or refused.
    hooks: HashMap<HookId, Rings<3>>,
    waiting: u32,
    /// The last time at which the clock was right.
    known: Option<WallTime>,
    /// Whether something was counted before the clock was ever right.
    is_undated: bool,
    /// When the oldest was counted of what is not written.
    pending_since_ms: Option<u64>,
}

/// The figures of one, over a day and over thirty days.
#[derive(Debug)]
struct Rings<const FIGURES: usize> {
    day: Ring<FIGURES>,
    month: Ring<FIGURES>,
    /// Whether it was changed since it was written.
    is_changed: bool,
}

impl History {
    /// As it was before the restart.
    pub fn restore(stored: Vec<(Whose, StoredFigures)>) -> Self {
        let mut state = State::default();
        for (whose, figures) in stored {
            match whose {
                Whose::Gateway => state.gateway = Rings::restored(DAY, MONTH, &figures),
                Whose::User(user) => drop(state.users.insert(user, Rings::restored(DAY, MONTH, &figures))),
                Whose::Hook(hook) => {
                    state.hooks.insert(hook, Rings::restored(DAY_OF_HOOK, MONTH_OF_HOOK, &figures));
                }
            }
        }
        let last_at = state.gateway.day.last_at();
        state.known = last_at.filter(|at| *at >= DATED);
        state.is_undated = last_at.is_some() && state.known.is_none();
        Self(Arc::new(Mutex::new(state)))
    }

    /// Counts what happened so many times to deliveries of a hook, whose owner is `owner`.
    pub fn count(&self, what: What, hook: HookId, owner: UserId, times: u32, now: Now) {
        let mut state = self.state();
        let at = state.believed(now);
        state.gateway.count(what as usize, times, at);
        state.users.entry(owner).or_insert_with(|| Rings::new(DAY, MONTH)).count(what as usize, times, at);
        let figure = match what {
            What::Attempt => None,
            What::Delivered => Some(0),
            What::Failed => Some(1),
            What::Dropped => Some(2),
        };
        if let Some(figure) = figure {
            state.hook(hook).count(figure, times, at);
        }
        state.pending_since_ms.get_or_insert(now.mono_ms);
    }

    /// Counts an event that was refused since a hook's queue is full: its device keeps it.
    pub fn refused(&self, hook: HookId, now: Now) {
        let mut state = self.state();
        let at = state.believed(now);
        state.hook(hook).count(2, 1, at);
        state.pending_since_ms.get_or_insert(now.mono_ms);
    }

    /// Notes how many deliveries wait.
    pub fn note_waiting(&self, waiting: u64, now: Now) {
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let mut state = self.state();
        let is_news = std::mem::replace(&mut state.waiting, waiting) != waiting;
        if waiting == 0 {
            return;
        }
        let at = state.believed(now);
        let gateway = &mut state.gateway;
        for ring in [&mut gateway.day, &mut gateway.month] {
            let depth = &mut ring.at(at)[DEPTH];
            *depth = waiting.max(*depth);
        }
        if is_news {
            gateway.is_changed = true;
            state.pending_since_ms.get_or_insert(now.mono_ms);
        }
    }

    /// Forgets hooks and users that are gone. Gives what makes that durable.
    pub fn keep(&self, has_hook: impl Fn(HookId) -> bool, has_user: impl Fn(UserId) -> bool) -> Changes {
        let (mut state, mut changes) = (self.state(), Changes::new());
        state.hooks.retain(|hook, _| has_hook(*hook) || drop_figures(&mut changes, Whose::Hook(*hook)));
        state.users.retain(|user, _| has_user(*user) || drop_figures(&mut changes, Whose::User(*user)));
        changes
    }

    /// What goes along with a batch that is written anyway, if it is time for that.
    pub fn riding(&self, now_ms: u64) -> Option<Changes> {
        self.take_after(WRITE_AFTER_MS, now_ms)
    }

    /// What shall be written now, since nothing else was.
    pub fn due(&self, now_ms: u64) -> Option<Changes> {
        self.take_after(WRITE_AFTER_MS + PATIENCE_MS, now_ms)
    }

    /// Everything that waits to be written.
    pub fn take(&self) -> Changes {
        self.state().take()
    }

    /// The gateway's figures up to now.
    pub fn gateway(&self, span: Span, now: WallTime) -> Series {
        let state = self.state();
        Series::of(state.gateway.over(span), state.shown(now))
    }

    /// The figures of a user's hooks up to now; how much waited is not among them.
    pub fn owner(&self, user: UserId, span: Span, now: WallTime) -> Series {
        let state = self.state();
        let none = Rings::new(DAY, MONTH);
        Series::of(state.users.get(&user).unwrap_or(&none).over(span), state.shown(now))
    }

    /// A hook's figures up to now.
    pub fn hook(&self, hook: HookId, now: WallTime) -> HookHistory {
        let state = self.state();
        let at = state.shown(now);
        state.hooks.get(&hook).map_or_else(HookHistory::default, |rings| HookHistory::of(&rings.day, &rings.month, at))
    }

    fn take_after(&self, age_ms: u64, now_ms: u64) -> Option<Changes> {
        let mut state = self.state();
        let is_old = state.pending_since_ms.is_some_and(|since_ms| now_ms.saturating_sub(since_ms) >= age_ms);
        is_old.then(|| state.take())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing here panics")
    }
}

/// The place of how much waited, behind what is counted.
const DEPTH: usize = 4;

impl Default for State {
    fn default() -> Self {
        Self {
            gateway: Rings::new(DAY, MONTH),
            users: HashMap::new(),
            hooks: HashMap::new(),
            waiting: 0,
            known: None,
            is_undated: false,
            pending_since_ms: None,
        }
    }
}

impl State {
    fn hook(&mut self, hook: HookId) -> &mut Rings<3> {
        self.hooks.entry(hook).or_insert_with(|| Rings::new(DAY_OF_HOOK, MONTH_OF_HOOK))
    }

    /// The time for which something is counted that happens now.
    fn believed(&mut self, Now { mono_ms, wall }: Now) -> WallTime {
        if wall < BUILT_AT {
            self.is_undated |= self.known.is_none();
            // A clock that goes on from the last stop would not be told from one that is right.
            return self.known.unwrap_or_else(|| WallTime::from_millis(i64::try_from(mono_ms).unwrap_or(i64::MAX)));
        }
        if std::mem::take(&mut self.is_undated) {
            self.gateway.date(wall);
            self.users.values_mut().for_each(|rings| rings.date(wall));
            self.hooks.values_mut().for_each(|rings| rings.date(wall));
        }
        self.known = Some(wall);
        wall
    }

    /// The time up to which figures are shown while the clock says `wall`.
    fn shown(&self, wall: WallTime) -> WallTime {
        let last = || self.known.or_else(|| self.gateway.day.last_at());
        if wall < BUILT_AT { last().unwrap_or(wall) } else { wall }
    }

    fn take(&mut self) -> Changes {
        let mut changes = Changes::new();
        self.gateway.take(Whose::Gateway, &mut changes);
        for (user, rings) in &mut self.users {
            rings.take(Whose::User(*user), &mut changes);
        }
        for (hook, rings) in &mut self.hooks {
            rings.take(Whose::Hook(*hook), &mut changes);
        }
        self.pending_since_ms = None;
        changes
    }
}

impl<const FIGURES: usize> Rings<FIGURES> {
    fn new(day: (u32, usize), month: (u32, usize)) -> Self {
        Self { day: Ring::new(day.0, day.1), month: Ring::new(month.0, month.1), is_changed: false }
    }

    fn restored(day: (u32, usize), month: (u32, usize), stored: &StoredFigures) -> Self {
        let mut rings = Self::new(day, month);
        if let [of_day, of_month] = stored.rings.as_slice() {
            rings.day = Ring::restored(day.0, day.1, of_day);
            rings.month = Ring::restored(month.0, month.1, of_month);
        }
        rings
    }

    fn count(&mut self, figure: usize, times: u32, at: WallTime) {
        for ring in [&mut self.day, &mut self.month] {
            let counted = &mut ring.at(at)[figure];
            *counted = counted.saturating_add(times);
        }
        self.is_changed = true;
    }

    fn date(&mut self, now: WallTime) {
        self.day.date(now);
        self.month.date(now);
        self.is_changed = true;
    }

    fn over(&self, span: Span) -> &Ring<FIGURES> {
        match span {
            Span::Day => &self.day,
            Span::Month => &self.month,
        }
    }

    fn take(&mut self, whose: Whose, changes: &mut Changes) {
        if std::mem::take(&mut self.is_changed) {
            changes.put_figures(whose, &StoredFigures { rings: vec![self.day.stored(), self.month.stored()] });
        }
    }
}

/// They are removed from the store; not kept.
fn drop_figures(changes: &mut Changes, whose: Whose) -> bool {
    changes.remove_figures(whose);
    false
}

#[cfg(test)]
mod tests;
