//! Topics for answers: what is published under `reply/ID/` is for the device with that id, and for no other device of
//! its owner. An MQTT client is told its own (MQTT 5, "response information"), gives it as the response topic of what it
//! asks, and nobody else can listen in.

use std::fmt;

use crate::model::DeviceId;
use crate::model::EventName;

const FIRST_LEVEL: &str = "reply/";

/// What the topics begin with on which a device or a user gets answers.
pub fn prefix(id: impl fmt::Display) -> String {
    format!("{FIRST_LEVEL}{id}/")
}

/// Whether that is an answer, and for somebody else than `device`. Answers to users look the same: their ids are no
/// device's.
pub fn is_for_another(name: &EventName, device: DeviceId) -> bool {
    let answer = name.as_str().strip_prefix(FIRST_LEVEL).and_then(|rest| rest.split_once('/'));
    let addressee = answer.and_then(|(id, _)| id.parse::<DeviceId>().ok());
    addressee.is_some_and(|id| id != device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    #[test]
    fn an_answer_is_for_the_one_whose_id_is_in_its_name() {
        let (me, other) = (DeviceId::from_bytes([1; 12]), DeviceId::from_bytes([2; 12]));
        let answer = |to: String| EventName::published(&format!("{to}status/1")).unwrap();
        assert!(!is_for_another(&answer(prefix(me)), me));
        assert!(is_for_another(&answer(prefix(other)), me));
        assert!(is_for_another(&answer(prefix(UserId::from_bytes([3; 12]))), me));
        for name in ["reply", "reply/status", "reply/me/status", "reply/010101/x"] {
            assert!(!is_for_another(&EventName::published(name).unwrap(), other), "{name}");
        }
    }
}
