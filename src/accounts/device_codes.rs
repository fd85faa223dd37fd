//! Codes with which devices register themselves: a user puts one into the firmware, each device shows it once. Pure.

use std::fmt;

use crate::chance::Chance;
use crate::clock::Now;
use crate::model::ProductId;
use crate::model::UserId;
use crate::model::hex;

/// Codes of one user that hold at once; the oldest is forgotten. Ours.
const MOST: usize = 16;

/// How long a code holds. Ours: one hour.
const HOLDS_MS: u64 = 60 * 60 * 1_000;

/// Characters of a code. Source: reference, a recorded reply of Particle's cloud.
const LENGTH: usize = 63;

/// The codes that hold, oldest first.
#[derive(Debug, Default)]
pub(super) struct DeviceCodes(Vec<Code>);

pub(super) struct Code {
    text: String,
    pub(super) user: UserId,
    /// The product that the device shall belong to.
    pub(super) product: Option<ProductId>,
    until_ms: u64,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("user", &self.user).finish_non_exhaustive()
    }
}

impl DeviceCodes {
    /// A new code of the user.
    pub(super) fn make(&mut self, user: UserId, product: Option<ProductId>, chance: &Chance, now: Now) -> String {
        self.0.retain(|code| code.until_ms > now.mono_ms);
        if self.0.iter().filter(|code| code.user == user).count() >= MOST {
            let oldest = self.0.iter().position(|code| code.user == user);
            oldest.map(|at| self.0.remove(at));
        }
        let bytes: [u8; 32] = chance.bytes();
        let mut text = hex(&bytes);
        text.truncate(LENGTH);
        self.0.push(Code { text: text.clone(), user, product, until_ms: now.mono_ms + HOLDS_MS });
        text
    }

    /// Takes a code that holds: nobody else can use it.
    pub(super) fn take(&mut self, text: &str, now: Now) -> Option<Code> {
        let at = self.0.iter().position(|code| code.text == text && code.until_ms > now.mono_ms)?;
        Some(self.0.remove(at))
    }

    /// It was not used after all.
    pub(super) fn give_back(&mut self, code: Code) {
        self.0.insert(0, code);
    }

    /// The user is gone, or has another password.
    pub(super) fn forget(&mut self, user: UserId) {
        self.0.retain(|code| code.user != user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WallTime;

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, wall: WallTime::from_millis(0) }
    }

    #[test]
    fn a_code_holds_once_and_for_an_hour() {
        let (mut codes, chance, user) = (DeviceCodes::default(), Chance::from_seed(1), UserId::from_bytes([1; 12]));
        let code = codes.make(user, None, &chance, at(0));
        assert_eq!(code.len(), LENGTH);
        assert!(codes.take(&code[1..], at(0)).is_none());
        let taken = codes.take(&code, at(HOLDS_MS - 1)).unwrap();
        assert_eq!(taken.user, user);
        assert!(codes.take(&code, at(HOLDS_MS - 1)).is_none());
        codes.give_back(taken);
        assert!(codes.take(&code, at(HOLDS_MS - 1)).is_some());
        let late = codes.make(user, None, &chance, at(0));
        assert!(codes.take(&late, at(HOLDS_MS)).is_none());
        let ended = codes.make(user, None, &chance, at(0));
        codes.forget(user);
        assert!(codes.take(&ended, at(0)).is_none());
    }
}
