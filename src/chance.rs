//! Chance: the source of ids, keys and jitter. Seeded once, by the daemon, or by a command that works alone; tests seed
//! it with a number.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;

use rand::Rng;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::model::AccessToken;
use crate::model::DeviceId;
use crate::model::EventId;
use crate::model::HookId;
use crate::model::Key;
use crate::model::UserId;
use crate::model::WallTime;

/// A shared source of unpredictable numbers.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<StdRng>>);

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its state would tell the next key.
        f.write_str("Chance(…)")
    }
}

impl Chance {
    /// Seeded by the operating system.
    pub fn from_os() -> Self {
        Self(Arc::new(Mutex::new(rand::make_rng())))
    }

    /// Seeded by a number: every run draws the same. For tests.
    pub fn from_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A new device's id.
    pub fn device_id(&self) -> DeviceId {
        DeviceId::from_bytes(self.bytes())
    }

    /// A new hook's id.
    pub fn hook_id(&self) -> HookId {
        HookId::from_bytes(self.bytes())
    }

    /// A new user's id.
    pub fn user_id(&self) -> UserId {
        UserId::from_bytes(self.bytes())
    }

    /// A new event's id: six bytes of time, six of chance.
    pub fn event_id(&self, at: WallTime) -> EventId {
        let mut bytes = self.bytes();
        bytes[..6].copy_from_slice(&at.as_millis().to_be_bytes()[2..]);
        EventId::from_bytes(bytes)
    }

    /// A new key for a device.
    pub fn key(&self) -> Key {
        Key::from_random(self.bytes())
    }

    /// A new access token for a user.
    pub fn access_token(&self) -> AccessToken {
        AccessToken::from_random(self.bytes())
    }

    /// Any number.
    pub fn number(&self) -> u32 {
        u32::from_be_bytes(self.bytes())
    }

    /// A number in 0.0–1.0 (excluded), for jitter.
    pub fn fraction(&self) -> f64 {
        self.0.lock().expect("drawing never panics").random()
    }

    /// Unpredictable bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().expect("drawing never panics").fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_stays_below_one() {
        let chance = Chance::from_seed(1);
        for _ in 0..1_000 {
            let fraction = chance.fraction();
            assert!((0.0..1.0).contains(&fraction));
        }
    }

    #[test]
    fn event_ids_begin_with_their_time() {
        let chance = Chance::from_seed(1);
        let id = chance.event_id(WallTime::from_millis(0x0102_0304_0506));
        assert_eq!(id.as_bytes()[..6], [1, 2, 3, 4, 5, 6]);
    }
}
