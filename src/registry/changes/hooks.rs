//! Changes of hooks.

use std::sync::Arc;

use serde_json::Value;

use crate::hooks::HookDefinition;
use crate::model::HookId;
use crate::model::ProductId;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::changes::HOOKS;
use crate::registry::changes::products;
use crate::store::MetaChanges;

/// A hook to be created.
#[derive(Debug)]
pub struct NewHook {
    /// Whose it will be.
    pub owner: UserId,
    /// The owner's product that it is for; none for the owner's own.
    pub product: Option<ProductId>,
    /// What it does.
    pub definition: HookDefinition,
    /// How many its user or product may have; none for any number.
    pub limit: Option<u32>,
    /// Whether it is wanted also if there is the same already.
    pub again: bool,
}

impl Registry {
    /// Creates a hook.
    ///
    /// # Errors
    /// When it is one too many or the same again, or the disk refuses.
    pub fn add_hook(&self, new: NewHook, now: WallTime) -> Result<Arc<Hook>, RegistryError> {
        self.change_of(new.owner, |snapshot, rows| {
            let NewHook { owner, product, definition, limit, again } = new;
            products::must_be_of(snapshot, owner, product)?;
            let present: Vec<&Arc<Hook>> = snapshot.hooks_in(owner, product).collect();
            if let Some(limit) = limit.filter(|limit| present.len() >= *limit as usize) {
                return Err(match product {
                    None => RegistryError::TooManyHooks { limit },
                    Some(_) => RegistryError::TooManyProductHooks { limit },
                });
            }
            let same = |hook: &&&Arc<Hook>| hook.definition.original() == definition.original();
            if let Some(hook) = present.iter().find(same).filter(|_| !again) {
                return Err(RegistryError::SameHook { id: hook.id });
            }
            let hook = Hook { id: self.chance.hook_id(), owner, product, created_at: now, definition };
            Ok(put(snapshot, rows, hook))
        })
    }

    /// Gives a hook the definition that `edit` makes of its JSON. What waits for it is sent by the new one.
    ///
    /// # Errors
    /// When there is no such hook, the new definition is wrong, or the disk refuses.
    pub fn edit_hook(&self, id: HookId, edit: impl FnOnce(&Value) -> Value) -> Result<Arc<Hook>, RegistryError> {
        self.change(|snapshot, rows| {
            let hook = snapshot.hooks.get(&id).ok_or(RegistryError::NoHook { id })?;
            let definition = HookDefinition::parse(&edit(hook.definition.original()))?;
            let edited = Hook { definition, ..Hook::clone(hook) };
            Ok(put(snapshot, rows, edited))
        })
    }

    /// Switches a hook off or on, as its user wants it: it skips events while it is off.
    ///
    /// # Errors
    /// When there is no such hook or the disk refuses.
    pub fn switch_hook(&self, id: HookId, on: bool) -> Result<Arc<Hook>, RegistryError> {
        self.change(|snapshot, rows| {
            let hook = snapshot.hooks.get(&id).ok_or(RegistryError::NoHook { id })?;
            let mut definition = hook.definition.original().clone();
            if let Some(fields) = definition.as_object_mut() {
                fields.insert("disabled".to_owned(), Value::Bool(!on));
            }
            let switched = Hook { definition: HookDefinition::parse(&definition)?, ..Hook::clone(hook) };
            Ok(put(snapshot, rows, switched))
        })
    }

    /// Deletes a hook. What waits for it is dropped by who sees that it is gone.
    ///
    /// # Errors
    /// When there is no such hook or the disk refuses.
    pub fn delete_hook(&self, id: HookId) -> Result<Arc<Hook>, RegistryError> {
        self.change(|snapshot, rows| {
            let hook = snapshot.hooks.get(&id).cloned().ok_or(RegistryError::NoHook { id })?;
            delete(snapshot, rows, id);
            Ok(hook)
        })
    }
}

pub(super) fn delete(snapshot: &mut Snapshot, rows: &mut MetaChanges, id: HookId) {
    rows.remove(format!("{HOOKS}{id}"));
    snapshot.hooks.remove(&id);
}

fn put(snapshot: &mut Snapshot, rows: &mut MetaChanges, hook: Hook) -> Arc<Hook> {
    rows.put(format!("{HOOKS}{}", hook.id), &hook.stored());
    let hook = Arc::new(hook);
    snapshot.hooks.insert(hook.id, Arc::clone(&hook));
    hook
}
