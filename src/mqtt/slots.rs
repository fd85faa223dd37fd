//! The router of rumqttd and the links to it. Links are pooled as *slots*.
//!
//! rumqttd never forgets a filter, a topic or a client id, and closing a link can panic its thread. So sessions do not
//! get links of their own: a slot is a link named `slot-N` that subscribed once, to `slot/N`, and is never closed. A
//! session borrows a slot for its life. Thus nothing in the router grows beyond the number of sessions at a time, and
//! none of the paths on which it panics is ever taken: it sees no topic, filter or acknowledgement of any client.
//!
//! An envelope that was under way when its session ended reaches the next borrower, which drops it by its generation.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bytes::Bytes;
use futures_util::FutureExt;
use log::error;
use rumqttd::Notification;
use rumqttd::Router;
use rumqttd::RouterConfig;
use rumqttd::local::LinkBuilder;
use rumqttd::local::LinkError;
use rumqttd::local::LinkRx;
use rumqttd::local::LinkTx;

use crate::mqtt::envelope::Envelope;
use crate::mqtt::load::Load;

/// Bytes that a segment of a slot's log takes before the next one is begun.
const SEGMENT_BYTES: usize = 8 * 1_024;

/// Segments of a slot's log; when one more is begun, the oldest is dropped.
const SEGMENTS: usize = 4;

/// Bytes of envelopes that a slot's log surely holds.
pub(super) const LOG_BYTES: usize = (SEGMENTS - 1) * SEGMENT_BYTES;

/// Envelopes that the router hands to a link at once; with those that wait it holds about 200 for a link.
const HAND_OUT: u64 = 64;

/// Envelopes that a session takes before it looks after everything else again.
const TAKE_AT_ONCE: usize = 64;

/// The router is gone: its thread panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the MQTT router does not answer any more")]
pub struct RouterLost;

/// Why no slot could be borrowed.
#[derive(Debug, thiserror::Error)]
pub(super) enum BorrowError {
    /// All slots are in use.
    #[error("all slots are in use")]
    NoneFree,
    /// See [`RouterLost`].
    #[error(transparent)]
    RouterLost(#[from] RouterLost),
}

/// A link that subscribes to one filter; the first half publishes, the second hears.
type Link = (LinkTx, LinkRx);

/// Opens a link with a name and a filter. A closure, since the type of the router's inlet has no name outside rumqttd.
type Open = Box<dyn Fn(&str, &str) -> Result<Link, RouterLost> + Send + Sync>;

/// The pool of slots.
pub(super) struct Slots {
    open: Open,
    pool: Mutex<Pool>,
    max: usize,
}

#[derive(Default)]
struct Pool {
    free: Vec<Slot>,
    made: usize,
    generations: u64,
}

struct Slot {
    index: usize,
    link: LinkRx,
}

/// A slot in the hands of a session. Goes back when dropped.
pub(super) struct Borrowed {
    slot: Option<Slot>,
    generation: u64,
    load: Arc<Load>,
    owes_wake: bool,
    slots: Arc<Slots>,
}

impl Slots {
    /// Starts a router for `max` slots and the carrier. Its thread ends only with the process: rumqttd has no way to
    /// stop it. Without links it costs nothing but its stack.
    pub(super) fn start(max: usize) -> Arc<Self> {
        let config = RouterConfig {
            max_connections: max + 1,
            max_outgoing_packet_count: HAND_OUT,
            max_segment_size: SEGMENT_BYTES,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        };
        let inlet = Router::new(0, config).spawn();
        let open = move |name: &str, filter: &str| {
            let lost = |cause: LinkError| {
                error!("the MQTT router opens no link: {cause}");
                RouterLost
            };
            let (mut sender, receiver, _) = LinkBuilder::new(name, inlet.clone()).build().map_err(lost)?;
            sender.subscribe(filter).map_err(lost)?;
            Ok((sender, receiver))
        };
        Arc::new(Self { open: Box::new(open), pool: Mutex::default(), max })
    }

    /// A link that hears what is published to `filter`, for the carrier.
    pub(super) async fn link(self: &Arc<Self>, name: &'static str, filter: &'static str) -> Result<Link, RouterLost> {
        let slots = Arc::clone(self);
        // Opening waits for the router's thread.
        let opened = tokio::task::spawn_blocking(move || (slots.open)(name, filter)).await;
        opened.map_err(|_| RouterLost)?
    }

    /// Borrows a slot; makes one if none is free and fewer than the maximum were made.
    pub(super) async fn borrow(self: &Arc<Self>) -> Result<Borrowed, BorrowError> {
        let index = {
            let mut pool = self.pool();
            pool.generations += 1;
            let generation = pool.generations;
            if let Some(slot) = pool.free.pop() {
                return Ok(self.lend(slot, generation));
            }
            if pool.made >= self.max {
                return Err(BorrowError::NoneFree);
            }
            pool.made += 1;
            pool.made - 1
        };
        let slots = Arc::clone(self);
        // The second half is dropped: it could only close the link. On failure the index stays used up, as in the
        // router it may be.
        let made = tokio::task::spawn_blocking(move || {
            let (_, link) = (slots.open)(&format!("slot-{index}"), &topic(index))?;
            Ok::<_, RouterLost>(Slot { index, link })
        });
        let slot = made.await.map_err(|_| RouterLost)??;
        let generation = {
            let mut pool = self.pool();
            pool.generations += 1;
            pool.generations
        };
        Ok(self.lend(slot, generation))
    }

    fn lend(self: &Arc<Self>, slot: Slot, generation: u64) -> Borrowed {
        let (load, slots) = (Arc::default(), Arc::clone(self));
        Borrowed { slot: Some(slot), generation, load, owes_wake: false, slots }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Borrowed {
    /// Which slot it is.
    pub(super) fn index(&self) -> usize {
        self.slot().index
    }

    /// Which borrowing it is: no two have the same number.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// What is under way to it.
    pub(super) fn load(&self) -> &Arc<Load> {
        &self.load
    }

    /// Where to publish envelopes for it.
    pub(super) fn topic(&self) -> Bytes {
        Bytes::from(topic(self.index()))
    }

    /// Waits for envelopes and moves what came to the end of `into`, [`TAKE_AT_ONCE`] at most. Cancel safe.
    ///
    /// # Errors
    /// [`RouterLost`]
    pub(super) async fn take(&mut self, into: &mut VecDeque<Envelope>) -> Result<(), RouterLost> {
        let link = &mut self.slot.as_mut().expect("a slot is held until it is dropped").link;
        let before = into.len();
        while into.len() < before + TAKE_AT_ONCE {
            if self.owes_wake {
                // The router stopped handing out because much was waiting; it must be told that all was taken.
                link.wake().await.map_err(|_| RouterLost)?;
                self.owes_wake = false;
            }
            let notification = if into.len() == before {
                link.next().await
            } else if let Some(notification) = link.next().now_or_never() {
                notification
            } else {
                break;
            };
            match notification.map_err(|_| RouterLost)? {
                Some(Notification::Forward(forward)) => {
                    let envelope = Envelope::open(forward.publish.payload);
                    if let Some(envelope) = envelope.filter(|envelope| envelope.generation == self.generation) {
                        self.load.take();
                        into.push_back(envelope);
                    }
                }
                Some(Notification::Unschedule) => self.owes_wake = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn slot(&self) -> &Slot {
        self.slot.as_ref().expect("a slot is held until it is dropped")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        self.load.close();
        if let Some(mut slot) = self.slot.take() {
            let mut is_asleep = self.owes_wake;
            while let Some(Ok(left)) = slot.link.next().now_or_never() {
                is_asleep |= matches!(left, Some(Notification::Unschedule));
            }
            if is_asleep && slot.link.ready().is_err() {
                return;
            }
            self.slots.pool().free.push(slot);
        }
    }
}

fn topic(index: usize) -> String {
    format!("slot/{index}")
}

#[cfg(test)]
mod tests {
    use rumqttd::protocol::Packet;
    use rumqttd::protocol::Publish;

    use super::*;
    use crate::model::Qos;
    use crate::mqtt::envelope::Label;

    fn put(sender: &mut LinkTx, slot: &Borrowed, generation: u64, sequences: std::ops::Range<u64>) {
        for sequence in sequences {
            let label = Label {
                generation,
                sequence,
                qos: Qos::AtMostOnce,
                retain: false,
                expires_ms: None,
                subscription_ids: &[],
            };
            slot.load().add();
            let publish = Publish::new(slot.topic(), Envelope::seal(label, &[], "t", ""), false);
            sender.buffer().push_back(Packet::Publish(publish, None));
        }
        sender.publish("nowhere", "end of the batch").unwrap();
    }

    async fn sequences(slot: &mut Borrowed, count: usize) -> Vec<u64> {
        let mut envelopes = VecDeque::new();
        while envelopes.len() < count {
            slot.take(&mut envelopes).await.unwrap();
        }
        envelopes.iter().map(|envelope| envelope.sequence).collect()
    }

    #[tokio::test]
    async fn a_slot_is_lent_again_and_hears_nothing_of_before() {
        let slots = Slots::start(1);
        let (mut sender, _receiver) = slots.link("carrier", "carrier").await.unwrap();
        let mut first = slots.borrow().await.unwrap();
        assert!(matches!(slots.borrow().await, Err(BorrowError::NoneFree)));
        put(&mut sender, &first, first.generation(), 0..2);
        assert_eq!(sequences(&mut first, 2).await, [0, 1]);
        let old = first.generation();
        put(&mut sender, &first, old, 2..5);
        drop(first);

        let mut second = slots.borrow().await.unwrap();
        assert!(second.generation() > old);
        put(&mut sender, &second, old, 5..7);
        put(&mut sender, &second, second.generation(), 0..1);
        assert_eq!(sequences(&mut second, 1).await, [0]);
    }

    #[tokio::test]
    async fn a_link_that_the_router_put_to_sleep_wakes_up() {
        let slots = Slots::start(1);
        let (mut sender, _receiver) = slots.link("carrier", "carrier").await.unwrap();
        let mut slot = slots.borrow().await.unwrap();
        let generation = slot.generation();
        // More than the router lets wait for a link, and less than the log holds.
        for batch in 0..5 {
            put(&mut sender, &slot, generation, batch * 100..(batch + 1) * 100);
        }
        assert_eq!(sequences(&mut slot, 500).await, (0..500).collect::<Vec<_>>());
    }
}
