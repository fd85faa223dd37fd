//! Long lists: which part of one a page shows, and how its other parts are asked for. Pure.

use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde::Serialize;

use crate::model::Device;
use crate::web::visit::Visit;

/// Entries of one part. Ours.
const PER_PAGE: usize = 100;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Paging {
    /// What the list is filtered by.
    q: String,
    /// The same as it stands in an address.
    q_encoded: String,
    /// Which part it is, counted from 1.
    number: usize,
    /// Parts that there are, at least one.
    count: usize,
    /// Entries of all of them.
    total: usize,
    /// The first entry that is shown, and the last, counted from 1.
    from: usize,
    to: usize,
}

impl Paging {
    /// The part of `total` entries that was asked for with `?q=` and `?page=`.
    pub(super) fn of(visit: &Visit, total: usize) -> Self {
        let number = visit.request.query("page").and_then(|number| number.parse().ok());
        Self::new(filter(visit), number, total)
    }

    /// That part, or the nearest one that there is.
    pub(super) fn new(q: &str, number: Option<usize>, total: usize) -> Self {
        let count = total.div_ceil(PER_PAGE).max(1);
        let number = number.unwrap_or(1).clamp(1, count);
        Self {
            q: q.to_owned(),
            q_encoded: utf8_percent_encode(q, NON_ALPHANUMERIC).to_string(),
            number,
            count,
            total,
            from: ((number - 1) * PER_PAGE + 1).min(total),
            to: (number * PER_PAGE).min(total),
        }
    }

    /// The entries that are shown.
    pub(super) fn part<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        &all[self.from.saturating_sub(1)..self.to]
    }
}

/// What the list is filtered by; empty for nothing.
pub(super) fn filter(visit: &Visit) -> &str {
    visit.request.query("q").unwrap_or_default().trim()
}

/// Whether a filter, in lower case, means the device.
pub(super) fn is_meant(device: &Device, filter: &str) -> bool {
    device.name.as_str().to_lowercase().contains(filter) || device.id.to_string().contains(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_shown_a_hundred_at_a_time() {
        let all: Vec<_> = (1..=250).collect();
        let part = |number| Paging::new("", number, all.len()).part(&all).to_vec();
        assert_eq!(part(None), all[..100]);
        assert_eq!(part(Some(3)), all[200..]);
        assert_eq!(part(Some(9)), all[200..], "there is no ninth part");
        assert_eq!(part(Some(0)), all[..100]);
        assert_eq!(Paging::new("", None, 0).part(&[0_u8; 0]), [0_u8; 0]);
    }

    #[test]
    fn a_filter_stands_in_addresses_as_one_word() {
        assert_eq!(Paging::new("a&b c", None, 1).q_encoded, "a%26b%20c");
    }
}
