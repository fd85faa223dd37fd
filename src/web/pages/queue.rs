//! GET /queue, /queue/now and /queue/history, POST /queue/{pause,resume,wake}
//!
//! What waits, where it goes and how the line is, over all users: for the owner.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::bus::HookState;
use crate::bus::protocol::Request;
use crate::history::Series;
use crate::history::Span;
use crate::http;
use crate::http::Route;
use crate::http::as_json;
use crate::registry::Snapshot;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::show;
use crate::web::pages::show_part;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

#[derive(Serialize)]
pub(in crate::web) struct Queue {
    now: Now,
    day: Totals,
    month: Totals,
}

/// What changes while somebody looks.
#[derive(Serialize)]
struct Now {
    /// As `farhook queue --json` says it.
    queue: Value,
    line_since: Option<Moment>,
    paused_since: Option<Moment>,
    hosts: Vec<Host>,
    hooks: Vec<Waiting>,
}

/// The same, for who has the page already.
#[derive(Serialize)]
struct Part {
    now: Now,
}

/// One host that requests go to.
#[derive(Serialize)]
struct Host {
    name: String,
    used: u64,
    /// 0 for no limit.
    allowed: u64,
    free_in_s: Option<u64>,
    is_down: bool,
    next_probe_s: Option<u64>,
    under_way: u64,
    /// What `wake` is told; none if nothing has to be woken.
    target: Option<String>,
}

/// One hook for which something waits or was given up.
#[derive(Serialize)]
struct Waiting {
    id: String,
    title: String,
    /// Whether the page of the hook is the visitor's.
    is_own: bool,
    state: HookState,
    count: u64,
    oldest_s: u64,
    dead: u64,
}

/// Sums of a span.
#[derive(Default, Serialize)]
struct Totals {
    attempts: u64,
    delivered: u64,
    failed: u64,
    dropped: u64,
    /// The most that waited at once.
    deepest: u32,
}

impl Page for Queue {
    const TEMPLATE: &'static str = "pages/queue.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let totals = || Totals { attempts: 120, delivered: 100, failed: 3, dropped: 1, deepest: 17 };
        vec![
            ("quiet", Self { now: Now::sample(false), day: Totals::default(), month: totals() }),
            ("busy", Self { now: Now::sample(true), day: totals(), month: totals() }),
        ]
    }
}

impl Page for Part {
    const TEMPLATE: &'static str = "parts/queue_now.html";
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.page(&["/queue"], queue),
        site.page(&["/queue/now"], now),
        site.page(&["/queue/history"], history),
        site.form(&["/queue/pause"], pause),
        site.form(&["/queue/resume"], resume),
        site.form(&["/queue/wake"], wake),
    ]
}

async fn queue(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let totals = |span| Totals::of(&context.overview.history.gateway(span, visit.now.wall));
    let page = Queue { now: Now::of(&context, &visit).await?, day: totals(Span::Day), month: totals(Span::Month) };
    Ok(show(&context, &visit, &page))
}

async fn now(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    Ok(show_part(&context, &visit, &Part { now: Now::of(&context, &visit).await? }))
}

/// For the chart.
async fn history(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let span = visit.request.query("span").unwrap_or("day").parse().map_err(|_| Refusal::NotFound)?;
    Ok(http::json(&context.overview.history.gateway(span, visit.now.wall)))
}

async fn pause(context: Arc<Context>, visit: Visit) -> Shown {
    let went = context.ask(visit.user_id(), Request::Pause).await?;
    let done = visit.t("Nothing is sent until you resume. Events are taken and wait.");
    Ok(go_on(&context, &visit, "/queue", Flash::of(&went, done)))
}

async fn resume(context: Arc<Context>, visit: Visit) -> Shown {
    let went = context.ask(visit.user_id(), Request::Unpause).await?;
    Ok(go_on(&context, &visit, "/queue", Flash::of(&went, visit.t("It is sent again."))))
}

async fn wake(context: Arc<Context>, visit: Visit) -> Shown {
    let went = context.ask(visit.user_id(), Request::Wake { target: visit.form.filled("target") }).await?;
    Ok(go_on(&context, &visit, "/queue", Flash::of(&went, visit.t("It is asked now."))))
}

impl Now {
    async fn of(context: &Context, visit: &Visit) -> Result<Self, Refusal> {
        let now = visit.now.wall;
        let queue = context.overview.queue().await.ok_or(Refusal::Stopping)?;
        let queue = as_json(&queue);
        let snapshot = context.snapshot();
        let written = |key: &str| queue[key].as_str().map(|at| Moment::written(at, now));
        Ok(Self {
            line_since: written("state_since"),
            paused_since: written("paused_since"),
            hosts: hosts(&as_json(&context.overview.hosts()), &queue["targets"]),
            hooks: waiting(&queue["hooks"], &snapshot, visit),
            queue,
        })
    }

    #[cfg(test)]
    fn sample(is_busy: bool) -> Self {
        use crate::model::WallTime;
        let moment = || Moment::of(WallTime::from_millis(0), WallTime::from_millis(600_000));
        let queue = serde_json::json!({
            "waiting": if is_busy { 17 } else { 0 }, "bytes": 4200, "dead": 2, "under_way": 1, "parts_waiting": 0,
            "state": if is_busy { "captive" } else { "online" }, "oldest_s": 90, "hours_left": 42.5, "max_waiting": 200_000,
            "max_bytes": 268_435_456, "disk_bytes": 600_000, "disk_free_bytes": 12_000_000_000_u64, "disk_is_low": is_busy,
            "trouble": if is_busy { Some("<b>full</b>") } else { None },
        });
        let host = Host {
            name: "<b>api.example</b>".to_owned(),
            used: 120,
            allowed: 120,
            free_in_s: Some(12),
            is_down: true,
            next_probe_s: Some(30),
            under_way: 1,
            target: Some("https://<b>".to_owned()),
        };
        let hook = Waiting {
            id: "0101".to_owned(),
            title: "<b>temp</b>".to_owned(),
            is_own: true,
            state: HookState::TooManyErrors,
            count: 17,
            oldest_s: 90,
            dead: 2,
        };
        Self {
            queue,
            line_since: Some(moment()),
            paused_since: is_busy.then(moment),
            hosts: if is_busy { vec![host] } else { Vec::new() },
            hooks: if is_busy { vec![hook] } else { Vec::new() },
        }
    }
}

/// The hosts of the limits, and beside each how its targets are.
fn hosts(limits: &Value, targets: &Value) -> Vec<Host> {
    let host = |limit: &Value| {
        let name = limit["host"].as_str().unwrap_or_default();
        let of_host = || targets.as_array().into_iter().flatten().filter(|target| target["host"] == name);
        let down = of_host().find(|target| target["is_down"] == true);
        let under_way = of_host().filter_map(|target| target["under_way"].as_u64()).sum::<u64>();
        Host {
            name: name.to_owned(),
            used: limit["used"].as_u64().unwrap_or(0),
            allowed: limit["allowed"].as_u64().unwrap_or(0),
            free_in_s: limit["free_in_s"].as_u64(),
            is_down: down.is_some(),
            next_probe_s: down.and_then(|target| target["next_probe_s"].as_u64()),
            under_way,
            target: down.and_then(|target| target["target"].as_str()).map(ToOwned::to_owned),
        }
    };
    limits.as_array().into_iter().flatten().map(host).collect()
}

/// The hooks for which something waits or was given up.
fn waiting(hooks: &Value, snapshot: &Snapshot, visit: &Visit) -> Vec<Waiting> {
    let number = |hook: &Value, key: &str| hook[key].as_u64().unwrap_or(0);
    let hook = |hook: &Value| {
        let id = hook["id"].as_str()?;
        let known = snapshot.hooks.get(&id.parse().ok()?)?;
        let definition = &known.definition;
        Some(Waiting {
            id: id.to_owned(),
            title: definition.title().to_owned(),
            is_own: known.owner == visit.user_id(),
            state: HookState::of(definition.is_disabled(), hook["state"] == as_json(&HookState::TooManyErrors)),
            count: number(hook, "waiting"),
            oldest_s: number(hook, "oldest_s"),
            dead: number(hook, "dead"),
        })
    };
    let hooks = hooks.as_array().into_iter().flatten().filter_map(hook);
    hooks.filter(|hook| hook.count > 0 || hook.dead > 0).collect()
}

impl Totals {
    fn of(series: &Series) -> Self {
        let sum = |counts: &[u32]| counts.iter().map(|count| u64::from(*count)).sum();
        Self {
            attempts: sum(&series.attempts),
            delivered: sum(&series.delivered),
            failed: sum(&series.failed),
            dropped: sum(&series.dropped),
            deepest: series.depth.iter().copied().max().unwrap_or(0),
        }
    }
}
