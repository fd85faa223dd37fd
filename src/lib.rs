//! farhook: the local half of a webhook cloud, on a Raspberry Pi.

pub mod api;
pub mod bus;
pub mod chance;
pub mod clock;
pub mod config;
pub mod control;
pub mod delivery;
pub mod dispatch;
pub mod hooks;
pub mod http;
pub mod intake;
pub mod limits;
pub mod model;
pub mod mqtt;
pub mod registry;
pub mod store;
pub mod telemetry;
