//! What requests about hooks do.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::bus::Order;
use crate::clock;
use crate::control::answer::Answer;
use crate::control::answer::refused;
use crate::control::clerk::Clerk;
use crate::control::shown;
use crate::hooks::HookDefinition;
use crate::hooks::sample_event;
use crate::hooks::unmasking;
use crate::model::EventProduct;
use crate::model::HookId;
use crate::registry::Hook;
use crate::registry::NewHook;

impl Clerk<'_> {
    pub(super) fn create_hook(&self, definition: &Value, again: bool, product: Option<&str>) -> Answer {
        let definition = HookDefinition::parse(definition).map_err(refused)?;
        let product = product.map(|wanted| self.product(wanted)).transpose()?.map(|product| product.id);
        let limit = self.parts.overview.config.borrow().limits.hooks_per_user.map(std::num::NonZeroU32::get);
        let new = NewHook { owner: self.user, product, definition, limit, again };
        self.change(|registry| registry.add_hook(new, clock::now().wall)).map(|hook| self.shown(&hook))
    }

    /// All hooks of the user, or those of one product.
    pub(super) fn hooks(&self, product: Option<&str>) -> Answer {
        let product = product.map(|wanted| self.product(wanted)).transpose()?.map(|product| product.id);
        let snapshot = self.parts.registry.snapshot();
        let hooks = snapshot.hooks_of(self.user).filter(|hook| product.is_none() || hook.product == product);
        Ok(hooks.map(|hook| self.shown(hook)).collect())
    }

    pub(super) fn edit_hook(&self, id: HookId, definition: &Value) -> Answer {
        let hook = self.hook(id)?;
        // Whoever edits what was shown has masks in the places of secrets.
        let definition = unmasking::restored(definition, hook.definition.original()).map_err(refused)?;
        self.change(|registry| registry.edit_hook(hook.id, |_| definition)).map(|hook| self.shown(&hook))
    }

    pub(super) fn delete_hook(&self, id: HookId) -> Answer {
        let hook = self.hook(id)?;
        self.change(|registry| registry.delete_hook(hook.id)).map(|hook| json!({ "id": hook.id }))
    }

    pub(super) fn switch_hook(&self, id: HookId, on: bool) -> Answer {
        let hook = self.hook(id)?;
        self.change(|registry| registry.switch_hook(hook.id, on)).map(|hook| self.shown(&hook))
    }

    pub(super) async fn resume(&self, id: HookId) -> Answer {
        let hook = self.hook(id)?;
        let was_disabled = self.order(|reply| Order::Resume { hook: Arc::clone(&hook), reply }).await?;
        if was_disabled {
            Ok(self.shown(&hook))
        } else {
            Err(refused(format!("hook {id} has not been disabled by errors")))
        }
    }

    pub(super) async fn test(&self, id: HookId, event: Option<Value>) -> Answer {
        let hook = self.hook(id)?;
        let event = event.unwrap_or_else(|| json!({ "name": hook.definition.event_prefix(), "data": "test" }));
        let now = clock::now().wall;
        let event = sample_event::parse(&event, self.parts.chance.event_id(now), hook.owner, now);
        let mut event = event.map_err(refused)?;
        event.product = hook.product.map(|id| EventProduct { id, version: None });
        let report = self.order(|reply| Order::Test { hook, event, reply }).await?;
        Ok(serde_json::to_value(report).expect("a report is plain JSON"))
    }

    pub(super) fn shown(&self, hook: &Hook) -> Value {
        let overview = &self.parts.overview;
        shown::hook(hook, &overview.board.hook(hook.id), &overview.history.hook(hook.id, clock::now().wall))
    }
}
