//! Who hears what. Pure: sessions, their filters, and one question per event.
//!
//! An event goes to every session of its owner that [hears](hear) it. Nothing crosses owners.
//!
//! A session that outlives its connection gets what was kept for it from its outbox. Only the rest reaches it this way,
//! with QoS 0.

use std::collections::HashMap;

use crate::model::Event;
use crate::model::Hearer;
use crate::model::Qos;
use crate::model::UserId;
use crate::sessions::Heard;
use crate::sessions::Subscription;
use crate::sessions::TooManyFilters;
use crate::sessions::hear;
use crate::sessions::subscribe;
use crate::sessions::unsubscribe;

/// All sessions that listen; `R` is how to reach one.
#[derive(Debug)]
pub(super) struct Audience<R> {
    owners: HashMap<UserId, Vec<Listener<R>>>,
}

#[derive(Debug)]
struct Listener<R> {
    /// The session's slot: no two sessions have the same at the same time.
    slot: usize,
    session: u64,
    hearer: Hearer,
    /// Whether the session outlives its connection.
    is_lasting: bool,
    subscriptions: Vec<Subscription>,
    route: R,
}

/// A session that begins to listen.
#[derive(Debug)]
pub(super) struct Newcomer<R> {
    /// Its fingerprint.
    pub(super) session: u64,
    pub(super) hearer: Hearer,
    /// Whether it outlives its connection.
    pub(super) is_lasting: bool,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) route: R,
}

impl<R> Audience<R> {
    /// Nobody listens.
    pub(super) fn new() -> Self {
        Self { owners: HashMap::new() }
    }

    /// A session begins to listen, with the filters that it has.
    pub(super) fn join(&mut self, owner: UserId, slot: usize, newcomer: Newcomer<R>) {
        let Newcomer { session, hearer, is_lasting, subscriptions, route } = newcomer;
        self.owners.entry(owner).or_default().push(Listener {
            slot,
            session,
            hearer,
            is_lasting,
            subscriptions,
            route,
        });
    }

    /// A session ends.
    pub(super) fn leave(&mut self, owner: UserId, slot: usize) {
        if let Some(listeners) = self.owners.get_mut(&owner) {
            listeners.retain(|listener| listener.slot != slot);
            if listeners.is_empty() {
                self.owners.remove(&owner);
            }
        }
    }

    /// The registry changed what a session's device may read.
    pub(super) fn change(&mut self, owner: UserId, slot: usize, hearer: Hearer) {
        if let Some(listener) = self.listener(owner, slot) {
            listener.hearer = hearer;
        }
    }

    /// Adds a filter to a session, or replaces the one with the same text: whether it is a new one.
    ///
    /// # Errors
    /// The session has `max` filters already.
    pub(super) fn subscribe(
        &mut self,
        owner: UserId,
        slot: usize,
        wanted: Subscription,
        max: usize,
    ) -> Result<bool, TooManyFilters> {
        let listener = self.listener(owner, slot).ok_or(TooManyFilters)?;
        subscribe(&mut listener.subscriptions, wanted, max)
    }

    /// Takes a filter from a session: whether it had it.
    pub(super) fn unsubscribe(&mut self, owner: UserId, slot: usize, filter: &str) -> bool {
        self.listener(owner, slot).is_some_and(|listener| unsubscribe(&mut listener.subscriptions, filter))
    }

    /// Calls `deliver` once for each session that hears `event` now. `was_kept` says whether the event was put into the
    /// outboxes.
    pub(super) fn hear(&mut self, event: &Event, was_kept: bool, mut deliver: impl FnMut(&mut R, Heard)) {
        let Some(listeners) = self.owners.get_mut(&event.owner) else { return };
        for listener in listeners {
            let Some(mut heard) = hear(&listener.subscriptions, listener.session, listener.hearer, event) else {
                continue;
            };
            if listener.is_lasting && heard.qos > Qos::AtMostOnce {
                if was_kept {
                    continue;
                }
                heard.qos = Qos::AtMostOnce;
            }
            deliver(&mut listener.route, heard);
        }
    }

    fn listener(&mut self, owner: UserId, slot: usize) -> Option<&mut Listener<R>> {
        self.owners.get_mut(&owner)?.iter_mut().find(|listener| listener.slot == slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeviceId;
    use crate::model::EventId;
    use crate::model::EventName;
    use crate::model::HookId;
    use crate::model::Publishing;
    use crate::model::Source;
    use crate::model::WallTime;
    use crate::sessions::TopicFilter;

    const OWNER: UserId = UserId::from_bytes([1; 12]);
    const STRANGER: UserId = UserId::from_bytes([2; 12]);
    const A: DeviceId = DeviceId::from_bytes([3; 12]);
    const B: DeviceId = DeviceId::from_bytes([4; 12]);
    const HOOK: HookId = HookId::from_bytes([5; 12]);

    fn event(name: &str, source: Source) -> Event {
        Event {
            id: EventId::from_bytes([0; 12]),
            name: EventName::emitted(name),
            data: String::new(),
            ttl_s: 60,
            published_at: WallTime::from_millis(0),
            source,
            owner: OWNER,
            product: None,
            publishing: Publishing::default(),
        }
    }

    fn subscription(filter: &str, granted: Qos) -> Subscription {
        let filter = TopicFilter::parse(filter.to_owned()).unwrap();
        Subscription { filter, granted, no_local: false, keeps_retain: false, id: None }
    }

    const fn device(id: DeviceId, reads_all_results: bool) -> Hearer {
        Hearer::Device { id, reads_all_results }
    }

    fn join<R>(audience: &mut Audience<R>, owner: UserId, slot: usize, hearer: Hearer, route: R) {
        let session = u64::try_from(slot).unwrap();
        let newcomer = Newcomer { session, hearer, is_lasting: false, subscriptions: Vec::new(), route };
        audience.join(owner, slot, newcomer);
    }

    /// Everybody subscribes to `#`; the route is the name.
    fn everybody() -> Audience<&'static str> {
        let mut audience = Audience::new();
        for (slot, owner, hearer, name) in [
            (0, OWNER, device(A, false), "a"),
            (1, OWNER, device(A, false), "a2"),
            (2, OWNER, device(B, false), "b"),
            (3, OWNER, device(DeviceId::from_bytes([9; 12]), true), "reader"),
            (4, OWNER, Hearer::Observer, "observer"),
            (5, STRANGER, Hearer::Observer, "stranger"),
            (6, STRANGER, device(DeviceId::from_bytes([8; 12]), true), "strange reader"),
        ] {
            join(&mut audience, owner, slot, hearer, name);
            audience.subscribe(owner, slot, subscription("#", Qos::AtMostOnce), 10).unwrap();
        }
        audience
    }

    fn heard(audience: &mut Audience<&'static str>, event: &Event) -> Vec<&'static str> {
        let mut names = Vec::new();
        audience.hear(event, false, |name, _| names.push(*name));
        names
    }

    #[test]
    fn what_is_published_goes_to_all_of_the_owner() {
        let everyone = ["a", "a2", "b", "reader", "observer"];
        assert_eq!(heard(&mut everybody(), &event("t", Source::Device(A))), everyone);
        assert_eq!(heard(&mut everybody(), &event("t", Source::Api)), everyone);
    }

    #[test]
    fn results_go_to_their_device_and_to_who_may_read_all() {
        let result = event("hook-response/t/0", Source::Hook { hook: HOOK, device: Some(A) });
        assert_eq!(heard(&mut everybody(), &result), ["a", "a2", "reader", "observer"]);
        let refusal = event("farhook/refused", Source::Gateway { device: Some(B) });
        assert_eq!(heard(&mut everybody(), &refusal), ["b", "reader", "observer"]);
        let for_nobody = event("hook-response/t/0", Source::Hook { hook: HOOK, device: None });
        assert_eq!(heard(&mut everybody(), &for_nobody), ["reader", "observer"]);
    }

    #[test]
    fn what_is_asked_of_a_device_is_heard_by_no_other_device() {
        let source = Source::Gateway { device: Some(A) };
        for name in ["farhook/variable/temp/1", "farhook/function/led/1", "farhook/signal"] {
            assert_eq!(heard(&mut everybody(), &event(name, source)), ["a", "a2", "observer"], "{name}");
        }
    }

    #[test]
    fn the_right_to_read_all_results_can_be_given_and_taken() {
        let mut audience = everybody();
        let result = event("hook-sent/t", Source::Hook { hook: HOOK, device: Some(A) });
        audience.change(OWNER, 2, device(B, true));
        audience.change(OWNER, 3, device(DeviceId::from_bytes([9; 12]), false));
        assert_eq!(heard(&mut audience, &result), ["a", "a2", "b", "observer"]);
    }

    #[test]
    fn overlapping_filters_give_one_copy_with_the_highest_qos_and_all_identifiers() {
        let mut audience = Audience::new();
        join(&mut audience, OWNER, 0, device(A, false), ());
        for (filter, granted, id) in [
            ("t/#", Qos::AtMostOnce, Some(1)),
            ("t/+", Qos::AtLeastOnce, Some(2)),
            ("other", Qos::ExactlyOnce, Some(3)),
            ("t/x", Qos::AtMostOnce, None),
        ] {
            let wanted = Subscription { id, ..subscription(filter, granted) };
            audience.subscribe(OWNER, 0, wanted, 10).unwrap();
        }
        let mut copies = Vec::new();
        audience.hear(&event("t/x", Source::Api), false, |(), heard| copies.push((heard.qos, heard.subscription_ids)));
        assert_eq!(copies, [(Qos::AtLeastOnce, vec![1, 2])]);
    }

    #[test]
    fn nobody_gets_a_higher_qos_than_was_published() {
        let mut audience = Audience::new();
        join(&mut audience, OWNER, 0, device(A, false), ());
        audience.subscribe(OWNER, 0, subscription("t", Qos::AtLeastOnce), 10).unwrap();
        for (published, expected) in [
            (Qos::AtMostOnce, Qos::AtMostOnce),
            (Qos::AtLeastOnce, Qos::AtLeastOnce),
            (Qos::ExactlyOnce, Qos::AtLeastOnce),
        ] {
            let event =
                Event { publishing: Publishing { qos: published, ..Publishing::default() }, ..event("t", Source::Api) };
            let mut delivered = None;
            audience.hear(&event, false, |(), heard| delivered = Some(heard.qos));
            assert_eq!(delivered, Some(expected));
        }
    }

    #[test]
    fn the_retain_flag_stays_for_those_who_asked_for_it() {
        let mut audience = Audience::new();
        let publishing = Publishing { retain: true, ..Publishing::default() };
        let kept = Event { publishing, ..event("t", Source::Api) };
        for (slot, keeps_retain) in [(0, false), (1, true)] {
            join(&mut audience, OWNER, slot, device(A, false), slot);
            let wanted = Subscription { keeps_retain, ..subscription("t", Qos::AtMostOnce) };
            audience.subscribe(OWNER, slot, wanted, 10).unwrap();
        }
        let mut flags = Vec::new();
        audience.hear(&kept, false, |slot, heard| flags.push((*slot, heard.retain)));
        audience.hear(&event("t", Source::Api), false, |slot, heard| flags.push((*slot, heard.retain)));
        assert_eq!(flags, [(0, false), (1, true), (0, false), (1, false)]);
    }

    #[test]
    fn no_local_silences_what_the_same_session_published() {
        let mut audience = Audience::new();
        join(&mut audience, OWNER, 7, device(A, false), "a");
        let wanted = Subscription { no_local: true, ..subscription("t", Qos::AtMostOnce) };
        audience.subscribe(OWNER, 7, wanted, 10).unwrap();
        let of = |session| {
            let publishing = Publishing { session, ..Publishing::default() };
            Event { publishing, ..event("t", Source::Device(A)) }
        };
        assert!(heard(&mut audience, &of(Some(7))).is_empty());
        assert_eq!(heard(&mut audience, &of(Some(8))), ["a"], "over another connection of the same device");
        assert_eq!(heard(&mut audience, &of(None)), ["a"]);
        audience.subscribe(OWNER, 7, subscription("+", Qos::AtMostOnce), 10).unwrap();
        assert_eq!(heard(&mut audience, &of(Some(7))), ["a"]);
    }

    #[test]
    fn subscribing_again_replaces_and_counts_once() {
        let mut audience = Audience::new();
        join(&mut audience, OWNER, 0, device(A, false), "a");
        audience.subscribe(OWNER, 0, subscription("t", Qos::AtMostOnce), 1).unwrap();
        audience.subscribe(OWNER, 0, subscription("t", Qos::ExactlyOnce), 1).unwrap();
        assert_eq!(audience.subscribe(OWNER, 0, subscription("u", Qos::AtMostOnce), 1), Err(TooManyFilters));
        let mut granted = Vec::new();
        audience.hear(&event("t", Source::Api), false, |_, heard| granted.push(heard.qos));
        assert_eq!(granted, [Qos::ExactlyOnce]);
        assert!(audience.unsubscribe(OWNER, 0, "t"));
        assert!(!audience.unsubscribe(OWNER, 0, "t"));
        assert!(heard(&mut audience, &event("t", Source::Api)).is_empty());
    }

    #[test]
    fn a_session_that_outlives_its_connection_gets_only_what_was_not_kept_for_it() {
        let mut audience = Audience::new();
        let subscriptions = vec![subscription("kept", Qos::AtLeastOnce), subscription("live", Qos::AtMostOnce)];
        let newcomer = Newcomer { session: 0, hearer: device(A, false), is_lasting: true, subscriptions, route: () };
        audience.join(OWNER, 0, newcomer);
        for (name, was_kept, expected) in [
            ("kept", true, None),
            ("kept", false, Some(Qos::AtMostOnce)),
            ("live", true, Some(Qos::AtMostOnce)),
            ("live", false, Some(Qos::AtMostOnce)),
        ] {
            let mut delivered = None;
            audience.hear(&event(name, Source::Api), was_kept, |(), heard| delivered = Some(heard.qos));
            assert_eq!(delivered, expected, "{name} {was_kept}");
        }
    }

    #[test]
    fn who_left_hears_nothing_and_leaves_nothing() {
        let mut audience = everybody();
        for slot in 0..7 {
            audience.leave(OWNER, slot);
            audience.leave(STRANGER, slot);
        }
        assert!(audience.owners.is_empty());
    }
}
