//! Why a change of the registry was refused. Nothing changed then.

use crate::hooks::InvalidHook;
use crate::model::Address;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::HookId;
use crate::model::TellingError;
use crate::registry::Snapshot;
use crate::registry::UserName;
use crate::store::MetaError;

/// Why a change was refused. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Another device of the same owner has the name.
    #[error("there is already a device named \"{name}\": {id}")]
    NameTaken {
        /// The wanted name.
        name: DeviceName,
        /// Who has it.
        id: DeviceId,
    },
    /// The sensor is somebody's already.
    #[error("the sensor {address} is adopted already")]
    Adopted {
        /// The address of its radio.
        address: Address,
    },
    /// The device is no sensor.
    #[error("{name} is no Bluetooth sensor")]
    NoSensor {
        /// What it is called.
        name: DeviceName,
    },
    /// The device is no source.
    #[error("{name} is no source: `farhook source add` makes one")]
    NoSource {
        /// What it is called.
        name: DeviceName,
    },
    /// The device is adopted already.
    #[error("{known_as:?} of {from} is adopted already")]
    AdoptedFrom {
        /// What it is called there.
        known_as: String,
        /// The source.
        from: DeviceName,
    },
    /// The device was not adopted from a source.
    #[error("{name} was not adopted from a source")]
    NotAdopted {
        /// What it is called.
        name: DeviceName,
    },
    /// A sensor cannot be set so.
    #[error(transparent)]
    Telling(#[from] TellingError),
    /// No such device.
    #[error("there is no device {wanted:?}")]
    NoDevice {
        /// The id or name asked for.
        wanted: String,
    },
    /// The device belongs to somebody else.
    // particle-cli looks for these words, and then asks whether the device shall be transferred.
    #[error("That belongs to someone else.")]
    OthersDevice {
        /// The id asked for.
        id: DeviceId,
    },
    /// No such hook.
    #[error("there is no hook {id}")]
    NoHook {
        /// The id asked for.
        id: HookId,
    },
    /// No such token.
    #[error("there is no token {wanted:?}")]
    NoToken {
        /// The token's id asked for.
        wanted: String,
    },
    /// No such user.
    #[error("there is no user {wanted:?}")]
    NoUser {
        /// The name asked for.
        wanted: String,
    },
    /// What was shown to prove who somebody is proves nothing any more.
    #[error("the password was changed just now")]
    PasswordChanged,
    /// The user is asked for one-time passwords already.
    #[error("one-time passwords are in use already; end that first, with the password")]
    HasOtp,
    /// Another user has the name.
    #[error("there is already a user named \"{name}\"")]
    UserTaken {
        /// The wanted name.
        name: UserName,
    },
    /// The gateway cannot be called so.
    #[error("a gateway's name has 1 to {} characters in one line", Snapshot::GATEWAY_CHARS)]
    GatewayName,
    /// Somebody owns the gateway already.
    #[error("this gateway has an owner already")]
    Claimed,
    /// The owner cannot be removed.
    #[error("the owner of the gateway cannot be removed")]
    IsOwner,
    /// No such product.
    #[error("there is no product {wanted:?}")]
    NoProduct {
        /// The number or slug asked for.
        wanted: String,
    },
    /// A product's name or description cannot be used.
    #[error("a product's {what} has {least} to {most} characters")]
    ProductText {
        /// `name` or `description`.
        what: &'static str,
        /// Characters at least.
        least: usize,
        /// Characters at most.
        most: usize,
    },
    /// A device's notes are too long.
    #[error("notes have at most {} characters", crate::model::Device::NOTES_CHARS)]
    NotesTooLong,
    /// A secret's value cannot be used.
    #[error("a secret has 1 to {} bytes", crate::model::Secret::VALUE_BYTES)]
    SecretSize,
    /// No such secret.
    #[error("there is no secret {wanted:?}")]
    NoSecret {
        /// The name asked for.
        wanted: String,
    },
    /// No such program.
    #[error("there is no client {wanted:?}")]
    NoClient {
        /// The id asked for.
        wanted: String,
    },
    /// There are as many as there may be.
    #[error("there are {limit} {what} already, and there may be no more; remove one first")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The user has as many hooks as one may have.
    #[error("a user can create up to {limit} webhooks, and there are {limit}; delete one first")]
    TooManyHooks {
        /// How many one may have.
        limit: u32,
    },
    /// The product has as many hooks as one may have.
    #[error("a product can have up to {limit} webhooks, and there are {limit}; delete one first")]
    TooManyProductHooks {
        /// How many one may have.
        limit: u32,
    },
    /// The user has the same hook already.
    #[error("hook {id} is the same; creating it again would send everything twice (--force does it all the same)")]
    SameHook {
        /// The hook that is the same.
        id: HookId,
    },
    /// A row that shall replace another cannot be used.
    #[error("the row {key} cannot be used: {reason}")]
    Row {
        /// The row's key, or its beginning.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The definition is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidHook),
    /// The disk refuses.
    #[error(transparent)]
    Meta(#[from] MetaError),
}
