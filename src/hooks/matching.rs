//! Whether an event triggers a hook. Whose hook and whose event it is was decided before: callers ask only for the
//! hooks of the event's owner.

use crate::hooks::HookDefinition;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::Source;

/// Why an event does not trigger a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The hook's user switched it off.
    #[error("the hook is disabled")]
    Disabled,
    /// The event came from farhook itself; such events never trigger hooks.
    #[error("what farhook itself publishes triggers no hook")]
    OwnEvent,
    /// The event's name does not begin with the hook's prefix; case matters.
    #[error("the event's name does not begin with the hook's event")]
    Name,
    /// The hook listens to one other device.
    #[error("the hook listens only to the device {only}")]
    Device {
        /// The device that it listens to.
        only: DeviceId,
    },
}

/// Whether `event` triggers the hook.
pub fn matches(hook: &HookDefinition, event: &Event) -> bool {
    check(hook, event).is_ok()
}

/// Whether `event` triggers the hook, and if not, why.
///
/// # Errors
/// The first reason why it does not.
pub fn check(hook: &HookDefinition, event: &Event) -> Result<(), Mismatch> {
    if !event.source.may_trigger() {
        return Err(Mismatch::OwnEvent);
    }
    if !event.name.as_str().starts_with(hook.event_prefix()) {
        return Err(Mismatch::Name);
    }
    match hook.device() {
        Some(only) if event.source != Source::Device(only) => return Err(Mismatch::Device { only }),
        _ => {}
    }
    if hook.is_disabled() { Err(Mismatch::Disabled) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::hooks::sample_event::tests::event;
    use crate::model::HookId;

    fn hook(more: &Value) -> HookDefinition {
        let mut hook = json!({"event": "temp", "url": "http://a.example/"});
        hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        HookDefinition::parse(&hook).unwrap()
    }

    #[test]
    fn the_name_is_a_case_sensitive_prefix() {
        let hook = hook(&json!({}));
        for name in ["temp", "temperature", "temperature/basement"] {
            assert!(matches(&hook, &event(name, "")), "{name}");
        }
        for name in ["high_temp", "Temp", "tem"] {
            assert_eq!(check(&hook, &event(name, "")), Err(Mismatch::Name), "{name}");
        }
    }

    #[test]
    fn a_hook_event_never_triggers_a_hook() {
        let device: DeviceId = "0123456789abcdef01234567".parse().unwrap();
        let mut event = event("temp", "");
        for source in [
            Source::Hook { hook: HookId::from_bytes([1; 12]), device: Some(device) },
            Source::Gateway { device: Some(device) },
        ] {
            event.source = source;
            assert_eq!(check(&hook(&json!({"deviceID": device.to_string()})), &event), Err(Mismatch::OwnEvent));
        }
    }

    #[test]
    fn a_hook_of_one_device_ignores_all_others() {
        let of_device = hook(&json!({"deviceID": "0123456789ABCDEF01234567"}));
        let mut event = event("temp", "");
        assert!(matches(&of_device, &event));
        event.source = Source::Device(DeviceId::from_bytes([1; 12]));
        assert!(!matches(&of_device, &event));
        event.source = Source::Api;
        assert!(!matches(&of_device, &event));
        assert!(matches(&hook(&json!({})), &event));
    }

    #[test]
    fn a_disabled_hook_is_not_triggered() {
        assert_eq!(check(&hook(&json!({"disabled": true})), &event("temp", "")), Err(Mismatch::Disabled));
    }
}
