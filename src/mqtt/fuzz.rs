//! Random packets through frame, codec and session: nothing panics, whatever is written is a packet, and nothing is
//! acknowledged that has no verdict.
//!
//! Run by hand with `FARHOOK_FUZZ_CASES=20000` it is more than a million packets.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use bytes::BytesMut;
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::TestRunner;

use crate::bus::Accepted;
use crate::bus::Refusal;
use crate::clock::Now;
use crate::model::Event;
use crate::model::EventId;
use crate::model::KeyHash;
use crate::model::Publishing;
use crate::model::Qos;
use crate::model::UserId;
use crate::model::WallTime;
use crate::mqtt::carrier::Listeners;
use crate::mqtt::codec;
use crate::mqtt::codec::Greeting;
use crate::mqtt::envelope::Envelope;
use crate::mqtt::frame;
use crate::mqtt::frame::Limits;
use crate::mqtt::membership::Membership;
use crate::mqtt::packet::Version;
use crate::mqtt::session::Errand;
use crate::mqtt::session::Session;
use crate::mqtt::session::Ticket;
use crate::mqtt::settings::Settings;
use crate::mqtt::slots::Borrowed;
use crate::mqtt::slots::Slots;
use crate::registry::Identity;
use crate::registry::Token;
use crate::retained::Retained;
use crate::sessions::SessionKey;
use crate::store::Changes;
use crate::store::tests::delivery;

const OWNER: UserId = UserId::from_bytes([2; 12]);
const NOW: Now = Now { mono_ms: 5_000, wall: WallTime::from_millis(1_460_813_828_728) };
const LIMITS: Limits = Limits { packet_bytes: 20_000, subscribe_bytes: 20_000 };

/// Steps of one case; about three of four are packets.
const STEPS: usize = 96;

/// What happens to a session.
#[derive(Debug, Clone)]
enum Step {
    /// Bytes come.
    Packet(Vec<u8>),
    /// The oldest publish that waits for one gets its verdict.
    Verdict(u8),
    /// An event comes from the router.
    Event(u8),
    /// The connection has room for output.
    Deliver,
}

#[tokio::test]
async fn no_packets_panic_and_nothing_is_acknowledged_without_a_verdict() {
    let cases = std::env::var("FARHOOK_FUZZ_CASES").map_or(300, |cases| cases.parse().unwrap());
    let slot = Slots::start(1).borrow().await.unwrap();
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    let strategy = (any::<bool>(), 0_u16..3, prop::collection::vec(step(), STEPS));
    let packets = std::cell::Cell::new(0_usize);
    let result = runner.run(&strategy, |(is_v5, aliases, steps)| {
        let version = if is_v5 { Version::V5 } else { Version::V4 };
        packets.set(packets.get() + play(version, aliases, steps, &slot));
        Ok(())
    });
    result.unwrap();
    eprintln!("{} packets", packets.get());
}

/// Plays the steps on one session after another: who ends one begins the next. Gives the number of packets.
fn play(version: Version, aliases: u16, steps: Vec<Step>, slot: &Borrowed) -> usize {
    let mut scene = Scene::new(version, aliases, slot);
    let mut packets = 0;
    for step in steps {
        packets += usize::from(matches!(step, Step::Packet(_)));
        if !scene.step(step) {
            scene = Scene::new(version, aliases, slot);
        }
    }
    packets
}

/// A session, and what is known of it from outside.
struct Scene {
    version: Version,
    session: Session,
    out: BytesMut,
    undecided: VecDeque<(Ticket, u8, u16)>,
    /// Acknowledgements that are due, by type and packet id.
    due: HashMap<(u8, u16), usize>,
    /// QoS 2 publishes that are accepted and not released.
    received: HashSet<u16>,
    sequence: u64,
}

impl Scene {
    fn new(version: Version, aliases: u16, slot: &Borrowed) -> Self {
        let token = Token::lasting(OWNER, KeyHash::of("token"), WallTime::from_millis(0));
        let identity = Identity::Observer(token);
        let key = SessionKey::new(&identity, "fuzz".to_owned());
        let membership = Membership::join(Listeners::new(), retained(), &identity, key.fingerprint(), slot, None, 8);
        let connect = connect(version, aliases);
        let session = Session::new(version, &connect, &key, membership, None, &Settings::default());
        let (undecided, due, received) = (VecDeque::new(), HashMap::new(), HashSet::new());
        Self { version, session, out: BytesMut::new(), undecided, due, received, sequence: 0 }
    }

    /// False when the connection is over.
    fn step(&mut self, step: Step) -> bool {
        let goes_on = match step {
            Step::Packet(bytes) => self.packet(&bytes),
            Step::Verdict(choice) => self.decide(choice),
            Step::Event(choice) => self.event(choice),
            Step::Deliver => {
                self.session.deliver(NOW, &mut self.out);
                true
            }
        };
        self.check_output();
        goes_on
    }

    fn packet(&mut self, bytes: &[u8]) -> bool {
        let header = match frame::header(bytes, self.version, LIMITS) {
            Ok(Some(header)) if header.total_bytes <= bytes.len() => header,
            Ok(_) => return true,
            Err(_) => return false,
        };
        let Ok(packet) = codec::decode(self.version, header, BytesMut::from(&bytes[..header.total_bytes])) else {
            return false;
        };
        if let crate::mqtt::packet::Received::PubRel { packet_id } = &packet {
            self.received.remove(packet_id);
        }
        match self.session.receive(packet, NOW, &mut self.out) {
            Ok(Some(Errand::HandIn(hand_in))) => {
                let mark = hand_in.publication.resend;
                assert_eq!(hand_in.ticket.is_some(), mark.is_some());
                if let (Some(ticket), Some(mark)) = (hand_in.ticket, mark) {
                    let kind = if hand_in.publication.publishing.qos == Qos::ExactlyOnce { 5 } else { 4 };
                    self.undecided.push_back((ticket, kind, mark.packet_id));
                }
                true
            }
            Ok(Some(Errand::Record(..))) => panic!("the session does not outlive its connection"),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    fn decide(&mut self, choice: u8) -> bool {
        let Some((ticket, kind, packet_id)) = self.undecided.pop_front() else { return true };
        let id = EventId::from_bytes([0; 12]);
        let verdict = match choice % 6 {
            0 => Err(Refusal::DataTooLarge { bytes: 1 }),
            1 => Err(Refusal::Full { reason: "full".to_owned() }),
            2 => Err(Refusal::Stopping),
            3 => Ok(Accepted::Resent),
            _ => Ok(Accepted::Stored(id)),
        };
        let is_accepted = verdict.is_ok() || self.version == Version::V4;
        if self.session.decide(ticket, verdict, &mut self.out).is_err() {
            assert!(self.out.is_empty(), "answered what cannot be answered");
            return false;
        }
        *self.due.entry((kind, packet_id)).or_default() += 1;
        if kind == 5 && is_accepted {
            self.received.insert(packet_id);
        }
        true
    }

    fn event(&mut self, choice: u8) -> bool {
        let envelope = Envelope {
            generation: 0,
            sequence: self.sequence,
            qos: Qos::from_u8(choice % 3).unwrap(),
            retain: choice & 8 != 0,
            expires_ms: (choice & 16 != 0).then_some(u64::from(choice) * 100),
            subscription_ids: vec![u32::from(choice)],
            properties: Bytes::new(),
            topic: Bytes::from(format!("topic/{}", choice % 5)),
            data: Bytes::from_static(b"data"),
        };
        self.sequence += 1;
        self.session.expect(&mut VecDeque::from([envelope])).is_ok()
    }

    /// All that was written are packets of a server, and each acknowledgement was due.
    fn check_output(&mut self) {
        let out = std::mem::take(&mut self.out);
        let mut rest = &out[..];
        while let Some(first) = rest.first() {
            let (length, length_bytes) = frame::variable_length(&rest[1..]).unwrap().expect("a whole packet");
            let (packet, after) = rest.split_at(1 + length_bytes + length);
            let body = &packet[1 + length_bytes..];
            match first >> 4 {
                kind @ (4 | 5) => {
                    let packet_id = u16::from_be_bytes([body[0], body[1]]);
                    let due = self.due.entry((kind, packet_id)).or_default();
                    let is_again = kind == 5 && self.received.contains(&packet_id);
                    assert!(*due > 0 || is_again, "{packet:02x?} was not due");
                    *due = due.saturating_sub(1);
                }
                3 | 6 | 7 | 9 | 11 | 13 => {}
                _ => panic!("{packet:02x?} is no packet of a server"),
            }
            rest = after;
        }
        assert!(self.due.values().all(|due| *due == 0), "an answer was due and not written");
    }
}

/// A few messages, one with an expiry.
fn retained() -> Retained {
    let retained = Retained::restore(Vec::new(), [0; 16]);
    for topic in ["a", "a/b", "t"] {
        let publishing = Publishing { retain: true, ..Publishing::default() };
        let name = crate::model::EventName::emitted(topic);
        let event = Arc::new(Event { name, publishing, ..(*delivery("kept").event).clone() });
        let keeping = retained.keep(&event, NOW, &mut Changes::new()).unwrap().unwrap();
        retained.settle(keeping, true);
    }
    retained
}

/// What a client says first that takes so many aliases.
fn connect(version: Version, aliases: u16) -> crate::mqtt::packet::Connect {
    let [high, low] = aliases.to_be_bytes();
    let (level, properties) = match version {
        Version::V4 => (4, vec![]),
        Version::V5 => (5, vec![3, 0x22, high, low]),
    };
    let body = [&[0, 4][..], b"MQTT", &[level, 2, 0, 0], &properties, &[0, 1, b'c']].concat();
    let bytes = [&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat();
    let header = frame::header(&bytes, version, LIMITS).unwrap().unwrap();
    assert_eq!(codec::greet(&bytes, header), Ok(Greeting::Spoken(version)));
    codec::decode_connect(version, BytesMut::from(&bytes[..])).unwrap()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => damaged(packet()).prop_map(Step::Packet),
        2 => any::<u8>().prop_map(Step::Verdict),
        1 => any::<u8>().prop_map(Step::Event),
        1 => Just(Step::Deliver),
    ]
}

/// One in four is damaged somewhere.
fn damaged(packets: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let damage = prop_oneof![
        3 => Just(vec![]),
        1 => prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ];
    (packets, damage).prop_map(|(mut packet, damage)| {
        for (at, byte) in damage {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        packet
    })
}

/// A packet that a client of either version may send; of the wrong one it is damaged, too.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let id = 1_u16..6;
    prop_oneof![
        8 => (publish_flags(), topic(), id.clone(), properties(), prop::collection::vec(any::<u8>(), 0..8)).prop_map(
            |(flags, topic, id, properties, data)| {
                let id = if flags & 0b110 == 0 { vec![] } else { id.to_be_bytes().to_vec() };
                whole(0x30 | flags, &[text(&topic), id, properties, data].concat())
            }
        ),
        4 => (prop::sample::select(vec![0x40_u8, 0x50, 0x62, 0x70]), id.clone())
            .prop_map(|(first, id)| whole(first, &id.to_be_bytes())),
        2 => (id.clone(), any::<bool>(), topic(), 0_u8..0x40).prop_map(|(id, is_v5, filter, options)| {
            let properties = if is_v5 { vec![2, 0x0B, 7] } else { vec![] };
            let options = if is_v5 { options } else { options & 0b11 };
            whole(0x82, &[id.to_be_bytes().to_vec(), properties, text(&filter), vec![options]].concat())
        }),
        1 => (id, any::<bool>(), topic()).prop_map(|(id, is_v5, filter)| {
            let properties = if is_v5 { vec![0] } else { vec![] };
            whole(0xA2, &[id.to_be_bytes().to_vec(), properties, text(&filter)].concat())
        }),
        1 => prop::sample::select(vec![vec![0xC0, 0], vec![0xE0, 0], vec![0xE0, 1, 4]]),
        1 => prop::collection::vec(any::<u8>(), 1..24),
    ]
}

/// DUP, QoS and retain.
fn publish_flags() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![0_u8, 1, 0b0010, 0b0011, 0b1010, 0b0100, 0b1100, 0b1101])
}

/// None, as in version 3.1.1, or some of those of a PUBLISH.
fn properties() -> impl Strategy<Value = Vec<u8>> {
    let one = prop::sample::select(vec![
        vec![1, 1],
        vec![2, 0, 0, 0, 9],
        vec![3, 0, 1, b'c'],
        vec![8, 0, 1, b'r'],
        vec![9, 0, 1, 0xFF],
        vec![0x23, 0, 1],
        vec![0x23, 0, 99],
        vec![0x26, 0, 1, b'n', 0, 0],
    ]);
    let list = prop::collection::vec(one, 0..4).prop_map(|list| {
        let list = list.concat();
        [vec![u8::try_from(list.len()).unwrap()], list].concat()
    });
    prop_oneof![1 => Just(vec![]), 2 => list]
}

/// A topic or a filter, sometimes one that cannot be.
fn topic() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "a/b", "t", "#", "+/b", "$SYS/#", "é", ""]).prop_map(str::to_owned),
        1 => "[a-z+#/$]{0,9}",
    ]
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

fn whole(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(body.len()).expect("short")][..], body].concat()
}
