//! What requests about users and tokens do.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::accounts;
use crate::clock;
use crate::control::answer::Answer;
use crate::control::answer::Refused;
use crate::control::answer::refused;
use crate::control::clerk::Clerk;
use crate::control::shown;
use crate::model::WallTime;
use crate::registry::User;
use crate::registry::Wish;

/// What a token is listed as that was made by the command line.
const CLIENT: &str = "farhook";

impl Clerk<'_> {
    /// The first user is the owner, whose things are there already.
    pub(super) async fn add_user(&self, name: String, password: &str) -> Answer {
        self.must_have_all()?;
        let user = self.parts.accounts.add(name, password, clock::now()).await.map_err(refused)?;
        Ok(shown::user(&user))
    }

    pub(super) fn users(&self) -> Answer {
        self.must_have_all()?;
        Ok(self.parts.registry.snapshot().users.values().map(|user| shown::user(user)).collect())
    }

    pub(super) fn remove_user(&self, name: &str) -> Answer {
        self.must_have_all()?;
        let user = self.named(name)?;
        let removed = self.parts.accounts.remove(user.id, None).map_err(refused)?;
        self.parts.presence.keep_registered(&self.parts.registry);
        Ok(shown::user(&removed))
    }

    pub(super) async fn set_password(&self, name: &str, password: &str) -> Answer {
        self.must_be_local()?;
        let user = self.named(name)?;
        self.parts.accounts.set_password(user.id, None, password).await.map_err(refused)?;
        Ok(shown::user(&user))
    }

    /// Whoever is at the gateway may do this without a one-time password: it is also the way out for who lost theirs.
    pub(super) fn set_mfa(&self, name: &str, on: bool) -> Answer {
        self.must_be_local()?;
        let user = self.named(name)?;
        let user = self.parts.accounts.switch_otp(user.id, on).map_err(refused)?;
        let mut told = shown::user(&user);
        if let Some(secret) = &user.otp {
            told["secret"] = json!(accounts::otp_secret_text(secret));
            told["url"] = json!(accounts::otp_address(secret, &user.name));
        }
        Ok(told)
    }

    pub(super) fn claim_code(&self) -> Answer {
        self.must_be_local()?;
        let code = self.parts.accounts.claim_code();
        code.map(|code| json!({ "code": code })).ok_or_else(|| refused("this gateway has an owner already"))
    }

    pub(super) fn create_token(&self, expires_in_s: Option<u32>) -> Answer {
        let now = clock::now().wall;
        let end = |seconds: u32| WallTime::from_millis(now.as_millis() + i64::from(seconds) * 1_000);
        let wish = Wish { expires_at: expires_in_s.map(end), client: CLIENT.to_owned(), ..Wish::default() };
        let made = self.change(|registry| registry.create_token(self.user, wish, now))?;
        let mut told = shown::token(&made.token);
        told["token"] = json!(made.secret.reveal());
        Ok(told)
    }

    pub(super) fn tokens(&self) -> Value {
        let (snapshot, now) = (self.parts.registry.snapshot(), clock::now().wall);
        snapshot.tokens_of(self.user, now).into_iter().map(shown::token).collect()
    }

    pub(super) fn revoke_token(&self, id: &str) -> Answer {
        self.change(|registry| registry.revoke_token(self.user, id)).map(|token| shown::token(&token))
    }

    fn named(&self, name: &str) -> Result<Arc<User>, Refused> {
        let user = self.parts.registry.snapshot().user(name).cloned();
        user.ok_or_else(|| refused(format!("there is no user {name:?}")))
    }
}
