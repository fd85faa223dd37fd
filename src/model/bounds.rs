//! How much may wait, and how much does. Pure.

use std::num::NonZeroU64;

/// How much may wait, for one hook or for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Deliveries.
    pub items: Option<NonZeroU64>,
    /// Bytes of their events.
    pub bytes: Option<NonZeroU64>,
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fill {
    /// Deliveries.
    pub items: u64,
    /// Bytes of their events.
    pub bytes: u64,
}

impl Bounds {
    /// Whether so much more fits.
    pub fn admit(&self, fill: Fill, more: Fill) -> bool {
        let fits = |bound: Option<NonZeroU64>, sum: u64| bound.is_none_or(|bound| sum <= bound.get());
        let sum = fill.with(more);
        fits(self.items, sum.items) && fits(self.bytes, sum.bytes)
    }
}

impl Fill {
    /// As much as both together.
    #[must_use]
    pub fn with(self, more: Self) -> Self {
        Self { items: self.items + more.items, bytes: self.bytes + more.bytes }
    }

    /// As much as is left without that; nothing if it was less.
    #[must_use]
    pub fn without(self, less: Self) -> Self {
        Self { items: self.items.saturating_sub(less.items), bytes: self.bytes.saturating_sub(less.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_holds_to_the_last_one() {
        let bounds = Bounds { items: NonZeroU64::new(2), bytes: NonZeroU64::new(100) };
        let fill = |items, bytes| Fill { items, bytes };
        assert!(bounds.admit(fill(1, 50), fill(1, 50)));
        assert!(!bounds.admit(fill(2, 50), fill(1, 1)));
        assert!(!bounds.admit(fill(1, 50), fill(1, 51)));
        assert!(Bounds::default().admit(fill(u64::MAX / 2, 0), fill(1, 0)));
        assert_eq!(fill(2, 50).without(fill(3, 20)), fill(0, 30));
    }
}
