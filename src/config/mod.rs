//! The configuration: embedded defaults, one file over them, and the files of `conf.d` over that.
//!
//! The daemon and `farhook check-config` call [`Config::load`]; everybody else is handed the values. Nothing here is
//! ever written, and no file is read after the load.

mod address_range;
mod check;
mod error;
mod keys;
mod load;
mod schema;
mod shown;
mod sources;
mod unknown;

pub use address_range::AddressRange;
pub use address_range::AddressRangeError;
pub use error::ConfigError;
pub use error::Expected;
pub use error::Place;
pub use error::Problem;
pub use error::SourceProblem;
pub use schema::Ble;
pub use schema::Config;
pub use schema::Delivery;
pub use schema::Egress;
pub use schema::Hooks;
pub use schema::Http;
pub use schema::Limits;
pub use schema::Log;
pub use schema::Mqtt;
pub use schema::Over;
pub use schema::Queue;
pub use shown::Setting;
