//! What came of a restore.

use serde::Serialize;

use crate::backup::Description;
use crate::model::HookId;

/// What came of a restore, and what there is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// The backup that was restored.
    pub backup: Description,
    /// Whether the secrets were restored, too; then everything is as it was.
    pub is_whole: bool,
    /// Hooks that are switched off until their secrets are given again.
    pub disabled_hooks: Vec<DisabledHook>,
    /// Hooks of the backup that this version cannot use, and that are not there.
    pub lost_hooks: Vec<LostHook>,
    /// Names of users who cannot log in until they are given a password.
    pub users_without_password: Vec<String>,
    /// Named secrets to be set again, each with the name of its user.
    pub missing_secrets: Vec<String>,
    /// Programs to be registered again, as their users called them.
    pub missing_programs: Vec<String>,
}

/// A hook that is switched off because something secret of it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisabledHook {
    /// Which.
    pub id: HookId,
    /// What the names of its events begin with.
    pub event: String,
    /// Whose it is, by name; none before somebody owns the gateway.
    pub user: Option<String>,
    /// What is missing: fields of the definition, names of secrets.
    pub missing: Vec<String>,
}

/// A hook that is not there, since this version cannot use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostHook {
    /// Which, as the backup says it.
    pub id: String,
    /// What the names of its events begin with, else its own name, shortened to what such names have; none if it is not
    /// even that.
    pub called: Option<String>,
    /// Whose it was, by name; none if that is nobody's.
    pub user: Option<String>,
}

impl RestoreReport {
    /// Of a restore that left nothing to do so far.
    pub(super) fn of(backup: Description, is_whole: bool) -> Self {
        Self {
            backup,
            is_whole,
            disabled_hooks: Vec::new(),
            lost_hooks: Vec::new(),
            users_without_password: Vec::new(),
            missing_secrets: Vec::new(),
            missing_programs: Vec::new(),
        }
    }
}
