//! Counting answers with an error in a row. Only answers are told to it: an outage is not an error.

use serde::Deserialize;
use serde::Serialize;

use crate::model::spec;

/// Answers of 400 or more since the last good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorsInARow(u32);

/// What an answer means for its hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The hook goes on.
    Healthy,
    /// There were as many errors in a row as allowed, or more: the hook is disabled.
    Disable,
}

impl ErrorsInARow {
    /// Counts an answer. `allowed` errors in a row disable; 0 never does.
    pub fn answered(&mut self, status: u16, allowed: u32) -> Verdict {
        self.0 = if status < spec::ERROR_STATUS { 0 } else { self.0.saturating_add(1) };
        if allowed > 0 && self.0 >= allowed { Verdict::Disable } else { Verdict::Healthy }
    }

    /// A count that was stored.
    pub fn of(count: u32) -> Self {
        Self(count)
    }

    /// The errors so far.
    pub fn count(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_error_in_a_row_disables() {
        let mut errors = ErrorsInARow::default();
        for _ in 0..9 {
            assert_eq!(errors.answered(400, spec::ERRORS_IN_A_ROW), Verdict::Healthy);
        }
        assert_eq!((errors.answered(503, spec::ERRORS_IN_A_ROW), errors.count()), (Verdict::Disable, 10));
    }

    #[test]
    fn a_good_answer_forgives_all_errors() {
        let mut errors = ErrorsInARow::default();
        for status in [500, 404, 399] {
            errors.answered(status, 3);
        }
        assert_eq!(errors, ErrorsInARow::default());
    }

    #[test]
    fn without_a_bound_no_hook_is_disabled() {
        let mut errors = ErrorsInARow(u32::MAX);
        assert_eq!(errors.answered(500, 0), Verdict::Healthy);
    }
}
