//! Sending dead letters again on a page's word: one such work for each hook at once, and how it went, for whoever looks
//! at the hook's page next.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use crate::model::HookId;
use crate::web::flash::Flash;

/// Shared by the pages. Cheap to clone. Holds one entry at most for each hook.
#[derive(Clone, Default)]
pub struct Replaying(Arc<Mutex<HashMap<HookId, Work>>>);

enum Work {
    UnderWay,
    Ended(Flash),
}

/// Holds while it is under way.
pub(super) struct Mark {
    replaying: Replaying,
    hook: HookId,
}

impl Replaying {
    /// Begins; none if it is under way already.
    pub(super) fn begin(&self, hook: HookId) -> Option<Mark> {
        let mut works = self.0.lock().expect("changes do not panic");
        if matches!(works.get(&hook), Some(Work::UnderWay)) {
            return None;
        }
        works.insert(hook, Work::UnderWay);
        Some(Mark { replaying: self.clone(), hook })
    }

    /// Whether it is under way.
    pub(super) fn is_under_way(&self, hook: HookId) -> bool {
        matches!(self.0.lock().expect("changes do not panic").get(&hook), Some(Work::UnderWay))
    }

    /// How the last one went, if it has ended and nobody was told yet.
    pub(super) fn outcome(&self, hook: HookId) -> Option<Flash> {
        let mut works = self.0.lock().expect("changes do not panic");
        match works.remove(&hook)? {
            Work::Ended(flash) => Some(flash),
            Work::UnderWay => {
                works.insert(hook, Work::UnderWay);
                None
            }
        }
    }
}

impl Mark {
    /// It has ended so.
    pub(super) fn end(self, flash: Flash) {
        let mut works = self.replaying.0.lock().expect("changes do not panic");
        works.insert(self.hook, Work::Ended(flash));
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let mut works = self.replaying.0.lock().expect("changes do not panic");
        // Only what broke off has not ended.
        if matches!(works.get(&self.hook), Some(Work::UnderWay)) {
            works.remove(&self.hook);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hook_is_worked_on_once_at_a_time() {
        let (replaying, hook) = (Replaying::default(), HookId::from_bytes([1; 12]));
        let mark = replaying.begin(hook).unwrap();
        assert!(replaying.begin(hook).is_none() && replaying.is_under_way(hook));
        assert!(replaying.outcome(hook).is_none() && replaying.is_under_way(hook));
        drop(mark);
        assert!(!replaying.is_under_way(hook) && replaying.begin(hook).is_some());
    }

    #[test]
    fn how_it_went_is_told_once() {
        let (replaying, hook) = (Replaying::default(), HookId::from_bytes([1; 12]));
        replaying.begin(hook).unwrap().end(Flash::Done { text: "all".to_owned() });
        assert!(!replaying.is_under_way(hook));
        assert!(matches!(replaying.outcome(hook), Some(Flash::Done { text }) if text == "all"));
        assert!(replaying.outcome(hook).is_none() && replaying.begin(hook).is_some());
    }
}
