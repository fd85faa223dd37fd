//! How the line to the internet is, by what attempts and routes say. Pure.
//!
//! ```text
//!              a target answers
//!   Unknown ─────────────────────> Online
//!      │  ^                          │ silence of all, or no default route
//!      │  │ default route came       v
//!      │  └───── or changed ───── Offline <──────────┐
//!      │                             │ sign of a      │ no default route
//!      └───────────────────────────> │ captive portal │
//!        silence, sign, no route     └──────────> Captive
//! ```
//! From everywhere an answer leads to Online. Any target that answers is enough, whatever it says. A silence counts for
//! the line only as long as no other target has answered since: after that it is that target's own, see
//! [`Connectivity::is_alone`]. While the line as a whole is silent, each target is asked once a second, so that what
//! waits goes out a few seconds after the line is back; one that is silent alone is asked ever less often.
//!
//! Targets in the house prove nothing about the internet and nothing against it. They are a line of their own, which
//! has silences but no state; only where nobody on the internet was ever asked, and there is a way out, theirs is
//! shown.

use std::time::Duration;

use crate::bus::LineState;
use crate::bus::Routes;
use crate::delivery::Answer;
use crate::delivery::CaptiveSign;
use crate::delivery::NoAnswer;
use crate::delivery::Patience;
use crate::delivery::is_local;
use crate::hooks::retry::HOST_MOST;

/// The longest that a target is left alone while the whole line is silent. A target that is down costs a packet a
/// second, a line that is back costs its owner no minute.
const PROBE_MOST: Duration = Duration::from_secs(1);

/// How long such a probe tries to connect: TCP asks again after 1 s and 3 s. Source: RFC 6298, section 2.
const PROBE_CONNECT: Duration = Duration::from_secs(3);

/// Each so many probes one has all the time of an ordinary attempt, so that a line that is slow is not down for ever.
const PATIENT_PROBE: u32 = 4;

/// How long an answer that proved who gave it vouches for the line when its default route changes.
const PROOF_MS: u64 = 5 * 60 * 1_000;

/// Where a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Internet,
    /// In the house or on this machine.
    House,
}

/// The state became another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) state: LineState,
    pub(super) reason: String,
}

/// What is known of the line.
#[derive(Debug)]
pub(super) struct Connectivity {
    state: LineState,
    since_ms: u64,
    turn: Option<Turn>,
    routes: Routes,
    routes_since_ms: u64,
    /// When a target answered last, on the internet and in the house.
    heard_ms: [Option<u64>; 2],
    /// Whether anybody on the internet was asked: from then on the house says nothing any more.
    knows_internet: bool,
    /// When a target proved last who it is, with no silence since.
    proven_ms: Option<u64>,
}

impl Reach {
    /// A name may be anything and counts as the internet.
    pub(super) fn of(host: &str) -> Self {
        if is_local(host) { Self::House } else { Self::Internet }
    }
}

impl Connectivity {
    pub(super) fn new(routes: Routes, now_ms: u64) -> Self {
        let mut new = Self {
            state: LineState::Unknown,
            since_ms: now_ms,
            turn: None,
            routes,
            routes_since_ms: now_ms,
            heard_ms: [None; 2],
            knows_internet: false,
            proven_ms: None,
        };
        new.routes(routes, now_ms);
        new
    }

    pub(super) fn state(&self) -> LineState {
        self.state
    }

    /// Since when the state is what it is.
    pub(super) fn since_ms(&self) -> u64 {
        self.since_ms
    }

    /// The state became another one since the last call.
    pub(super) fn take_turn(&mut self) -> Option<Turn> {
        self.turn.take()
    }

    /// The routes are now these. True if all silences are to be forgiven, since they are those of another way.
    pub(super) fn routes(&mut self, routes: Routes, now_ms: u64) -> bool {
        let is_other = routes != self.routes;
        self.routes = routes;
        if !routes.has_default {
            self.proven_ms = None;
            self.turn_to(LineState::Offline, now_ms, || "there is no default route".to_owned());
            return false;
        }
        if is_other {
            self.routes_since_ms = now_ms;
            if self.state != LineState::Online {
                self.turn_to(LineState::Unknown, now_ms, || "there is another default route".to_owned());
            }
        }
        is_other
    }

    /// A target answered at `heard_ms`; `is_verified` if it proved who it is.
    pub(super) fn answered(&mut self, host: &str, is_verified: bool, heard_ms: u64) {
        let reach = Reach::of(host);
        let heard = &mut self.heard_ms[reach as usize];
        *heard = (*heard).max(Some(heard_ms));
        // The end of a long answer says nothing about what happened since its beginning.
        let is_old = matches!(self.state, LineState::Offline | LineState::Captive) && heard_ms <= self.since_ms;
        if !self.counts(reach) || is_old {
            return;
        }
        if is_verified {
            self.proven_ms = self.proven_ms.max(Some(heard_ms));
        }
        self.turn_to(LineState::Online, heard_ms, || format!("{host} answers"));
    }

    /// A target gave no answer, nor has it given one since it fell silent at `silent_since_ms`.
    pub(super) fn silent(&mut self, host: &str, why: &NoAnswer, silent_since_ms: u64, now_ms: u64) {
        let reach = Reach::of(host);
        // Without a clock nothing was asked.
        if *why == NoAnswer::NoClock || !self.counts(reach) || self.is_alone(reach, silent_since_ms) {
            return;
        }
        self.proven_ms = None;
        match why {
            _ if !self.routes.has_default => {
                self.turn_to(LineState::Offline, now_ms, || "there is no default route".to_owned());
            }
            NoAnswer::Captive(sign) => self.turn_to(LineState::Captive, now_ms, || format!("{host}: {sign}")),
            // A captive portal lets some targets answer wrongly and others not at all.
            _ if self.state == LineState::Captive => {}
            _ => self.turn_to(LineState::Offline, now_ms, || format!("{host} does not answer ({why})")),
        }
    }

    /// Whether an answer has to be taken for that of a captive portal: it redirects to another host, over a connection
    /// that proves nothing, on a line that nobody vouches for.
    pub(super) fn doubts(&self, host: &str, answer: &Answer, now_ms: u64) -> Option<NoAnswer> {
        let to = answer.foreign_redirect.clone()?;
        let is_doubted = Reach::of(host) == Reach::Internet && !self.is_proven(now_ms);
        is_doubted.then_some(NoAnswer::Captive(CaptiveSign::Redirect { to }))
    }

    /// Whether others have answered since a target fell silent: then its silence is its own.
    pub(super) fn is_alone(&self, reach: Reach, silent_since_ms: u64) -> bool {
        self.heard_ms[reach as usize].is_some_and(|heard_ms| heard_ms > silent_since_ms)
    }

    /// The longest that a target is left alone that fell silent then, and now for this reason.
    pub(super) fn probe_most(&self, reach: Reach, why: &NoAnswer, silent_since_ms: u64) -> Duration {
        let is_dear = *why != NoAnswer::NoClock && self.is_alone(reach, silent_since_ms);
        if is_dear { HOST_MOST } else { PROBE_MOST }
    }

    /// How patient the probe after so many silences is.
    pub(super) fn patience(&self, reach: Reach, silent_since_ms: u64, silences: u32) -> Patience {
        if self.is_alone(reach, silent_since_ms) || silences % PATIENT_PROBE == PATIENT_PROBE - 1 {
            Patience::default()
        } else {
            Patience { connect: PROBE_CONNECT }
        }
    }

    /// Whether what a target there does says something about the line.
    fn counts(&mut self, reach: Reach) -> bool {
        self.knows_internet |= reach == Reach::Internet;
        match reach {
            Reach::Internet => true,
            Reach::House => !self.knows_internet && self.routes.has_default,
        }
    }

    /// Whether somebody proved who it is, over this very line: since its default route changed, or shortly before.
    fn is_proven(&self, now_ms: u64) -> bool {
        self.proven_ms.is_some_and(|at_ms| at_ms >= self.routes_since_ms || now_ms.saturating_sub(at_ms) <= PROOF_MS)
    }

    fn turn_to(&mut self, state: LineState, now_ms: u64, reason: impl FnOnce() -> String) {
        if self.state != state {
            self.state = state;
            self.since_ms = now_ms;
            self.turn = Some(Turn { state, reason: reason() });
        }
    }
}

#[cfg(test)]
mod tests;
