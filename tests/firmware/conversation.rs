//! What a board and a gateway say to each other when all is well, and when one refuses the other.

use farhook::ble::gatt::error;
use farhook::ble::gatt::error::Code;
use farhook::ble::gatt::frame::Kind;
use farhook::ble::gatt::frame::Message;
use farhook::ble::gatt::hello;
use farhook::ble::gatt::publish;
use farhook::ble::gatt::response;
use farhook::model::LinkKey;

use crate::board::Said;
use crate::board::State;
use crate::peer::MTUS;
use crate::peer::NONCE;
use crate::peer::Peer;
use crate::peer::ack;
use crate::peer::error;
use crate::peer::message;

/// Every MTU, unless there is no compiler.
fn ready() -> impl Iterator<Item = Peer> {
    MTUS.into_iter().filter_map(Peer::ready)
}

fn delivered(id: u8) -> Said {
    Said::Published { id, is_delivered: true, code: 0 }
}

#[test]
fn an_event_is_published_acknowledged_and_told_to_the_program() {
    for mut peer in ready() {
        assert!(peer.board.publish("temp", Some(r#"{"temperature":21.5,"note":"in the greenhouse"}"#)));
        let sent = peer.run(10);
        // The hello was 7.
        assert_eq!((sent.len(), sent[0].kind, sent[0].id), (1, Kind::Publish, 8));
        let event = publish::read(&sent[0].body).unwrap();
        assert_eq!(
            (event.name.as_str(), event.data.as_str()),
            ("temp", r#"{"temperature":21.5,"note":"in the greenhouse"}"#)
        );
        assert!(!peer.board.publish("temp", Some("22")), "two at once");
        peer.give(&ack(8), 20);
        assert_eq!(peer.told(), [delivered(8)]);
        assert_eq!(peer.run(9_000), []);
        assert!(peer.board.publish("temp", Some("22")));
        assert_eq!(peer.run(9_000)[0].id, 9);
        assert_eq!(peer.board.status.next_id, 10);
    }
}

#[test]
fn an_event_may_have_no_data_and_a_bad_name_is_not_sent() {
    for mut peer in ready() {
        for name in ["-", &"x".repeat(65), "a\"b", "a\\b", "é"] {
            assert!(!peer.board.publish(name, None), "{name}");
        }
        assert!(!peer.board.publish("long", Some(&"1".repeat(512))));
        assert!(peer.board.publish("door/open", None));
        assert_eq!(peer.run(0)[0].body, br#"{"t":"door/open"}"#);
    }
}

#[test]
fn an_event_waits_for_the_hello() {
    for mut peer in MTUS.into_iter().filter_map(Peer::subscribed) {
        assert!(peer.board.publish("temp", Some("1")));
        assert_eq!(peer.run(100), []);
        peer.greet(200);
        assert_eq!(peer.run(200)[0].kind, Kind::Publish);
    }
}

#[test]
fn an_event_is_repeated_after_five_seconds_and_over_a_reconnection() {
    for mut peer in ready() {
        peer.board.publish("temp", Some("21.5"));
        let first = peer.run(1_000);
        assert_eq!(peer.run(5_999), []);
        assert_eq!(peer.run(6_000), first);
        peer.board.say("disconnected");
        assert_eq!(peer.run(12_000), []);
        peer.subscribe(20_000);
        peer.greet(20_000);
        assert_eq!(peer.run(20_000), first);
        // This time sooner than the five seconds.
        peer.board.say("disconnected");
        peer.subscribe(20_100);
        peer.greet(20_100);
        assert_eq!(peer.run(20_100), first);
        peer.give(&ack(first[0].id), 20_200);
        assert_eq!(peer.told(), [delivered(first[0].id)]);
    }
}

#[test]
fn an_error_says_whether_an_event_is_sent_again() {
    for mut peer in ready() {
        peer.board.publish("temp", Some("21.5"));
        let first = peer.run(0);
        let id = first[0].id;
        peer.give(&error(id, Code::BadFrame), 100);
        assert_eq!(peer.run(1_099), []);
        assert_eq!(peer.run(1_100), first);
        peer.give(&error(id, Code::Busy), 1_200);
        assert_eq!(peer.run(11_199), []);
        assert_eq!(peer.run(11_200), first);
        peer.give(&error(99, Code::BadMessage), 11_300);
        assert_eq!(peer.told(), []);
        peer.give(&error(id, Code::BadMessage), 11_300);
        assert_eq!(peer.told(), [Said::Published { id, is_delivered: false, code: 2 }]);
        assert_eq!(peer.run(20_000), []);
    }
}

#[test]
fn a_response_is_told_once_and_acknowledged_each_time() {
    for mut peer in ready() {
        let body = response::body("hook-response/temp/0", &[b'x'; 512]);
        for (id, times) in [(3, 1), (3, 0), (4, 1)] {
            peer.give(&message(Kind::Response, id, &body), 10);
            assert_eq!(peer.told(), vec![Said::Response("hook-response/temp/0".to_owned(), vec![b'x'; 512]); times]);
            assert_eq!(peer.run(10), [ack(id)]);
        }
        // The gateway had to repeat it because the connection ended.
        peer.board.say("disconnected");
        peer.subscribe(20);
        peer.greet(20);
        peer.give(&message(Kind::Response, 4, &body), 30);
        assert_eq!((peer.told(), peer.run(30)), (vec![], vec![ack(4)]));
        let other = response::body("hook-response/temp/0", b"21.5");
        peer.give(&message(Kind::Response, 4, &other), 40);
        assert_eq!(peer.told(), [Said::Response("hook-response/temp/0".to_owned(), b"21.5".to_vec())]);
    }
}

#[test]
fn a_response_that_is_none_or_too_long_is_refused_for_good() {
    for mut peer in ready() {
        for body in [vec![], b"\x05temp".to_vec(), vec![0; 769]] {
            peer.give(&message(Kind::Response, 3, &body), 10);
            assert_eq!(peer.told(), []);
            assert_eq!(codes(&peer.run(10)), [(3, Code::BadMessage)]);
        }
        // Only a gateway could ask for these, and it does not.
        for kind in [Kind::Publish, Kind::Ping] {
            peer.give(&message(kind, 5, b""), 10);
            assert_eq!(codes(&peer.run(10)), [(5, Code::Unsupported)]);
        }
    }
}

#[test]
fn a_ping_is_sent_when_nothing_else_was_for_thirty_seconds() {
    for mut peer in ready() {
        peer.board.publish("temp", Some("1"));
        let id = peer.run(10_000)[0].id;
        peer.give(&ack(id), 10_000);
        assert_eq!(peer.run(39_999), []);
        let ping = peer.run(40_000);
        assert_eq!((ping.len(), ping[0].kind), (1, Kind::Ping));
        peer.give(&ack(ping[0].id), 40_100);
        assert_eq!(peer.run(69_999), []);
        assert_eq!(peer.run(70_000)[0].kind, Kind::Ping);
        peer.run(130_099);
        assert!(!peer.board.status.is_stale);
        peer.run(130_100);
        assert!(peer.board.status.is_stale);
    }
}

#[test]
fn a_gateway_without_the_key_hears_nothing() {
    for mut peer in MTUS.into_iter().filter_map(Peer::subscribed) {
        peer.board.publish("temp", Some("1"));
        peer.give(&message(Kind::Hello, 1, &hello::first(NONCE)), 10);
        let answer = peer.run(10).remove(0);
        assert_eq!(hello::second(&LinkKey::of_text("another"), NONCE, &answer.body), Err(hello::BadHello::Proof));
        let wrong = hello::gateway_proof(&LinkKey::of_text("another"), NONCE, crate::board::NONCE);
        peer.give(&message(Kind::Hello, 2, &[&[1], wrong.as_slice()].concat()), 20);
        assert_eq!(peer.board.status.state, State::Stranger);
        assert!(!peer.board.status.is_stale, "it has to say why first");
        assert_eq!(codes(&peer.run(30)), [(2, Code::NotAuthenticated)]);
        assert!(peer.board.status.is_stale);
        peer.greet_in_vain(40);
    }
}

#[test]
fn before_the_hello_nothing_else_is_taken() {
    for mut peer in MTUS.into_iter().filter_map(Peer::subscribed) {
        peer.give(&message(Kind::Response, 3, &response::body("x", b"y")), 10);
        assert_eq!(codes(&peer.run(10)), [(3, Code::NotAuthenticated)]);
        peer.give(&message(Kind::Hello, 1, &[&[2], NONCE.as_slice()].concat()), 10);
        assert_eq!(codes(&peer.run(10)), [(1, Code::Unsupported)]);
        // A second hello without a first one.
        peer.give(&message(Kind::Hello, 1, &[1; 33]), 10);
        assert_eq!(codes(&peer.run(10)), [(1, Code::BadMessage)]);
        assert_eq!((peer.board.status.state, peer.told()), (State::Listening, vec![]));
        peer.run(9_999);
        assert!(!peer.board.status.is_stale);
        peer.run(10_000);
        assert!(peer.board.status.is_stale);
    }
}

#[test]
fn a_gateway_that_refuses_the_boards_proof_is_left() {
    for mut peer in MTUS.into_iter().filter_map(Peer::subscribed) {
        peer.give(&message(Kind::Hello, 1, &hello::first(NONCE)), 10);
        let answer = peer.run(10).remove(0);
        peer.give(&error(answer.id, Code::NotAuthenticated), 20);
        assert_eq!(peer.board.status.state, State::Stranger);
        assert!(peer.board.status.is_stale);
        peer.board.say("disconnected");
        peer.subscribe(30);
        peer.greet(30);
    }
}

impl Peer {
    fn greet_in_vain(&mut self, now_ms: u32) {
        self.give(&message(Kind::Hello, 1, &hello::first(NONCE)), now_ms);
        assert_eq!(self.run(now_ms), []);
    }
}

fn codes(messages: &[Message]) -> Vec<(u8, Code)> {
    let code = |message: &Message| {
        assert_eq!(message.kind, Kind::Error);
        (message.id, error::read(&message.body).0.unwrap())
    };
    messages.iter().map(code).collect()
}
