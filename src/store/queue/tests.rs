//! Reading back what was written, through a real database.

use super::*;
use crate::model::DeviceId;
use crate::model::WallTime;
use crate::store::attempt::tests::attempt;
use crate::store::tests::delivery;
use crate::store::tests::letter;

/// Closes the database, as it is after an error that reopening did not mend.
pub(in crate::store) fn close(queue: &Queue) {
    queue.shelf.close();
}

const HOOK: HookId = HookId::from_bytes([4; 12]);
const LANE: LaneKey = LaneKey { hook: HOOK, device: Some(DeviceId::from_bytes([1; 12])) };

fn key(seq: u64) -> DeliveryKey {
    DeliveryKey { lane: LANE, seq }
}

fn storing(keys: impl IntoIterator<Item = DeliveryKey>) -> Changes {
    let mut changes = Changes::new();
    for key in keys {
        changes.store(key, &delivery("72"));
    }
    changes
}

fn opened(data: &Path) -> Queue {
    Queue::open(data).unwrap().0
}

fn seqs(page: &Page) -> Vec<u64> {
    page.deliveries.iter().map(|(seq, _)| *seq).collect()
}

fn is_empty(queue: &Queue) -> bool {
    queue.with(|db| Ok(db.iter().keys().all(|key| key.unwrap()[0] == keys::TALLY))).unwrap()
}

#[test]
fn a_delivery_is_read_as_it_was_stored_and_leaves_nothing_behind() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    for text in [String::new(), "72".to_owned(), "x".repeat(16_384), "é".repeat(8_192), "€".repeat(5_461)] {
        let stored = delivery(&text);
        let mut changes = Changes::new();
        changes.store(key(258), &stored);
        queue.apply([&changes]).unwrap();
        assert_eq!(queue.read(key(258)).unwrap().as_ref(), Some(&stored), "{} bytes", text.len());
        assert_eq!(queue.find(key(258).id()).unwrap(), Some(key(258)));
        assert_eq!((queue.tally(HOOK).waiting, queue.tally(HOOK).waiting_bytes), (1, 150 + text.len() as u64));

        let mut changes = Changes::new();
        changes.remove(key(258), text.len());
        queue.apply([&changes]).unwrap();
        assert_eq!(queue.read(key(258)).unwrap(), None);
        assert_eq!((queue.tally(HOOK).waiting, queue.tally(HOOK).waiting_bytes), (0, 0));
        assert!(is_empty(&queue));
    }
    assert_eq!(queue.next_seq(), 259);
}

#[test]
fn lanes_are_found_and_read_page_by_page() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    let api = LaneKey { hook: HOOK, device: None };
    let other = LaneKey { hook: HookId::from_bytes([5; 12]), ..LANE };
    let keys = [300, 2, 70_000].map(key);
    let more = [(api, 5), (other, 6)].map(|(lane, seq)| DeliveryKey { lane, seq });
    queue.apply([&storing(keys), &storing(more)]).unwrap();

    assert_eq!(queue.lanes().unwrap(), [api, LANE, other]);
    assert_eq!(queue.lanes_of(HOOK).unwrap(), [api, LANE]);
    let first = queue.page(LANE, None, 2).unwrap();
    assert_eq!((seqs(&first), first.last_seq, first.is_last), (vec![2, 300], Some(300), false));
    let second = queue.page(LANE, first.last_seq, 2).unwrap();
    assert_eq!((seqs(&second), second.is_last), (vec![70_000], true));
    assert_eq!(queue.latest(LANE, 2).unwrap().len(), 2);
    assert_eq!((queue.total().waiting, queue.tally(HOOK).waiting), (5, 4));
    assert_eq!(queue.find(more[1].id()).unwrap(), Some(more[1]));
    assert_eq!(queue.find(DeliveryId { hook: HOOK, seq: 6 }).unwrap(), None);
}

#[test]
fn a_damaged_delivery_is_passed_over_and_left_where_it_is() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    queue.apply([&storing([1, 2, 3].map(key))]).unwrap();
    queue.with(|db| db.insert(keys::delivery(key(2)), b"\x02nonsense").map_err(unreadable)).unwrap();
    let page = queue.page(LANE, None, 9).unwrap();
    assert_eq!((seqs(&page), page.damaged.len(), page.is_last), (vec![1, 3], 1, true));
    assert!(queue.read(key(2)).is_err());
}

#[test]
fn a_dead_letter_takes_the_place_of_its_delivery() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    for text in ["72", &"x".repeat(16_384)] {
        let mut changes = Changes::new();
        changes.store(key(7), &delivery(text));
        queue.apply([&changes]).unwrap();
        let mut changes = Changes::new();
        changes.bury(key(7), &letter(text));
        queue.apply([&changes]).unwrap();
        assert_eq!((queue.read(key(7)).unwrap(), queue.dead(key(7).id()).unwrap()), (None, Some(letter(text))));
        assert_eq!((queue.tally(HOOK).waiting, queue.tally(HOOK).dead), (0, 1));
        assert_eq!(queue.dead_page(HOOK, None, 9).unwrap(), [(key(7).id(), letter(text))]);
        assert_eq!(queue.dead_page(HOOK, Some(7), 9).unwrap(), []);

        let mut changes = Changes::new();
        changes.remove_dead(key(7).id(), text.len());
        queue.apply([&changes]).unwrap();
        assert_eq!(queue.dead(key(7).id()).unwrap(), None);
        assert!(is_empty(&queue));
    }
}

#[test]
fn a_row_is_counted_once_however_often_it_is_changed() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    queue.apply([&storing([1, 2].map(key)), &storing([1].map(key))]).unwrap();
    let mut changes = Changes::new();
    changes.update(key(2), &delivery("73"));
    changes.remove(key(1), 2);
    changes.remove(key(1), 2);
    changes.remove(key(9), 2);
    queue.apply([&changes, &changes]).unwrap();
    assert_eq!(queue.total().waiting, 1);
    drop(queue);
    assert_eq!(opened(data.path()).total().waiting, 1, "it is on the disk");
}

#[test]
fn a_tally_that_cannot_be_read_is_counted_anew() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    queue.apply([&storing([1, 2].map(key))]).unwrap();
    let mut changes = Changes::new();
    changes.bury(key(2), &letter("72"));
    queue.apply([&changes]).unwrap();
    let tally = queue.tally(HOOK);
    queue.with(|db| db.insert(keys::of_hook(keys::TALLY, HOOK), b"\xff").map_err(unreadable)).unwrap();
    queue.load_tallies().unwrap();
    assert_eq!((queue.tally(HOOK), tally.waiting, tally.dead), (tally, 1, 1));
}

#[test]
fn deliveries_of_version_0_1_are_given_their_places() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    // Bytes that version 0.1 wrote: an event of a device, with data in two parts.
    let begin =
        [&[1][..], &[3; 12], b"\x04temp", b"\x0272", &[1, 60], &[0xf0, 0xc9, 0xd0, 0xf4, 0x83, 0x55, 0]].concat();
    let end = [&[1; 12][..], &[2; 12], &[2, 0], &[1, 9, 5, 77], &[6; 16], &[0xac, 2]].concat();
    let id = DeliveryId { hook: HOOK, seq: 258 };
    queue
        .with(|db| {
            db.insert(keys::numbered(keys::OLD_DELIVERY, id), [begin, end].concat()).map_err(unreadable)?;
            db.insert(keys::part(id, 0), b"\x01\x02.5").map_err(unreadable)
        })
        .unwrap();
    drop(queue);

    let queue = opened(data.path());

    assert_eq!(queue.read(key(258)).unwrap(), Some(delivery("72.5")));
    assert_eq!((queue.total().waiting, queue.next_seq()), (1, 259));
    assert!(queue.with(|db| Ok(db.scan_prefix([keys::OLD_DELIVERY]).next().is_none())).unwrap());
}

#[test]
fn of_a_hook_that_is_gone_nothing_is_left() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    queue.apply([&storing((1..=600).map(key))]).unwrap();
    let mut changes = Changes::new();
    changes.bury(key(1), &letter("72"));
    changes.put_health(HOOK, StoredHealth::default());
    changes.put_attempt(AttemptSlot { hook: HOOK, shelf: AttemptShelf::All, slot: 0 }, &attempt(1, "x"));
    queue.apply([&changes]).unwrap();
    while let Some(changes) = queue.forgetting(HOOK).unwrap() {
        queue.apply([&changes]).unwrap();
    }
    assert!(queue.with(|db| Ok(db.is_empty())).unwrap());
    assert_eq!((queue.total().waiting, queue.hooks()), (0, vec![]));
}

#[test]
fn attempts_are_read_from_their_shelves_and_replaced_in_their_slots() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    let slot = |shelf, slot| AttemptSlot { hook: HOOK, shelf, slot };
    let long = "x".repeat(9_000);
    let mut changes = Changes::new();
    changes.put_attempt(slot(AttemptShelf::All, 0), &attempt(1, &long));
    changes.put_attempt(slot(AttemptShelf::All, 1), &attempt(2, "y"));
    changes.put_attempt(slot(AttemptShelf::Errors, 0), &attempt(2, "y"));
    queue.apply([&changes]).unwrap();
    assert_eq!(queue.attempts(HOOK, AttemptShelf::All).unwrap(), [(0, attempt(1, &long)), (1, attempt(2, "y"))]);
    let mut changes = Changes::new();
    changes.put_attempt(slot(AttemptShelf::All, 0), &attempt(3, "z"));
    queue.apply([&changes]).unwrap();
    assert_eq!(queue.attempts(HOOK, AttemptShelf::All).unwrap(), [(0, attempt(3, "z")), (1, attempt(2, "y"))]);
    assert_eq!(queue.attempts(HOOK, AttemptShelf::Errors).unwrap(), [(0, attempt(2, "y"))]);
}

#[test]
fn small_rows_are_read_as_they_were_recorded() {
    let data = tempfile::tempdir().unwrap();
    let window = StoredWindow { boot: [8; 16], taken_ms: vec![1, 2, 90_000] };
    let health = StoredHealth { errors_in_a_row: 10, disabled: true };
    let at = WallTime::from_millis(5);
    let notice = StoredNotice { at, hook: Some(HOOK), kind: "a".to_owned(), text: "b".to_owned(), times: 3 };
    let mut changes = Changes::new();
    changes.put_window("host example.com:443", &window);
    changes.put_health(HOOK, health);
    changes.put_notice(4, &notice);
    changes.put_boot([8; 16], 1_460_813_828_728);
    changes.put_pause(at);
    let (device, sensor) =
        (DeviceId::from_bytes([9; 12]), StoredSensor { bthome: Some(7), mibeacon: None, reading: Some(7) });
    changes.put_sensor(device, sensor);
    let queue = opened(data.path());
    queue.apply([&changes]).unwrap();
    assert_eq!(queue.windows().unwrap(), [("host example.com:443".to_owned(), window)]);
    assert_eq!(queue.healths().unwrap(), [(HOOK, health)]);
    assert_eq!(queue.notices().unwrap(), [(4, notice)]);
    assert_eq!(queue.boots().unwrap(), [([8; 16], 1_460_813_828_728)]);
    assert_eq!(queue.paused_since().unwrap(), Some(at));
    assert_eq!(queue.sensors().unwrap(), [(device, sensor)]);
    let mut changes = Changes::new();
    changes.remove_pause();
    changes.remove_sensor(device);
    queue.apply([&changes]).unwrap();
    assert_eq!(queue.paused_since().unwrap(), None);
    assert_eq!(queue.sensors().unwrap(), []);
}

#[test]
fn events_of_late_are_read_in_their_order_and_replaced_as_a_whole() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    let event = |data: &str| delivery(data).event;
    let long = event(&"x".repeat(20_000));
    let mut kept = vec![event("72"), long.clone(), event("73")];
    for _ in 0..2 {
        queue.apply([&queue.keeping_recent(&kept).unwrap()]).unwrap();
        assert_eq!(queue.recent().unwrap(), kept);
        kept = vec![long.clone()];
    }
    assert_eq!(queue.with(|db| Ok(db.len())).unwrap(), 6, "of the longer list nothing is left");

    queue.with(|db| db.insert(recent::key(1, 0), b"nonsense").map_err(unreadable)).unwrap();
    drop(queue);
    assert_eq!(opened(data.path()).recent().unwrap(), kept, "what cannot be read is left out");
}

#[test]
fn a_full_ring_is_kept_in_one_write() {
    let data = tempfile::tempdir().unwrap();
    let queue = opened(data.path());
    let kept: Vec<_> = (0..2_000).map(|number| delivery(&format!("{number:01000}")).event).collect();
    queue.apply([&queue.keeping_recent(&kept).unwrap()]).unwrap();
    drop(queue);
    let queue = opened(data.path());
    assert_eq!(queue.recent().unwrap(), kept);
    queue.apply([&queue.keeping_recent(&[]).unwrap()]).unwrap();
    assert!(queue.with(|db| Ok(db.is_empty())).unwrap());
}
