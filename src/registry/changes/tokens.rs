//! Changes of access tokens and of programs that get them.

use std::sync::Arc;

use crate::model::AccessToken;
use crate::model::Key;
use crate::model::KeyHash;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::OauthClient;
use crate::registry::PasswordHash;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::Token;
use crate::registry::changes::CLIENTS;
use crate::registry::changes::TOKENS;
use crate::store::MetaChanges;

/// Tokens of one user; the one that ends first makes room. Ours.
const MAX_TOKENS: usize = 200;

/// Programs of one user. Ours.
const MAX_CLIENTS: usize = 50;

/// Characters that are kept of what a program or its user calls it.
const NAME_CHARS: usize = 64;

/// What was shown for a token. If it proves nothing any more when the token is made, there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proof {
    /// Nothing that could have ended.
    #[default]
    Lasting,
    /// The user's password.
    Password(PasswordHash),
    /// The secret of that client.
    Client(String),
}

/// A token to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// When it shall stop to hold; none for never.
    pub expires_at: Option<WallTime>,
    /// The program that asks.
    pub client: String,
    /// Whether it can be exchanged for a new one later.
    pub is_refreshable: bool,
    /// What was shown for it.
    pub proof: Proof,
}

/// A token that was made: its row, itself, and what it can be exchanged with. The latter two are shown now or never.
#[derive(Debug)]
pub struct NewToken {
    /// As it is listed.
    pub token: Token,
    /// What is shown in requests.
    pub secret: AccessToken,
    /// What it can be exchanged with.
    pub refresh: Option<AccessToken>,
}

impl Registry {
    /// Makes an access token.
    ///
    /// # Errors
    /// When the user is gone or what was shown proves nothing any more, there are too many that never end, or the disk
    /// refuses.
    pub fn create_token(&self, user: UserId, wish: Wish, now: WallTime) -> Result<NewToken, RegistryError> {
        self.change_of(user, |snapshot, rows| {
            let still_proves = match &wish.proof {
                Proof::Lasting => true,
                Proof::Password(shown) => snapshot.users.get(&user).is_some_and(|user| user.password == *shown),
                Proof::Client(id) => snapshot.clients.get(id).is_some_and(|client| client.user == user),
            };
            if !still_proves {
                return Err(RegistryError::PasswordChanged);
            }
            make_room(snapshot, rows, user, now)?;
            Ok(self.make(snapshot, rows, user, wish, now))
        })
    }

    /// Exchanges a refresh token for a new token; both old ones are worth nothing from then on.
    ///
    /// # Errors
    /// When no token has it, or the disk refuses.
    pub fn refresh_token(&self, refresh: &str, wish: Wish, now: WallTime) -> Result<NewToken, RegistryError> {
        let presented = KeyHash::of(refresh);
        let find = |snapshot: &Snapshot| {
            let old = snapshot.tokens.values().find(|token| token.refresh == Some(presented)).cloned();
            let old = old.filter(|token| !token.is_forgettable(now));
            // Not repeated in the error: it may be a token of somewhere else.
            old.ok_or_else(|| RegistryError::NoToken { wanted: "that".to_owned() })
        };
        // Asked before anything is locked: whoever has no token may ask as often as they like.
        find(&self.snapshot())?;
        self.change(|snapshot, rows| {
            let old = find(snapshot)?;
            remove(snapshot, rows, &old);
            Ok(self.make(snapshot, rows, old.user, wish, now))
        })
    }

    /// Revokes the token of that hash.
    ///
    /// # Errors
    /// When it is nobody's, or the disk refuses.
    pub fn revoke_hash(&self, hash: KeyHash) -> Result<Token, RegistryError> {
        let find = |snapshot: &Snapshot| {
            let token = snapshot.tokens.get(&hash).cloned();
            token.ok_or_else(|| RegistryError::NoToken { wanted: "that".to_owned() })
        };
        // As above.
        find(&self.snapshot())?;
        self.change(|snapshot, rows| {
            let token = find(snapshot)?;
            remove(snapshot, rows, &token);
            Ok(token)
        })
    }

    /// Revokes the user's token with that id.
    ///
    /// # Errors
    /// When there is no such token or the disk refuses.
    pub fn revoke_token(&self, user: UserId, id: &str) -> Result<Token, RegistryError> {
        self.change(|snapshot, rows| {
            let token = snapshot.tokens.values().find(|token| token.user == user && token.id() == id).cloned();
            let token = token.ok_or_else(|| RegistryError::NoToken { wanted: id.to_owned() })?;
            remove(snapshot, rows, &token);
            Ok(token)
        })
    }

    /// Revokes all tokens of a user, and says how many.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn revoke_all(&self, user: UserId) -> Result<usize, RegistryError> {
        self.change(|snapshot, rows| Ok(remove_all(snapshot, rows, user)))
    }

    /// Registers a program. Its secret is shown now or never.
    ///
    /// # Errors
    /// When there are too many, or the disk refuses.
    pub fn add_client(
        &self,
        user: UserId,
        name: &str,
        now: WallTime,
    ) -> Result<(Arc<OauthClient>, Key), RegistryError> {
        self.change_of(user, |snapshot, rows| {
            if snapshot.clients.values().filter(|client| client.user == user).count() >= MAX_CLIENTS {
                return Err(RegistryError::TooMany { what: "clients", limit: MAX_CLIENTS });
            }
            let (name, secret) = (name.chars().take(NAME_CHARS).collect(), self.chance.key());
            let id = format!("client-{}", self.chance.user_id());
            let client = OauthClient { id, name, user, secret: KeyHash::of(secret.reveal()), created_at: now };
            rows.put(format!("{CLIENTS}{}", client.id), &client);
            let client = Arc::new(client);
            snapshot.clients.insert(client.id.clone(), Arc::clone(&client));
            Ok((client, secret))
        })
    }

    /// Forgets a program, and ends the tokens that it got.
    ///
    /// # Errors
    /// When the user has no such program or the disk refuses.
    pub fn remove_client(&self, user: UserId, id: &str) -> Result<(), RegistryError> {
        self.change(|snapshot, rows| {
            if snapshot.clients.get(id).is_none_or(|client| client.user != user) {
                return Err(RegistryError::NoClient { wanted: id.to_owned() });
            }
            let is_its = |token: &&Token| token.user == user && token.client == id;
            let tokens: Vec<Token> = snapshot.tokens.values().filter(is_its).cloned().collect();
            for token in &tokens {
                remove(snapshot, rows, token);
            }
            snapshot.clients.remove(id);
            rows.remove(format!("{CLIENTS}{id}"));
            Ok(())
        })
    }

    fn make(
        &self,
        snapshot: &mut Snapshot,
        rows: &mut MetaChanges,
        user: UserId,
        wish: Wish,
        now: WallTime,
    ) -> NewToken {
        let Wish { expires_at, client, is_refreshable, proof: _ } = wish;
        let secret = self.chance.access_token();
        let refresh = is_refreshable.then(|| self.chance.access_token());
        let token = Token {
            expires_at,
            client: client.chars().take(NAME_CHARS).collect(),
            refresh: refresh.as_ref().map(|refresh| KeyHash::of(refresh.reveal())),
            ..Token::lasting(user, KeyHash::of(secret.reveal()), now)
        };
        rows.put(format!("{TOKENS}{}", token.hash), &token);
        snapshot.tokens.insert(token.hash, token.clone());
        NewToken { token, secret, refresh }
    }
}

pub(super) fn remove_all(snapshot: &mut Snapshot, rows: &mut MetaChanges, user: UserId) -> usize {
    let tokens: Vec<Token> = snapshot.tokens.values().filter(|token| token.user == user).cloned().collect();
    for token in &tokens {
        remove(snapshot, rows, token);
    }
    tokens.len()
}

pub(super) fn remove_clients(snapshot: &mut Snapshot, rows: &mut MetaChanges, user: UserId) {
    let clients: Vec<String> =
        snapshot.clients.values().filter(|client| client.user == user).map(|client| client.id.clone()).collect();
    for client in clients {
        rows.remove(format!("{CLIENTS}{client}"));
        snapshot.clients.remove(&client);
    }
}

fn remove(snapshot: &mut Snapshot, rows: &mut MetaChanges, token: &Token) {
    rows.remove(format!("{TOKENS}{}", token.hash));
    snapshot.tokens.remove(&token.hash);
}

/// Forgets what ended long ago, and if that is not enough the token that ends first.
fn make_room(
    snapshot: &mut Snapshot,
    rows: &mut MetaChanges,
    user: UserId,
    now: WallTime,
) -> Result<(), RegistryError> {
    let forgettable: Vec<Token> = snapshot.tokens.values().filter(|token| token.is_forgettable(now)).cloned().collect();
    for token in &forgettable {
        remove(snapshot, rows, token);
    }
    let of_user = || snapshot.tokens.values().filter(|token| token.user == user);
    if of_user().count() < MAX_TOKENS {
        return Ok(());
    }
    let first = of_user().filter(|token| token.expires_at.is_some()).min_by_key(|token| token.expires_at).cloned();
    let first = first.ok_or(RegistryError::TooMany { what: "tokens that never expire", limit: MAX_TOKENS })?;
    remove(snapshot, rows, &first);
    Ok(())
}
