//! The hooks at work and their health: who goes on, who had too many errors. Pure but for the board, which shows it.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use crate::bus::Board;
use crate::hooks::health::ErrorsInARow;
use crate::hooks::health::Verdict;
use crate::model::HookId;
use crate::registry::Hook;
use crate::registry::Snapshot;
use crate::store::Changes;
use crate::store::StoredHealth;

/// The hooks that deliveries are made for.
#[derive(Debug)]
pub(super) struct Roster {
    hooks: HashMap<HookId, Working>,
    board: Board,
}

#[derive(Debug)]
struct Working {
    hook: Arc<Hook>,
    errors: ErrorsInARow,
    has_too_many_errors: bool,
}

/// What changed of the hooks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) gone: Vec<HookId>,
    /// New ones, and those that have another definition.
    pub(super) changed: Vec<HookId>,
}

impl Roster {
    pub(super) fn new(board: Board) -> Self {
        Self { hooks: HashMap::new(), board }
    }

    /// The hook, if it is registered.
    pub(super) fn hook(&self, id: HookId) -> Option<&Arc<Hook>> {
        self.hooks.get(&id).map(|working| &working.hook)
    }

    /// Every hook.
    pub(super) fn hooks(&self) -> impl Iterator<Item = &Arc<Hook>> {
        self.hooks.values().map(|working| &working.hook)
    }

    /// Whether the hook was disabled by its errors.
    pub(super) fn has_too_many_errors(&self, id: HookId) -> bool {
        self.hooks.get(&id).is_some_and(|working| working.has_too_many_errors)
    }

    /// Whether deliveries of the hook may be started: neither its user nor its errors disabled it.
    pub(super) fn may_work(&self, id: HookId) -> bool {
        self.hooks
            .get(&id)
            .is_some_and(|working| !working.has_too_many_errors && !working.hook.definition.is_disabled())
    }

    /// All hooks.
    pub(super) fn ids(&self) -> impl Iterator<Item = HookId> {
        self.hooks.keys().copied()
    }

    /// The hosts of all hooks, as far as they are fixed; each once.
    pub(super) fn hosts(&self) -> BTreeSet<String> {
        self.hooks.values().filter_map(|working| working.hook.definition.host()).map(str::to_owned).collect()
    }

    /// Takes up what is registered now.
    pub(super) fn take_up(&mut self, snapshot: &Snapshot) -> Changed {
        let gone = self.hooks.keys().filter(|id| !snapshot.hooks.contains_key(id)).copied().collect();
        let mut changed = Vec::new();
        self.hooks.retain(|id, _| snapshot.hooks.contains_key(id));
        self.board.keep_hooks(|id| snapshot.hooks.contains_key(&id));
        for (id, hook) in &snapshot.hooks {
            let known = self.hooks.get(id);
            if known.is_none_or(|working| !Arc::ptr_eq(&working.hook, hook)) {
                changed.push(*id);
            }
            let working = self.hooks.entry(*id).or_insert_with(|| Working {
                hook: Arc::clone(hook),
                errors: ErrorsInARow::default(),
                has_too_many_errors: false,
            });
            working.hook = Arc::clone(hook);
        }
        Changed { gone, changed }
    }

    /// Remembers how a hook was before the restart.
    pub(super) fn restore(&mut self, id: HookId, health: StoredHealth) {
        if let Some(working) = self.hooks.get_mut(&id) {
            working.errors = ErrorsInARow::of(health.errors_in_a_row);
            working.has_too_many_errors = health.disabled;
            show(&self.board, id, health);
        }
    }

    /// Counts an answer for or against its hook; 0 `allowed` errors in a row are any number. True if that disabled it.
    pub(super) fn count(&mut self, id: HookId, status: u16, allowed: u32, changes: &mut Changes) -> bool {
        let Some(working) = self.hooks.get_mut(&id) else { return false };
        let before = working.errors.count();
        let is_too_much = working.errors.answered(status, allowed) == Verdict::Disable;
        let disabled_now = is_too_much && !working.has_too_many_errors;
        working.has_too_many_errors |= disabled_now;
        let health = StoredHealth { errors_in_a_row: working.errors.count(), disabled: working.has_too_many_errors };
        if health.errors_in_a_row != before {
            changes.put_health(id, health);
            show(&self.board, id, health);
        }
        disabled_now
    }

    /// Takes a hook up again after too many errors. False if it had none.
    pub(super) fn resume(&mut self, id: HookId, changes: &mut Changes) -> bool {
        let Some(working) = self.hooks.get_mut(&id).filter(|working| working.has_too_many_errors) else {
            return false;
        };
        working.has_too_many_errors = false;
        working.errors = ErrorsInARow::default();
        changes.put_health(id, StoredHealth::default());
        show(&self.board, id, StoredHealth::default());
        true
    }
}

fn show(board: &Board, id: HookId, health: StoredHealth) {
    board.change_hook(id, |report| {
        report.errors_in_a_row = health.errors_in_a_row;
        report.too_many_errors = health.disabled;
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hooks::HookDefinition;
    use crate::model::UserId;
    use crate::model::WallTime;

    const ID: HookId = HookId::from_bytes([1; 12]);

    fn roster() -> Roster {
        let definition = HookDefinition::parse(&json!({"event": "temp", "url": "http://example.com/"})).unwrap();
        let owner = UserId::from_bytes([2; 12]);
        let hook = Hook { id: ID, owner, product: None, created_at: WallTime::from_millis(0), definition };
        let mut snapshot = Snapshot::default();
        snapshot.hooks.insert(ID, Arc::new(hook));
        let mut roster = Roster::new(Board::default());
        assert_eq!(roster.take_up(&snapshot), Changed { gone: vec![], changed: vec![ID] });
        roster
    }

    #[test]
    fn the_tenth_error_disables_once_and_a_resume_forgives() {
        let mut roster = roster();
        let mut changes = Changes::new();
        let disabled: Vec<bool> = (0..12).map(|_| roster.count(ID, 500, 10, &mut changes)).collect();
        assert_eq!(disabled.iter().position(|disabled| *disabled), Some(9));
        assert_eq!(disabled.iter().filter(|disabled| **disabled).count(), 1);
        assert!(!roster.may_work(ID) && roster.board.hook(ID).too_many_errors);
        assert!(roster.resume(ID, &mut changes));
        assert!(roster.may_work(ID) && !roster.board.hook(ID).too_many_errors);
        assert!(!roster.resume(ID, &mut changes));
    }

    #[test]
    fn good_answers_cost_the_disk_nothing() {
        let mut changes = Changes::new();
        roster().count(ID, 200, 10, &mut changes);
        assert!(changes.is_empty());
    }

    #[test]
    fn a_hook_that_was_disabled_before_the_restart_stays_so() {
        let mut roster = roster();
        roster.restore(ID, StoredHealth { errors_in_a_row: 10, disabled: true });
        assert!(!roster.may_work(ID));
        assert_eq!(roster.take_up(&Snapshot::default()), Changed { gone: vec![ID], changed: vec![] });
    }
}
