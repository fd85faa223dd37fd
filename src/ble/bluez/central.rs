//! Connections to devices.

use std::sync::Arc;
use std::time::Duration;

use btleplug::api::Central as _;
use btleplug::api::CharPropFlags;
use btleplug::api::Characteristic;
use btleplug::api::Peripheral as _;
use btleplug::api::WriteType;
use btleplug::platform;
use btleplug::platform::Peripheral;
use dbus::Path;
use dbus::arg::prop_cast;
use log::debug;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio::time::sleep_until;
use uuid::Uuid;

use crate::ble::advert::Address;
use crate::ble::bluez::ADAPTER;
use crate::ble::bluez::CHARACTERISTIC;
use crate::ble::bluez::DEVICE;
use crate::ble::bluez::fault::CallError;
use crate::ble::bluez::session::Session;
use crate::ble::bluez::signals::Said;
use crate::ble::bluez::signals::Turn;
use crate::ble::bluez::signals::is_under;
use crate::ble::radio;
use crate::ble::radio::Connection;
use crate::ble::radio::Effort;
use crate::ble::radio::Fault;
use crate::ble::radio::LinkFault;
use crate::model::Link;

/// How long a connection may take until the device is heard. Ours; the slow part, looking for its services, takes a few
/// seconds at most.
const CONNECT_WITHIN: Duration = Duration::from_secs(45);

/// How long the device may take to confirm what was written. Ours; by the specification it has 30 s, and by then
/// nobody waits any more.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// How often it is asked whether the device is still connected, in case nobody said that it is not. Ours.
const PROBE: Duration = Duration::from_secs(30);

/// What each write needs beside its bytes.
/// Source: Bluetooth Core Specification 5.4, volume 3 part F, 3.4.5.
const WRITE_OVERHEAD: usize = 3;

/// The service of a kind of link, where the device says something, and where it is written to.
/// Source of Nordic's: their documentation of the Nordic UART Service, read 2026-11. The others are ours.
const fn service(link: Link) -> [Uuid; 3] {
    match link {
        Link::Farhook => [farhook(1), farhook(2), farhook(3)],
        Link::Uart => [nordic(1), nordic(3), nordic(2)],
    }
}

const fn farhook(number: u128) -> Uuid {
    Uuid::from_u128(0xb1e5_0000_6a2f_4c5e_9f0d_7c1d_5a9e_0c01 + (number << 96))
}

const fn nordic(number: u128) -> Uuid {
    Uuid::from_u128(0x6e40_0000_b5a3_f393_e0a9_e50e_24dc_ca9e + (number << 96))
}

/// What connects to devices through one adapter.
#[derive(Clone)]
pub(in crate::ble) struct Central {
    pub(super) session: Arc<Session>,
    pub(super) adapter: platform::Adapter,
    pub(super) path: Path<'static>,
}

/// A connection to a device.
pub(in crate::ble) struct Linked {
    session: Arc<Session>,
    peripheral: Peripheral,
    path: Path<'static>,
    /// What the device says.
    values: mpsc::Receiver<Said>,
    written: Characteristic,
    turns: broadcast::Receiver<(Path<'static>, Turn)>,
    probe_at: Instant,
}

impl radio::Central for Central {
    type Connection = Linked;

    async fn connect(&self, address: Address, link: Link, effort: Effort) -> Result<Linked, LinkFault> {
        if effort == Effort::Fresh {
            let removed = self.session.call::<()>(&self.path, ADAPTER, "RemoveDevice", (self.device(address),)).await;
            debug!("BlueZ was asked to forget {address}: {removed:?}");
            return Err(LinkFault::Unknown);
        }
        let resting = if effort == Effort::Quiet { Some(self.session.rest(&self.path).await) } else { None };
        let opened = self.session.unless_lost(CONNECT_WITHIN, self.open(address, link)).await;
        if let Some(resting) = resting {
            resting.end().await;
        }
        opened.unwrap_or_else(|fault| Err(LinkFault::Failed(fault.to_string())))
    }

    async fn disconnect(&self, address: Address) {
        let ended = self.session.call::<()>(&self.device(address), DEVICE, "Disconnect", ()).await;
        if let Err(error) = ended {
            debug!("{address} is not disconnected: {}", error.fault);
        }
    }
}

impl Central {
    fn device(&self, address: Address) -> Path<'static> {
        let name = address.to_string().replace(':', "_");
        Path::from(format!("{}/dev_{name}", &*self.path))
    }

    async fn open(&self, address: Address, link: Link) -> Result<Linked, LinkFault> {
        let peripherals = self.adapter.peripherals().await.map_err(failed)?;
        let is_wanted = |peripheral: &Peripheral| peripheral.address().into_inner() == address.bytes();
        let peripheral = peripherals.into_iter().find(is_wanted).ok_or(LinkFault::Unknown)?;
        let path = self.device(address);
        let mut turns = self.session.turns();
        let connected = self.session.call_within::<()>(CONNECT_WITHIN, &path, DEVICE, "Connect", ()).await;
        connected.map_err(refused)?;
        self.until_resolved(&path, &mut turns).await?;
        peripheral.discover_services().await.map_err(failed)?;
        let [service, says, written] = service(link);
        let all = peripheral.services();
        let service = all.iter().find(|it| it.uuid == service);
        let service =
            service.ok_or_else(|| LinkFault::Failed(format!("it has no service for a {} link", link.name())))?;
        let find = |uuid: Uuid, can: CharPropFlags| {
            let found = service.characteristics.iter().find(|it| it.uuid == uuid && it.properties.contains(can));
            found.cloned().ok_or_else(|| LinkFault::Failed(format!("its characteristic {uuid} is not as it should be")))
        };
        let says = find(says, CharPropFlags::NOTIFY)?;
        let written = find(written, CharPropFlags::WRITE)?;
        let values = self.session.values(self.characteristic(&path, says.uuid).await?);
        match peripheral.subscribe(&says).await {
            // BlueZ goes on from the connection before.
            Err(error) if error.to_string().contains("Already notifying") => {}
            subscribed => subscribed.map_err(failed)?,
        }
        Ok(Linked {
            session: Arc::clone(&self.session),
            path,
            peripheral,
            values,
            written,
            turns,
            probe_at: Instant::now() + PROBE,
        })
    }

    /// Waits until BlueZ knows what a device offers.
    async fn until_resolved(
        &self,
        device: &Path<'static>,
        turns: &mut broadcast::Receiver<(Path<'static>, Turn)>,
    ) -> Result<(), LinkFault> {
        let ended = || LinkFault::Failed("the connection has ended".to_owned());
        while !self.session.is(device, "ServicesResolved").await {
            loop {
                match turns.recv().await {
                    Ok((path, Turn::Gone)) if path == *device => return Err(ended()),
                    Ok((path, Turn::Resolved)) if path == *device => return Ok(()),
                    Ok(_) => {}
                    // It may have been among those that were missed.
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Err(ended()),
                }
            }
        }
        Ok(())
    }

    /// Where a characteristic of a device is.
    async fn characteristic(&self, device: &Path<'static>, uuid: Uuid) -> Result<Path<'static>, LinkFault> {
        let objects = self.session.objects().await.map_err(refused)?;
        let found = objects.into_iter().find(|(path, interfaces)| {
            let text = interfaces.get(CHARACTERISTIC).and_then(|of| prop_cast::<String>(of, "UUID"));
            is_under(path, device) && text.is_some_and(|text| text.parse() == Ok(uuid))
        });
        found.map(|(path, _)| path).ok_or_else(|| LinkFault::Failed("its services have changed".to_owned()))
    }
}

impl Connection for Linked {
    fn room(&self) -> usize {
        usize::from(self.peripheral.mtu()) - WRITE_OVERHEAD
    }

    async fn heard(&mut self) -> Option<(Vec<u8>, u64)> {
        loop {
            tokio::select! {
                biased;
                () = self.session.until_lost() => return None,
                value = self.values.recv() => return value,
                turn = self.turns.recv() => match turn {
                    Ok((path, Turn::Gone)) if path == self.path => return None,
                    Ok(_) => {}
                    // It may have been among those that were missed.
                    Err(_) => self.probe_at = Instant::now(),
                },
                () = sleep_until(self.probe_at) => {
                    let is_connected = self.session.is(&self.path, "Connected").await;
                    // Only now: whoever waits may have stopped to wait for the answer.
                    self.probe_at = Instant::now() + PROBE;
                    if !is_connected {
                        return None;
                    }
                }
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), LinkFault> {
        let writing = self.peripheral.write(&self.written, bytes, WriteType::WithResponse);
        match self.session.unless_lost(WRITE_WITHIN, writing).await {
            Ok(written) => written.map_err(failed),
            Err(fault) => Err(LinkFault::Failed(fault.to_string())),
        }
    }
}

fn refused(error: CallError) -> LinkFault {
    match error.fault {
        Fault::Gone => LinkFault::Unknown,
        fault => LinkFault::Failed(fault.to_string()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over so")]
fn failed(error: btleplug::Error) -> LinkFault {
    LinkFault::Failed(error.to_string())
}
