//! Which sessions there are, and what is kept for them.

use std::time::Duration;

use super::*;
use crate::model::DeviceId;
use crate::model::HookId;
use crate::model::Publishing;
use crate::model::Source;
use crate::model::UserId;
use crate::registry::samples::OWNER;
use crate::registry::samples::device;
use crate::registry::samples::snapshot;
use crate::store::tests::delivery;

const STRANGER: UserId = UserId::from_bytes([9; 12]);

fn key(device: u8) -> SessionKey {
    SessionKey { holder: Holder::Device(DeviceId::from_bytes([device; 12])), client_id: "x".to_owned() }
}

fn event(name: &str, source: Source, owner: UserId) -> Event {
    let event = delivery("72").event;
    let name = crate::model::EventName::emitted(name);
    Event { name, source, owner, publishing: Publishing::default(), ..Event::clone(&event) }
}

fn table(bounds: Bounds) -> Table {
    Table::restore(Vec::new(), Vec::new(), Vec::new(), bounds, 0)
}

fn subscribed(table: &mut Table, device: u8, filter: &str) {
    table.attach(&key(device), false, Expiry::NEVER, &mut Changes::new()).unwrap().unwrap();
    let filter = TopicFilter::parse(filter.to_owned()).unwrap();
    let entry = table.session(key(device).fingerprint()).unwrap();
    entry.subscriptions().push(Subscription {
        filter,
        granted: Qos::AtLeastOnce,
        no_local: false,
        keeps_retain: false,
        id: None,
    });
}

/// Which devices' sessions keep the event.
fn keeping(table: &mut Table, event: &Event) -> Vec<u64> {
    let registry = snapshot([device(1), device(2)], []);
    let mut changes = Changes::new();
    let mut held: Vec<u64> =
        table.keep(event, &registry, &mut changes, &mut Vec::new()).iter().map(|held| held.0).collect();
    assert_eq!(changes.is_empty(), held.is_empty());
    held.sort_unstable();
    held
}

#[test]
fn an_event_is_kept_for_who_may_hear_it_and_subscribed_to_it() {
    let mut table = table(Bounds::default());
    subscribed(&mut table, 1, "#");
    subscribed(&mut table, 2, "#");
    // A device that is not registered.
    subscribed(&mut table, 3, "#");
    let mut both = [1, 2].map(|device| key(device).fingerprint());
    both.sort_unstable();
    assert_eq!(keeping(&mut table, &event("t", Source::Api, OWNER)), both);
    assert!(keeping(&mut table, &event("t", Source::Api, STRANGER)).is_empty());
    let result = Source::Hook { hook: HookId::from_bytes([1; 12]), device: Some(DeviceId::from_bytes([2; 12])) };
    assert_eq!(keeping(&mut table, &event("hook-response/t/0", result, OWNER)), [key(2).fingerprint()]);
    let passing = Event {
        publishing: Publishing { qos: Qos::AtMostOnce, ..Publishing::default() },
        ..event("t", Source::Api, OWNER)
    };
    assert!(keeping(&mut table, &passing).is_empty());
}

#[test]
fn a_session_ends_when_its_time_is_over_or_its_device_is_gone() {
    let mut table = table(Bounds { longest_away: Duration::from_secs(100), ..Bounds::default() });
    let registry = snapshot([device(1)], []);
    for device in [1, 2] {
        subscribed(&mut table, device, "#");
    }
    let expire = |table: &mut Table, now_ms| {
        let mut changes = Changes::new();
        let over = table.expire(&registry, now_ms, &mut changes);
        assert_eq!(changes.is_empty(), over.is_empty());
        over
    };
    assert_eq!(expire(&mut table, 1_000_000), [], "whoever is connected stays");
    table.detach(key(1).fingerprint(), 1_000_000, &mut Changes::new());
    table.detach(key(2).fingerprint(), 1_000_000, &mut Changes::new());
    assert_eq!(expire(&mut table, 1_000_000), [key(2)]);
    assert_eq!(expire(&mut table, 1_099_999), []);
    assert_eq!(expire(&mut table, 1_100_000), [key(1)]);
    assert_eq!(table.reports(0), []);
}

#[test]
fn all_outboxes_together_have_a_bound() {
    let weight = "t".len() + "72".len();
    let mut table = table(Bounds { all_bytes: 3 * weight, ..Bounds::default() });
    subscribed(&mut table, 1, "t");
    subscribed(&mut table, 2, "t");
    let event = event("t", Source::Api, OWNER);
    for _ in 0..5 {
        let registry = snapshot([device(1), device(2)], []);
        let held = table.keep(&event, &registry, &mut Changes::new(), &mut Vec::new());
        table.stored(&held);
        table.tell(&held);
        assert!(table.bytes <= 3 * weight);
    }
    let waiting: usize = table.reports(0).iter().map(|report| report.waiting).sum();
    assert_eq!(waiting, 3);
    assert_eq!(table.dropped(), 7);
}

#[test]
fn a_new_session_finds_a_place_only_if_another_of_its_holder_is_away() {
    let mut table = table(Bounds { sessions: 1, ..Bounds::default() });
    subscribed(&mut table, 1, "t");
    let mut attach = |key: &SessionKey| table.attach(key, false, Expiry::NEVER, &mut Changes::new()).is_ok();
    let other = SessionKey { client_id: "y".to_owned(), ..key(1) };
    assert!(!attach(&other) && !attach(&key(2)));
    table.detach(key(1).fingerprint(), 0, &mut Changes::new());
    let mut attach = |key: &SessionKey| table.attach(key, false, Expiry::NEVER, &mut Changes::new()).is_ok();
    assert!(!attach(&key(2)));
    assert!(attach(&other));
}

#[test]
fn a_full_outbox_is_told_once_until_its_client_comes() {
    let mut table = table(Bounds { messages: 1, ..Bounds::default() });
    subscribed(&mut table, 1, "#");
    let registry = snapshot([device(1)], []);
    let keep = |table: &mut Table| {
        let (mut changes, mut overfull) = (Changes::new(), Vec::new());
        let held = table.keep(&event("t", Source::Api, OWNER), &registry, &mut changes, &mut overfull);
        table.stored(&held);
        table.tell(&held);
        overfull
    };
    assert_eq!([keep(&mut table), keep(&mut table), keep(&mut table)], [vec![], vec![key(1)], vec![]]);
    table.attach(&key(1), false, Expiry::NEVER, &mut Changes::new()).unwrap().unwrap();
    assert_eq!([keep(&mut table), keep(&mut table)], [vec![key(1)], vec![]]);
}
