//! Who and what is registered: devices, tokens, hooks. One snapshot in memory, replaced as a whole at each change.
//!
//! Everybody reads [`Snapshot`]s; changes go through [`Registry`], which makes them durable before it shows them.

mod changes;
mod hook;
#[cfg(test)]
pub(crate) mod samples;
mod snapshot;

pub use changes::Registry;
pub use changes::RegistryError;
pub use hook::Hook;
pub use snapshot::Identity;
pub use snapshot::Snapshot;
pub use snapshot::Token;
