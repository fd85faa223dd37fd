//! Logins, and wishes to use one-time passwords, that wait for the first of them. Pure.

use std::fmt;

use crate::chance::Chance;
use crate::clock::Now;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::OtpSecret;
use crate::registry::PasswordHash;

/// What waits for one user at once; the oldest is forgotten. Ours: somebody may log in on a few machines.
const MOST: usize = 4;

/// How long it may wait.
const WAITS_MS: u64 = 5 * 60 * 1_000;

/// What waits, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending(Vec<Waiting>);

struct Waiting {
    token: String,
    user: UserId,
    until_ms: u64,
    purpose: Purpose,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a one-time password is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To let somebody in.
    Login {
        /// When the token that was asked for shall end.
        token_end: Option<WallTime>,
        /// The password that was right.
        password: PasswordHash,
    },
    /// To ask for one-time passwords from then on.
    Enrolment {
        /// What they are made from.
        secret: OtpSecret,
    },
}

impl Pending {
    /// Begins to wait; gives the token with which the one-time password has to come.
    pub(super) fn begin(&mut self, user: UserId, purpose: Purpose, chance: &Chance, now: Now) -> String {
        self.0.retain(|waiting| waiting.until_ms > now.mono_ms);
        if self.0.iter().filter(|waiting| waiting.user == user).count() >= MOST {
            let oldest = self.0.iter().position(|waiting| waiting.user == user);
            oldest.map(|at| self.0.remove(at));
        }
        let token = chance.access_token().reveal().to_owned();
        self.0.push(Waiting { token: token.clone(), user, until_ms: now.mono_ms + WAITS_MS, purpose });
        token
    }

    /// Who waits with that token, and for what.
    pub(super) fn find(&self, token: &str, now: Now) -> Option<(UserId, Purpose)> {
        let waiting = self.0.iter().find(|waiting| waiting.token == token && waiting.until_ms > now.mono_ms)?;
        Some((waiting.user, waiting.purpose.clone()))
    }

    /// It came.
    pub(super) fn end(&mut self, token: &str) {
        self.0.retain(|waiting| waiting.token != token);
    }

    /// The user is gone, or has another password.
    pub(super) fn forget(&mut self, user: UserId) {
        self.0.retain(|waiting| waiting.user != user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, wall: WallTime::from_millis(0) }
    }

    #[test]
    fn one_user_cannot_push_out_another_and_nothing_waits_for_ever() {
        let (mut pending, chance) = (Pending::default(), Chance::from_seed(1));
        let [me, you] = [1, 2].map(|number| UserId::from_bytes([number; 12]));
        let purpose = || Purpose::Enrolment { secret: OtpSecret::from_random([7; 20]) };
        let first = pending.begin(you, purpose(), &chance, at(0));
        let tokens: Vec<String> = (0..=MOST).map(|_| pending.begin(me, purpose(), &chance, at(0))).collect();
        assert_eq!(pending.find(&first, at(0)), Some((you, purpose())));
        assert!(pending.find(&tokens[0], at(0)).is_none() && pending.find(&tokens[1], at(0)).is_some());
        assert!(pending.find(&first, at(WAITS_MS)).is_none());
        pending.forget(me);
        assert!(pending.find(&tokens[1], at(0)).is_none());
        pending.end(&first);
        assert!(pending.find(&first, at(0)).is_none());
    }
}
