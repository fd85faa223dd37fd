//! One attempt at one delivery, in a task of its own: read the event, make the request, send it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

use crate::clock;
use crate::delivery::Attempted;
use crate::delivery::Courier;
use crate::delivery::Outcome;
use crate::delivery::Patience;
use crate::delivery::Timing;
use crate::dispatch::age::AcceptedAt;
use crate::hooks::HookRequest;
use crate::hooks::request;
use crate::hooks::signing;
use crate::limits::Windows;
use crate::model::DefaultBody;
use crate::model::Event;
use crate::model::Secrets;
use crate::registry::Hook;
use crate::registry::Snapshot;
use crate::store::DeliveryKey;
use crate::store::LaneKey;
use crate::store::Queue;

/// Bytes of an answer that a `responseTemplate` gets to read: cut JSON could not be read at all. Ours.
const WHOLE_ANSWER_BYTES: usize = 1 << 20;

/// What all attempts share.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) courier: Arc<Courier>,
    /// Knows the secrets of the hooks' owners.
    pub(super) registry: watch::Receiver<Arc<Snapshot>>,
    /// Asked for leave by hooks whose host each event chooses; the others had it before they were started.
    pub(super) hosts: Arc<Mutex<Windows>>,
    pub(super) default_body: DefaultBody,
    /// Bytes of an answer that are passed on.
    pub(super) response_bytes: usize,
    /// Whether a request over its host's limit is dropped.
    pub(super) drops_over_limit: bool,
}

/// With which leave a delivery was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// It has a place in its host's window, if its hook has one host.
    Place,
    /// It has waited too long, and asks nobody.
    Expired,
    /// Its host's limit is reached, and it is not to wait for it.
    OverLimit,
}

/// One delivery to attempt.
pub(super) struct Attempt {
    pub(super) hook: Arc<Hook>,
    pub(super) lane: LaneKey,
    pub(super) seq: u64,
    /// When it was let go, and took its place in its host's window.
    pub(super) began_ms: u64,
    /// None if it has to be read from the store.
    pub(super) event: Option<Arc<Event>>,
    pub(super) queue: Queue,
    pub(super) accepted: AcceptedAt,
    pub(super) max_age: Duration,
    pub(super) leave: Leave,
    pub(super) patience: Patience,
    pub(super) way: Way,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) lane: LaneKey,
    pub(super) seq: u64,
    pub(super) began_ms: u64,
    pub(super) event: Option<Arc<Event>>,
    pub(super) accepted: AcceptedAt,
    /// The host in whose window it has had a place since it began, if its hook has one host.
    pub(super) place: Option<String>,
    pub(super) how: How,
}

#[derive(Debug)]
pub(super) enum How {
    /// A request was made; `host` is where it went.
    Sent { outcome: Outcome, host: String, timing: Timing, request: Box<HookRequest> },
    /// No request can be made of this event.
    Unsendable { reason: String },
    /// It waited longer than anything may.
    TooOld,
    /// Its host's limit is reached until then.
    HostFull { until_ms: u64 },
    /// Its host's limit is reached, and it is not to wait for it.
    OverLimit,
    /// It is not in the store: it was removed in the meantime.
    Gone,
    /// The store or the HTTP client failed; the delivery is not to blame.
    Trouble { reason: String },
}

impl How {
    /// Whether a request was to be made, and cannot have reached anybody.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(self, Self::Sent { outcome: Outcome::NoAnswer(why), .. } if why.is_unsent())
    }

    /// Ends the use of the place in a host's window that was taken at `taken_ms`; `place` is the host if it was taken
    /// before the request was made. A request counts from its end; what made no request gives its place back.
    pub(super) fn end_place(&self, place: Option<&str>, taken_ms: u64, now_ms: u64, windows: &mut Windows) {
        match (self, place) {
            (Self::Sent { host, .. }, _) if !self.is_unsent() => windows.settle(host, taken_ms, now_ms),
            (Self::Sent { host, .. }, _) => windows.give_back(host, taken_ms),
            // Nobody knows how far it came.
            (Self::Trouble { .. }, Some(host)) => windows.settle(host, taken_ms, now_ms),
            (_, Some(host)) => windows.give_back(host, taken_ms),
            (_, None) => {}
        }
    }
}

impl Way {
    /// Makes the hook's request of the event and sends it.
    pub(super) async fn send(&self, hook: &Hook, event: &Event, patience: Patience) -> How {
        let definition = &hook.definition;
        let secrets = self.secrets_of(hook);
        let mut request = match request::build(definition, event, &secrets, self.default_body) {
            Ok(request) => request,
            Err(error) => return How::Unsendable { reason: error.to_string() },
        };
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let began_ms = clock::now().mono_ms;
        if definition.host().is_none() {
            match self.windows().try_begin(&host, began_ms) {
                Ok(()) => {}
                Err(_) if self.drops_over_limit => return How::OverLimit,
                Err(until_ms) => return How::HostFull { until_ms },
            }
        }
        let now = clock::now().wall;
        signing::sign(definition, &mut request, now);
        let body_bytes = if definition.reads_whole_answer() { WHOLE_ANSWER_BYTES } else { self.response_bytes };
        match self.courier.attempt(&request, body_bytes, patience, now).await {
            Ok(Attempted { outcome, timing }) => How::Sent { outcome, host, timing, request: Box::new(request) },
            Err(error) => {
                if definition.host().is_none() {
                    self.windows().settle(&host, began_ms, clock::now().mono_ms);
                }
                How::Trouble { reason: error.to_string() }
            }
        }
    }

    /// What the templates of a hook's request may use, as it is now.
    fn secrets_of(&self, hook: &Hook) -> Arc<Secrets> {
        let names_some = !hook.definition.secret_names().is_empty();
        if names_some { self.registry.borrow().secrets_of(hook.owner) } else { Arc::default() }
    }

    pub(super) fn windows(&self) -> MutexGuard<'_, Windows> {
        self.hosts.lock().expect("windows do not panic")
    }
}

impl Attempt {
    pub(super) async fn make(self) -> Ended {
        let (lane, seq, began_ms, accepted) = (self.lane, self.seq, self.began_ms, self.accepted);
        let place = self.hook.definition.host().filter(|_| self.leave == Leave::Place).map(str::to_owned);
        // Whatever panics in here must not keep the lane and its target waiting for an end.
        let (event, how) = AssertUnwindSafe(self.run()).catch_unwind().await.unwrap_or_else(|_| (None, panicked()));
        Ended { lane, seq, began_ms, event, accepted, place, how }
    }

    async fn run(&self) -> (Option<Arc<Event>>, How) {
        let event = match &self.event {
            Some(event) => Ok(Some(Arc::clone(event))),
            None => self.read().await,
        };
        match event {
            Ok(Some(event)) => {
                let now = clock::now();
                let event = match self.accepted.repaired(event.published_at, now) {
                    None => event,
                    Some(published_at) => Arc::new(Event { published_at, ..Event::clone(&event) }),
                };
                let how = if self.leave == Leave::Expired || self.accepted.age(now.mono_ms) > self.max_age {
                    How::TooOld
                } else if self.leave == Leave::OverLimit {
                    How::OverLimit
                } else {
                    self.way.send(&self.hook, &event, self.patience).await
                };
                (Some(event), how)
            }
            Ok(None) => (None, How::Gone),
            Err(reason) => (None, How::Trouble { reason }),
        }
    }

    async fn read(&self) -> Result<Option<Arc<Event>>, String> {
        let key = DeliveryKey { lane: self.lane, seq: self.seq };
        let queue = self.queue.clone();
        let read = tokio::task::spawn_blocking(move || queue.read(key)).await;
        match read {
            Ok(Ok(stored)) => Ok(stored.map(|delivery| delivery.event)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn panicked() -> How {
    How::Trouble { reason: "the attempt failed inside of farhook; please report it with the log".to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::delivery::Egress;
    use crate::delivery::Settings;
    use crate::hooks::HookDefinition;
    use crate::model::EventId;
    use crate::model::EventName;
    use crate::model::HookId;
    use crate::model::Publishing;
    use crate::model::Secret;
    use crate::model::SecretName;
    use crate::model::Source;
    use crate::model::UserId;
    use crate::model::WallTime;
    use crate::registry::samples;

    #[tokio::test]
    async fn an_attempt_that_panics_ends_all_the_same() {
        let data = tempfile::tempdir().unwrap();
        let way = Way { hosts: poisoned(), ..way(watch::channel(Arc::default()).1) };
        let hook = json!({ "event": "temp", "url": "http://{{host}}/", "allowed_hosts": ["192.0.2.1"] });
        let owner = UserId::from_bytes([1; 12]);
        let created_at = WallTime::from_millis(0);
        let id = HookId::from_bytes([2; 12]);
        let hook = Hook { id, owner, product: None, created_at, definition: HookDefinition::parse(&hook).unwrap() };
        let event = Event {
            id: EventId::from_bytes([3; 12]),
            name: EventName::published("temp").unwrap(),
            data: r#"{"host":"192.0.2.1"}"#.to_owned(),
            ttl_s: 60,
            published_at: clock::now().wall,
            source: Source::Api,
            owner,
            product: None,
            publishing: Publishing::default(),
        };
        let attempt = Attempt {
            hook: Arc::new(hook),
            lane: LaneKey { hook: id, device: None },
            seq: 7,
            began_ms: 0,
            event: Some(Arc::new(event)),
            queue: Queue::open(data.path()).unwrap().0,
            accepted: AcceptedAt::at(clock::now()),
            max_age: Duration::from_secs(60),
            leave: Leave::Place,
            patience: Patience::default(),
            way,
        };

        let ended = tokio::spawn(attempt.make()).await.unwrap();

        assert_eq!((ended.lane.hook, ended.seq), (id, 7));
        assert!(matches!(ended.how, How::Trouble { .. }), "{:?}", ended.how);
    }

    #[test]
    fn a_place_is_given_back_unless_a_request_may_have_been_made() {
        let mut windows = Windows::restore("host ", std::num::NonZeroU32::new(1), &[], [0; 16], 0);
        windows.try_begin("a", 0).unwrap();
        How::Gone.end_place(Some("a"), 0, 5, &mut windows);
        windows.try_begin("a", 6).unwrap();
        How::Trouble { reason: String::new() }.end_place(Some("a"), 6, 1_000, &mut windows);
        assert_eq!(windows.try_begin("a", 2_000), Err(61_001), "it counts from its end");
        How::OverLimit.end_place(None, 6, 2_000, &mut windows);
        assert!(windows.try_begin("a", 3_000).is_err());
    }

    #[test]
    fn a_change_of_a_secret_holds_from_the_next_request_on() {
        let using = samples::hook(3, &json!({ "event": "temp", "url": "http://192.0.2.1/{{{KEY}}}" }));
        let other = samples::hook(4, &json!({ "event": "temp", "url": "http://192.0.2.1/KEY" }));
        let (registry, watched) = watch::channel(Arc::new(Snapshot::default()));
        let way = way(watched);
        assert!(way.secrets_of(&using).is_empty());

        let at = WallTime::from_millis(0);
        let secret = Secret { value: "s3cret".to_owned(), created_at: at, updated_at: at };
        let secrets = Secrets::from([(SecretName::try_from("KEY".to_owned()).unwrap(), secret)]);
        let secrets = [(samples::OWNER, Arc::new(secrets))].into();
        registry.send_replace(Arc::new(Snapshot { secrets, ..Snapshot::default() }));

        assert_eq!(way.secrets_of(&using).len(), 1);
        assert!(way.secrets_of(&other).is_empty(), "it names none");
        let strangers = Hook { owner: UserId::from_bytes([9; 12]), ..Hook::clone(&using) };
        assert!(way.secrets_of(&strangers).is_empty());
    }

    fn way(registry: watch::Receiver<Arc<Snapshot>>) -> Way {
        let settings = Settings { timeout: Duration::from_secs(1), idle_per_host: 1, egress: Egress::default() };
        Way {
            courier: Arc::new(Courier::new(settings)),
            registry,
            hosts: Arc::new(Mutex::new(Windows::restore("host ", None, &[], [0; 16], 0))),
            default_body: DefaultBody::Json,
            response_bytes: 0,
            drops_over_limit: false,
        }
    }

    /// Windows that panic at the next touch.
    fn poisoned() -> Arc<Mutex<Windows>> {
        let windows = Arc::new(Mutex::new(Windows::restore("host ", None, &[], [0; 16], 0)));
        let shared = Arc::clone(&windows);
        let poisoning = std::thread::spawn(move || {
            let _held = shared.lock().unwrap();
            panic!("on purpose");
        });
        poisoning.join().unwrap_err();
        windows
    }
}
