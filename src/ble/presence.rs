//! Whether a sensor is there: it is as long as it is heard, and it is away when it was not for long. How long that is
//! is learned from how often it sends. Pure: the time is an argument.

/// Silence after which a sensor can be away, however often it sends. Ours, like all numbers here.
const SILENCE_MS: u64 = 180_000;

/// Of the longest pause of late between two adverts, how often it must have gone by.
const PAUSES: u64 = 3;

/// The longest pause that is learned; and for at least so long it is known.
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// How a sensor was heard. Until it is, nobody knows whether it is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Presence(Option<Heard>);

#[derive(Debug, Clone, Copy)]
struct Heard {
    /// From when on its silence counts: it was heard then, or nobody listened before.
    silent_from_ms: u64,
    /// The longest pause of this hour, and of the one before.
    longest_ms: (u64, u64),
    hour_from_ms: u64,
    is_away: bool,
}

impl Presence {
    /// It was heard. Gives back whether it was away before.
    pub(super) fn hear(&mut self, now_ms: u64) -> bool {
        let first = Heard { silent_from_ms: now_ms, longest_ms: (0, 0), hour_from_ms: now_ms, is_away: false };
        let heard = self.0.get_or_insert(first);
        if now_ms.saturating_sub(heard.hour_from_ms) >= HOUR_MS {
            (heard.hour_from_ms, heard.longest_ms) = (now_ms, (0, heard.longest_ms.0));
        }
        let pause_ms = now_ms.saturating_sub(heard.silent_from_ms);
        if pause_ms <= HOUR_MS {
            heard.longest_ms.0 = heard.longest_ms.0.max(pause_ms);
        }
        heard.silent_from_ms = now_ms;
        std::mem::take(&mut heard.is_away)
    }

    /// Whether it is away since the last look. `is_listening` is whether it would have been heard.
    pub(super) fn look(&mut self, is_listening: bool, now_ms: u64) -> bool {
        let Some(heard) = &mut self.0 else { return false };
        if !is_listening {
            heard.silent_from_ms = now_ms;
        }
        let longest_ms = heard.longest_ms.0.max(heard.longest_ms.1);
        let is_silent = now_ms.saturating_sub(heard.silent_from_ms) > SILENCE_MS.max(PAUSES * longest_ms);
        is_silent && !std::mem::replace(&mut heard.is_away, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    #[test]
    fn a_sensor_is_away_after_three_minutes_and_there_when_it_is_heard() {
        let mut presence = Presence::default();
        assert!(!presence.look(true, 2 * SILENCE_MS), "nobody knows it yet");
        assert!(!presence.hear(2 * SILENCE_MS), "it was not away");
        assert!(!presence.look(true, 3 * SILENCE_MS));
        assert!(presence.look(true, 3 * SILENCE_MS + 1));
        assert!(!presence.look(true, 4 * SILENCE_MS), "that is told once");
        assert!(presence.hear(4 * SILENCE_MS));
        assert!(!presence.hear(4 * SILENCE_MS + 1));
    }

    #[test]
    fn who_sends_seldom_is_waited_for() {
        let mut presence = Presence::default();
        for minute in [0, 5, 10] {
            presence.hear(minute * MINUTE_MS);
            // As some do, several times over.
            presence.hear(minute * MINUTE_MS + 1);
        }
        let pause_ms = 5 * MINUTE_MS - 1;
        let end_ms = 10 * MINUTE_MS + 1 + PAUSES * pause_ms;
        assert!(!presence.look(true, end_ms));
        assert!(presence.look(true, end_ms + 1));
    }

    #[test]
    fn a_long_pause_is_forgotten_after_two_hours_and_one_of_more_than_an_hour_is_not_learned() {
        let mut presence = Presence::default();
        presence.hear(0);
        presence.hear(2 * HOUR_MS);
        assert!(presence.look(true, 2 * HOUR_MS + SILENCE_MS + 1));
        presence.hear(2 * HOUR_MS + 30 * MINUTE_MS);
        let mut hear_until = |end_ms| {
            for minute in 150..=end_ms / MINUTE_MS {
                presence.hear(minute * MINUTE_MS);
            }
            presence.clone().look(true, end_ms + SILENCE_MS + 1)
        };
        assert!(!hear_until(3 * HOUR_MS));
        assert!(hear_until(4 * HOUR_MS));
    }

    #[test]
    fn while_nobody_listens_nobody_is_away() {
        let mut presence = Presence::default();
        presence.hear(0);
        assert!(!presence.look(false, 10 * MINUTE_MS));
        assert!(!presence.look(true, 10 * MINUTE_MS + SILENCE_MS));
        assert!(presence.look(true, 10 * MINUTE_MS + SILENCE_MS + 1));
        assert!(presence.hear(14 * MINUTE_MS));
    }
}
