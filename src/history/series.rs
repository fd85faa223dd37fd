//! Figures as they are read.

use std::str::FromStr;

use serde::Serialize;
use serde::Serializer;

use crate::history::DEPTH;
use crate::history::What;
use crate::history::ring::Ring;
use crate::model::WallTime;

/// Over how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Span {
    /// 24 hours, in steps of five minutes.
    #[default]
    Day,
    /// 30 days, in steps of an hour.
    Month,
}

/// A text names no span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a span is day or month")]
pub struct SpanError;

/// What was counted in each step, oldest first; the last is the one of now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// When the first step begins.
    #[serde(serialize_with = "as_text")]
    pub starts_at: WallTime,
    /// Seconds of a step.
    pub step_s: u32,
    /// Requests that were made.
    pub attempts: Vec<u32>,
    /// Deliveries that arrived.
    pub delivered: Vec<u32>,
    /// Deliveries that were given up.
    pub failed: Vec<u32>,
    /// Events that were not kept for a hook that wanted them.
    pub dropped: Vec<u32>,
    /// How many deliveries waited at most; empty for those of one user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depth: Vec<u32>,
}

/// What was counted of one hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HookHistory {
    /// Deliveries that arrived in each of the last 24 hours; the last is the one of now.
    pub day_delivered: [u32; 24],
    /// Deliveries that were given up.
    pub day_failed: [u32; 24],
    /// Deliveries that arrived in the last 30 days, today among them.
    pub month_delivered: u64,
    /// Deliveries that were given up.
    pub month_failed: u64,
    /// Events that were dropped or refused.
    pub month_skipped: u64,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        match text {
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            _ => Err(SpanError),
        }
    }
}

impl Series {
    pub(super) fn of<const FIGURES: usize>(ring: &Ring<FIGURES>, now: WallTime) -> Self {
        let (starts_at, buckets) = ring.ending(now);
        let figure = |at: usize| buckets.iter().map(|bucket| bucket[at]).collect::<Vec<_>>();
        Self {
            starts_at,
            step_s: ring.step_s(),
            attempts: figure(What::Attempt as usize),
            delivered: figure(What::Delivered as usize),
            failed: figure(What::Failed as usize),
            dropped: figure(What::Dropped as usize),
            depth: if FIGURES > DEPTH { figure(DEPTH) } else { Vec::new() },
        }
    }
}

impl HookHistory {
    pub(super) fn of(day: &Ring<3>, month: &Ring<3>, now: WallTime) -> Self {
        let (_, hours) = day.ending(now);
        let (_, days) = month.ending(now);
        let of_hours = |figure: usize| {
            let mut counts = [0; 24];
            counts.iter_mut().zip(&hours).for_each(|(count, hour)| *count = hour[figure]);
            counts
        };
        let sum = |figure: usize| days.iter().map(|day| u64::from(day[figure])).sum();
        Self {
            day_delivered: of_hours(0),
            day_failed: of_hours(1),
            month_delivered: sum(0),
            month_failed: sum(1),
            month_skipped: sum(2),
        }
    }
}

/// A time as it is shown to people and scripts.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn as_text<S: Serializer>(at: &WallTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}
