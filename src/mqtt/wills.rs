//! Wills whose time has not come: their clients may come back before it. Pure. They do not outlive the gateway, as no
//! will is published because of its stop.
//!
//! Source: MQTT 5, section 3.1.3.2.2.

use std::collections::HashMap;

use crate::mqtt::packet::Will;
use crate::sessions::SessionKey;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Wills {
    waiting: HashMap<SessionKey, (u64, Will)>,
}

impl Wills {
    /// Keeps a will until `due_ms`.
    pub(super) fn hold(&mut self, key: SessionKey, will: Will, due_ms: u64) {
        self.waiting.insert(key, (due_ms, will));
    }

    /// The client is back: its will is no longer to be published, unless what it came for is a new session.
    pub(super) fn withdraw(&mut self, key: &SessionKey) -> Option<Will> {
        self.waiting.remove(key).map(|(_, will)| will)
    }

    /// Those whose time has come.
    pub(super) fn due(&mut self, now_ms: u64) -> Vec<(SessionKey, Will)> {
        let due = self.waiting.iter().filter(|(_, (due_ms, _))| *due_ms <= now_ms).map(|(key, _)| key.clone());
        let due: Vec<SessionKey> = due.collect();
        due.into_iter().filter_map(|key| self.withdraw(&key).map(|will| (key, will))).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::DeviceId;
    use crate::model::Publishing;
    use crate::sessions::Holder;

    fn key(client_id: &str) -> SessionKey {
        SessionKey { holder: Holder::Device(DeviceId::from_bytes([1; 12])), client_id: client_id.to_owned() }
    }

    fn will() -> Will {
        Will { topic: "t".into(), data: Bytes::new(), delay_s: 3, publishing: Publishing::default() }
    }

    #[test]
    fn a_will_is_published_at_its_time_unless_its_client_is_back() {
        let mut wills = Wills::default();
        wills.hold(key("a"), will(), 3_000);
        wills.hold(key("b"), will(), 3_000);
        assert_eq!(wills.due(2_999), []);
        assert_eq!(wills.withdraw(&key("a")), Some(will()));
        assert_eq!(wills.due(3_000), [(key("b"), will())]);
        assert_eq!((wills.due(9_000), wills.withdraw(&key("b"))), (Vec::new(), None));
    }
}
