//! The task that carries every event to the sessions that hear it, through the router. The only one that publishes
//! into the router.
//!
//! Events are taken in batches, matched, and published as sealed copies to the slots of their hearers. After each
//! batch the carrier publishes a beat to itself and waits for it: when the beat is back, the router has passed on all
//! that came before it. So the small logs of the slots never overflow, and a router that died is noticed.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use log::error;
use log::warn;
use rumqttd::Notification;
use rumqttd::local::LinkRx;
use rumqttd::local::LinkTx;
use rumqttd::protocol::Packet;
use rumqttd::protocol::Publish;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::bus::MqttFeed;
use crate::bus::Told;
use crate::clock;
use crate::model::Event;
use crate::mqtt::audience::Audience;
use crate::mqtt::codec::write_lasting;
use crate::mqtt::envelope::Envelope;
use crate::mqtt::envelope::Label;
use crate::mqtt::load::Load;
use crate::mqtt::slots::LOG_BYTES;
use crate::mqtt::slots::RouterLost;
use crate::mqtt::slots::Slots;
use crate::sessions::Heard;

/// Events that are matched under one lock of the audience.
const EVENTS_AT_ONCE: usize = 64;

/// Envelopes on their way to one session above which the carrier waits for its task. The router holds about 200 of
/// them beside the log, whatever their size.
const ON_THEIR_WAY: usize = 128;

/// How long a session's task may take none of them: it is not the client that is slow then, but this machine.
const TASK_STUCK: Duration = Duration::from_secs(1);

/// How often a beat is sent when nothing else is, and how long it may take.
const BEAT_EVERY: Duration = Duration::from_secs(2);
const BEAT_WITHIN: Duration = Duration::from_secs(5);

/// The filter that the carrier itself hears, and its client id.
const BEAT: &str = "carrier";

/// How to reach a session.
#[derive(Debug)]
pub(super) struct Route {
    /// The topic of its slot.
    pub(super) topic: Bytes,
    pub(super) generation: u64,
    pub(super) next_sequence: u64,
    pub(super) load: Arc<Load>,
}

/// The audience as the carrier and the sessions share it.
#[derive(Debug, Clone)]
pub(super) struct Listeners(Arc<Mutex<Audience<Route>>>);

impl Listeners {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Audience::new())))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Audience<Route>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub(super) struct Carrier {
    sender: LinkTx,
    receiver: LinkRx,
    listeners: Listeners,
    beats: u64,
    /// What the next batch holds.
    packets: Vec<Packet>,
    bytes: usize,
    /// Sessions that have much on their way.
    loaded: Vec<Arc<Load>>,
}

impl Carrier {
    pub(super) async fn connect(slots: &Arc<Slots>, listeners: Listeners) -> Result<Self, RouterLost> {
        let (sender, receiver) = slots.link(BEAT, BEAT).await?;
        Ok(Self { sender, receiver, listeners, beats: 0, packets: Vec::new(), bytes: 0, loaded: Vec::new() })
    }

    /// Carries until `stop` is sent or dropped, or all who announce events are gone.
    ///
    /// # Errors
    /// [`RouterLost`]
    pub(super) async fn run(mut self, mut feed: MqttFeed, mut stop: oneshot::Receiver<()>) -> Result<(), RouterLost> {
        let mut events = Vec::with_capacity(EVENTS_AT_ONCE);
        loop {
            tokio::select! {
                _ = &mut stop => return Ok(()),
                received = timeout(BEAT_EVERY, feed.recv_many(&mut events, EVENTS_AT_ONCE)) => match received {
                    Ok(0) => return Ok(()),
                    Ok(_) => self.carry(&mut events).await?,
                    Err(_) => self.pass_on().await?,
                },
            }
        }
    }

    async fn carry(&mut self, events: &mut Vec<Told>) -> Result<(), RouterLost> {
        for Told { event, was_kept } in events.drain(..) {
            self.address(&event, was_kept, clock::now().mono_ms);
            if self.bytes >= LOG_BYTES / 2 {
                self.pass_on().await?;
            }
        }
        if self.packets.is_empty() { Ok(()) } else { self.pass_on().await }
    }

    /// Seals a copy for everybody who hears the event.
    fn address(&mut self, event: &Event, was_kept: bool, now_ms: u64) {
        let (packets, bytes, loaded) = (&mut self.packets, &mut self.bytes, &mut self.loaded);
        let expires_ms = event.publishing.expiry_s().map(|expiry_s| now_ms + u64::from(expiry_s) * 1_000);
        let mut properties = BytesMut::new();
        if let Some(said) = &event.publishing.properties {
            write_lasting(said, &mut properties);
        }
        self.listeners.lock().hear(event, was_kept, |route, Heard { qos, retain, subscription_ids }| {
            let (generation, sequence) = (route.generation, route.next_sequence);
            let label = Label { generation, sequence, qos, retain, expires_ms, subscription_ids: &subscription_ids };
            route.next_sequence += 1;
            let sealed = Envelope::seal(label, &properties, event.name.as_str(), &event.data);
            *bytes += sealed.len() + route.topic.len();
            packets.push(Packet::Publish(Publish::new(route.topic.clone(), sealed, false), None));
            if route.load.add() == ON_THEIR_WAY {
                loaded.push(Arc::clone(&route.load));
            }
        });
    }

    /// Gives the batch to the router and waits until it passed all of it on.
    async fn pass_on(&mut self) -> Result<(), RouterLost> {
        self.beats += 1;
        let beat = Bytes::copy_from_slice(&self.beats.to_be_bytes());
        self.packets
            .push(Packet::Publish(Publish::new(Bytes::from_static(BEAT.as_bytes()), beat.clone(), false), None));
        let last = self.packets.pop().expect("the beat");
        self.sender.buffer().extend(self.packets.drain(..));
        self.bytes = 0;
        // This would block when 1,000 batches waited in the router; only one ever does.
        self.sender.send(last).await.map_err(|_| RouterLost)?;
        match timeout(BEAT_WITHIN, hear_beat(&mut self.receiver, &beat)).await {
            Ok(heard) => heard?,
            Err(_) => return Err(RouterLost),
        }
        for load in self.loaded.drain(..) {
            if timeout(TASK_STUCK, load.lessens_to(ON_THEIR_WAY / 2)).await.is_err() {
                // If this goes on, the session finds a gap in its envelopes and ends itself.
                warn!("an MQTT session's task took no events for {TASK_STUCK:?}");
            }
        }
        Ok(())
    }
}

async fn hear_beat(receiver: &mut LinkRx, beat: &Bytes) -> Result<(), RouterLost> {
    loop {
        match receiver.next().await {
            Ok(Some(Notification::Forward(forward))) if forward.publish.payload == *beat => return Ok(()),
            Ok(Some(Notification::Unschedule)) => receiver.wake().await.map_err(|_| RouterLost)?,
            Ok(_) => {}
            Err(cause) => {
                error!("the MQTT router is gone: {cause}");
                return Err(RouterLost);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::bus::Live;
    use crate::model::EventId;
    use crate::model::EventName;
    use crate::model::Hearer;
    use crate::model::Publishing;
    use crate::model::Qos;
    use crate::model::Source;
    use crate::model::UserId;
    use crate::model::WallTime;
    use crate::mqtt::audience::Newcomer;
    use crate::mqtt::slots::Borrowed;
    use crate::sessions::Subscription;
    use crate::sessions::TopicFilter;

    const OWNER: UserId = UserId::from_bytes([1; 12]);

    fn event(data: String) -> Arc<Event> {
        Arc::new(Event {
            id: EventId::from_bytes([0; 12]),
            name: EventName::emitted("t"),
            data,
            ttl_s: 60,
            published_at: WallTime::from_millis(0),
            source: Source::Api,
            owner: OWNER,
            product: None,
            publishing: Publishing::default(),
        })
    }

    fn listen(listeners: &Listeners, slot: &Borrowed) {
        let (generation, load) = (slot.generation(), slot.load().clone());
        let route = Route { topic: slot.topic(), generation, next_sequence: 0, load };
        let mut audience = listeners.lock();
        let newcomer =
            Newcomer { session: 0, hearer: Hearer::Observer, is_lasting: false, subscriptions: Vec::new(), route };
        audience.join(OWNER, slot.index(), newcomer);
        let filter = TopicFilter::parse("#".into()).unwrap();
        let wanted = Subscription { filter, granted: Qos::AtMostOnce, no_local: false, keeps_retain: false, id: None };
        audience.subscribe(OWNER, slot.index(), wanted, 1).unwrap();
    }

    async fn take_all(slot: &mut Borrowed, count: u64) {
        let (mut envelopes, mut expected) = (VecDeque::new(), 0);
        while expected < count {
            slot.take(&mut envelopes).await.unwrap();
            for envelope in envelopes.drain(..) {
                assert_eq!(envelope.sequence, expected);
                expected += 1;
            }
        }
    }

    #[tokio::test]
    async fn a_flood_of_every_size_arrives_without_a_gap() {
        let slots = Slots::start(2);
        let listeners = Listeners::new();
        let carrier = Carrier::connect(&slots, listeners.clone()).await.unwrap();
        let (mut one, mut other) = (slots.borrow().await.unwrap(), slots.borrow().await.unwrap());
        listen(&listeners, &one);
        listen(&listeners, &other);
        let (live, feed) = Live::new();
        let (_stop, stopping) = oneshot::channel();
        let carrying = tokio::spawn(carrier.run(feed, stopping));
        tokio::spawn(async move {
            for number in 0..3_000 {
                live.announce(event("x".repeat(number * 37 % 20_000))).await;
            }
        });
        tokio::join!(take_all(&mut one, 3_000), take_all(&mut other, 3_000));
        assert_eq!(carrying.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_dead_router_is_noticed() {
        let slots = Slots::start(1);
        let carrier = Carrier::connect(&slots, Listeners::new()).await.unwrap();
        let (mut killer, _receiver) = slots.link("killer", "killer").await.unwrap();
        // No client's topic ever gets there: this is why.
        killer.publish("é", "").unwrap();
        let (_live, feed) = Live::new();
        let (_stop, stopping) = oneshot::channel();
        assert_eq!(carrier.run(feed, stopping).await, Err(RouterLost));
        let slot = slots.borrow().await;
        assert!(slot.is_err());
    }
}
