//! GET /integrations/:hook and /integrations/:hook/now, POST /integrations/:hook/test
//!
//! Everything about one hook: how it does, what it sent and was answered, what it gave up, and trying it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use tokio::task::block_in_place;

use crate::bus::TestReport;
use crate::bus::protocol::Chosen;
use crate::bus::protocol::Request;
use crate::hooks::masking;
use crate::http::Route;
use crate::registry::Hook;
use crate::registry::Snapshot;
use crate::store::Fate;
use crate::store::LoggedAnswer;
use crate::store::LoggedRequest;
use crate::store::StoredAttempt;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::integrations::Head;
use crate::web::pages::integrations::hook_of;
use crate::web::pages::integrations::latest;
use crate::web::pages::integrations::preview::MADE_UP;
use crate::web::pages::show;
use crate::web::pages::show_part;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Attempts and dead letters that are shown at once.
const SHOWN: usize = 50;

#[derive(Serialize)]
pub(in crate::web::pages) struct Detail {
    hook: Head,
    /// Its JSON, secrets masked; empty in a part.
    definition: String,
    waiting: u64,
    waiting_s: u64,
    /// Dead letters, all of them.
    dead: u64,
    /// Whether many are being sent again just now.
    is_replaying: bool,
    /// How sending them again went, if it took long.
    replayed: Option<Flash>,
    attempts: Vec<Attempt>,
    /// Why the attempts cannot be read, if they cannot.
    unreadable: Option<String>,
    letters: Vec<Letter>,
    test: Test,
    /// Whether only what changes by itself is answered.
    is_part: bool,
}

/// What of it changes by itself, as the page's script asks for it.
#[derive(Serialize)]
#[serde(transparent)]
struct Live(Detail);

impl Page for Live {
    const TEMPLATE: &'static str = "parts/integration_live.html";
}

/// One HTTP try.
#[derive(Serialize)]
struct Attempt {
    /// Its number among the hook's.
    id: u64,
    at: Moment,
    event: String,
    /// What the device is called that published the event.
    device: Option<String>,
    is_good: bool,
    is_over: bool,
    summary: String,
    total_ms: Option<u64>,
    request: Option<LoggedRequest>,
    answer: Option<LoggedAnswer>,
}

/// A delivery that was given up.
#[derive(Serialize)]
struct Letter {
    id: String,
    at: Moment,
    event: String,
    data: String,
    reason: String,
}

/// The form with which a hook is tried, and what came of it.
#[derive(Default, Serialize)]
struct Test {
    name: String,
    data: String,
    error: Option<String>,
    report: Option<TestReport>,
}

impl Page for Detail {
    const TEMPLATE: &'static str = "pages/integration.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::bus::HookState;
        use crate::bus::TestResult;
        use crate::model::WallTime;
        let moment = || Moment::of(WallTime::from_millis(0), WallTime::from_millis(7_000));
        let markup = || "<script>alert(1)</script>".to_owned();
        let test = |report, error| Test { name: "temp".to_owned(), data: markup(), error, report };
        let quiet = Self {
            hook: Head::sample(HookState::Enabled),
            definition: "{\n  \"event\": \"temp\"\n}".to_owned(),
            waiting: 0,
            waiting_s: 0,
            dead: 0,
            is_replaying: false,
            replayed: None,
            attempts: Vec::new(),
            unreadable: Some(markup()),
            letters: Vec::new(),
            test: test(None, None),
            is_part: false,
        };
        let headers = || vec![("content-type".to_owned(), markup())];
        let attempt = Attempt {
            id: 7,
            device: Some("<b>kitchen</b>".to_owned()),
            at: moment(),
            event: "temp".to_owned(),
            is_good: false,
            is_over: true,
            summary: "500 Internal Server Error".to_owned(),
            total_ms: Some(12),
            request: Some(LoggedRequest {
                method: "POST".to_owned(),
                url: "https://a.example/<b>".to_owned(),
                headers: headers(),
                body: markup(),
                body_bytes: 25,
            }),
            answer: Some(LoggedAnswer { status: 500, headers: headers(), body: markup(), body_bytes: 99 }),
        };
        let letter = Letter {
            id: "0101-1".to_owned(),
            at: moment(),
            event: "temp".to_owned(),
            data: markup(),
            reason: markup(),
        };
        let result = TestResult { name: "hook-response/temp/0".to_owned(), data: markup() };
        let report = TestReport { ok: true, status: Some(200), error: None, results: vec![result] };
        let busy = Self {
            hook: Head::sample(HookState::TooManyErrors),
            definition: markup(),
            waiting: 3,
            waiting_s: 90,
            dead: 1,
            is_replaying: true,
            replayed: Some(Flash::Failed { text: markup() }),
            attempts: vec![attempt],
            unreadable: None,
            letters: vec![letter],
            test: test(Some(report), Some("data: too long".to_owned())),
            is_part: false,
        };
        vec![("quiet", quiet), ("busy", busy)]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.page(&["/integrations/:hook"], detail),
        site.page(&["/integrations/:hook/now"], now),
        site.form(&["/integrations/:hook/test"], test),
    ]
}

async fn detail(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?;
    let event = latest(&context, hook.owner, &hook.definition);
    let name = event.as_ref().map_or(hook.definition.event_prefix(), |event| event.name.as_str()).to_owned();
    let data = event.map_or_else(|| MADE_UP.to_owned(), |event| event.data.clone());
    let page = page(&context, &visit, &hook, Test { name, data, error: None, report: None }).await?;
    let replayed = context.replaying.outcome(hook.id);
    Ok(show(&context, &visit, &Detail { definition: definition(&hook), replayed, ..page }))
}

async fn now(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?;
    let page = page(&context, &visit, &hook, Test::default()).await?;
    Ok(show_part(&context, &visit, &Live(Detail { is_part: true, ..page })))
}

/// Sends one event through the hook, through the limits; no device is told.
async fn test(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?;
    // Browsers end lines with both (HTML, 4.10.21.7).
    let (name, data) = (visit.form.text("name").to_owned(), visit.form.exact("data").replace("\r\n", "\n"));
    // As if its device had published it, if it is for one.
    let event = json!({ "name": name, "data": data, "coreid": hook.definition.device() });
    let went = context.ask(visit.user_id(), Request::HookTest { hook: hook.id, event: Some(event) }).await?;
    let (report, mut error) = match went {
        Ok(report) => (serde_json::from_value(report).ok(), None),
        Err(reason) => (None, Some(reason)),
    };
    if !name.starts_with(hook.definition.event_prefix()) {
        error.get_or_insert_with(|| visit.t("An event of that name does not trigger it; this was only a test."));
    }
    let page = page(&context, &visit, &hook, Test { name, data, error, report }).await?;
    Ok(show(&context, &visit, &Detail { definition: definition(&hook), ..page }))
}

/// The hook's JSON, secrets masked.
fn definition(hook: &Hook) -> String {
    let shown = masking::shown_definition(hook.definition.original());
    serde_json::to_string_pretty(&shown).expect("a definition is plain JSON")
}

/// The page without what does not change by itself.
async fn page(context: &Context, visit: &Visit, hook: &Arc<Hook>, test: Test) -> Result<Detail, Refusal> {
    let now = visit.now.wall;
    let tally = context.overview.queue.tally(hook.id);
    let waiting_s = if tally.waiting > 0 { oldest_s(context, hook).await? } else { 0 };
    let (attempts, unreadable) = match block_in_place(|| context.logbook.latest(hook.id, SHOWN)) {
        Ok(attempts) => (attempts, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let snapshot = context.snapshot();
    Ok(Detail {
        hook: Head::of(hook, context, &snapshot, now),
        definition: String::new(),
        waiting: tally.waiting,
        waiting_s,
        dead: tally.dead,
        is_replaying: context.replaying.is_under_way(hook.id),
        replayed: None,
        attempts: attempts.into_iter().map(|attempt| Attempt::of(attempt, &snapshot, visit)).collect(),
        unreadable,
        letters: letters(context, visit, hook).await?,
        test,
        is_part: false,
    })
}

/// For how long what is next has waited.
async fn oldest_s(context: &Context, hook: &Hook) -> Result<u64, Refusal> {
    let report = context.overview.report().await.ok_or(Refusal::Stopping)?;
    Ok(report.hooks.iter().find(|queue| queue.id == hook.id).map_or(0, |queue| queue.oldest_s))
}

async fn letters(context: &Context, visit: &Visit, hook: &Hook) -> Result<Vec<Letter>, Refusal> {
    let which = Chosen { hook: Some(hook.id), ..Chosen::default() };
    let letters = context.ask(visit.user_id(), Request::Dead { which, count: SHOWN }).await?;
    let letters = letters.map_err(Refusal::Unusable)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let letter = |letter: &Value| Letter {
        id: text(&letter["id"]),
        at: Moment::written(letter["at"].as_str().unwrap_or_default(), visit.now.wall),
        event: text(&letter["event"]["name"]),
        data: text(&letter["event"]["data"]),
        reason: text(&letter["reason"]),
    };
    Ok(letters.as_array().into_iter().flatten().map(letter).collect())
}

impl Attempt {
    fn of(attempt: StoredAttempt, snapshot: &Snapshot, visit: &Visit) -> Self {
        let device = attempt.device.and_then(|id| snapshot.devices.get(&id));
        Self {
            id: attempt.number,
            device: device.map(|device| device.name.to_string()),
            at: Moment::of(attempt.at, visit.now.wall),
            event: attempt.name.to_string(),
            is_good: attempt.fate == Fate::Delivered,
            is_over: attempt.fate != Fate::Waiting,
            summary: attempt.summary,
            total_ms: attempt.timing.total_ms,
            request: attempt.request,
            answer: attempt.answer,
        }
    }
}
