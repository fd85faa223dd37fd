//! Users: who may log in, and what each of them may do.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::model::UserId;
use crate::model::WallTime;

/// Somebody who logs in with a name and a password. Devices, hooks, products, secrets and events belong to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// What they log in with; unique regardless of case.
    pub name: UserName,
    /// Their password, hashed.
    pub password: PasswordHash,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub created_at: WallTime,
    /// What their one-time passwords are made from; none if a password is enough.
    #[serde(default)]
    pub otp: Option<OtpSecret>,
}

/// What a user may do beside working with their own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whose gateway it is: may add and remove users and see how full everything is.
    Owner,
    /// Anybody else.
    Member,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Member => "member",
        })
    }
}

/// A user's name, often an e-mail address: 1 to 128 characters without blanks and control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

/// A text cannot name a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 1 to {} characters, without blanks and control characters", UserName::MAX_CHARS)]
pub struct UserNameError;

impl UserName {
    /// Characters that a name may have. Ours; the longest e-mail addresses in use are shorter.
    pub const MAX_CHARS: usize = 128;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both name the same user: case does not matter.
    pub fn is_same(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }
}

impl TryFrom<String> for UserName {
    type Error = UserNameError;

    fn try_from(name: String) -> Result<Self, UserNameError> {
        let is_sound = |c: char| !c.is_control() && !c.is_whitespace();
        let chars = name.chars().count();
        if (1..=Self::MAX_CHARS).contains(&chars) && name.chars().all(is_sound) {
            Ok(Self(name))
        } else {
            Err(UserNameError)
        }
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An argon2id hash in its own text form, which names its parameters. Made and checked in `accounts`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash from its text form.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The hash of no password: nobody can log in with it.
    pub fn of_none() -> Self {
        Self("!".to_owned())
    }

    /// Its text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What a user's one-time passwords are made from: 20 bytes, as RFC 4226 recommends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OtpSecret([u8; 20]);

impl OtpSecret {
    /// A secret from the caller's randomness.
    pub const fn from_random(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Debug for OtpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_confuse_are_refused() {
        let named = |name: &str| UserName::try_from(name.to_owned());
        assert!(named("me@example.com").is_ok() && named("Jürgen").is_ok());
        for bad in ["", "a b", "a\n", &"x".repeat(129)] {
            assert_eq!(named(bad), Err(UserNameError), "{bad:?}");
        }
        assert!(named("Me").unwrap().is_same("mE"));
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let shown = format!("{:?} {:?}", PasswordHash::from_text("x".to_owned()), OtpSecret::from_random([7; 20]));
        assert_eq!(shown, "PasswordHash(…) OtpSecret(…)");
    }
}
