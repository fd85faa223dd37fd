//! Which hooks' dead letters are being sent again on a page's word: one such work for each hook at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;

use crate::model::HookId;

/// Shared by the pages. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Replaying(Arc<Mutex<HashSet<HookId>>>);

/// Holds while it is under way.
pub(super) struct Mark {
    replaying: Replaying,
    hook: HookId,
}

impl Replaying {
    /// Begins; none if it is under way already.
    pub(super) fn begin(&self, hook: HookId) -> Option<Mark> {
        let is_new = self.0.lock().expect("changes do not panic").insert(hook);
        is_new.then(|| Mark { replaying: self.clone(), hook })
    }

    /// Whether it is under way.
    pub(super) fn is_under_way(&self, hook: HookId) -> bool {
        self.0.lock().expect("changes do not panic").contains(&hook)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.replaying.0.lock().expect("changes do not panic").remove(&self.hook);
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
        drop(mark);
        assert!(!replaying.is_under_way(hook) && replaying.begin(hook).is_some());
    }
}
