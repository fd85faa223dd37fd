//! Bluetooth Low Energy: what sensors send without being asked, and devices that are connected to. Started by the daemon;
//! whoever wants to know how it is asks [`Ble`](crate::bus::Ble).
//!
//! ```text
//!  BlueZ ── D-Bus ──> bluez ──> air ──> listen ──> discovery: what was heard of late, for people
//!                       ^                  ├──────> sensors ──> sieve ──> outbox ──> the intake: events of adopted sensors
//!                       │                  └──────> links <── gatt: connections to devices, and what is said over them
//!                       └── driver <── supervisor: what to do about the radio
//! ```
//! [`advert`] is one sending as the radio hears it, [`decode`] makes a reading of it. The radio is never needed: without
//! it, everything else works. Only `bluez` names what it is made of.

pub mod advert;
pub mod air;
mod bluez;
pub mod decode;
pub mod discovery;
mod driver;
pub mod gatt;
mod links;
mod listen;
mod outbox;
mod presence;
pub mod pulse;
pub mod radio;
mod rate;
mod rules;
mod sensors;
pub mod sieve;
pub mod supervisor;
mod until;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ble::air::Air;
use crate::ble::bluez::Bluez;

pub use driver::Parts;
pub use rules::measured;

/// Starts the bridge. It ends when `stop` is set.
pub fn start(parts: Parts, stop: watch::Receiver<bool>) -> JoinHandle<()> {
    let air = Air::default();
    tokio::spawn(driver::run(Bluez::new(air.clone()), air, parts, stop))
}
