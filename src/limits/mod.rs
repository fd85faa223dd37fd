//! The windows of one limit, a window for each device or host, remembered over restarts.
//!
//! The rule itself is [`SlidingWindow`]; this keeps one for each name, reads them from the store at the start and puts
//! them into the changes that are written anyway. Called by the intake (devices) and the dispatcher (hosts).
//!
//! Times are milliseconds since the machine was booted: exact for the next process of the same boot. After another
//! boot nobody knows how long it took, so everything remembered counts as taken at the start.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::hooks::limits::FreeAt;
use crate::hooks::limits::Moment;
use crate::hooks::limits::SlidingWindow;
use crate::store::Changes;
use crate::store::StoredWindow;

/// Every limit of the guide is "per minute".
const WINDOW: Duration = Duration::from_secs(60);

/// Names that have a window at once before those that are empty again are cleared away.
const NAMES: usize = 1_024;

/// The windows of one limit.
#[derive(Debug)]
pub struct Windows {
    prefix: &'static str,
    allowed: Option<NonZeroU32>,
    boot: [u8; 16],
    by_name: HashMap<String, SlidingWindow>,
    clear_at: usize,
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
    pub fn allow(&mut self, allowed: Option<NonZeroU32>, now_ms: u64) {
        if self.allowed == allowed {
            return;
        }
        self.allowed = allowed;
        match allowed {
            None => self.by_name.clear(),
            Some(allowed) => {
                for window in self.by_name.values_mut() {
                    let taken = window.stored(moment(now_ms));
                    *window = SlidingWindow::restored(allowed.get(), WINDOW, &taken, moment(now_ms), true);
                }
            }
        }
    }

    /// Takes a place in the window of `name` if one is free.
    ///
    /// # Errors
    /// When the next place is free, in milliseconds since the boot.
    pub fn try_take(&mut self, name: &str, now_ms: u64) -> Result<(), u64> {
        let Some(allowed) = self.allowed else { return Ok(()) };
        if !self.by_name.contains_key(name) {
            self.clear(now_ms);
            self.by_name.insert(name.to_owned(), SlidingWindow::new(allowed.get(), WINDOW));
        }
        let window = self.by_name.get_mut(name).expect("it is there by now");
        window.try_take(now_ms).map_err(|FreeAt(at_ms)| at_ms)
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
        windows.allow(NonZeroU32::new(1), 10);
        assert!(windows.try_take("a", 20).is_err());
        windows.allow(None, 30);
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
    fn windows_that_are_empty_again_are_cleared_away() {
        let mut windows = windows(&[], BOOT, 0);
        for name in 0..10 * NAMES as u64 {
            windows.try_take(&name.to_string(), name * 1_000).unwrap();
        }
        assert!(windows.by_name.len() <= 2 * NAMES);
    }
}
