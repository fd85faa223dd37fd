//! How many events there may be: buckets of tokens. Pure: the time is an argument. All numbers here are ours.

/// What all sensors share: 20 events a second.
#[derive(Debug, Clone, Default)]
pub struct Bridge(Rate);

impl Bridge {
    const PACE: Pace = Pace { each_ms: 50, at_once: 20 };

    /// Takes so many events of a sensor with its rate; nothing is taken if there are too many of one or of all.
    pub(super) fn admit(&mut self, events: usize, rate: &mut Rate, pace: Pace, now_ms: u64) -> Result<(), TooMany> {
        let events = u64::try_from(events).expect("an advert is small");
        let sensor = rate.after(events, pace, now_ms).ok_or(TooMany::OfSensor)?;
        let all = self.0.after(events, Self::PACE, now_ms).ok_or(TooMany::OfAll)?;
        (*rate, self.0) = (sensor, all);
        Ok(())
    }
}

/// Whose events are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMany {
    OfSensor,
    OfAll,
}

/// How many events there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    each_ms: u64,
    at_once: u64,
}

impl Pace {
    /// Events a minute; a sixth of them, and at most 10, at once.
    pub(super) fn per_minute(events: u32) -> Self {
        let events = u64::from(events.max(1));
        Self { each_ms: 60_000 / events, at_once: (events / 6).clamp(1, 10) }
    }
}

/// A bucket of tokens, as the moment at which it will be full again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    full_at_ms: u64,
}

impl Rate {
    /// What it is after so many events; none if they are too many. What one reading brings is never too much for a
    /// bucket that is full.
    fn after(self, events: u64, pace: Pace, now_ms: u64) -> Option<Self> {
        let full_at_ms = self.full_at_ms.max(now_ms) + events * pace.each_ms;
        let is_full = self.full_at_ms <= now_ms;
        let is_within = is_full || events == 0 || full_at_ms - now_ms <= pace.at_once * pace.each_ms;
        is_within.then_some(Self { full_at_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_rate_lets_a_whole_reading_through_and_is_paid_for_it() {
        let (mut bridge, mut rate, pace) = (Bridge::default(), Rate::default(), Pace::per_minute(6));
        let mut admit = |events, now_ms| bridge.admit(events, &mut rate, pace, now_ms);
        assert_eq!(admit(3, 0), Ok(()));
        assert_eq!(admit(1, 29_999), Err(TooMany::OfSensor));
        assert_eq!(admit(0, 29_999), Ok(()));
        assert_eq!(admit(1, 30_000), Ok(()));
        assert_eq!(admit(1, 30_000), Err(TooMany::OfSensor));
    }
}
