//! GET /v1/devices/events/*prefix and its like: events as they happen, as server-sent events.
//!
//! A device's key hears what that device may hear over MQTT; a user's token hears everything of the user. A client that
//! comes back with `Last-Event-ID` gets first what it missed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::http::Subscription;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::Hearer;
use crate::model::ProductId;
use crate::model::UserId;
use crate::registry::Identity;
use crate::registry::Snapshot;

/// Seconds after which a client may come again for whom there was no seat.
const COME_AGAIN_S: u64 = 10;

/// One day.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What particle-cli's guide calls all of one's own events.
const MINE: &str = "mine";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mine: &[_] = &["/v1/devices/events/*prefix"];
    let all: &[_] = &["/v1/events/*prefix", "/v1/orgs/:org/events/*prefix"];
    let device: &[_] = &[
        "/v1/devices/:device/events/*prefix",
        "/v1/products/:product/devices/:device/events/*prefix",
        "/v1/orgs/:org/products/:product/devices/:device/events/*prefix",
    ];
    let product: &[_] = &["/v1/products/:product/events/*prefix", "/v1/orgs/:org/products/:product/events/*prefix"];
    let stream = |paths, summary| {
        Endpoint::new(Method::GET, paths, summary, listen).asks(&["nonce", "last_event_id"]).streams().refuses(&[429])
    };
    vec![
        stream(mine, "Hear the caller's events"),
        Endpoint::new(Method::GET, all, "Hear events by the beginning of their names", listen_to_all)
            .asks(&["nonce", "last_event_id"])
            .streams()
            .refuses(&[429]),
        stream(device, "Hear the events of a device"),
        stream(product, "Hear the events of a product's devices"),
    ]
}

/// In Particle's cloud this is everybody's stream, so a prefix is needed there, too.
async fn listen_to_all(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    context.identity(&request)?;
    if request.path.get("org").is_none() && request.param("prefix").is_empty() {
        let hint = "the beginning of a name is required here; all of your events are at /v1/devices/events";
        return Err(ApiError::Invalid(hint.to_owned()));
    }
    listen(context, request).await
}

async fn listen(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let identity = context.listener(&request)?;
    let wanted = wanted(&context, &request, &identity)?;
    let seat = context.streams.seat().ok_or_else(|| ApiError::TooMany {
        reason: "as many listen as can; try again later".to_owned(),
        wait_s: COME_AGAIN_S,
    })?;
    // A browser's own client sends the header only when it comes back by itself.
    let last = request.header("last-event-id").or(request.query("last_event_id")).and_then(|id| id.parse().ok());
    let (missed, watcher) = match last {
        Some(last) => context.live.watch_since(last),
        None => (Vec::new(), context.live.watch()),
    };
    let registry = context.registry.watch();
    let (ends, is_known) = (revoked(registry.clone(), identity.clone()), registry);
    Ok(http::events(Subscription {
        missed,
        watcher,
        seat,
        stop: context.stop.clone(),
        wants: move |event: &Event| wanted.holds(event),
        is_allowed: move || is_known.borrow().still_admits(&identity, clock::now().wall),
        ends: Box::pin(ends),
    }))
}

/// Waits until who listens would not be let in any more.
async fn revoked(mut registry: watch::Receiver<Arc<Snapshot>>, identity: Identity) {
    let end = match &identity {
        Identity::Observer(token) => token.expires_at,
        Identity::Device(_) => None,
    };
    loop {
        let now = clock::now().wall;
        if !registry.borrow_and_update().still_admits(&identity, now) {
            return;
        }
        let left_ms = end.map_or(u64::MAX, |end| u64::try_from(end.as_millis() - now.as_millis()).unwrap_or(0));
        // Nobody can change the registry any more when it is gone, and a token that ends in years is looked at again
        // after a day.
        let changed = timeout(Duration::from_millis(left_ms.min(DAY_MS)), registry.changed()).await;
        if let Ok(Err(_)) = changed {
            return;
        }
    }
}

fn wanted(context: &Context, request: &Request, identity: &Identity) -> Result<Wanted, ApiError> {
    let prefix = Some(request.param("prefix")).filter(|prefix| *prefix != MINE).unwrap_or_default().to_owned();
    let (owner, hearer) = (identity.owner(), identity.hearer());
    let product = context.product_in(owner, request)?.map(|product| product.id);
    let device = request.path.get("device").map(|_| context.device_in(owner, product, request)).transpose()?;
    Ok(Wanted { owner, prefix, device: device.map(|device| device.id), product, hearer })
}

/// Which events a client hears.
struct Wanted {
    owner: UserId,
    prefix: String,
    device: Option<DeviceId>,
    product: Option<ProductId>,
    hearer: Hearer,
}

impl Wanted {
    fn holds(&self, event: &Event) -> bool {
        event.owner == self.owner
            && event.name.as_str().starts_with(&self.prefix)
            && self.device.is_none_or(|device| event.source.about() == Some(device))
            && self.product.is_none_or(|product| event.product.is_some_and(|of| of.id == product))
            && self.hearer.may_hear(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventId;
    use crate::model::EventName;
    use crate::model::EventProduct;
    use crate::model::HookId;
    use crate::model::Publishing;
    use crate::model::Source;
    use crate::model::WallTime;

    const OWNER: UserId = UserId::from_bytes([2; 12]);
    const KITCHEN: DeviceId = DeviceId::from_bytes([1; 12]);
    const CELLAR: DeviceId = DeviceId::from_bytes([3; 12]);

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

    fn everything() -> Wanted {
        Wanted { owner: OWNER, prefix: String::new(), device: None, product: None, hearer: Hearer::Observer }
    }

    fn result(device: DeviceId) -> Source {
        Source::Hook { hook: HookId::from_bytes([9; 12]), device: Some(device) }
    }

    #[test]
    fn a_prefix_is_case_sensitive_and_other_users_events_are_never_heard() {
        let temp = Wanted { prefix: "temp".to_owned(), ..everything() };
        assert!(temp.holds(&event("temp/kitchen", Source::Api)) && !temp.holds(&event("Temp", Source::Api)));
        let others = Event { owner: UserId::from_bytes([7; 12]), ..event("temp", Source::Api) };
        assert!(!everything().holds(&others));
    }

    #[test]
    fn a_devices_stream_has_its_events_and_what_became_of_them() {
        let kitchen = Wanted { device: Some(KITCHEN), ..everything() };
        assert!(kitchen.holds(&event("temp", Source::Device(KITCHEN))) && kitchen.holds(&event("x", result(KITCHEN))));
        for source in [Source::Device(CELLAR), result(CELLAR), Source::Api] {
            assert!(!kitchen.holds(&event("temp", source)), "{source:?}");
        }
    }

    #[test]
    fn a_products_stream_has_the_events_of_its_devices() {
        let product = ProductId::from_number(1);
        let of_product = Wanted { product: Some(product), ..everything() };
        let theirs = Event {
            product: Some(EventProduct { id: product, version: None }),
            ..event("temp", Source::Device(KITCHEN))
        };
        assert!(of_product.holds(&theirs) && !of_product.holds(&event("temp", Source::Device(KITCHEN))));
    }

    #[test]
    fn a_device_does_not_hear_the_results_of_others() {
        let of = |reads_all_results| Hearer::Device { id: KITCHEN, reads_all_results };
        let kitchen = Wanted { hearer: of(false), ..everything() };
        assert!(kitchen.holds(&event("temp", Source::Device(CELLAR))) && kitchen.holds(&event("x", result(KITCHEN))));
        assert!(!kitchen.holds(&event("x", result(CELLAR))));
        assert!(Wanted { hearer: of(true), ..everything() }.holds(&event("x", result(CELLAR))));
    }
}
