//! The devices that are near and can be connected to, as the radio knows them. What happens to them is told to whoever
//! plays their firmware.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use dbus::Path;
use dbus_crossroads::Context;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::Sent;
use super::refusal;

/// What wants to be connected to sends so often.
const ADVERT_EVERY: Duration = Duration::from_millis(100);

/// A device that can be connected to.
#[derive(Clone)]
pub struct Offer {
    /// What it sends while it is not connected.
    pub sent: Sent,
    /// Of what both sides can, the smaller.
    pub mtu: u16,
    /// Its services, by their ids.
    pub services: Vec<(&'static str, Vec<Offered>)>,
    /// Who plays its firmware.
    pub told: UnboundedSender<Happened>,
}

/// A characteristic.
#[derive(Clone)]
pub struct Offered {
    pub uuid: &'static str,
    pub flags: &'static [&'static str],
    pub value: Vec<u8>,
}

/// What happens to a device.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    /// Somebody wants to connect to it.
    Wanted,
    Connected,
    /// Somebody wants its notifications.
    Subscribed,
    /// To the characteristic with this id.
    Written(&'static str, Vec<u8>),
    Disconnected,
}

/// How it behaves when somebody wants to connect to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Manner {
    Answers,
    /// As one that was gone before it heard of it.
    Refuses,
    /// Nothing comes of it, for as long as it behaves so.
    Hangs,
}

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Near(Arc<Mutex<HashMap<String, Peer>>>);

struct Peer {
    offer: Offer,
    manner: Manner,
    sent_at: Option<Instant>,
    /// The device's object, while it is connected.
    link: Option<Path<'static>>,
    /// What waits for a connection.
    waiting: Vec<(Path<'static>, Context)>,
    /// Whether it does not confirm what is written.
    is_slow: bool,
}

impl Near {
    pub(super) fn come(&self, offer: Offer) {
        let address = offer.sent.address.to_string();
        let peer =
            Peer { offer, manner: Manner::Answers, sent_at: None, link: None, waiting: Vec::new(), is_slow: false };
        self.0.lock().unwrap().insert(address, peer);
    }

    pub(super) fn leave(&self, address: &str) {
        self.0.lock().unwrap().remove(address);
    }

    pub(super) fn behave(&self, address: &str, manner: Manner) -> Vec<(Path<'static>, Context)> {
        self.with(address, |peer| {
            peer.manner = manner;
            std::mem::take(&mut peer.waiting)
        })
        .unwrap_or_default()
    }

    /// Somebody wants to connect to it; how it takes that. None if somebody waits for it already.
    pub(super) fn want(&self, address: &str) -> Option<Manner> {
        let manner = self.with(address, |peer| {
            peer.tell(Happened::Wanted);
            peer.waiting.is_empty().then_some(peer.manner)
        });
        manner.unwrap_or(Some(Manner::Refuses))
    }

    /// This call waits until the device behaves in another way.
    pub(super) fn wait(&self, address: &str, path: Path<'static>, call: Context) {
        self.with(address, |peer| peer.waiting.push((path, call))).unwrap();
    }

    /// What waits is of no use any more.
    pub(super) fn give_up(&self, address: &str) -> Vec<Context> {
        let waiting = self.with(address, |peer| std::mem::take(&mut peer.waiting)).unwrap_or_default();
        waiting.into_iter().map(|(_, call)| call).collect()
    }

    /// It is connected; what it offers.
    pub(super) fn connect(&self, address: &str, path: &Path<'static>) -> Option<Offer> {
        self.with(address, |peer| {
            peer.link = Some(path.clone());
            peer.tell(Happened::Connected);
            peer.offer.clone()
        })
    }

    /// Its link ends; where it was.
    pub(super) fn end(&self, address: &str) -> Option<(Path<'static>, Offer)> {
        self.with(address, |peer| {
            let path = peer.link.take()?;
            peer.tell(Happened::Disconnected);
            Some((path, peer.offer.clone()))
        })?
    }

    pub(super) fn end_all(&self) {
        let addresses: Vec<String> = self.0.lock().unwrap().keys().cloned().collect();
        for address in addresses {
            self.end(&address);
        }
    }

    /// Its link, and what it offers.
    pub(super) fn link(&self, address: &str) -> Option<(Path<'static>, Offer)> {
        self.with(address, |peer| Some((peer.link.clone()?, peer.offer.clone())))?
    }

    pub(super) fn connected_on(&self, adapter: &Path<'static>) -> Vec<String> {
        let peers = self.0.lock().unwrap();
        let is_on = |peer: &Peer| peer.link.as_ref().is_some_and(|path| path.starts_with(&format!("{}/", &**adapter)));
        peers.iter().filter(|(_, peer)| is_on(peer)).map(|(address, _)| address.clone()).collect()
    }

    pub(super) fn tell(&self, address: &str, happened: Happened) {
        self.with(address, |peer| peer.tell(happened));
    }

    pub(super) fn be_slow(&self, address: &str, is_slow: bool) {
        self.with(address, |peer| peer.is_slow = is_slow).unwrap();
    }

    pub(super) fn is_slow(&self, address: &str) -> bool {
        self.with(address, |peer| peer.is_slow).unwrap_or_default()
    }

    /// What is sent now by those that are not connected.
    pub(super) fn due_adverts(&self) -> Vec<Sent> {
        let now = Instant::now();
        let mut peers = self.0.lock().unwrap();
        let due = peers.values_mut().filter(|peer| {
            peer.link.is_none() && peer.sent_at.is_none_or(|before| now.duration_since(before) >= ADVERT_EVERY)
        });
        let send = |peer: &mut Peer| {
            peer.sent_at = Some(now);
            peer.offer.sent.clone()
        };
        due.map(send).collect()
    }

    fn with<T>(&self, address: &str, ask: impl FnOnce(&mut Peer) -> T) -> Option<T> {
        self.0.lock().unwrap().get_mut(address).map(ask)
    }
}

impl Peer {
    fn tell(&self, happened: Happened) {
        // The test may have ended.
        let _ = self.offer.told.send(happened);
    }
}

/// What BlueZ says when a device does not answer in time.
/// Source: BlueZ, `src/error.h`, read 2026-11.
pub(super) fn no_answer() -> dbus::MethodErr {
    refusal("Failed", "le-connection-abort-by-local")
}
