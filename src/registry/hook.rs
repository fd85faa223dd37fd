//! A hook as it is registered: its definition, compiled, and whose it is.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::hooks::HookDefinition;
use crate::hooks::InvalidHook;
use crate::model::HookId;
use crate::model::ProductId;
use crate::model::UserId;
use crate::model::WallTime;

/// A registered hook.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its id.
    pub id: HookId,
    /// Whose it is, and whose events trigger it.
    pub owner: UserId,
    /// The owner's product whose devices alone trigger it; none if all of the owner's do.
    pub product: Option<ProductId>,
    /// When it was created.
    pub created_at: WallTime,
    /// What it does.
    pub definition: HookDefinition,
}

/// A hook as it is stored: the JSON that its user gave, unchanged.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredHook {
    owner: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<ProductId>,
    created_at: WallTime,
    definition: Value,
}

impl Hook {
    pub(super) fn stored(&self) -> StoredHook {
        let definition = self.definition.original().clone();
        StoredHook { owner: self.owner, product: self.product, created_at: self.created_at, definition }
    }

    pub(super) fn from_stored(id: HookId, stored: &StoredHook) -> Result<Self, InvalidHook> {
        let definition = HookDefinition::parse(&stored.definition)?;
        Ok(Self { id, owner: stored.owner, product: stored.product, created_at: stored.created_at, definition })
    }
}
