//! Trying a hook out: one event goes through it now, under the host's limit, and nothing of it is kept or told.

use std::time::Duration;

use crate::bus::TestReport;
use crate::bus::TestResult;
use crate::clock;
use crate::config::Config;
use crate::delivery::Patience;
use crate::dispatch::attempt::How;
use crate::dispatch::attempt::Way;
use crate::dispatch::conclude::Circumstances;
use crate::dispatch::conclude::Conclusion;
use crate::dispatch::conclude::conclude;
use crate::dispatch::driver::seconds_until;
use crate::dispatch::upkeep::host_per_minute;
use crate::dispatch::upkeep::response_limits;
use crate::hooks::retry::Next;
use crate::model::Event;
use crate::registry::Hook;
use crate::store::Changes;
use crate::store::QueueWriter;

/// Sends `event` through `hook` and shows what happened and what the device would have been told.
pub(super) async fn try_out(
    hook: &Hook,
    event: &Event,
    way: &Way,
    writer: &QueueWriter,
    config: &Config,
) -> TestReport {
    let (place, began) = (hook.definition.host(), clock::now());
    if let Some(host) = place {
        let taken = way.windows().try_begin(host, began.mono_ms);
        if let Err(until_ms) = taken {
            let seconds = seconds_until(until_ms, began);
            let error = Some(format!("the limit of {host} is reached; try again in {seconds} s"));
            return TestReport { ok: false, status: None, error, results: Vec::new() };
        }
    }
    let how = way.send(hook, event, Patience::default()).await;
    let now = clock::now();
    how.end_place(place, began.mono_ms, now.mono_ms, &mut way.windows());
    if let How::Sent { host, .. } = &how {
        // No minute holds more than its limit over a restart either.
        let mut changes = Changes::new();
        way.windows().record(host, now.mono_ms, &mut changes);
        writer.ride_along(changes);
    }
    let with = Circumstances {
        answers_before: 0,
        age: Duration::ZERO,
        max_age: Duration::MAX,
        limits: response_limits(config),
        host_per_minute: host_per_minute(config),
        now: now.wall,
        jitter: 0.0,
    };
    let Conclusion { next, tell, parts, status, summary, .. } = conclude(hook, event, &how, &with);
    let ok = next == Next::Done;
    let results = tell.into_iter().chain(parts);
    let results = results.map(|part| TestResult { name: part.name.to_string(), data: part.data }).collect();
    TestReport { ok, status, error: (!ok).then_some(summary), results }
}
