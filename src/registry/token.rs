//! Access tokens, and programs that get tokens of their own.

use serde::Deserialize;
use serde::Serialize;

use crate::model::KeyHash;
use crate::model::UserId;
use crate::model::WallTime;

/// A user's access token; the token itself is known only to who was shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Whose it is.
    pub user: UserId,
    /// Its hash.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: WallTime,
    /// When it stops to hold; none if it never does.
    #[serde(default)]
    pub expires_at: Option<WallTime>,
    /// The program that asked for it, as it called itself; shown when tokens are listed.
    #[serde(default)]
    pub client: String,
    /// The hash of what can be exchanged for a new token.
    #[serde(default)]
    pub refresh: Option<KeyHash>,
}

/// A program that may ask for tokens of the user who registered it, without the user's password (RFC 6749, 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OauthClient {
    /// What it is called in requests.
    pub id: String,
    /// What it is for, in its user's words.
    pub name: String,
    /// Whose tokens it gets.
    pub user: UserId,
    /// Its secret, hashed.
    pub secret: KeyHash,
    /// When it was registered.
    pub created_at: WallTime,
}

/// How long after its end a token is still known, in milliseconds: so long it can be exchanged for a new one, and who
/// shows it hears that it has expired. Ours: 30 days.
const REMEMBERED_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

impl Token {
    /// Digits of a token's hash that name it.
    const ID_DIGITS: usize = 8;

    /// A token that never expires.
    pub fn lasting(user: UserId, hash: KeyHash, created_at: WallTime) -> Self {
        Self { user, hash, created_at, expires_at: None, client: String::new(), refresh: None }
    }

    /// What names the token without giving it away: the first digits of its hash.
    pub fn id(&self) -> String {
        self.hash.to_string()[..Self::ID_DIGITS].to_owned()
    }

    /// Whether it holds no longer.
    pub fn is_expired(&self, now: WallTime) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether not even its end needs to be known any more.
    pub fn is_forgettable(&self, now: WallTime) -> bool {
        self.expires_at.is_some_and(|at| at.as_millis().saturating_add(REMEMBERED_MS) <= now.as_millis())
    }
}
