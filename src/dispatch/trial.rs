//! Trying a hook out: one event goes through it now, under the host's limit, and nothing of it is kept or told.

use std::time::Duration;

use crate::bus::TestReport;
use crate::bus::TestResult;
use crate::clock;
use crate::delivery::Patience;
use crate::dispatch::attempt::Way;
use crate::dispatch::conclude::Circumstances;
use crate::dispatch::conclude::Conclusion;
use crate::dispatch::conclude::conclude;
use crate::hooks::response::ResponseLimits;
use crate::hooks::retry::Next;
use crate::model::Event;
use crate::registry::Hook;

/// Sends `event` through `hook` and shows what happened and what the device would have been told.
pub(super) async fn try_out(hook: &Hook, event: &Event, way: &Way, limits: ResponseLimits) -> TestReport {
    if let Some(host) = hook.definition.host() {
        let now_ms = clock::now().mono_ms;
        let taken = way.hosts.lock().expect("windows do not panic").try_take(host, now_ms);
        if let Err(until_ms) = taken {
            let seconds = until_ms.saturating_sub(now_ms).div_ceil(1_000);
            let error = Some(format!("the limit of {host} is reached; try again in {seconds} s"));
            return TestReport { ok: false, status: None, error, results: Vec::new() };
        }
    }
    let how = way.send(hook, event, Patience::default()).await;
    let now = clock::now().wall;
    let with =
        Circumstances { answers_before: 0, age: Duration::ZERO, max_age: Duration::MAX, limits, now, jitter: 0.0 };
    let Conclusion { next, tell, parts, status, summary, .. } = conclude(hook, event, &how, &with);
    let ok = next == Next::Done;
    let results = tell.into_iter().chain(parts);
    let results = results.map(|part| TestResult { name: part.name.to_string(), data: part.data }).collect();
    TestReport { ok, status, error: (!ok).then_some(summary), results }
}
