//! A hook as it is registered: its definition, compiled, and whose it is.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::hooks::HookDefinition;
use crate::hooks::InvalidHook;
use crate::model::HookId;
use crate::model::UserId;
use crate::model::WallTime;

/// A registered hook.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its id.
    pub id: HookId,
    /// Whose events trigger it.
    pub owner: UserId,
    /// When it was created.
    pub created_at: WallTime,
    /// What it does.
    pub definition: HookDefinition,
}

/// A hook as it is stored: the JSON that its user gave, unchanged.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredHook {
    owner: UserId,
    created_at: WallTime,
    definition: Value,
}

impl Hook {
    pub(super) fn stored(&self) -> StoredHook {
        let definition = self.definition.original().clone();
        StoredHook { owner: self.owner, created_at: self.created_at, definition }
    }

    pub(super) fn from_stored(id: HookId, stored: &StoredHook) -> Result<Self, InvalidHook> {
        let definition = HookDefinition::parse(&stored.definition)?;
        Ok(Self { id, owner: stored.owner, created_at: stored.created_at, definition })
    }
}
