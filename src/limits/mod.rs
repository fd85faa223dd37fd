//! The windows of one limit, a window for each device or host, remembered over restarts. What is held at once, and not in
//! a minute, is counted by [`Places`].
//!
//! The rule itself is [`SlidingWindow`]; this keeps one for each name, reads them from the store at the start and puts
//! them into the changes that are written anyway. Called by the intake (devices) and the dispatcher (hosts).
//!
//! Times are milliseconds since the machine was booted: exact for the next process of the same boot. After another
//! boot nobody knows how long it took, so everything remembered counts as taken at the start.

mod places;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use crate::hooks::limits::FreeAt;
use crate::hooks::limits::Moment;
use crate::hooks::limits::SlidingWindow;
use crate::store::Changes;
use crate::store::StoredWindow;

pub use places::Place;
pub use places::Places;

/// Every limit of the guide is "per minute".
const WINDOW: Duration = Duration::from_secs(60);

/// Names that have a window at once before those that are empty again are cleared away.
const NAMES: usize = 1_024;

/// Names of the windows in the store begin with this.
const DEVICES: &str = "device ";
const HOSTS: &str = "host ";

/// The windows of both limits, for those who take places and those who show them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Meters {
    /// Triggers of each device, by its id.
    pub devices: Arc<Mutex<Windows>>,
    /// Requests to each host.
    pub hosts: Arc<Mutex<Windows>>,
}

impl Meters {
    /// The windows as they were recorded, under these limits; none is no limit.
    pub fn restore(
        device_per_minute: Option<NonZeroU32>,
        host_per_minute: Option<NonZeroU32>,
        stored: &[(String, StoredWindow)],
        boot: [u8; 16],
        now_ms: u64,
    ) -> Self {
        let restored = |prefix, allowed| Windows::restore(prefix, allowed, stored, boot, now_ms);
        Self {
            devices: Arc::new(Mutex::new(restored(DEVICES, device_per_minute))),
            hosts: Arc::new(Mutex::new(restored(HOSTS, host_per_minute))),
        }
    }
}

/// The windows of one limit.
#[derive(Debug)]
pub struct Windows {
    prefix: &'static str,
    allowed: Option<NonZeroU32>,
    boot: [u8; 16],
    by_name: HashMap<String, SlidingWindow>,
    clear_at: usize,
}

/// What is used of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Whose it is.
    pub name: String,
    /// Places that are taken.
    pub used: usize,
    /// Milliseconds until the next place is free; none if one is.
    pub free_in_ms: Option<u64>,
}

impl Windows {
    /// Takes the windows whose stored name begins with `prefix`. `allowed` none is no limit.
    pub fn restore(
        prefix: &'static str,
        allowed: Option<NonZeroU32>,
        stored: &[(String, StoredWindow)],
        boot: [u8; 16],
        now_ms: u64,
    ) -> Self {
        let mut by_name = HashMap::new();
        for (name, window) in stored {
            let Some((name, allowed)) = name.strip_prefix(prefix).zip(allowed) else { continue };
            let same_boot = window.boot == boot;
            let taken: Vec<i64> = window.taken_ms.iter().map(|ms| i64::try_from(*ms).unwrap_or(i64::MAX)).collect();
            let restored = SlidingWindow::restored(allowed.get(), WINDOW, &taken, moment(now_ms), same_boot);
            by_name.insert(name.to_owned(), restored);
        }
        Self { prefix, allowed, boot, by_name, clear_at: NAMES }
    }

    /// Changes how many are allowed from now on. A changed limit begins with what was taken under the old one.
    pub fn allow(&mut self, allowed: Option<NonZeroU32>) {
        if self.allowed == allowed {
            return;
        }
        self.allowed = allowed;
        match allowed {
            None => self.by_name.clear(),
            Some(allowed) => {
                for window in self.by_name.values_mut() {
                    window.allow(allowed.get());
                }
            }
        }
    }

    /// Takes a place in the window of `name` if one is free.
    ///
    /// # Errors
    /// When the next place is free, in milliseconds since the boot.
    pub fn try_take(&mut self, name: &str, now_ms: u64) -> Result<(), u64> {
        let Some(window) = self.window(name, now_ms) else { return Ok(()) };
        window.try_take(now_ms).map_err(|FreeAt(at_ms)| at_ms)
    }

    /// Takes a place in the window of `name` if one is free, for something that takes its time: it is settled or given
    /// back when that is over.
    ///
    /// # Errors
    /// When the next place is free, in milliseconds since the boot.
    pub fn try_begin(&mut self, name: &str, now_ms: u64) -> Result<(), u64> {
        let Some(window) = self.window(name, now_ms) else { return Ok(()) };
        window.try_begin(now_ms).map_err(|FreeAt(at_ms)| at_ms)
    }

    /// The names of the windows that are not empty.
    pub fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// Takes a place in the window of `name`: now if one is free, else the next that will be. Returns when, in
    /// milliseconds since the boot.
    pub fn take_next(&mut self, name: &str, now_ms: u64) -> u64 {
        self.window(name, now_ms).map_or(now_ms, |window| window.take_next(now_ms))
    }

    /// What is used of each window that is not empty.
    pub fn usage(&self, now_ms: u64) -> Vec<Usage> {
        let usage = |(name, window): (&String, &SlidingWindow)| Usage {
            name: name.clone(),
            used: window.used(now_ms),
            free_in_ms: window.free_at(now_ms).map(|at_ms| at_ms.saturating_sub(now_ms)),
        };
        let mut all: Vec<_> = self.by_name.iter().map(usage).filter(|usage| usage.used > 0).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Places that are taken in the window of `name`.
    pub fn used(&self, name: &str, now_ms: u64) -> usize {
        self.by_name.get(name).map_or(0, |window| window.used(now_ms))
    }

    /// Takes so many places as far as there are free ones: for what may have been taken without being recorded.
    pub fn assume(&mut self, name: &str, count: u32, now_ms: u64) {
        for _ in 0..count {
            if self.try_take(name, now_ms).is_err() {
                return;
            }
        }
    }

    /// What a place was taken for at `taken_ms` went on until `ended_ms`: the place counts from then on.
    pub fn settle(&mut self, name: &str, taken_ms: u64, ended_ms: u64) {
        if let Some(window) = self.by_name.get_mut(name) {
            window.settle(taken_ms, ended_ms);
        }
    }

    /// Gives a place back that was taken at `taken_ms` and not used.
    pub fn give_back(&mut self, name: &str, taken_ms: u64) {
        if let Some(window) = self.by_name.get_mut(name) {
            window.give_back(taken_ms);
        }
    }

    /// Puts the window of `name` into what is written next.
    pub fn record(&self, name: &str, now_ms: u64, changes: &mut Changes) {
        if let Some(window) = self.by_name.get(name) {
            let taken_ms = window.stored(moment(now_ms)).into_iter().map(|ms| u64::try_from(ms).unwrap_or(0)).collect();
            changes.put_window(&format!("{}{name}", self.prefix), &StoredWindow { boot: self.boot, taken_ms });
        }
    }

    /// Puts every window that is not empty into what is written next.
    pub fn record_all(&self, now_ms: u64, changes: &mut Changes) {
        for (name, _) in self.by_name.iter().filter(|(_, window)| window.used(now_ms) > 0) {
            self.record(name, now_ms, changes);
        }
    }

    /// The window of `name`, made if it is missing; none if there is no limit.
    fn window(&mut self, name: &str, now_ms: u64) -> Option<&mut SlidingWindow> {
        let allowed = self.allowed?;
        if !self.by_name.contains_key(name) {
            self.clear(now_ms);
            self.by_name.insert(name.to_owned(), SlidingWindow::new(allowed.get(), WINDOW));
        }
        self.by_name.get_mut(name)
    }

    /// Clears empty windows away, at most each time that their number has doubled.
    fn clear(&mut self, now_ms: u64) {
        if self.by_name.len() >= self.clear_at {
            self.by_name.retain(|_, window| window.used(now_ms) > 0);
            self.clear_at = NAMES.max(self.by_name.len() * 2);
        }
    }
}

/// Time since the boot is all the time there is here.
fn moment(ms: u64) -> Moment {
    Moment { wall_ms: i64::try_from(ms).unwrap_or(i64::MAX), mono_ms: ms }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOOT: [u8; 16] = [1; 16];

    fn windows(stored: &[(String, StoredWindow)], boot: [u8; 16], now_ms: u64) -> Windows {
        Windows::restore("host ", NonZeroU32::new(2), stored, boot, now_ms)
    }

    fn stored(taken_ms: &[u64]) -> Vec<(String, StoredWindow)> {
        let window = StoredWindow { boot: BOOT, taken_ms: taken_ms.to_vec() };
        vec![("host a".to_owned(), window.clone()), ("device a".to_owned(), window)]
    }

    #[test]
    fn each_name_has_its_own_window() {
        let mut windows = windows(&[], BOOT, 0);
        assert_eq!([windows.try_take("a", 0), windows.try_take("a", 1)], [Ok(()), Ok(())]);
        assert_eq!(windows.try_take("a", 2), Err(60_001));
        assert_eq!(windows.try_take("b", 2), Ok(()));
    }

    #[test]
    fn a_restart_in_the_same_boot_gives_nothing_away() {
        let mut windows = windows(&stored(&[100_000, 110_000]), BOOT, 120_000);
        let free_ms = windows.try_take("a", 120_000).unwrap_err();
        assert!((160_000..161_000).contains(&free_ms), "{free_ms}");
    }

    #[test]
    fn after_another_boot_everything_counts_as_taken_at_the_start() {
        let mut windows = windows(&stored(&[100_000, 110_000]), [2; 16], 5_000);
        assert_eq!(windows.try_take("a", 5_000), Err(65_001));
    }

    #[test]
    fn a_changed_limit_counts_what_was_taken_before() {
        let mut windows = windows(&[], BOOT, 0);
        windows.try_take("a", 0).unwrap();
        windows.allow(NonZeroU32::new(1));
        assert!(windows.try_take("a", 20).is_err());
        windows.allow(None);
        assert_eq!(windows.try_take("a", 40), Ok(()));
    }

    #[test]
    fn what_may_have_been_taken_counts_as_taken() {
        let mut windows = windows(&[], BOOT, 0);
        windows.assume("a", 1, 0);
        assert_eq!([windows.try_take("a", 0), windows.try_take("a", 0)], [Ok(()), Err(60_001)]);
        windows.assume("a", 1_000_000, 0);
    }

    #[test]
    fn what_is_used_is_shown() {
        let mut windows = windows(&[], BOOT, 0);
        windows.try_take("a", 0).unwrap();
        assert_eq!([windows.take_next("b", 0), windows.take_next("b", 0), windows.take_next("b", 0)], [0, 0, 60_001]);
        let usage = |name: &str, used, free_in_ms| Usage { name: name.to_owned(), used, free_in_ms };
        assert_eq!(windows.usage(1_000), [usage("a", 1, None), usage("b", 2, Some(59_001))]);
        assert_eq!(windows.usage(200_000), []);
    }

    /// What the store would have of the windows.
    fn recorded(windows: &Windows, boot: [u8; 16], now_ms: u64) -> Vec<(String, StoredWindow)> {
        let stored = |(name, window): (&String, &SlidingWindow)| {
            let taken = window.stored(moment(now_ms)).into_iter().map(|ms| u64::try_from(ms).unwrap_or(0));
            (format!("host {name}"), StoredWindow { boot, taken_ms: taken.collect() })
        };
        windows.by_name.iter().map(stored).collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Take,
        /// Something takes a place, and ends some time later.
        TakeLong(u64),
        /// The next process of the same boot.
        Restart,
        /// The next boot: its clock begins anew, whatever the wall clock says.
        Reboot,
        /// Another limit, and back.
        Reload,
    }

    fn step() -> impl Strategy<Value = (u64, Step)> {
        let step = prop_oneof![
            12 => Just(Step::Take),
            4 => (0_u64..30_000).prop_map(Step::TakeLong),
            1 => Just(Step::Restart),
            1 => Just(Step::Reboot),
            1 => Just(Step::Reload),
        ];
        (0_u64..20_000, step)
    }

    proptest! {
        #[test]
        fn no_minute_holds_more_than_its_limit_whatever_happens(
            steps in prop::collection::vec(step(), 0..300),
            allowed in 1_u32..5,
        ) {
            let limit = NonZeroU32::new(allowed);
            let mut windows = Windows::restore("host ", limit, &[], [0; 16], 0);
            // The real time, when this boot began by it, and which boot it is.
            let (mut real_ms, mut began_ms, mut boot) = (0_u64, 0_u64, 0_u8);
            let mut taken = Vec::new();
            for (pause_ms, step) in steps {
                real_ms += pause_ms;
                let now_ms = real_ms - began_ms;
                match step {
                    Step::Take => {
                        if windows.try_take("a", now_ms).is_ok() {
                            taken.push(real_ms);
                        }
                    }
                    Step::TakeLong(long_ms) => {
                        if windows.try_begin("a", now_ms).is_ok() {
                            real_ms += long_ms;
                            windows.settle("a", now_ms, now_ms + long_ms);
                            taken.push(real_ms);
                        }
                    }
                    Step::Restart => {
                        let stored = recorded(&windows, [boot; 16], now_ms);
                        windows = Windows::restore("host ", limit, &stored, [boot; 16], now_ms);
                    }
                    Step::Reboot => {
                        let stored = recorded(&windows, [boot; 16], now_ms);
                        (boot, began_ms) = (boot.wrapping_add(1), real_ms);
                        windows = Windows::restore("host ", limit, &stored, [boot; 16], 0);
                    }
                    Step::Reload => {
                        windows.allow(NonZeroU32::new(allowed + 1));
                        windows.allow(limit);
                    }
                }
            }
            for from in &taken {
                let within = taken.iter().filter(|at| *at >= from && *at - from <= 60_000).count();
                prop_assert!(within <= allowed as usize, "{within} within a minute of {from}: {taken:?}");
            }
        }
    }

    #[test]
    fn windows_that_are_empty_again_are_cleared_away() {
        let mut windows = windows(&[], BOOT, 0);
        for name in 0..10 * NAMES as u64 {
            windows.try_take(&name.to_string(), name * 1_000).unwrap();
        }
        assert!(windows.by_name.len() <= 2 * NAMES);
    }
}
