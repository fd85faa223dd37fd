//! What the errors of other modules are to a caller of the API.

use crate::accounts::AccountError;
use crate::accounts::LoginError;
use crate::bus::Refusal;
use crate::http::ApiError;
use crate::http::NoAccess;
use crate::model::Hidden;
use crate::registry::RegistryError;

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        let text = error.to_string();
        match error {
            RegistryError::NoDevice { .. } => Self::NotFoundAmong("device does not exist".to_owned()),
            RegistryError::NoHook { .. } => Self::NotFound("Webhook not found".to_owned()),
            RegistryError::NoProduct { .. } => Self::no_product(),
            RegistryError::NoToken { .. }
            | RegistryError::NoUser { .. }
            | RegistryError::NoSecret { .. }
            | RegistryError::NoClient { .. } => Self::NotFound(text),
            RegistryError::OthersDevice { .. } | RegistryError::IsOwner | RegistryError::Claimed => {
                Self::Forbidden(text)
            }
            RegistryError::PasswordChanged => LoginError::Wrong.into(),
            RegistryError::Meta(_) => Self::Full(text),
            RegistryError::NameTaken { .. }
            | RegistryError::Adopted { .. }
            | RegistryError::NoSensor { .. }
            | RegistryError::NoSource { .. }
            | RegistryError::AdoptedFrom { .. }
            | RegistryError::NotAdopted { .. }
            | RegistryError::Telling(_)
            | RegistryError::UserTaken { .. }
            | RegistryError::ProductText { .. }
            | RegistryError::NotesTooLong
            | RegistryError::GatewayName
            | RegistryError::SecretSize
            | RegistryError::HasOtp
            | RegistryError::TooMany { .. }
            | RegistryError::TooManyHooks { .. }
            | RegistryError::TooManyProductHooks { .. }
            | RegistryError::SameHook { .. }
            | RegistryError::Row { .. }
            | RegistryError::Invalid(_) => Self::Invalid(text),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        let description = error.to_string();
        match error {
            LoginError::Wrong => Self::Grant { error: "invalid_grant", description },
            LoginError::NeedsOtp { token } => Self::MfaRequired { token: Hidden::new(token) },
            LoginError::TooMany { wait_ms } => Self::TooMany { reason: description, wait_s: wait_ms.div_ceil(1_000) },
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Login(error) => error.into(),
            AccountError::Registry(error) => error.into(),
            AccountError::WrongCode | AccountError::NoDeviceCode => Self::Forbidden(error.to_string()),
            AccountError::Name(_) | AccountError::Password(_) => Self::Invalid(error.to_string()),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full { .. } | Refusal::Retained(_) => Self::Full(refusal.to_string()),
            Refusal::Stopping => Self::Stopping,
            Refusal::UnknownPublisher => Self::Access(NoAccess::Invalid),
            Refusal::Name(_) | Refusal::DataTooLarge { .. } | Refusal::Description(_) => {
                Self::Invalid(refusal.to_string())
            }
        }
    }
}
