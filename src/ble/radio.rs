//! What the rest of the bridge needs of a radio: to find it, to switch it on, to scan, to connect to devices. What it
//! hears goes into the [`Air`](crate::ble::air::Air). Whoever drives it is in `driver`, whoever connects in `links`; the
//! real one is in `bluez`.

use std::future::Future;

use crate::ble::advert::Address;
use crate::model::Link;

/// Why a radio did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no bus over which it could be asked, or not any more.
    #[error("no D-Bus: {0}")]
    NoBus(String),
    /// The Bluetooth service does not run.
    #[error("the Bluetooth service does not run")]
    NoService,
    /// This user may not speak to it.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// No adapter is there, or not the one that was asked for.
    #[error("no adapter")]
    NoAdapter,
    /// The adapter that was found is gone.
    #[error("the adapter is gone")]
    Gone,
    /// It is switched off.
    #[error("the adapter is off")]
    Off,
    /// It cannot be switched on.
    #[error("the adapter is blocked")]
    Blocked,
    /// Something else; these are the words of the other side.
    #[error("{0}")]
    Refused(String),
}

/// Whether an adapter is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// It is.
    On,
    /// It is not.
    Off,
    /// It is not, and cannot be switched on.
    Blocked,
}

/// An adapter that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adapter {
    /// Its address: it stays the same wherever it is plugged in.
    pub address: Address,
    /// Whether it is on.
    pub power: Power,
    /// Whether it scans, for whomever.
    pub is_scanning: bool,
}

/// What became of a request to scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// It began.
    Began,
    /// It had been on all the time.
    WentOn,
}

/// Why there is no connection to a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The radio has not heard of the device, or not for a while.
    #[error("it is not heard any more")]
    Unknown,
    /// Something else; in the words of the other side.
    #[error("{0}")]
    Failed(String),
}

/// What is done so that a connection comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Nothing more than to connect.
    Plain,
    /// The scan rests meanwhile: some controllers cannot do both.
    Quiet,
    /// Not even that: what the system remembers of the device, as which services it had, is forgotten, and it has to be
    /// heard anew.
    Fresh,
}

/// What connects to devices, for as long as the radio goes on as it does.
pub trait Central: Clone + Send + Sync + 'static {
    /// A connection to a device.
    type Connection: Connection;

    /// Connects to a device, and hears it. Ends by itself, within a minute and a half.
    fn connect(
        &self,
        address: Address,
        link: Link,
        effort: Effort,
    ) -> impl Future<Output = Result<Self::Connection, LinkFault>> + Send;

    /// Ends a connection, or what shall become one. Ends by itself, within seconds.
    fn disconnect(&self, address: Address) -> impl Future<Output = ()> + Send;
}

/// A connection to a device.
pub trait Connection: Send {
    /// Bytes that fit one write.
    fn room(&self) -> usize;

    /// What the device says next, and when it came, in milliseconds of [`clock::Now::mono_ms`](crate::clock::Now); none
    /// when the connection has ended. Nothing is lost if it is not waited for.
    fn heard(&mut self) -> impl Future<Output = Option<(Vec<u8>, u64)>> + Send;

    /// Writes, and waits until the device has confirmed it. Ends by itself, within seconds.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), LinkFault>> + Send;
}

/// A radio. Each request ends by itself, within seconds.
pub trait Radio: Send {
    /// What connects to devices through it.
    type Central: Central;

    /// Connects to whom it is asked through; does nothing if that is so already.
    fn connect(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Chooses an adapter: `wanted`, or without it the one of the last time, or else the first.
    fn find(&mut self, wanted: Option<Address>) -> impl Future<Output = Result<Adapter, Fault>> + Send;

    /// Switches the adapter on or off.
    fn set_power(&mut self, on: bool) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Begins to scan. That it asks again while it scans costs nothing, and shows whether it still does.
    fn start_scan(&mut self) -> impl Future<Output = Result<Scan, Fault>> + Send;

    /// Ends the scan.
    fn stop_scan(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// What connects to devices through the adapter that was found last; none before.
    fn central(&self) -> Option<Self::Central>;

    /// Waits until something has changed on the other side that makes it worth to look again.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;
}
