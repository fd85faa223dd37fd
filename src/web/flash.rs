//! What the next page of a session says first: how a form went, or a key that is shown once. In memory; a restart
//! forgets it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use serde::Serialize;

use crate::model::DeviceId;
use crate::model::KeyHash;

/// Sessions that something waits for. Ours; one of the others is forgotten.
const MOST: usize = 256;

/// See the module.
#[derive(Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Flash {
    /// It went well.
    Done {
        /// What was done.
        text: String,
    },
    /// It was refused.
    Failed {
        /// Why.
        text: String,
    },
    /// Something that is shown now or never: a device's key, a token.
    Once {
        /// What was done.
        text: String,
        /// What is shown.
        secret: String,
    },
    /// The key of a device, as [`Self::Once`]: the device's page shows it in programs, too.
    DeviceKey {
        /// Whose it is.
        #[serde(skip)]
        device: DeviceId,
        /// What was done.
        text: String,
        /// The key.
        secret: String,
    },
}

/// What waits for the next page of each session. Cheap to clone.
#[derive(Clone, Default)]
pub struct Flashes(Arc<Mutex<HashMap<KeyHash, Flash>>>);

impl Flash {
    /// The key, if it is that device's.
    pub(super) fn key_of(&self, wanted: DeviceId) -> Option<&str> {
        match self {
            Self::DeviceKey { device, secret, .. } if *device == wanted => Some(secret),
            _ => None,
        }
    }

    /// How something went, in the words of whoever did it.
    pub(super) fn of<T>(went: &Result<T, String>, done: impl Into<String>) -> Self {
        match went {
            Ok(_) => Self::Done { text: done.into() },
            Err(reason) => Self::Failed { text: reason.clone() },
        }
    }
}

impl Flashes {
    /// Keeps it for the next page of the session.
    pub(super) fn put(&self, session: KeyHash, flash: Flash) {
        let mut waiting = self.0.lock().expect("changes do not panic");
        if waiting.len() >= MOST && !waiting.contains_key(&session) {
            let other = waiting.keys().next().copied();
            other.map(|other| waiting.remove(&other));
        }
        waiting.insert(session, flash);
    }

    /// Takes what waits for the session.
    pub(super) fn take(&self, session: KeyHash) -> Option<Flash> {
        self.0.lock().expect("changes do not panic").remove(&session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_and_only_to_whom_it_is_for() {
        let (flashes, me, you) = (Flashes::default(), KeyHash::of("me"), KeyHash::of("you"));
        flashes.put(me, Flash::Failed { text: "no".to_owned() });
        assert!(flashes.take(you).is_none());
        assert!(matches!(flashes.take(me), Some(Flash::Failed { text }) if text == "no"));
        assert!(flashes.take(me).is_none());
    }

    #[test]
    fn a_key_is_shown_with_its_own_device_alone() {
        let [mine, other] = [1, 2].map(|byte| DeviceId::from_bytes([byte; 12]));
        let flash = Flash::DeviceKey { device: mine, text: String::new(), secret: "k".to_owned() };
        assert_eq!((flash.key_of(mine), flash.key_of(other)), (Some("k"), None));
    }

    #[test]
    fn there_is_never_more_than_can_wait() {
        let flashes = Flashes::default();
        for number in 0..=MOST {
            flashes.put(KeyHash::of(&number.to_string()), Flash::Done { text: String::new() });
        }
        assert_eq!(flashes.0.lock().unwrap().len(), MOST);
        assert!(flashes.take(KeyHash::of(&MOST.to_string())).is_some());
    }
}
