//! Tests of what is kept, of its bounds and of its end.

use super::*;
use crate::model::Properties;
use crate::model::Publishing;
use crate::model::Qos;
use crate::store::tests::delivery;

const BOOT: [u8; 16] = [1; 16];
const OWNER: UserId = UserId::from_bytes([2; 12]);

fn now(mono_ms: u64) -> Now {
    Now { mono_ms, wall: WallTime::from_millis(1_460_813_828_728 + i64::try_from(mono_ms).unwrap()) }
}

fn event(topic: &str, data: &str, expiry_s: Option<u32>) -> Arc<Event> {
    let properties = expiry_s.map(|_| Box::new(Properties { expiry_s, ..Properties::default() }));
    let publishing = Publishing { retain: true, properties, ..Publishing::default() };
    let name = crate::model::EventName::emitted(topic);
    Arc::new(Event { name, publishing, ..(*delivery(data).event).clone() })
}

fn nothing() -> Retained {
    Retained::restore(Vec::new(), BOOT)
}

/// Keeps an event at once: how many rows changed.
fn keep(retained: &Retained, event: &Arc<Event>) -> Result<usize, RetainedFull> {
    let mut changes = Changes::new();
    if let Some(keeping) = retained.keep(event, now(0), &mut changes)? {
        retained.settle(keeping, true);
    }
    Ok(changes.len())
}

fn kept(retained: &Retained, at_ms: u64) -> Vec<(String, String, Option<u64>)> {
    let mut all = Vec::new();
    retained.each(OWNER, now(at_ms), |event, expires_ms| {
        all.push((event.name.to_string(), event.data.clone(), expires_ms));
    });
    all
}

#[test]
fn the_last_of_each_topic_is_kept_until_one_without_data() {
    let retained = nothing();
    for (topic, data) in [("b", "1"), ("a", "1"), ("b", "2")] {
        assert_eq!(keep(&retained, &event(topic, data, None)), Ok(1));
    }
    let of = |topic: &str, data: &str| (topic.to_owned(), data.to_owned(), None);
    assert_eq!(kept(&retained, 0), [of("a", "1"), of("b", "2")]);
    assert_eq!(keep(&retained, &event("b", "", None)), Ok(1));
    assert_eq!(keep(&retained, &event("b", "", None)), Ok(0));
    assert_eq!((kept(&retained, 0), retained.count()), (vec![of("a", "1")], 1));
}

#[test]
fn nobody_sees_what_is_not_durable_yet_or_never_was() {
    let retained = nothing();
    keep(&retained, &event("t", "old", None)).unwrap();
    let mut changes = Changes::new();
    let first = retained.keep(&event("t", "refused", None), now(0), &mut changes).unwrap().unwrap();
    let second = retained.keep(&event("t", "", None), now(0), &mut changes).unwrap().unwrap();
    retained.settle(first, false);
    assert_eq!(kept(&retained, 0)[0].1, "old");
    retained.settle(second, true);
    assert_eq!(kept(&retained, 0), []);
    assert!(retained.shelves()[&OWNER].bytes == 0);
}

#[test]
fn a_shorter_message_leaves_no_row_of_the_longer() {
    let retained = nothing();
    assert_eq!(keep(&retained, &event("t", &"x".repeat(9_000), None)), Ok(3));
    assert_eq!(keep(&retained, &event("t", "short", None)), Ok(3));
    assert_eq!(keep(&retained, &event("t", "other", None)), Ok(1));
}

#[test]
fn what_is_said_again_costs_the_disk_nothing() {
    let retained = nothing();
    keep(&retained, &event("t", "on", None)).unwrap();
    assert_eq!(keep(&retained, &event("t", "on", None)), Ok(0));
    assert_eq!(keep(&retained, &event("t", "off", None)), Ok(1));
    keep(&retained, &event("t", "on", Some(60))).unwrap();
    assert_eq!(keep(&retained, &event("t", "on", Some(60))), Ok(1));
}

#[test]
fn a_message_ends_with_its_expiry_also_over_a_restart() {
    let retained = nothing();
    keep(&retained, &event("t", "x", Some(10))).unwrap();
    assert_eq!(kept(&retained, 3_500)[0].2, Some(3_500 + 7_000));
    assert_eq!(kept(&retained, 10_000), []);

    let stored = |boot| StoredRetained {
        event: event("t", "x", Some(10)),
        arrived: Arrived { boot, mono_ms: 4_000 },
        pieces: 1,
    };
    let same_boot = Retained::restore(vec![stored(BOOT)], BOOT);
    assert_eq!([kept(&same_boot, 13_999).len(), kept(&same_boot, 14_000).len()], [1, 0]);
    let other_boot = Retained::restore(vec![stored([7; 16])], BOOT);
    assert_eq!([kept(&other_boot, 9_999).len(), kept(&other_boot, 10_000).len()], [1, 0]);
}

#[test]
fn the_same_again_costs_no_write_whichever_session_says_it() {
    let retained = nothing();
    let of = |qos, session| {
        let event = event("t", "x", None);
        Arc::new(Event { publishing: Publishing { qos, session, ..event.publishing.clone() }, ..Event::clone(&event) })
    };
    assert_eq!(keep(&retained, &of(Qos::AtLeastOnce, None)), Ok(1));
    assert_eq!(keep(&retained, &of(Qos::AtLeastOnce, Some(7))), Ok(0));
    assert_eq!(keep(&retained, &of(Qos::AtMostOnce, Some(7))), Ok(1));
}

#[test]
fn beyond_the_bounds_a_message_is_refused_and_counted() {
    let retained = nothing();
    for number in 0..spec::RETAINED {
        keep(&retained, &event(&format!("t/{number}"), "x", None)).unwrap();
    }
    assert_eq!(keep(&retained, &event("more", "x", None)), Err(RetainedFull::Count));
    assert_eq!(keep(&retained, &event("t/0", "another", None)), Ok(1));
    assert_eq!(retained.refused(OWNER), 1);

    let retained = nothing();
    let large = "x".repeat(spec::RETAINED_BYTES / 4);
    for topic in ["a", "b", "c"] {
        keep(&retained, &event(topic, &large, None)).unwrap();
    }
    assert_eq!(keep(&retained, &event("d", &large, None)), Err(RetainedFull::Bytes));
    assert_eq!(keep(&retained, &event("d", "small", None)), Ok(1));
}

#[test]
fn what_has_expired_makes_room() {
    let retained = nothing();
    for number in 0..spec::RETAINED {
        keep(&retained, &event(&format!("t/{number}"), "x", Some(1))).unwrap();
    }
    let mut changes = Changes::new();
    let keeping = retained.keep(&event("more", "x", None), now(2_000), &mut changes).unwrap().unwrap();
    retained.settle(keeping, true);
    assert_eq!((changes.len(), retained.count()), (spec::RETAINED + 1, 1));
}

#[test]
fn the_messages_of_who_is_gone_go() {
    let retained = nothing();
    keep(&retained, &event("a", "x", None)).unwrap();
    keep(&retained, &event("b", "x", None)).unwrap();
    assert!(retained.forget(|_| false).is_none());
    let changes = retained.forget(|event| event.name.as_str() == "a").unwrap();
    assert_eq!((changes.len(), kept(&retained, 0).len()), (1, 1));
}
