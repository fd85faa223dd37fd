//! What the rest of the bridge needs of a radio: to find it, to switch it on, to scan. What it hears goes into the
//! [`Air`](crate::ble::air::Air). Whoever drives it is in `driver`; the real one is in `bluez`.

use std::future::Future;

use crate::ble::advert::Address;

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

/// A radio. Each request ends by itself, within seconds.
pub trait Radio: Send {
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

    /// Waits until something has changed on the other side that makes it worth to look again.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;
}
