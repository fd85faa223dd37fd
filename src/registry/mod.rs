//! Who and what is registered: users, devices, tokens, products, hooks, secrets. One snapshot in memory, replaced as a
//! whole at each change.
//!
//! Everybody reads [`Snapshot`]s; changes go through [`Registry`], which makes them durable before it shows them.

mod changes;
mod error;
mod hook;
mod product;
#[cfg(test)]
pub(crate) mod samples;
mod snapshot;
mod token;
mod user;

pub use changes::DeviceChange;
pub use changes::NewHook;
pub use changes::NewToken;
pub use changes::Proof;
pub use changes::Registry;
pub use changes::Wish;
pub use error::RegistryError;
pub use hook::Hook;
pub use product::Product;
pub use product::ProductChange;
pub use snapshot::Identity;
pub use snapshot::NoProof;
pub use snapshot::Snapshot;
pub use token::OauthClient;
pub use token::Token;
pub use user::OtpSecret;
pub use user::PasswordHash;
pub use user::Role;
pub use user::User;
pub use user::UserName;
pub use user::UserNameError;
