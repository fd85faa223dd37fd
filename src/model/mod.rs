//! The words of farhook: ids, events, devices, and every number that comes from outside.
//!
//! Everything may use this module; it uses nothing of farhook. It never does I/O and never reads the time.

mod access_token;
mod bounds;
pub mod call;
mod default_body;
mod description;
mod device;
mod event;
mod hearer;
mod hidden;
mod id;
mod network;
mod product;
mod secret;
pub mod spec;
mod text;
mod wall_time;
mod when_full;

pub use access_token::AccessToken;
pub use bounds::Bounds;
pub use bounds::Fill;
pub use default_body::DefaultBody;
pub use description::Description;
pub use description::DescriptionError;
pub use description::VariableType;
pub use device::Device;
pub use device::DeviceName;
pub use device::DeviceNameError;
pub use device::Key;
pub use device::KeyHash;
pub use device::KeyHashError;
pub use event::Event;
pub use event::EventName;
pub use event::EventNameError;
pub use event::Source;
pub use event::is_reserved;
pub use hearer::Hearer;
pub use hidden::Hidden;
pub use id::DeviceId;
pub use id::EventId;
pub use id::HookId;
pub use id::IdError;
pub use id::UserId;
pub use network::network_of;
pub use product::EventProduct;
pub use product::ProductId;
pub use secret::Secret;
pub use secret::SecretName;
pub use secret::SecretNameError;
pub use secret::Secrets;
pub use text::hex;
pub use text::split_at_most;
pub use wall_time::WallTime;
pub use when_full::WhenFull;
