//! Why somebody is not let in, or an account stays as it is.

use std::fmt;

use crate::accounts::PasswordError;
use crate::registry::RegistryError;
use crate::registry::UserNameError;

/// Why somebody is not let in.
#[derive(thiserror::Error)]
pub enum LoginError {
    /// The name, the password or the one-time password is wrong; which of them is not said.
    #[error("User credentials are invalid")]
    Wrong,
    /// The password is right, and a one-time password is needed as well.
    #[error("One-time password required")]
    NeedsOtp {
        /// What has to come with the one-time password.
        token: String,
    },
    /// Too many were wrong lately.
    #[error("too many failed logins; try again in {} s", wait_ms.div_ceil(1_000))]
    TooMany {
        /// Until the next one is looked at.
        wait_ms: u64,
    },
}

impl fmt::Debug for LoginError {
    /// As it is told: a token is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginError({self})")
    }
}

/// Why an account cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Who asks is not who they say.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The claim code is wrong.
    #[error("the claim code is wrong; `farhook claim` on the gateway shows it")]
    WrongCode,
    /// A device's claim code is wrong, was used, or is too old.
    #[error("the claim code does not hold, or not any more")]
    NoDeviceCode,
    /// The name cannot be used.
    #[error(transparent)]
    Name(#[from] UserNameError),
    /// The password cannot be used.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The registry refuses.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
