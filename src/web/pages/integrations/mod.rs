//! /integrations: the hooks of a user. One file for each page and for what its forms do.

mod actions;
pub(super) mod detail;
pub(super) mod edit;
mod letters;
pub(super) mod list;
mod preview;
mod sent;

use std::sync::Arc;

use serde::Serialize;

use crate::bus::HookState;
use crate::history::HookHistory;
use crate::hooks::HookDefinition;
use crate::hooks::matching;
use crate::http::Route;
use crate::model::Event;
use crate::model::HookId;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::Snapshot;
use crate::web::context::Context;
use crate::web::refusal::Refusal;
use crate::web::route::Site;
use crate::web::shown::Moment;
use crate::web::visit::Visit;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    [
        list::routes(site),
        // Before the pages of hooks, none of which can be called "new".
        edit::routes(site),
        actions::routes(site),
        letters::routes(site),
        detail::routes(site),
    ]
    .concat()
}

/// A hook, as every page of hooks shows it at its head.
#[derive(Clone, Serialize)]
struct Head {
    id: HookId,
    /// Its own name, or what its events begin with.
    title: String,
    event: String,
    method: String,
    /// The host that it sends to; none while an event decides it.
    host: Option<String>,
    /// Whose events trigger it: a device's or a product's name; none for all of the user's.
    only: Option<String>,
    state: HookState,
    is_on: bool,
    is_stopped: bool,
    /// Of the last 30 days, as far as they are known.
    delivered: u64,
    failed: u64,
    /// Of the last 24 hours, each hour from 0 to 12, to be drawn.
    spark: Vec<Bar>,
    errors_in_a_row: u32,
    last_outcome: Option<String>,
    last_at: Option<Moment>,
}

/// One hour of a sparkline.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Bar {
    x: usize,
    delivered: u32,
    failed: u32,
}

/// How high a sparkline is.
const SPARK: u32 = 12;

/// The hours as bars, the highest of which has the full height; none if nothing was sent.
fn spark(history: &HookHistory) -> Vec<Bar> {
    let hours = || history.day_delivered.iter().zip(&history.day_failed);
    let most = hours().map(|(delivered, failed)| delivered.saturating_add(*failed)).max().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    // What there was is seen, however little it is.
    let scaled = |count: u32| {
        let height = (u64::from(count) * u64::from(SPARK)).div_ceil(u64::from(most));
        u32::try_from(height).unwrap_or(SPARK)
    };
    let bar = |(x, (delivered, failed)): (usize, (&u32, &u32))| {
        let failed = scaled(*failed);
        Bar { x, delivered: scaled(*delivered).min(SPARK - failed), failed }
    };
    hours().enumerate().map(bar).collect()
}

impl Head {
    fn of(hook: &Hook, context: &Context, snapshot: &Snapshot, now: WallTime) -> Self {
        let definition = &hook.definition;
        let report = context.overview.board.hook(hook.id);
        let history = context.overview.history.hook(hook.id, now);
        let device = definition.device().map(|id| {
            let device = snapshot.devices.get(&id);
            device.map_or_else(|| id.to_string(), |device| device.name.to_string())
        });
        let product = hook.product.and_then(|id| snapshot.products.get(&id)).map(|product| product.name.clone());
        let method = definition.original().get("requestType").and_then(serde_json::Value::as_str).unwrap_or("POST");
        Self {
            id: hook.id,
            title: definition.title().to_owned(),
            event: definition.event_prefix().to_owned(),
            method: method.to_owned(),
            host: definition.host().map(ToOwned::to_owned),
            only: device.or(product),
            state: HookState::of(definition.is_disabled(), report.too_many_errors),
            is_on: !definition.is_disabled(),
            is_stopped: report.too_many_errors && !definition.is_disabled(),
            delivered: history.month_delivered,
            failed: history.month_failed,
            spark: spark(&history),
            errors_in_a_row: report.errors_in_a_row,
            last_outcome: report.last_outcome,
            last_at: report.last_at.map(|at| Moment::of(at, now)),
        }
    }

    #[cfg(test)]
    fn sample(state: HookState) -> Self {
        Self {
            id: HookId::from_bytes([1; 12]),
            title: "<b>temp</b>".to_owned(),
            event: "temp".to_owned(),
            method: "POST".to_owned(),
            host: Some("api.thingspeak.com".to_owned()),
            only: Some("<i>kitchen</i>".to_owned()),
            state,
            is_on: state != HookState::Disabled,
            is_stopped: state == HookState::TooManyErrors,
            delivered: 41,
            failed: 10,
            spark: vec![Bar { x: 0, delivered: 10, failed: 2 }, Bar { x: 23, delivered: 0, failed: 0 }],
            errors_in_a_row: 10,
            last_outcome: Some("500".to_owned()),
            last_at: Some(Moment::of(WallTime::from_millis(0), WallTime::from_millis(5_000))),
        }
    }
}

/// The user's hook that the path names.
fn hook_of(context: &Context, visit: &Visit) -> Result<Arc<Hook>, Refusal> {
    hook_named(context, visit, visit.request.param("hook")).ok_or(Refusal::NotFound)
}

/// The user's hook of that id.
fn hook_named(context: &Context, visit: &Visit, id: &str) -> Option<Arc<Hook>> {
    let id: Option<HookId> = id.parse().ok();
    let hook = id.and_then(|id| context.snapshot().hooks.get(&id).cloned());
    hook.filter(|hook| hook.owner == visit.user_id())
}

/// The last event that triggered a hook, or would have, as far as is remembered.
fn latest(context: &Context, owner: UserId, hook: &HookDefinition) -> Option<Arc<Event>> {
    let triggers = |event: &&Arc<Event>| event.owner == owner && matching::matches(hook, event);
    context.live.recent().iter().rev().find(triggers).cloned()
}

/// The page of a hook.
fn page_of(hook: HookId) -> String {
    format!("/integrations/{hook}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_hour_is_as_high_as_the_line_and_no_count_vanishes() {
        let mut history = HookHistory { day_delivered: [0; 24], day_failed: [0; 24], ..HookHistory::default() };
        assert_eq!(spark(&history), []);
        (history.day_delivered[0], history.day_failed[0], history.day_delivered[23]) = (990, 10, 1);
        let bars = spark(&history);
        assert_eq!((bars.len(), bars[0].delivered + bars[0].failed), (24, SPARK));
        assert_eq!((bars[0].failed, bars[1].delivered, bars[23].delivered), (1, 0, 1));
    }
}
