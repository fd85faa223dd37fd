//! What starts, and in which order.

use std::time::Duration;

use super::*;

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

fn push(lanes: &mut Lanes, lane: LaneKey, seq: u64) {
    lanes.push(lane, Item { seq, answers: 0, accepted: ACCEPTED, event: None }, 0);
}

fn started(lanes: &mut Lanes, now_ms: u64) -> Option<u64> {
    lanes.next(now_ms, 100, |_| Ok(())).ok().map(|start| start.item.seq)
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
    let start = |lanes: &mut Lanes| lanes.next(0, 2, |_| Ok(())).map(|start| start.lane);
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
    assert_eq!(lanes.next(499, 100, |_| Ok(())).map(|start| start.item.seq), Err(Some(500)));
    assert_eq!(started(&mut lanes, 500), Some(1));
}

#[test]
fn a_held_hook_keeps_what_waits_until_it_is_resumed() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    lanes.hold(A);
    push(&mut lanes, lane(A, 2), 2);
    assert_eq!(started(&mut lanes, 0), None);
    assert_eq!(lanes.waiting(), 2);
    lanes.resume(A);
    assert_eq!([started(&mut lanes, 0), started(&mut lanes, 0)], [Some(1), Some(2)]);
}

#[test]
fn a_removed_hook_leaves_nothing_behind() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 1), 2);
    started(&mut lanes, 0).unwrap();
    assert_eq!(lanes.remove_hook(A), [1, 2]);
    assert_eq!(lanes.waiting(), 0);
    assert!(lanes.finish(lane(A, 1)).is_none());
    push(&mut lanes, lane(B, 1), 3);
    assert_eq!(started(&mut lanes, 0), Some(3));
}

#[test]
fn the_hosts_limit_says_when_to_ask_again() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    assert_eq!(lanes.next(0, 100, |_| Err(60_000)).map(|start| start.item.seq), Err(Some(60_000)));
    assert_eq!(started(&mut lanes, 60_000), Some(1));
}

#[test]
fn events_leave_memory_when_many_wait() {
    let mut lanes = lanes();
    let event = crate::store::tests::delivery("72").event;
    for seq in 0..3 {
        lanes.push(lane(A, 1), Item { seq, answers: 0, accepted: ACCEPTED, event: Some(Arc::clone(&event)) }, 2);
    }
    assert_eq!(Arc::strong_count(&event), 3);
}

#[test]
fn an_attempt_that_outlives_its_hook_gives_its_place_at_the_target_back() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 2), 2);
    push(&mut lanes, lane(B, 1), 3);
    let start = |lanes: &mut Lanes| lanes.next(0, 2, |_| Ok(())).map(|start| start.lane);
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
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 1), 2);
    push(&mut lanes, lane(A, 2), 3);
    lanes.rest(lane(A, 1), 500);
    assert_eq!(started(&mut lanes, 0), Some(3));
    assert_eq!(lanes.next(499, 100, |_| Ok(())).map(|start| start.item.seq), Err(Some(500)));
    assert_eq!(started(&mut lanes, 500), Some(1));
}

#[test]
fn a_rest_that_ends_while_the_hook_is_held_does_not_start_it() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    lanes.rest(lane(A, 1), 500);
    lanes.hold(A);
    assert_eq!(started(&mut lanes, 500), None);
    lanes.resume(A);
    assert_eq!(started(&mut lanes, 500), Some(1));
}

#[test]
fn a_delivery_that_was_put_back_starts_again_before_those_behind_it() {
    let mut lanes = lanes();
    push(&mut lanes, lane(A, 1), 1);
    push(&mut lanes, lane(A, 1), 2);
    started(&mut lanes, 0).unwrap();
    lanes.put_back(lane(A, 1));
    assert_eq!((lanes.waiting(), lanes.under_way()), (2, 0));
    assert_eq!(started(&mut lanes, 0), Some(1));
}

#[test]
fn the_answers_of_a_delivery_are_counted_until_it_leaves() {
    let mut lanes = lanes();
    let kitchen = lane(A, 1);
    lanes.push(kitchen, Item { seq: 1, answers: 3, accepted: ACCEPTED, event: None }, 0);
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
    let start = lanes.next(0, 100, |host| {
        asked.push(host.map(str::to_owned));
        Ok(())
    });
    assert_eq!(start.unwrap().item.seq, 2, "only the other one is down");
    assert_eq!(asked, [None]);
    assert_eq!(lanes.targets_down(), 1);
}

#[test]
fn hooks_of_one_target_share_its_silence_and_its_host_is_asked_by_name() {
    let mut lanes = lanes();
    lanes.target(A).unwrap().was_silent(0, 0, 0.0, Duration::MAX);
    push(&mut lanes, lane(B, 1), 1);
    assert_eq!(lanes.next(0, 100, |_| Ok(())).map(|start| start.item.seq), Err(Some(1_000)));
    let start = lanes.next(1_000, 100, |host| if host == Some("a") { Ok(()) } else { Err(9) });
    assert_eq!(start.unwrap().item.seq, 1);
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
        lanes.push(lane(A, device), Item { seq, answers: 0, accepted: ACCEPTED, event: Some(Arc::clone(event)) }, 1);
    };
    push(&mut lanes, 1, 1);
    push(&mut lanes, 2, 2);
    let in_memory = |lanes: &mut Lanes| lanes.next(0, 100, |_| Ok(())).unwrap().item.event.is_some();
    assert_eq!([in_memory(&mut lanes), in_memory(&mut lanes)], [true, false]);
    lanes.finish(lane(A, 1));
    push(&mut lanes, 3, 3);
    assert!(in_memory(&mut lanes));
}
