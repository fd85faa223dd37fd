//! Signs of life: what attempts and routes say about targets and about the line. Part of the driver.

use log::info;
use log::warn;

use crate::bus::LineState;
use crate::clock;
use crate::clock::Now;
use crate::delivery::NoAnswer;
use crate::delivery::Outcome;
use crate::delivery::Patience;
use crate::dispatch::attempt::How;
use crate::dispatch::connectivity::Reach;
use crate::dispatch::driver::Driver;
use crate::model::HookId;
use crate::model::WallTime;
use crate::store::LaneKey;

impl Driver {
    /// How patient the next attempt for a hook is: its target may be silent, and then it is a probe.
    pub(super) fn patience(&mut self, hook: HookId) -> Patience {
        let reach = self.roster.hook(hook).and_then(|hook| hook.definition.host().map(Reach::of));
        let silence = self.lanes.target(hook).and_then(|target| target.silence());
        silence.map_or_else(Patience::default, |silence| {
            self.connectivity.patience(reach.unwrap_or(Reach::Internet), silence.since_ms, silence.count)
        })
    }

    /// An answer that cannot be believed is none.
    pub(super) fn believe(&self, how: How, now: Now) -> How {
        match how {
            How::Sent { outcome: Outcome::Answered(answer), host, timing, request } => {
                let doubt = self.connectivity.doubts(&host, &answer, now.mono_ms);
                let outcome = doubt.map_or(Outcome::Answered(answer), Outcome::NoAnswer);
                How::Sent { outcome, host, timing, request }
            }
            other => other,
        }
    }

    /// Tells the target and the line whether the target was there.
    pub(super) fn note_target(&mut self, how: &How, lane: LaneKey, began_ms: u64, now: Now) {
        let How::Sent { outcome, host, timing, .. } = how else { return };
        match outcome {
            Outcome::Answered(answer) => {
                // The status line is the sign of life; what came behind it may have taken long.
                let since_heard_ms = timing.total_ms - timing.first_byte_ms.unwrap_or(timing.total_ms);
                let heard_ms = now.mono_ms.saturating_sub(since_heard_ms);
                self.connectivity.answered(host, answer.is_verified, heard_ms);
                if self.lanes.asked(lane).is_some_and(|target| target.answered(began_ms)) {
                    info!("{} answers again", self.called(lane.hook, host));
                }
            }
            Outcome::NoAnswer(why) => self.note_silence(why, host, lane, began_ms, now),
            Outcome::Forbidden { .. } => {}
        }
        self.tell_of_line(now);
    }

    fn note_silence(&mut self, why: &NoAnswer, host: &str, lane: LaneKey, began_ms: u64, now: Now) {
        let jitter = self.chance.fraction();
        let Some(target) = self.lanes.asked(lane) else { return };
        if !target.is_news(began_ms) {
            return;
        }
        let since_ms = target.silence().map_or(now.mono_ms, |silence| silence.since_ms);
        let most = self.connectivity.probe_most(Reach::of(host), why, since_ms);
        let is_first = target.was_silent(began_ms, now.mono_ms, jitter, most);
        self.connectivity.silent(host, why, since_ms, now.mono_ms);
        if is_first {
            warn!("{} does not answer ({why}); its deliveries wait", self.called(lane.hook, host));
        }
    }

    /// Takes new routes up. Over another way everybody is asked at once, and by new connections.
    pub(super) fn take_up_routes(&mut self) {
        let now = clock::now();
        let routes = *self.routes.borrow_and_update();
        if self.connectivity.routes(routes, now.mono_ms) {
            self.courier.hang_up();
            self.lanes.forgive_targets(now.mono_ms);
        }
        self.tell_of_line(now);
    }

    /// Since when the line is as it is, in the time that is shown.
    pub(super) fn line_since(&self, now: Now) -> WallTime {
        now.wall_at(self.connectivity.since_ms())
    }

    /// Tells the log when the line became another one. When it is back, nobody has to wait for the end of a pause.
    pub(super) fn tell_of_line(&mut self, now: Now) {
        let Some(turn) = self.connectivity.take_turn() else { return };
        match turn.state {
            LineState::Captive => warn!("the internet is {}: {}", turn.state, turn.reason),
            _ => info!("the internet is {}: {}", turn.state, turn.reason),
        }
        if turn.state == LineState::Online {
            self.lanes.forgive_targets(now.mono_ms);
        }
    }

    /// What people call the target of a hook.
    fn called(&self, hook: HookId, host: &str) -> String {
        let origin = self.roster.hook(hook).and_then(|hook| hook.definition.origin());
        origin.unwrap_or_else(|| host.to_owned())
    }
}
