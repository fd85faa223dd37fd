//! One connection to a device, from its beginning to its end: carries out what its conversation wants.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::Arc;

use log::debug;
use log::info;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::ble::advert::Address;
use crate::ble::gatt::conversation::Act;
use crate::ble::gatt::conversation::Conversation;
use crate::ble::gatt::conversation::Refused;
use crate::ble::gatt::conversation::Ticket;
use crate::ble::gatt::framed::Framed;
use crate::ble::gatt::hello::Nonce;
use crate::ble::gatt::lined::Lined;
use crate::ble::gatt::publish::Published;
use crate::ble::links::memory::Known;
use crate::ble::links::memory::Memory;
use crate::ble::links::roster::End;
use crate::ble::links::roster::Peer;
use crate::ble::radio::Central;
use crate::ble::radio::Connection;
use crate::ble::radio::Effort;
use crate::ble::radio::LinkFault;
use crate::ble::until::until;
use crate::bus::Intake;
use crate::bus::Presence;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::clock;
use crate::model::Publishing;

/// What has become of a connection that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The device is connected.
    Connected,
    /// It is clear who it is.
    Greeted,
}

/// A connection, and what it works with.
pub(super) struct Task {
    pub(super) address: Address,
    pub(super) peer: Peer,
    pub(super) effort: Effort,
    pub(super) nonce: Nonce,
    /// See [`Lined::new`].
    pub(super) part_bytes: Option<usize>,
    pub(super) memory: Arc<Memory>,
    pub(super) intake: Intake,
    pub(super) presence: Presence,
    /// Where it is told how far it is.
    pub(super) progress: mpsc::UnboundedSender<(Address, Progress)>,
}

type Verdict = (Option<Ticket>, Result<(), Refused>);

impl Task {
    /// Connects, converses until that ends or `stop` is dropped, and disconnects.
    pub(super) async fn run<C: Central>(self, central: C, mut stop: oneshot::Receiver<()>) -> End {
        let end = tokio::select! {
            _ = &mut stop => End::Ours,
            end = self.hold(&central) => end,
        };
        if !matches!(end, End::Unknown(_)) {
            central.disconnect(self.address).await;
        }
        end
    }

    async fn hold<C: Central>(&self, central: &C) -> End {
        let connection = match central.connect(self.address, self.peer.link, self.effort).await {
            Ok(connection) => connection,
            Err(fault @ LinkFault::Unknown) => return End::Unknown(fault.to_string()),
            Err(LinkFault::Failed(reason)) => return End::Failed(reason),
        };
        self.tell(Progress::Connected);
        let device = self.peer.device;
        let noted = self.presence.connected(device, None, clock::now().wall);
        // Also if this is not waited for any more.
        let _leaving = Leaving(|| self.presence.disconnected(device, noted));
        End::Failed(self.converse(connection).await)
    }

    /// Why the connection has ended.
    async fn converse(&self, mut connection: impl Connection) -> String {
        let mut conversation: Box<dyn Conversation> = match &self.peer.key {
            Some(key) => Box::new(Framed::new(key.clone(), self.nonce, connection.room())),
            None => Box::new(Lined::new(connection.room(), self.part_bytes)),
        };
        let (verdicts, mut concluded) = mpsc::unbounded_channel();
        let (mut is_greeted, mut is_telling) = (false, false);
        let mut acts = VecDeque::from(conversation.begin(clock::now().mono_ms));
        loop {
            while let Some(act) = acts.pop_front() {
                match act {
                    Act::Write(pieces) => {
                        for piece in pieces {
                            if let Err(fault) = connection.write(&piece).await {
                                return fault.to_string();
                            }
                        }
                    }
                    Act::Publish(ticket, published) => self.publish(ticket, published, &verdicts).await,
                    Act::Greeted => {
                        is_greeted = true;
                        self.tell(Progress::Greeted);
                    }
                    Act::Delivered(refusal) => {
                        if let Some(text) = refusal {
                            info!("a Bluetooth device, {}, refuses what it is told: {text}", self.address);
                        }
                        self.memory.told();
                        is_telling = false;
                    }
                    Act::End(reason) => return reason,
                }
            }
            conversation.written(clock::now().mono_ms);
            let next = if is_greeted && !is_telling { self.memory.next() } else { None };
            if let Some(told) = next {
                is_telling = true;
                acts.extend(conversation.tell(&told));
            }
            // The device is listened to also while much is told.
            let more = tokio::select! {
                biased;
                heard = connection.heard() => match heard {
                    Some((bytes, at_ms)) => {
                        self.presence.heard(self.peer.device, clock::now().wall);
                        conversation.heard(&bytes, at_ms)
                    }
                    None => return "the connection has ended".to_owned(),
                },
                Some((ticket, verdict)) = concluded.recv() => conversation.verdict(ticket, &verdict),
                () = ready(()), if !acts.is_empty() => Vec::new(),
                () = self.memory.changed.notified(), if is_greeted && !is_telling => Vec::new(),
                () = until(conversation.due_ms()) => conversation.due(clock::now().mono_ms),
            };
            acts.extend(more);
        }
    }

    /// Hands an event in; what becomes of it is remembered also if the connection ends meanwhile.
    async fn publish(&self, ticket: Option<Ticket>, published: Published, verdicts: &mpsc::UnboundedSender<Verdict>) {
        let known = ticket.map_or(Known::New, |ticket| self.memory.publishes(ticket, clock::now().mono_ms));
        // Whoever waits for the verdict may have gone.
        match known {
            Known::Accepted => drop(verdicts.send((ticket, Ok(())))),
            Known::Pending => {}
            Known::New => {
                let (memory, verdicts) = (Arc::clone(&self.memory), verdicts.clone());
                let publication = Publication {
                    name: published.name,
                    data: published.data.into(),
                    ttl_s: None,
                    publisher: Publisher::Device(self.peer.device),
                    resend: None,
                    publishing: Publishing::default(),
                };
                // In the order in which the device says it. If this is not waited for any more, it was not handed in.
                let mut unsent = Unsent { memory: &self.memory, ticket };
                let submitted = self.intake.submit(publication).await;
                unsent.ticket = None;
                drop(unsent);
                tokio::spawn(async move {
                    let verdict = match submitted {
                        Some(verdict) => verdict.await.unwrap_or(Err(Refusal::Stopping)),
                        None => Err(Refusal::Stopping),
                    };
                    memory.published(ticket, verdict.is_ok());
                    let verdict = verdict.map(drop).map_err(|refusal| refused(&refusal));
                    drop(verdicts.send((ticket, verdict)));
                });
            }
        }
    }

    fn tell(&self, progress: Progress) {
        debug!("Bluetooth: {} is {progress:?}", self.address);
        // The hub outlives its links.
        let _ = self.progress.send((self.address, progress));
    }
}

fn refused(refusal: &Refusal) -> Refused {
    let is_for_now = matches!(refusal, Refusal::Full { .. } | Refusal::Stopping);
    Refused { is_for_now, text: refusal.to_string() }
}

/// Does something when it is dropped.
struct Leaving<F: FnMut()>(F);

impl<F: FnMut()> Drop for Leaving<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// An event that is not handed in yet: if that is given up, it may be published once more.
struct Unsent<'a> {
    memory: &'a Memory,
    ticket: Option<Ticket>,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.memory.published(self.ticket, false);
        }
    }
}
