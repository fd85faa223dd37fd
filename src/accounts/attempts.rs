//! How often somebody may be wrong. Pure: a sliding log of failed logins.
//!
//! An attempt takes its place before it is looked at, and gives it back if it was right: so attempts that are under way
//! at once cannot be more than are left.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::accounts::LoginError;
use crate::model::KeyHash;
use crate::model::UserId;
use crate::model::network_of;

/// Failed logins from one address within [`WINDOW_MS`].
const PER_ADDRESS: usize = 5;

/// Failed logins from everywhere within [`WINDOW_MS`]. Ours: it also bounds this log.
const IN_ALL: usize = 100;

/// 15 minutes.
const WINDOW_MS: u64 = 15 * 60 * 1_000;

/// Failed logins, oldest first, and wrong one-time passwords.
#[derive(Debug, Default)]
pub(super) struct Attempts(VecDeque<Failure>);

#[derive(Debug)]
struct Failure {
    at_ms: u64,
    from: IpAddr,
    tried: Tried,
}

/// What an attempt was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// The password of that name, hashed: people type passwords where names belong.
    Password(KeyHash),
    /// The one-time password of that user.
    Otp(UserId),
}

impl Attempts {
    /// Takes a place for one attempt.
    ///
    /// # Errors
    /// [`LoginError::TooMany`] when there is none left.
    pub(super) fn take(&mut self, from: IpAddr, name: &str, now_ms: u64) -> Result<(), LoginError> {
        self.take_for(from, Tried::Password(KeyHash::of(name)), now_ms)
    }

    /// As [`Self::take`], for a one-time password: whoever has the password shall not guess it from many addresses.
    ///
    /// # Errors
    /// As there; also when the user has none left.
    pub(super) fn take_otp(&mut self, from: IpAddr, user: UserId, now_ms: u64) -> Result<(), LoginError> {
        let tried = Tried::Otp(user);
        if let Some(oldest_ms) = self.full(PER_ADDRESS, now_ms, |failure| failure.tried == tried) {
            return Err(until_free(oldest_ms, now_ms));
        }
        self.take_for(from, tried, now_ms)
    }

    fn take_for(&mut self, from: IpAddr, tried: Tried, now_ms: u64) -> Result<(), LoginError> {
        let from = network_of(from);
        self.0.retain(|failure| failure.at_ms + WINDOW_MS > now_ms);
        if let Some(oldest_ms) = self.full(PER_ADDRESS, now_ms, |failure| failure.from == from) {
            return Err(until_free(oldest_ms, now_ms));
        }
        if let Some(oldest) = self.0.front().filter(|_| self.0.len() >= IN_ALL) {
            return Err(until_free(oldest.at_ms, now_ms));
        }
        self.0.push_back(Failure { at_ms: now_ms, from, tried });
        Ok(())
    }

    /// The oldest of the last `most` such failures; none if there are fewer.
    fn full(&self, most: usize, now_ms: u64, is_such: impl Fn(&Failure) -> bool) -> Option<u64> {
        let counts = |failure: &&Failure| failure.at_ms + WINDOW_MS > now_ms && is_such(failure);
        self.0.iter().rev().filter(counts).nth(most - 1).map(|failure| failure.at_ms)
    }

    /// It was right: what was tried for that name from there does not count.
    pub(super) fn forgive(&mut self, from: IpAddr, name: &str) {
        let (from, tried) = (network_of(from), Tried::Password(KeyHash::of(name)));
        self.0.retain(|failure| failure.from != from || failure.tried != tried);
    }

    /// The one-time password was right.
    pub(super) fn forgive_otp(&mut self, user: UserId) {
        self.0.retain(|failure| failure.tried != Tried::Otp(user));
    }
}

fn until_free(oldest_ms: u64, now_ms: u64) -> LoginError {
    LoginError::TooMany { wait_ms: oldest_ms + WINDOW_MS - now_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> IpAddr {
        [192, 168, 1, last].into()
    }

    fn wait(attempts: &mut Attempts, from: IpAddr, now_ms: u64) -> Option<u64> {
        match attempts.take(from, "me", now_ms) {
            Ok(()) => None,
            Err(LoginError::TooMany { wait_ms }) => Some(wait_ms),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn five_from_one_address_in_any_fifteen_minutes() {
        let mut attempts = Attempts::default();
        for second in 0..5 {
            assert_eq!(wait(&mut attempts, from(1), second * 1_000), None);
        }
        assert_eq!(wait(&mut attempts, from(1), 5_000), Some(WINDOW_MS - 5_000));
        assert_eq!(wait(&mut attempts, from(2), 5_000), None, "somebody else may");
        assert_eq!(wait(&mut attempts, from(1), WINDOW_MS - 1), Some(1));
        assert_eq!(wait(&mut attempts, from(1), WINDOW_MS), None);
        assert_eq!(wait(&mut attempts, from(1), WINDOW_MS), Some(1_000));
    }

    #[test]
    fn who_was_right_in_the_end_begins_anew_but_only_for_that_name() {
        let mut attempts = Attempts::default();
        for name in ["me", "me", "you", "you"] {
            attempts.take(from(1), name, 0).unwrap();
        }
        attempts.take(from(1), "me", 0).unwrap();
        attempts.forgive(from(1), "me");
        for _ in 0..3 {
            attempts.take(from(1), "you", 0).unwrap();
        }
        assert!(attempts.take(from(1), "you", 0).is_err());
    }

    #[test]
    fn many_addresses_do_not_help() {
        let mut attempts = Attempts::default();
        for last in 0..100 {
            assert_eq!(wait(&mut attempts, from(last), 0), None);
        }
        assert_eq!(wait(&mut attempts, from(200), 1), Some(WINDOW_MS - 1));
    }

    #[test]
    fn a_one_time_password_is_not_guessed_from_many_addresses() {
        let (mut attempts, user) = (Attempts::default(), UserId::from_bytes([1; 12]));
        for last in 0..5 {
            attempts.take_otp(from(last), user, 0).unwrap();
        }
        assert!(
            matches!(attempts.take_otp(from(9), user, 1), Err(LoginError::TooMany { wait_ms }) if wait_ms == WINDOW_MS - 1)
        );
        attempts.take_otp(from(9), UserId::from_bytes([2; 12]), 1).unwrap();
        attempts.forgive_otp(user);
        attempts.take_otp(from(9), user, 1).unwrap();
    }
}
