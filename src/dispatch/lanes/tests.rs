//! What starts, and in which order.

use std::time::Duration;

use super::*;
use crate::model::DeviceId;

mod order;

const ACCEPTED: AcceptedAt = AcceptedAt::START;
const A: HookId = HookId::from_bytes([0xa; 12]);
const B: HookId = HookId::from_bytes([0xb; 12]);

fn lane(hook: HookId, device: u8) -> LaneKey {
    LaneKey { hook, device: Some(DeviceId::from_bytes([device; 12])) }
}

fn lanes() -> Lanes {
    let mut lanes = Lanes::default();
    lanes.add_hook(A, Some("http://a"), Some("a"));
    lanes.add_hook(B, Some("http://a"), Some("a"));
    lanes
}

fn item(seq: u64) -> Item {
    Item { seq, answers: 0, accepted: ACCEPTED, due_ms: 0, met_silence: false, event: None }
}

fn push(lanes: &mut Lanes, lane: LaneKey, seq: u64) {
    lanes.announce(lane, item(seq), 0);
}

/// Whatever may go, as many at once, nobody out of turn.
fn at_once(per_target: usize) -> Order {
    Order { per_target, interleave: 0 }
}

/// Deliveries in memory.
fn waiting(lanes: &Lanes) -> usize {
    lanes.by_key.values().map(Lane::len).sum()
}

fn started(lanes: &mut Lanes, now_ms: u64) -> Option<u64> {
    lanes.next(now_ms, at_once(100), |_| Ok(())).ok().map(|start| start.item.seq)
}

#[test]
fn a_lane_goes_one_after_the_other() {
    let mut lanes = lanes();
    let kitchen = lane(A, 1);
    push(&mut lanes, kitchen, 1);
    push(&mut lanes, kitchen, 2);
    assert_eq!(started(&mut lanes, 0), Some(1));
    assert_eq!(started(&mut lanes, 0), None);
    lanes.finish(kitchen).unwrap();
    assert_eq!(started(&mut lanes, 0), None, "its results are not out yet");
    lanes.release(kitchen);
    assert_eq!(started(&mut lanes, 0), Some(2));
}

#[test]
fn devices_go_in_parallel() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 2), 2);
    assert_eq!([started(&mut lanes, 0), started(&mut lanes, 0)], [Some(1), Some(2)]);
}

#[test]
fn a_long_backlog_of_one_hook_does_not_delay_another() {
    let mut lanes = lanes();
    for device in 0..200 {
        push(&mut lanes, lane(A, device), u64::from(device));
    }
    push(&mut lanes, lane(B, 1), 1_000);
    let first_three = [started(&mut lanes, 0), started(&mut lanes, 0), started(&mut lanes, 0)];
    assert!(first_three.contains(&Some(1_000)), "{first_three:?}");
}

#[test]
fn no_more_than_allowed_go_to_one_target_at_once() {
    let mut lanes = lanes();
    for device in 0..5 {
        push(&mut lanes, lane(A, device), u64::from(device));
    }
    let start = |lanes: &mut Lanes| lanes.next(0, at_once(2), |_| Ok(())).map(|start| start.lane);
    let first = start(&mut lanes).unwrap();
    start(&mut lanes).unwrap();
    assert_eq!(start(&mut lanes), Err(None));
    lanes.finish(first);
    assert!(start(&mut lanes).is_ok());
}

#[test]
fn a_delivery_that_was_put_off_keeps_its_place_and_holds_its_lane() {
    let mut lanes = lanes();
    let kitchen = lane(A, 1);
    push(&mut lanes, kitchen, 1);
    push(&mut lanes, kitchen, 2);
    started(&mut lanes, 0).unwrap();
    lanes.put_off(kitchen, 500);
    assert_eq!(lanes.next(499, at_once(100), |_| Ok(())).map(|start| start.item.seq), Err(Some(500)));
    assert_eq!(started(&mut lanes, 500), Some(1));
}

#[test]
fn a_held_hook_keeps_what_waits_until_it_is_resumed() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    lanes.hold(A);
    push(&mut lanes, lane(A, 2), 2);
    assert_eq!(started(&mut lanes, 0), None);
    assert_eq!(waiting(&lanes), 2);
    lanes.resume(A);
    assert_eq!([started(&mut lanes, 0), started(&mut lanes, 0)], [Some(1), Some(2)]);
}

#[test]
fn a_removed_hook_leaves_nothing_behind() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 1), 2);
    started(&mut lanes, 0).unwrap();
    lanes.remove_hook(A);
    assert_eq!(waiting(&lanes), 0);
    assert!(lanes.finish(lane(A, 1)).is_none());
    push(&mut lanes, lane(B, 1), 3);
    assert_eq!(started(&mut lanes, 0), Some(3));
}

#[test]
fn the_hosts_limit_says_when_to_ask_again() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    assert_eq!(lanes.next(0, at_once(100), |_| Err(60_000)).map(|start| start.item.seq), Err(Some(60_000)));
    assert_eq!(started(&mut lanes, 60_000), Some(1));
}

#[test]
fn events_leave_memory_when_many_wait() {
    let mut lanes = lanes();
    let event = crate::store::tests::delivery("72").event;
    for seq in 0..3 {
        let item = Item { event: Some(Arc::clone(&event)), ..item(seq) };
        let room_for_two = 2 * item.event_bytes();
        lanes.announce(lane(A, 1), item, room_for_two);
    }
    assert_eq!(Arc::strong_count(&event), 3);
}

#[test]
fn an_attempt_that_outlives_its_hook_gives_its_place_at_the_target_back() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 2), 2);
    push(&mut lanes, lane(B, 1), 3);
    let start = |lanes: &mut Lanes| lanes.next(0, at_once(2), |_| Ok(())).map(|start| start.lane);
    let under_way = [start(&mut lanes).unwrap(), start(&mut lanes).unwrap()];
    let of_a = under_way.into_iter().find(|lane| lane.hook == A).unwrap();
    lanes.remove_hook(A);
    assert_eq!(lanes.under_way(), 2);
    lanes.finish(of_a);
    assert_eq!(lanes.under_way(), 1);
    push(&mut lanes, lane(B, 2), 4);
    assert!(start(&mut lanes).is_ok());
}

#[test]
fn a_delivery_of_before_the_restart_rests_until_its_time_and_holds_its_lane() {
    let mut lanes = lanes();
    lanes.announce(lane(A, 1), Item { due_ms: 500, ..item(1) }, 0);
    push(&mut lanes, lane(A, 1), 2);
    push(&mut lanes, lane(A, 2), 3);
    assert_eq!(started(&mut lanes, 0), Some(3));
    assert_eq!(lanes.next(499, at_once(100), |_| Ok(())).map(|start| start.item.seq), Err(Some(500)));
    assert_eq!(started(&mut lanes, 500), Some(1));
}

#[test]
fn a_rest_that_ends_while_the_hook_is_held_does_not_start_it() {
    let mut lanes = lanes();
    lanes.announce(lane(A, 1), Item { due_ms: 500, ..item(1) }, 0);
    lanes.hold(A);
    assert_eq!(started(&mut lanes, 500), None);
    lanes.resume(A);
    assert_eq!(started(&mut lanes, 499), None, "its rest is not over for that");
    assert_eq!(started(&mut lanes, 500), Some(1));
}

#[test]
fn a_delivery_that_was_put_back_starts_again_before_those_behind_it() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 1), 2);
    started(&mut lanes, 0).unwrap();
    assert!(!lanes.put_back(lane(A, 1)), "it is the first time");
    assert_eq!((waiting(&lanes), lanes.under_way()), (2, 0));
    assert_eq!(started(&mut lanes, 0), Some(1));
    assert!(lanes.put_back(lane(A, 1)), "it is not");
    started(&mut lanes, 0).unwrap();
    lanes.note_answers(lane(A, 1), 1);
    assert!(!lanes.put_back(lane(A, 1)), "there was an answer in between");
}

#[test]
fn the_answers_of_a_delivery_are_counted_until_it_leaves() {
    let mut lanes = lanes();
    let kitchen = lane(A, 1);
    lanes.announce(kitchen, Item { answers: 3, ..item(1) }, 0);
    push(&mut lanes, kitchen, 2);
    assert_eq!(lanes.answers(kitchen), 3, "they come from before the restart");
    started(&mut lanes, 0).unwrap();
    lanes.note_answers(kitchen, 4);
    lanes.put_off(kitchen, 10);
    assert_eq!(lanes.answers(kitchen), 4);
    started(&mut lanes, 10).unwrap();
    assert_eq!(lanes.finish(kitchen).unwrap().answers, 4);
    assert_eq!(lanes.answers(kitchen), 0, "the next one had none");
    assert_eq!(lanes.answers(lane(B, 1)), 0);
}

#[test]
fn a_hook_whose_events_choose_the_host_is_a_target_of_its_own_and_asks_for_no_leave() {
    let mut lanes = Lanes::default();
    lanes.add_hook(A, None, None);
    lanes.add_hook(B, None, None);
    lanes.target(A).unwrap().was_silent(0, 0, 0.0, Duration::MAX);
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(B, 1), 2);
    let mut asked = Vec::new();
    let start = lanes.next(0, at_once(100), |host| {
        asked.push(host.map(str::to_owned));
        Ok(())
    });
    assert_eq!(start.unwrap().item.seq, 2, "only the other one is down");
    assert_eq!(asked, [None]);
    assert_eq!(lanes.targets_down(), 1);
}

#[test]
fn a_hook_with_another_address_goes_over_with_what_waits() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 1), 2);
    push(&mut lanes, lane(A, 2), 3);
    assert_eq!(started(&mut lanes, 0), Some(1));
    lanes.target(A).unwrap().was_silent(0, 0, 0.0, Duration::MAX);
    lanes.remove_hook(B);
    lanes.add_hook(A, Some("http://b"), Some("b"));
    // What waits goes to the new one, which is not silent.
    let mut asked = Vec::new();
    let start = lanes.next(0, at_once(100), |host| {
        asked.push(host.map(str::to_owned));
        Ok(())
    });
    assert_eq!((start.unwrap().item.seq, asked), (3, vec![Some("b".to_owned())]));
    // What was under way is the old one's, which is forgotten with it.
    assert!(lanes.asked(lane(A, 1)).is_some_and(|target| target.is_down()));
    assert_eq!(lanes.targets().map(|(name, _)| name).collect::<Vec<_>>(), ["http://a", "http://b"]);
    lanes.finish(lane(A, 1)).unwrap();
    lanes.release(lane(A, 1));
    assert_eq!(started(&mut lanes, 0), Some(2));
    assert_eq!(lanes.targets().map(|(name, _)| name).collect::<Vec<_>>(), ["http://b"]);
}

#[test]
fn a_held_hook_with_another_address_stays_held() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    lanes.hold(A);
    lanes.add_hook(A, Some("http://b"), Some("b"));
    assert_eq!(started(&mut lanes, 0), None);
    lanes.resume(A);
    assert_eq!(started(&mut lanes, 0), Some(1));
}

#[test]
fn hooks_of_one_target_share_its_silence_and_its_host_is_asked_by_name() {
    let mut lanes = lanes();
    lanes.target(A).unwrap().was_silent(0, 0, 0.0, Duration::MAX);
    push(&mut lanes, lane(B, 1), 1);
    assert_eq!(lanes.next(0, at_once(100), |_| Ok(())).map(|start| start.item.seq), Err(Some(1_000)));
    let start = lanes.next(1_000, at_once(100), |host| if host == Some("a") { Ok(()) } else { Err(9) });
    assert_eq!(start.unwrap().item.seq, 1);
}

#[test]
fn a_target_is_woken_by_its_name_or_host_if_something_may_be_sent_to_it() {
    let mut lanes = lanes();
    let c = HookId::from_bytes([0xc; 12]);
    lanes.add_hook(c, Some("https://a"), Some("a"));
    let named = |target: &str| target.to_owned();
    assert_eq!(lanes.wake(Some("b"), 0), Err(WakeRefusal::NoTarget { target: named("b") }));
    assert_eq!(lanes.wake(Some("a"), 0), Err(WakeRefusal::NotDown { target: named("a") }));
    for hook in [A, c] {
        lanes.target(hook).unwrap().was_silent(0, 0, 0.0, Duration::MAX);
    }
    assert_eq!(lanes.wake(Some("a"), 1), Err(WakeRefusal::NothingToSend { target: named("a") }));
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(B, 2), 2);
    push(&mut lanes, lane(c, 3), 3);
    assert_eq!(started(&mut lanes, 1), None);
    assert_eq!(lanes.wake(Some("https://a"), 1), Ok(vec![named("https://a")]));
    assert_eq!(
        lanes.next(1, at_once(100), |_| Err(500)).map(|start| start.item.seq),
        Err(Some(500)),
        "the limit holds"
    );
    assert_eq!(lanes.wake(Some("a"), 1), Ok(vec![named("http://a"), named("https://a")]));
    assert_eq!([started(&mut lanes, 1), started(&mut lanes, 1), started(&mut lanes, 1)], [Some(1), Some(3), None]);
    assert_eq!(lanes.wake(None, 2), Ok(vec![]), "both are being asked");
}

#[test]
fn a_target_is_forgotten_with_the_last_of_its_hooks() {
    let mut lanes = lanes();
    lanes.target(A).unwrap().was_silent(0, 0, 0.0, Duration::MAX);
    push(&mut lanes, lane(A, 1), 1);
    started(&mut lanes, 60_000).unwrap();
    lanes.remove_hook(A);
    lanes.remove_hook(B);
    assert_eq!(lanes.targets_down(), 1, "an attempt is still under way there");
    lanes.finish(lane(A, 1));
    assert_eq!((lanes.targets_down(), lanes.under_way()), (0, 0));
    assert!(lanes.target(A).is_none());
}

#[test]
fn memory_that_a_delivered_event_took_is_free_for_the_next() {
    let mut lanes = lanes();
    let event = &crate::store::tests::delivery("72").event;
    let push = |lanes: &mut Lanes, device, seq| {
        lanes.announce(lane(A, device), Item { event: Some(Arc::clone(event)), ..item(seq) }, 1);
    };
    push(&mut lanes, 1, 1);
    push(&mut lanes, 2, 2);
    let in_memory = |lanes: &mut Lanes| lanes.next(0, at_once(100), |_| Ok(())).unwrap().item.event.is_some();
    assert_eq!([in_memory(&mut lanes), in_memory(&mut lanes)], [true, false]);
    lanes.finish(lane(A, 1));
    push(&mut lanes, 3, 3);
    assert!(in_memory(&mut lanes));
}

#[test]
fn a_lane_of_before_the_restart_comes_page_by_page() {
    let mut lanes = lanes();
    lanes.open(lane(A, 1));
    assert_eq!(started(&mut lanes, 0), None);
    assert_eq!(lanes.pages_to_read(), [(lane(A, 1), Behind(None))]);
    assert_eq!(lanes.pages_to_read(), []);
    lanes.fill(lane(A, 1), Some(Filling { items: vec![item(4)], last_seq: Some(4), is_last: false }), 0);
    assert_eq!(started(&mut lanes, 0), Some(4));
    assert_eq!(lanes.pages_to_read(), [(lane(A, 1), Behind(Some(4)))]);
    lanes.finish(lane(A, 1));
    lanes.release(lane(A, 1));
    assert_eq!(started(&mut lanes, 0), None);
    lanes.fill(lane(A, 1), Some(Filling { items: vec![item(5)], last_seq: Some(5), is_last: true }), 0);
    assert_eq!(started(&mut lanes, 0), Some(5));
    lanes.finish(lane(A, 1));
    lanes.release(lane(A, 1));
    assert!(lanes.by_key.is_empty());
}

#[test]
fn who_has_just_published_comes_one_time_in_four() {
    let mut lanes = lanes();
    for device in 0..100 {
        lanes.open(lane(A, device));
        lanes.fill(lane(A, device), Some(Filling { items: vec![item(1)], last_seq: Some(1), is_last: true }), 0);
    }
    push(&mut lanes, lane(A, 200), 7);
    push(&mut lanes, lane(A, 201), 8);
    let order = Order { per_target: 1_000, interleave: 4 };
    let seqs: Vec<u64> = (0..8).map(|_| lanes.next(0, order, |_| Ok(())).unwrap().item.seq).collect();
    assert_eq!(seqs, [1, 1, 1, 7, 1, 1, 1, 8]);
}

#[test]
fn what_is_taken_out_is_not_started_and_what_is_under_way_goes_on() {
    let mut lanes = lanes();
    let key = |seq| DeliveryKey { lane: lane(A, 1), seq };
    (1..=3).for_each(|seq| push(&mut lanes, lane(A, 1), seq));
    assert_eq!(lanes.oldest(A), Some(key(1)));
    lanes.take_out(key(1)).unwrap();
    assert_eq!((started(&mut lanes, 0), lanes.take_out(key(2))), (Some(2), Err(NotWaiting)));
    assert_eq!(lanes.oldest(A), Some(key(3)));
    lanes.take_out(key(3)).unwrap();
    lanes.finish(lane(A, 1));
    lanes.release(lane(A, 1));
    assert!(lanes.by_key.is_empty());
    push(&mut lanes, lane(A, 1), 4);
    lanes.take_out(key(4)).unwrap();
    assert!(lanes.by_key.is_empty() && started(&mut lanes, 0).is_none());
}

#[test]
fn what_is_too_old_ends_even_if_its_target_is_down_or_its_hook_held() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(B, 1), 2);
    lanes.target(A).unwrap().was_silent(0, 0, 0.0, Duration::MAX);
    lanes.hold(B);
    let max_age = |hook| if hook == A { Duration::from_secs(5) } else { Duration::from_secs(9) };
    let expired = |lanes: &mut Lanes, now_ms| -> Vec<u64> {
        lanes.start_expired(now_ms, 10, max_age).iter().map(|start| start.item.seq).collect()
    };
    assert_eq!(expired(&mut lanes, 5_000), [] as [u64; 0]);
    assert_eq!(expired(&mut lanes, 5_001), [1]);
    assert_eq!(expired(&mut lanes, 9_001), [2], "the other one is under way");
    for lane in [lane(A, 1), lane(B, 1)] {
        lanes.finish(lane);
        lanes.release(lane);
    }
    assert!(lanes.by_key.is_empty() && lanes.under_way() == 0);
}

#[test]
fn a_held_hook_is_tried_with_its_oldest() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 2), 5);
    push(&mut lanes, lane(A, 1), 7);
    assert!(lanes.try_held(A).is_none(), "it is not held");
    lanes.hold(A);
    assert_eq!(lanes.try_held(A).unwrap().item.seq, 5);
    assert!(lanes.is_under_way(A));
    lanes.finish(lane(A, 2));
    lanes.release(lane(A, 2));
    assert_eq!(started(&mut lanes, 0), None, "it is held");
    lanes.resume(A);
    assert_eq!(started(&mut lanes, 0), Some(7));
}

#[test]
fn a_held_hook_of_which_everything_was_taken_out_is_resumed_with_nothing() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    lanes.hold(A);
    lanes.take_out(DeliveryKey { lane: lane(A, 1), seq: 1 }).unwrap();
    assert!(lanes.by_key.is_empty());
    lanes.open(lane(A, 2));
    lanes.resume(A);
    assert_eq!(started(&mut lanes, 0), None, "its page was not read yet");
    lanes.fill(lane(A, 2), Some(Filling { items: vec![item(2)], last_seq: Some(2), is_last: true }), 0);
    assert_eq!(started(&mut lanes, 0), Some(2));
}

#[test]
fn a_page_that_cannot_be_read_is_not_asked_for_at_once() {
    let mut lanes = lanes();
    lanes.open(lane(A, 1));
    assert_eq!(lanes.pages_to_read().len(), 1);
    lanes.fill(lane(A, 1), None, 0);
    assert_eq!(lanes.pages_to_read(), []);
    lanes.retry_pages();
    assert_eq!(lanes.pages_to_read().len(), 1);
}
