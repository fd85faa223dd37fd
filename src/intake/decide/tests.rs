//! What becomes of publications: one test for each rule of the desk.

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::bus::ResendMark;
use crate::intake::room::tests::Holding;
use crate::limits::Meters;
use crate::model::Description;
use crate::model::Device;
use crate::model::EventNameError;
use crate::model::ProductId;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::samples::OWNER;
use crate::registry::samples::device;
use crate::registry::samples::hook;
use crate::registry::samples::snapshot;

const STRANGER: UserId = UserId::from_bytes([0xee; 12]);

/// A desk, who is registered, what waits, and the time.
struct Scene {
    desk: Desk,
    presence: Presence,
    registry: Arc<Snapshot>,
    config: Config,
    stock: Holding,
    now_ms: u64,
}

impl Scene {
    fn new(devices: impl IntoIterator<Item = Device>, hooks: impl IntoIterator<Item = Arc<Hook>>) -> Self {
        let presence = Presence::default();
        let known = Known { next_seq: 7, resends: Resends::default(), boot: BOOT };
        let desk = Desk { presence: presence.clone(), ..desk(known) };
        let stock = Holding { items: 0, free_bytes: u64::MAX };
        Self { desk, presence, registry: snapshot(devices, hooks), config: Config::default(), stock, now_ms: 0 }
    }

    fn decide(&mut self, publication: &Publication) -> Decision {
        self.desk.decide(publication, &self.registry, &self.config, &self.stock, at(self.now_ms))
    }
}

fn desk(known: Known) -> Desk {
    let limits = Config::default().limits;
    let meters = Meters::restore(limits.device_per_minute, None, &[], BOOT, 0);
    let retained = Retained::restore(Vec::new(), BOOT);
    Desk::new(Chance::from_seed(1), known, meters.devices, Presence::default(), retained)
}

const BOOT: [u8; 16] = [1; 16];

/// An accepted publication.
struct Accepted {
    event: Arc<Event>,
    deliveries: Vec<DeliveryKey>,
    dropped: Vec<Dropped>,
    is_written: bool,
    notice: Option<Arc<Event>>,
}

fn at(mono_ms: u64) -> Now {
    Now { mono_ms, wall: WallTime::from_millis(1_460_813_828_728) }
}

fn by_device(number: u8, name: &str) -> Publication {
    let publisher = Publisher::Device(DeviceId::from_bytes([number; 12]));
    Publication {
        name: name.to_owned(),
        data: "72".into(),
        ttl_s: None,
        publisher,
        resend: None,
        publishing: Publishing::default(),
    }
}

fn by_user(name: &str) -> Publication {
    Publication { ttl_s: None, publisher: Publisher::user(OWNER), ..by_device(1, name) }
}

fn sent(packet_id: u16, dup: bool, data: &'static str) -> Publication {
    let resend = Some(ResendMark { session: 9, packet_id, dup, is_held: false });
    Publication { resend, data: data.into(), ..by_device(1, "temp") }
}

fn on(number: u8, event: &str) -> Arc<Hook> {
    hook(number, &json!({ "event": event, "url": "http://example.com/" }))
}

fn of_stranger(hook: &Hook) -> Arc<Hook> {
    Arc::new(Hook { owner: STRANGER, ..hook.clone() })
}

fn accepted(decision: Decision) -> Accepted {
    match decision {
        Decision::Accepted { event, deliveries, dropped, changes, notices, .. } => {
            let deliveries = deliveries.iter().map(|triggered| triggered.key).collect();
            Accepted { event, deliveries, dropped, is_written: changes.is_some(), notice: notices }
        }
        Decision::Refused { refusal, .. } => panic!("refused: {refusal}"),
        Decision::Resent { .. } => panic!("taken for a resend"),
        Decision::Said { .. } => panic!("taken for something else"),
    }
}

fn refused(decision: Decision) -> (Refusal, Option<Arc<Event>>) {
    match decision {
        Decision::Refused { refusal, notice, .. } => (refusal, notice),
        Decision::Accepted { .. } | Decision::Resent { .. } | Decision::Said { .. } => panic!("it was not refused"),
    }
}

fn key(hook: u8, seq: u64) -> DeliveryKey {
    DeliveryKey {
        lane: LaneKey { hook: HookId::from_bytes([hook; 12]), device: Some(DeviceId::from_bytes([1; 12])) },
        seq,
    }
}

#[test]
fn an_event_is_stored_once_for_each_hook_that_it_matches_with_growing_numbers() {
    let mut scene = Scene::new([device(1)], [on(3, "temp"), on(4, "te"), on(5, "humidity")]);
    let first = accepted(scene.decide(&by_device(1, "temp")));
    let second = accepted(scene.decide(&by_device(1, "temperature")));
    assert_eq!(first.deliveries, [key(3, 7), key(4, 8)]);
    assert_eq!(second.deliveries, [key(3, 9), key(4, 10)]);
    assert!(first.is_written && second.is_written);
}

#[test]
fn an_event_is_its_publishers_and_carries_what_was_published() {
    let mut scene = Scene::new([device(1)], []);
    let event = accepted(scene.decide(&by_device(1, "temp"))).event;
    assert_eq!(event.source, Source::Device(DeviceId::from_bytes([1; 12])));
    assert_eq!((event.name.as_str(), event.data.as_str(), event.owner), ("temp", "72", OWNER));
    assert_eq!(event.published_at, at(0).wall);
}

#[test]
fn an_event_that_no_hook_wants_writes_nothing() {
    let mut scene = Scene::new([device(1)], [on(3, "humidity")]);
    let passed_on = accepted(scene.decide(&by_device(1, "temp")));
    assert_eq!(passed_on.deliveries, []);
    assert!(!passed_on.is_written);
    assert_eq!(passed_on.notice, None);
}

#[test]
fn a_hook_that_its_user_disabled_skips_events() {
    let disabled = hook(3, &json!({ "event": "temp", "url": "http://example.com/", "disabled": true }));
    let mut scene = Scene::new([device(1)], [disabled, on(4, "temp")]);
    assert_eq!(accepted(scene.decide(&by_device(1, "temp"))).deliveries, [key(4, 7)]);
}

#[test]
fn an_event_triggers_only_hooks_of_its_owner() {
    let mut scene = Scene::new([device(1)], [of_stranger(&on(3, "temp")), on(4, "temp")]);
    assert_eq!(accepted(scene.decide(&by_device(1, "temp"))).deliveries, [key(4, 7)]);
}

#[test]
fn the_eleventh_trigger_in_a_minute_is_dropped_and_says_so_once_a_minute() {
    let mut scene = Scene::new([device(1), device(2)], [on(3, "temp")]);
    for _ in 0..10 {
        let taken = accepted(scene.decide(&by_device(1, "temp")));
        assert_eq!((taken.deliveries.len(), taken.notice), (1, None));
    }

    let eleventh = accepted(scene.decide(&by_device(1, "temp")));
    assert_eq!(eleventh.deliveries, []);
    assert!(!eleventh.is_written, "a dropped trigger costs the disk nothing");
    let notice = eleventh.notice.unwrap();
    assert_eq!(
        (notice.name.as_str(), notice.data.as_str()),
        ("hook-error/temp/0", "device limit: 10 hooks per minute")
    );
    assert_eq!(notice.source, Source::Gateway { device: Some(DeviceId::from_bytes([1; 12])) });

    scene.now_ms = 59_999;
    assert_eq!(accepted(scene.decide(&by_device(1, "temp"))).notice, None, "it was told in this minute");
    assert_eq!(accepted(scene.decide(&by_device(2, "temp"))).deliveries.len(), 1, "each device has its own limit");
    scene.now_ms = 60_001;
    assert_eq!(accepted(scene.decide(&by_device(1, "temp"))).deliveries.len(), 1, "the minute is over");
}

#[test]
fn the_device_limit_counts_every_hook_that_is_triggered() {
    let mut scene = Scene::new([device(1)], [on(3, "temp"), on(4, "temp"), on(5, "temp")]);
    let triggered: Vec<usize> =
        (0..5).map(|_| accepted(scene.decide(&by_device(1, "temp"))).deliveries.len()).collect();
    assert_eq!(triggered, [3, 3, 3, 1, 0]);
}

#[test]
fn a_number_is_not_used_up_by_a_dropped_trigger() {
    let mut scene = Scene::new([device(1), device(2)], [on(3, "temp")]);
    for _ in 0..15 {
        scene.decide(&by_device(1, "temp"));
    }
    assert_eq!(accepted(scene.decide(&by_device(2, "temp"))).deliveries[0].seq, 17);
}

#[test]
fn a_users_events_have_no_device_limit() {
    let mut scene = Scene::new([device(1)], [on(3, "temp")]);
    let triggered = (0..30).map(|_| accepted(scene.decide(&by_user("temp"))).deliveries.len()).sum::<usize>();
    assert_eq!(triggered, 30);
}

#[test]
fn a_users_event_triggers_only_while_a_device_of_that_user_is_registered() {
    let of_stranger = Device { owner: STRANGER, ..device(1) };
    let mut scene = Scene::new([of_stranger], [on(3, "temp")]);
    let without = accepted(scene.decide(&by_user("temp")));
    assert_eq!(without.deliveries, []);
    assert!(!without.is_written);
    let notice = without.notice.unwrap();
    assert_eq!((notice.name.as_str(), notice.data.as_str()), ("hook-error/temp/0", NO_DEVICE));
    assert_eq!(accepted(scene.decide(&by_user("temp"))).notice, None, "it was told in this minute");

    scene.registry = snapshot([device(2)], [on(3, "temp")]);
    let of_user = DeliveryKey { lane: LaneKey { device: None, ..key(3, 7).lane }, seq: 7 };
    assert_eq!(accepted(scene.decide(&by_user("temp"))).deliveries, [of_user]);
}

#[test]
fn a_resend_is_known_only_by_its_dup_flag_and_its_content() {
    let mut scene = Scene::new([device(1)], [on(3, "temp")]);
    accepted(scene.decide(&sent(5, false, "72")));
    assert!(matches!(scene.decide(&sent(5, true, "72")), Decision::Resent { .. }));
    accepted(scene.decide(&sent(6, true, "72")));
    accepted(scene.decide(&sent(5, true, "73")));
    accepted(scene.decide(&sent(6, false, "72")));
}

#[test]
fn a_resend_is_known_after_a_restart() {
    let mut scene = Scene::new([device(1)], [on(3, "temp")]);
    let Decision::Accepted { mark, .. } = scene.decide(&sent(5, false, "72")) else { panic!("it is new") };
    let mut resends = Resends::default();
    resends.remember(mark.expect("it came with a packet identifier"));
    scene.desk = desk(Known { next_seq: 8, resends, boot: BOOT });
    assert!(matches!(scene.decide(&sent(5, true, "72")), Decision::Resent { .. }));
}

#[test]
fn a_publication_that_failed_at_the_disk_is_new_when_it_comes_again() {
    let mut scene = Scene::new([device(1)], [on(3, "temp")]);
    let Decision::Accepted { mark, .. } = scene.decide(&sent(5, false, "72")) else { panic!("it is new") };
    scene.desk.forget(mark, Source::Device(DeviceId::from_bytes([1; 12])), &[], 0);
    accepted(scene.decide(&sent(5, true, "72")));
}

#[test]
fn a_refused_name_is_told_to_its_device_once_a_second() {
    let mut scene = Scene::new([device(1), device(2)], [on(3, "hook")]);
    let (refusal, notice) = refused(scene.decide(&by_device(1, "hook-sent/x")));
    assert_eq!(refusal, Refusal::Name(EventNameError::Reserved { prefix: "hook-sent/" }));
    let notice = notice.unwrap();
    assert_eq!(notice.name.as_str(), "farhook/refused");
    assert_eq!(notice.source.addressee(), Some(DeviceId::from_bytes([1; 12])));
    let told: Value = serde_json::from_str(&notice.data).unwrap();
    assert_eq!(told, json!({ "event": "hook-sent/x", "reason": refusal.to_string() }));

    scene.now_ms = 999;
    assert_eq!(refused(scene.decide(&by_device(1, "a/+"))).1, None);
    assert!(refused(scene.decide(&by_device(2, "a/+"))).1.is_some());
    scene.now_ms = 1_000;
    assert!(refused(scene.decide(&by_device(1, "a/+"))).1.is_some());
}

#[test]
fn data_is_refused_beyond_its_limit_as_it_was_published() {
    let mut scene = Scene::new([device(1)], []);
    let with = |bytes: usize| Publication { data: vec![0xff; bytes].into(), ..by_device(1, "temp") };
    assert!(accepted(scene.decide(&with(16_384))).event.data.starts_with("data:application/octet-stream;base64,"));
    assert_eq!(refused(scene.decide(&with(16_385))).0, Refusal::DataTooLarge { bytes: 16_385 });
}

#[test]
fn a_device_that_was_removed_may_not_publish() {
    let mut scene = Scene::new([device(1)], [on(3, "temp")]);
    let (refusal, notice) = refused(scene.decide(&by_device(2, "temp")));
    assert_eq!((refusal, notice), (Refusal::UnknownPublisher, None));
}

#[test]
fn a_refused_publication_is_refused_again_when_it_is_resent() {
    let mut scene = Scene::new([device(1)], []);
    let wrong = |dup| Publication { name: "a/+".to_owned(), ..sent(5, dup, "72") };
    refused(scene.decide(&wrong(false)));
    refused(scene.decide(&wrong(true)));
}

#[test]
fn a_changed_device_limit_holds_at_once() {
    let mut scene = Scene::new([device(1)], [on(3, "temp")]);
    scene.config.limits.device_per_minute = NonZeroU32::new(1);
    accepted(scene.decide(&by_device(1, "temp")));
    let dropped = accepted(scene.decide(&by_device(1, "temp")));
    assert_eq!(dropped.notice.unwrap().data, "device limit: 1 hooks per minute");
    scene.config.limits.device_per_minute = None;
    assert_eq!(accepted(scene.decide(&by_device(1, "temp"))).deliveries.len(), 1);
}

#[test]
fn what_the_disk_refused_does_not_count_against_the_device() {
    let mut scene = Scene::new([device(1)], [on(1, "temp")]);
    scene.config.limits.device_per_minute = NonZeroU32::new(2);
    for _ in 0..5 {
        let Decision::Accepted { event, deliveries, at_ms, .. } = scene.decide(&by_device(1, "temp")) else {
            panic!("it is accepted");
        };
        assert_eq!(deliveries.len(), 1);
        scene.desk.forget(None, event.source, &deliveries, at_ms);
    }
    let triggered = [0; 3].map(|_| accepted(scene.decide(&by_device(1, "temp"))).deliveries.len());
    assert_eq!(triggered, [1, 1, 0]);
}

#[test]
fn without_room_only_what_would_have_to_wait_is_refused() {
    let mut scene = Scene::new([device(1)], [on(1, "temp")]);
    scene.stock.free_bytes = 0;
    let refused = scene.decide(&sent(5, false, "72"));
    assert!(matches!(refused, Decision::Refused { refusal: Refusal::Full { .. }, .. }));
    accepted(scene.decide(&by_device(1, "door")));
    scene.stock.free_bytes = u64::MAX;
    assert_eq!(accepted(scene.decide(&sent(5, true, "72"))).deliveries.len(), 1, "the device sends it again");
}

#[test]
fn a_device_over_its_limit_may_have_its_triggers_wait() {
    let mut scene = Scene::new([device(1)], [on(3, "temp")]);
    scene.config.limits.device_per_minute = NonZeroU32::new(2);
    scene.config.limits.device_over = Over::Queue;
    let mut due = Vec::new();
    for _ in 0..5 {
        let Decision::Accepted { deliveries, dropped, .. } = scene.decide(&by_device(1, "temp")) else {
            panic!("it is accepted");
        };
        assert_eq!(dropped, []);
        due.extend(deliveries.iter().map(|triggered| triggered.due_ms));
    }
    assert_eq!(due, [0, 0, 60_001, 60_001, 120_002]);
}

const FULL: &str = "as much waits for hook 040404040404040404040404 as its max_waiting and max_waiting_bytes allow";

#[test]
fn what_is_dropped_is_told_once_a_minute_and_counted_each_time() {
    let mut scene = Scene::new([device(1)], [on(3, "temp"), full(4, "drop_newest")]);
    scene.stock.items = 5;
    let first = accepted(scene.decide(&by_device(1, "temp")));
    assert_eq!((first.deliveries.len(), first.dropped), (1, vec![Dropped::Full(HookId::from_bytes([4; 12]))]));
    assert_eq!(first.notice.unwrap().data, FULL);
    let second = accepted(scene.decide(&by_device(1, "temp")));
    assert_eq!((second.dropped.len(), second.notice), (1, None));
    scene.config.limits.device_per_minute = NonZeroU32::new(1);
    assert_eq!(accepted(scene.decide(&by_device(1, "temp"))).dropped.len(), 2, "over its limit it is dropped, too");
}

#[test]
fn one_full_hook_that_rejects_refuses_the_whole_event() {
    let mut scene = Scene::new([device(1)], [on(3, "temp"), full(4, "reject")]);
    scene.stock.items = 5;
    let (refusal, notice) = refused(scene.decide(&by_device(1, "temp")));
    assert_eq!(refusal.to_string(), format!("the gateway cannot store events now: {FULL}"));
    assert!(notice.unwrap().data.contains(FULL));
    assert_eq!(refused(scene.decide(&by_device(1, "temp"))).1, None, "it is told once a minute");
}

#[test]
fn an_event_may_drop_the_oldest_of_its_hook() {
    let mut scene = Scene::new([device(1)], [full(4, "drop_oldest")]);
    scene.stock.items = 5;
    let Decision::Accepted { deliveries, .. } = scene.decide(&by_device(1, "temp")) else { panic!("it is accepted") };
    assert!(deliveries[0].makes_room);
}

#[test]
fn a_dead_letter_gets_a_new_place_in_its_lane_if_there_is_room() {
    let mut scene = Scene::new([device(1)], [on(3, "temp")]);
    let letter = crate::store::tests::letter("72");
    let id = DeliveryId { hook: HookId::from_bytes([3; 12]), seq: 2 };
    let mut replay = |stock: &Holding| {
        scene.desk.replay(id, &letter, QueueRule::default(), &scene.config, stock, at(0)).map(|(key, _)| key)
    };
    assert_eq!(replay(&Holding { items: 0, free_bytes: 0 }), Err(Full::Disk));
    assert_eq!(replay(&Holding { items: 0, free_bytes: u64::MAX }), Ok(key(3, 7)));
}

/// A hook for which at most five may wait.
fn full(number: u8, when_full: &str) -> Arc<Hook> {
    let url = "http://example.com/";
    hook(number, &json!({ "event": "temp", "url": url, "max_waiting": 5, "when_full": when_full }))
}

#[test]
fn what_a_device_says_to_the_gateway_is_no_event() {
    let mut scene = Scene::new([device(1)], [on(3, "farhook"), on(4, "f")]);
    let device = DeviceId::from_bytes([1; 12]);
    for dup in [false, true] {
        let result = Publication { name: "farhook/result/1a".to_owned(), ..sent(5, dup, "72") };
        let Decision::Said { device: by, said } = scene.decide(&result) else { panic!("it is for the gateway") };
        assert_eq!((by, said), (device, Said::Result { request: "1a".to_owned(), value: "72".to_owned() }));
    }
    let description = Publication { data: r#"{"product_version":3}"#.into(), ..by_device(1, "farhook/describe") };
    let Decision::Said { said: Said::Description(said), .. } = scene.decide(&description) else {
        panic!("it is for the gateway");
    };
    assert_eq!(said.product_version, Some(3));
    // None of them used up a place.
    let triggered = [0; 10].map(|_| accepted(scene.decide(&by_device(1, "f"))).deliveries.len());
    assert_eq!(triggered, [1; 10]);
}

#[test]
fn only_a_device_speaks_to_the_gateway_and_only_under_those_names() {
    let mut scene = Scene::new([device(1)], []);
    let reserved = Refusal::Name(EventNameError::Reserved { prefix: "farhook/" });
    for name in ["farhook/result/1a", "farhook/describe"] {
        let of_user = Publication { data: "{}".into(), ..by_user(name) };
        assert_eq!(refused(scene.decide(&of_user)).0, reserved, "{name}");
        assert_eq!(refused(scene.decide(&by_device(2, name))).0, Refusal::UnknownPublisher, "{name}");
    }
    for name in ["farhook/result/", "farhook/result/a/b", "farhook/function/led/1", "farhook/signal", "farhook/x"] {
        assert_eq!(refused(scene.decide(&by_device(1, name))).0, reserved, "{name}");
    }
}

#[test]
fn a_description_that_cannot_be_understood_is_refused_with_its_reason() {
    let mut scene = Scene::new([device(1)], []);
    let wrong = Publication { data: r#"{"functions":"led"}"#.into(), ..by_device(1, "farhook/describe") };
    let (refusal, notice) = refused(scene.decide(&wrong));
    assert_eq!(refusal.to_string(), "functions is a list of names");
    let told: Value = serde_json::from_str(&notice.unwrap().data).unwrap();
    assert_eq!(told, json!({ "event": "farhook/describe", "reason": "functions is a list of names" }));

    let large = Publication { data: vec![b'x'; 16_385].into(), ..by_device(1, "farhook/result/1") };
    assert_eq!(refused(scene.decide(&large)).0, Refusal::DataTooLarge { bytes: 16_385 });
}

#[test]
fn an_event_of_a_products_device_carries_the_version_that_the_device_says_it_runs() {
    let product = ProductId::from_number(7);
    let mut scene = Scene::new([Device { product: Some(product), ..device(1) }, device(2)], []);
    let of = |scene: &mut Scene, number| accepted(scene.decide(&by_device(number, "temp"))).event.product;
    assert_eq!(of(&mut scene, 1), Some(EventProduct { id: product, version: None }));

    let description = Description { product_version: Some(3), ..Description::default() };
    for number in [1, 2] {
        scene.presence.described(DeviceId::from_bytes([number; 12]), Arc::new(description.clone()));
    }

    assert_eq!(of(&mut scene, 1), Some(EventProduct { id: product, version: Some(3) }));
    assert_eq!(of(&mut scene, 2), None);
}
