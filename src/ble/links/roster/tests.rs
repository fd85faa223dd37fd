use super::*;

fn address(number: u8) -> Address {
    Address::from_bytes([0xc0, 0, 0, 0, 0, number])
}

fn peer(number: u8) -> Peer {
    Peer { device: DeviceId::from_bytes([number; 12]), link: Link::Uart, key: None }
}

fn roster(slots: usize, numbers: &[u8]) -> Roster {
    let mut roster = Roster::default();
    roster.set_slots(slots);
    roster.adopt(numbers.iter().map(|number| (address(*number), peer(*number))).collect(), |_| false);
    roster
}

fn connects(roster: &mut Roster, number: u8, now_ms: u64) -> Effort {
    match roster.next(now_ms) {
        Next::Connect(to, other, effort) => {
            assert_eq!((to, other), (address(number), peer(number)));
            effort
        }
        Next::Wait(until_ms) => panic!("it waits: {until_ms:?}"),
    }
}

fn failed() -> End {
    End::Failed("it does not answer".to_owned())
}

fn reason(roster: &Roster, number: u8) -> (LinkState, Option<String>) {
    let report = roster.report(true).remove(&DeviceId::from_bytes([number; 12])).unwrap();
    (report.state, report.reason)
}

#[test]
fn who_was_heard_is_connected_to_and_one_at_a_time() {
    let mut roster = roster(4, &[1, 2]);
    assert_eq!(roster.next(0), Next::Wait(None));
    roster.known(address(1), false, 0);
    roster.known(address(2), true, 0);
    roster.known(address(3), true, 0);
    // Who was heard of late comes before whom the system remembers.
    connects(&mut roster, 2, 5_000);
    assert_eq!(roster.next(5_000), Next::Wait(None));
    roster.connected(address(2));
    assert_eq!(reason(&roster, 2), (LinkState::Connecting, None));
    connects(&mut roster, 1, 5_000);
    roster.greeted(address(2), 6_000);
    assert_eq!(reason(&roster, 2), (LinkState::Connected, None));
}

#[test]
fn what_fails_is_tried_less_and_less_often_with_more_and_more_effort() {
    let mut roster = roster(4, &[1]);
    roster.known(address(1), true, 0);
    let mut now_ms = 0;
    for (pause_s, effort) in [
        (1, Effort::Plain),
        (2, Effort::Plain),
        (4, Effort::Plain),
        (8, Effort::Quiet),
        // The scan does not rest again so soon.
        (16, Effort::Plain),
        (32, Effort::Fresh),
        (64, Effort::Plain),
        (128, Effort::Quiet),
        (256, Effort::Quiet),
        (300, Effort::Quiet),
        (300, Effort::Fresh),
    ] {
        assert_eq!(connects(&mut roster, 1, now_ms), effort);
        roster.ended(address(1), &failed(), now_ms, 0.5);
        let again_ms = now_ms + pause_s * 1_000;
        assert_eq!(roster.next(again_ms - 1), Next::Wait(Some(again_ms)));
        now_ms = again_ms;
    }
    assert_eq!(reason(&roster, 1), (LinkState::Waiting, Some("it does not answer".to_owned())));
    assert_eq!((backoff_ms(1, 0.0), backoff_ms(60, 1.0)), (800, 360_000));
}

#[test]
fn a_connection_that_held_is_no_failure_and_one_that_the_gateway_ends_is_none_at_all() {
    let mut roster = roster(4, &[1]);
    roster.known(address(1), true, 0);
    for _ in 0..3 {
        let now_ms = 1_000_000;
        connects(&mut roster, 1, now_ms);
        roster.ended(address(1), &failed(), 0, 0.5);
    }
    connects(&mut roster, 1, 1_000_000);
    roster.greeted(address(1), 1_000_000);
    roster.ended(address(1), &failed(), 1_000_000 + STABLE_MS, 0.5);
    assert_eq!(roster.next(1_000_000 + STABLE_MS), Next::Wait(Some(1_001_000 + STABLE_MS)));
    connects(&mut roster, 1, 2_000_000);
    roster.ended(address(1), &End::Ours, 2_000_000, 0.5);
    connects(&mut roster, 1, 2_000_000);
}

#[test]
fn a_device_that_sleeps_between_its_events_is_connected_to_soon_whenever_it_wakes_up() {
    let mut roster = roster(4, &[1]);
    let mut now_ms = 0;
    for _ in 0..20 {
        roster.known(address(1), true, now_ms);
        assert_eq!(connects(&mut roster, 1, now_ms), Effort::Plain);
        roster.greeted(address(1), now_ms + 1_000);
        roster.ended(address(1), &failed(), now_ms + 3_000, 0.5);
        now_ms += 5_000;
    }
}

#[test]
fn without_a_radio_nobody_waits_for_their_turn() {
    let roster = roster(4, &[1]);
    let report = roster.report(false).remove(&DeviceId::from_bytes([1; 12])).unwrap();
    assert!(report.reason.unwrap().contains("radio"));
}

#[test]
fn whom_the_system_has_forgotten_has_to_be_heard_first() {
    let mut roster = roster(4, &[1]);
    roster.known(address(1), true, 0);
    connects(&mut roster, 1, 0);
    roster.ended(address(1), &End::Unknown("it is gone".to_owned()), 0, 0.5);
    assert_eq!(roster.next(100_000), Next::Wait(None));
    roster.known(address(1), true, 100_000);
    connects(&mut roster, 1, 100_000);
}

#[test]
fn there_are_only_so_many_connections() {
    let mut roster = roster(1, &[1, 2]);
    roster.known(address(1), true, 0);
    connects(&mut roster, 1, 0);
    roster.greeted(address(1), 0);
    roster.known(address(2), true, 0);
    assert_eq!(roster.next(0), Next::Wait(None));
    assert!(reason(&roster, 2).1.unwrap().contains("ble.links = 1"));
    roster.ended(address(1), &failed(), 0, 0.5);
    connects(&mut roster, 2, 0);
}

#[test]
fn who_is_not_wanted_any_more_or_in_another_way_is_disconnected_first() {
    let mut roster = roster(4, &[1, 2]);
    for number in [1, 2] {
        roster.known(address(number), true, 0);
        connects(&mut roster, number, 0);
        roster.greeted(address(number), 0);
    }
    let keyed = Peer { link: Link::Farhook, key: Some(LinkKey::of_text("key")), ..peer(2) };
    roster.adopt([(address(2), keyed.clone())].into(), |_| false);
    let mut ending = roster.take_ending();
    ending.sort();
    assert_eq!(ending, [address(1), address(2)]);
    assert_eq!(roster.next(0), Next::Wait(None));
    roster.ended(address(1), &End::Ours, 0, 0.5);
    roster.ended(address(2), &End::Ours, 0, 0.5);
    assert_eq!(roster.report(true).len(), 1);
    assert_eq!(roster.next(0), Next::Connect(address(2), keyed, Effort::Plain));
}

#[test]
fn a_radio_that_begins_anew_tries_everybody_at_once() {
    let mut roster = roster(4, &[1]);
    roster.known(address(1), true, 0);
    connects(&mut roster, 1, 0);
    roster.ended(address(1), &failed(), 0, 0.5);
    roster.start_over();
    assert_eq!(connects(&mut roster, 1, 0), Effort::Plain);
}

#[test]
fn without_its_key_a_device_cannot_prove_anything() {
    let mut roster = Roster::default();
    roster.set_slots(4);
    let peer = Peer { link: Link::Farhook, ..peer(1) };
    roster.adopt([(address(1), peer)].into(), |_| true);
    assert_eq!(roster.next(0), Next::Wait(None));
    assert!(reason(&roster, 1).1.unwrap().contains("device key"));
}
