//! Who may log in, and how often somebody may try: passwords, one-time passwords, and the code that makes the first
//! user.
//!
//! ```text
//! name, password ─> attempts left? ─> right? ─> second factor? ─ no ─> the user
//!                        │ no           │ no          │ yes
//!                     TooMany         Wrong       NeedsOtp ─ one-time password ─> the user
//! ```
//! What a user may do once known is not decided here, and tokens are the registry's.

mod attempts;
mod claim;
mod device_codes;
mod error;
mod otp;
mod password;
mod pending;
mod preset;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::task::block_in_place;

use crate::accounts::attempts::Attempts;
use crate::accounts::claim::ClaimCode;
use crate::accounts::device_codes::DeviceCodes;
use crate::accounts::pending::Pending;
use crate::accounts::pending::Purpose;
use crate::chance::Chance;
use crate::clock::Now;
use crate::model::Device;
use crate::model::DeviceName;
use crate::model::Key;
use crate::model::ProductId;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::OtpSecret;
use crate::registry::PasswordHash;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::User;
use crate::registry::UserName;

pub use error::AccountError;
pub use error::LoginError;
pub use otp::address as otp_address;
pub use otp::secret_text as otp_secret_text;
pub use password::PasswordError;
pub use preset::PresetError;
pub use preset::preset_line;

/// Checks who somebody is. Shared by everything that lets people in. Its changes wait for the disk.
pub struct Accounts {
    registry: Arc<Registry>,
    chance: Chance,
    claim: ClaimCode,
    state: Mutex<State>,
    /// One password at a time is hashed: each takes as much memory as all the rest of the gateway.
    hashing: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    attempts: Attempts,
    pending: Pending,
    device_codes: DeviceCodes,
    /// The last time step of each user whose one-time password was taken: no password counts twice (RFC 6238, 5.2).
    used_steps: HashMap<UserId, u64>,
}

/// Somebody whose password and one-time password were right.
#[derive(Debug)]
pub struct Passed {
    /// Who.
    pub user: Arc<User>,
    /// When the token shall end that was asked for with the password; none for never.
    pub token_end: Option<WallTime>,
}

impl Accounts {
    /// Over the registry; the claim code is drawn now.
    pub fn new(registry: Arc<Registry>, chance: Chance) -> Self {
        let claim = ClaimCode::draw(&chance);
        Self { registry, chance, claim, state: Mutex::default(), hashing: Arc::new(Semaphore::new(1)) }
    }

    /// What makes the first user; none once there is one.
    pub fn claim_code(&self) -> Option<&str> {
        (!self.registry.is_claimed()).then(|| self.claim.as_str())
    }

    /// Checks a name and a password of somebody at `from` who wants a token that ends at `token_end`.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn login_for_token(
        &self,
        name: &str,
        password: &str,
        token_end: Option<WallTime>,
        from: IpAddr,
        now: Now,
    ) -> Result<Arc<User>, LoginError> {
        let user = self.check_password(name, password, from, now).await?;
        if user.otp.is_none() {
            return Ok(user);
        }
        let token = self.state(|state| {
            let purpose = Purpose::Login { token_end, password: user.password.clone() };
            state.pending.begin(user.id, purpose, &self.chance, now)
        });
        Err(LoginError::NeedsOtp { token })
    }

    /// Checks a name and a password from somebody at `from`, who proved already to be let in otherwise, or who may do
    /// nothing that a one-time password protects.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn check_password(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
        now: Now,
    ) -> Result<Arc<User>, LoginError> {
        self.state(|state| state.attempts.take(from, name, now.mono_ms))?;
        let user = self.registry.snapshot().user(name).cloned();
        let is_right = self.verify(user.as_ref(), password).await;
        let user = user.filter(|_| is_right).ok_or(LoginError::Wrong)?;
        self.state(|state| state.attempts.forgive(from, name));
        Ok(user)
    }

    /// Checks the one-time password of somebody whose password was right.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub fn second_factor(&self, token: &str, otp: &str, from: IpAddr, now: Now) -> Result<Passed, LoginError> {
        self.state(|state| {
            let (user, purpose) = state.pending.find(token, now).ok_or(LoginError::Wrong)?;
            let Purpose::Login { token_end, password } = purpose else { return Err(LoginError::Wrong) };
            let user = self.registry.snapshot().users.get(&user).cloned().ok_or(LoginError::Wrong)?;
            let secret = user.otp.as_ref().filter(|_| user.password == password).ok_or(LoginError::Wrong)?;
            state.take_otp(user.id, secret, otp, from, now)?;
            state.pending.end(token);
            Ok(Passed { user, token_end })
        })
    }

    /// Begins to ask a user for one-time passwords: gives the secret, and the token with which the user shows that they
    /// can use it.
    ///
    /// # Errors
    /// When the user is asked for them already: whoever has no more than a token shall not replace them.
    pub fn begin_otp(&self, user: &User, now: Now) -> Result<(OtpSecret, String), AccountError> {
        if user.otp.is_some() {
            return Err(RegistryError::HasOtp.into());
        }
        let secret = self.draw_otp_secret();
        let token = self.state(|state| {
            state.pending.begin(user.id, Purpose::Enrolment { secret: secret.clone() }, &self.chance, now)
        });
        Ok((secret, token))
    }

    /// The secret that a user is about to use, while the token for it holds.
    pub fn begun_otp(&self, user: UserId, token: &str, now: Now) -> Option<OtpSecret> {
        let pending = self.state(|state| state.pending.find(token, now));
        match pending {
            Some((whose, Purpose::Enrolment { secret })) if whose == user => Some(secret),
            _ => None,
        }
    }

    /// From now on the user is asked for one-time passwords, since this is one.
    ///
    /// # Errors
    /// When it is none, the user is asked already, or the disk refuses.
    pub fn confirm_otp(
        &self,
        user: UserId,
        token: &str,
        otp: &str,
        from: IpAddr,
        now: Now,
    ) -> Result<Arc<User>, AccountError> {
        let secret = self.state(|state| {
            let pending = state.pending.find(token, now).filter(|(whose, _)| *whose == user);
            let Some((_, Purpose::Enrolment { secret })) = pending else { return Err(LoginError::Wrong) };
            state.take_otp(user, &secret, otp, from, now)?;
            state.pending.end(token);
            Ok(secret)
        })?;
        Ok(block_in_place(|| self.registry.add_otp(user, secret))?)
    }

    /// A user who knows their password is not asked for one-time passwords any more.
    ///
    /// # Errors
    /// When the password is wrong, or the disk refuses.
    pub async fn end_otp(&self, user: &User, password: &str, from: IpAddr, now: Now) -> Result<(), AccountError> {
        let user = self.check_password(user.name.as_str(), password, from, now).await?;
        block_in_place(|| self.registry.set_otp(user.id, Some(&user.password), None))?;
        self.state(|state| state.used_steps.remove(&user.id));
        Ok(())
    }

    /// Asks a user for one-time passwords, or asks no more, on the word of somebody at the gateway.
    ///
    /// # Errors
    /// When there is no such user or the disk refuses.
    pub fn switch_otp(&self, user: UserId, on: bool) -> Result<Arc<User>, RegistryError> {
        let secret = on.then(|| self.draw_otp_secret());
        let user = block_in_place(|| self.registry.set_otp(user, None, secret))?;
        self.state(|state| state.used_steps.remove(&user.id));
        Ok(user)
    }

    fn draw_otp_secret(&self) -> OtpSecret {
        OtpSecret::from_random(self.chance.bytes())
    }

    /// Makes the owner of whoever knows the claim code.
    ///
    /// # Errors
    /// When the code is wrong or there is an owner, the name or password cannot be used, or the disk refuses.
    pub async fn claim(
        &self,
        code: &str,
        name: String,
        password: &str,
        from: IpAddr,
        now: Now,
    ) -> Result<Arc<User>, AccountError> {
        self.state(|state| state.attempts.take(from, "", now.mono_ms))?;
        if self.registry.is_claimed() {
            return Err(RegistryError::Claimed.into());
        }
        if !self.claim.is(code) {
            return Err(AccountError::WrongCode);
        }
        self.state(|state| state.attempts.forgive(from, ""));
        let (name, hash) = (UserName::try_from(name)?, self.hash(password).await?);
        Ok(block_in_place(|| self.registry.claim(name, hash, now.wall))?)
    }

    /// Makes the owner of whom `line` names, see [`preset_line`]. Once there is an owner it makes nobody one.
    ///
    /// # Errors
    /// When the line cannot be used, or the disk refuses.
    pub fn preset(&self, line: &str, now: Now) -> Result<Option<Arc<User>>, PresetError> {
        if self.registry.is_claimed() {
            return Ok(None);
        }
        let (name, hash) = preset::parse(line)?;
        Ok(Some(block_in_place(|| self.registry.claim(name, hash, now.wall))?))
    }

    /// Adds a user: the owner if there is none yet, else a member.
    ///
    /// # Errors
    /// When the name or password cannot be used, or the disk refuses.
    pub async fn add(&self, name: String, password: &str, now: Now) -> Result<Arc<User>, AccountError> {
        let (name, hash) = (UserName::try_from(name)?, self.hash(password).await?);
        let added = block_in_place(|| match self.registry.claim(name.clone(), hash.clone(), now.wall) {
            Err(RegistryError::Claimed) => self.registry.add_user(name, hash, now.wall),
            claimed => claimed,
        });
        Ok(added?)
    }

    /// Gives a user another password, and ends all their tokens and clients and what is under way for them. `shown` is
    /// the old one if it was shown for it; see [`Registry::set_password`].
    ///
    /// # Errors
    /// When the password cannot be used, the old one is another one by now, or the disk refuses.
    pub async fn set_password(
        &self,
        user: UserId,
        shown: Option<&PasswordHash>,
        password: &str,
    ) -> Result<(), AccountError> {
        let hash = self.hash(password).await?;
        block_in_place(|| self.registry.set_password(user, shown, hash))?;
        self.state(|state| state.forget(user));
        Ok(())
    }

    /// Removes a member with everything of theirs. `shown` is their password if it was shown for it.
    ///
    /// # Errors
    /// When it is the owner, there is no such user, the password is another one by now, or the disk refuses.
    pub fn remove(&self, user: UserId, shown: Option<&PasswordHash>) -> Result<Arc<User>, RegistryError> {
        let removed = block_in_place(|| self.registry.remove_user(user, shown))?;
        self.state(|state| state.forget(user));
        Ok(removed)
    }

    /// A code with which one device can register itself as the user's, and as one of a product.
    pub fn device_code(&self, user: UserId, product: Option<ProductId>, now: Now) -> String {
        self.state(|state| state.device_codes.make(user, product, &self.chance, now))
    }

    /// Registers the device that shows that code. The code does not hold any more if that goes well.
    ///
    /// # Errors
    /// When the code does not hold, the name is taken, or the disk refuses.
    pub fn register_device(
        &self,
        code: &str,
        name: Option<DeviceName>,
        now: Now,
    ) -> Result<(Arc<Device>, Key), AccountError> {
        let code = self.state(|state| state.device_codes.take(code, now)).ok_or(AccountError::NoDeviceCode)?;
        let added = block_in_place(|| self.registry.add_device(code.user, name, code.product, now.wall));
        if added.is_err() {
            self.state(|state| state.device_codes.give_back(code));
        }
        Ok(added?)
    }

    async fn hash(&self, password: &str) -> Result<PasswordHash, PasswordError> {
        password::check(password)?;
        let (password, salt) = (password.to_owned(), self.chance.bytes());
        self.hashing(move || password::hash(&password, salt)).await.ok_or(PasswordError)
    }

    /// Whether it is the user's password. Takes as long when there is no such user.
    async fn verify(&self, user: Option<&Arc<User>>, password: &str) -> bool {
        let hash = user.map(|user| user.password.clone());
        let password = password.to_owned();
        self.hashing(move || password::is_right(hash.as_ref(), &password)).await.unwrap_or(false)
    }

    /// Does what takes so much memory that it is done once at a time: also when whoever asked goes away meanwhile.
    async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let turn: OwnedSemaphorePermit = Arc::clone(&self.hashing).acquire_owned().await.ok()?;
        let worked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        worked.await.ok()
    }

    fn state<T>(&self, use_it: impl FnOnce(&mut State) -> T) -> T {
        use_it(&mut self.state.lock().expect("nothing here panics"))
    }
}

impl State {
    /// Takes a one-time password. Wrong ones count for the address and for the user, wherever they come from.
    fn take_otp(
        &mut self,
        user: UserId,
        secret: &OtpSecret,
        otp: &str,
        from: IpAddr,
        now: Now,
    ) -> Result<(), LoginError> {
        self.attempts.take_otp(from, user, now.mono_ms)?;
        let step = otp::step_of(secret, otp, now.wall).ok_or(LoginError::Wrong)?;
        let last = self.used_steps.entry(user).or_default();
        if step <= *last {
            return Err(LoginError::Wrong);
        }
        *last = step;
        self.attempts.forgive_otp(user);
        Ok(())
    }

    /// The user is gone, or has another password.
    fn forget(&mut self, user: UserId) {
        self.pending.forget(user);
        self.device_codes.forget(user);
        self.used_steps.remove(&user);
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
