//! Who may connect: how many at once, and how many in a second, from one address and from all together. Pure.
//!
//! Over the number in a second from all, nobody is turned away: whoever is next waits, so that a whole house that comes back
//! at once gets in one after another. Over the others, the one address has had its share, and is turned away.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::Place;
use crate::limits::Places;
use crate::model::network_of;

/// How long a connection counts as new.
const NEW_FOR: Duration = Duration::from_secs(1);

/// What it goes by; `None` is no limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at once.
    pub(super) connections: usize,
    /// Connections at once from one address.
    pub(super) of_one: Option<NonZeroU32>,
    /// New connections in any second.
    pub(super) new: Option<NonZeroU32>,
    /// New connections in any second from one address.
    pub(super) new_of_one: Option<NonZeroU32>,
}

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "there is always too much of something")]
pub(super) enum TurnedAway {
    /// There are too many.
    TooMany,
    /// There are too many from that address.
    TooManyOfOne,
    /// Too many came from that address just now.
    TooFast,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Gate {
    bounds: Bounds,
    inside: Places<IpAddr>,
    /// Who came within the last second, in that order.
    recent: VecDeque<(Instant, IpAddr)>,
    /// How many of these are from each.
    recent_of_each: HashMap<IpAddr, u32>,
}

impl Gate {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, inside: Places::default(), recent: VecDeque::new(), recent_of_each: HashMap::new() }
    }

    /// One more connection, while there are `connections`. The place is its own until it is dropped.
    ///
    /// # Errors
    /// Why it is turned away; it counts for nothing then.
    pub(super) fn admit(
        &mut self,
        from: SocketAddr,
        connections: usize,
        now: Instant,
    ) -> Result<Place<IpAddr>, TurnedAway> {
        self.forget(now);
        let from = network_of(from.ip());
        if connections >= self.bounds.connections {
            return Err(TurnedAway::TooMany);
        }
        let recent = self.recent_of_each.get(&from).copied().unwrap_or(0);
        if self.bounds.new_of_one.is_some_and(|most| recent >= most.get()) {
            return Err(TurnedAway::TooFast);
        }
        let most = self.bounds.of_one.map_or(usize::MAX, |most| most.get() as usize);
        let place = self.inside.take(from, most).ok_or(TurnedAway::TooManyOfOne)?;
        self.recent.push_back((now, from));
        *self.recent_of_each.entry(from).or_default() += 1;
        Ok(place)
    }

    /// Until when the next one has to wait, if it has to.
    pub(super) fn opens_at(&mut self, now: Instant) -> Option<Instant> {
        self.forget(now);
        let most = self.bounds.new?.get() as usize;
        let which = self.recent.len().checked_sub(most)?;
        self.recent.get(which).map(|(came, _)| *came + NEW_FOR)
    }

    fn forget(&mut self, now: Instant) {
        while let Some((came, from)) = self.recent.front().copied() {
            if came + NEW_FOR > now {
                return;
            }
            self.recent.pop_front();
            if let Some(count) = self.recent_of_each.get_mut(&from) {
                *count -= 1;
                if *count == 0 {
                    self.recent_of_each.remove(&from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Bounds = Bounds { connections: 100, of_one: None, new: None, new_of_one: None };

    fn address(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 1)
    }

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn one_address_gets_its_share_and_no_more() {
        let mut gate = Gate::new(Bounds { of_one: NonZeroU32::new(2), ..OPEN });
        let now = Instant::now();
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = gate.admit(one, 0, now).unwrap();
        let _second = gate.admit(one, 1, now).unwrap();
        assert_eq!(gate.admit(one, 2, now).unwrap_err(), TurnedAway::TooManyOfOne);
        let _others = gate.admit(other, 2, now).unwrap();
        assert_eq!(gate.admit(other, 100, now).unwrap_err(), TurnedAway::TooMany);
        drop(first);
        assert!(gate.admit(one, 2, now).is_ok());
    }

    #[test]
    fn no_second_has_more_new_connections_of_one_address_than_it_may() {
        let mut gate = Gate::new(Bounds { new_of_one: NonZeroU32::new(2), ..OPEN });
        let start = Instant::now();
        let one = address("192.0.2.1");
        for (ms, is_in) in [(0, true), (900, true), (999, false), (1_000, true), (1_899, false), (1_900, true)] {
            assert_eq!(gate.admit(one, 0, after(start, ms)).is_ok(), is_in, "{ms}");
        }
        assert!(gate.admit(address("192.0.2.2"), 0, after(start, 1_900)).is_ok());
        gate.forget(after(start, 5_000));
        assert!(gate.recent.is_empty() && gate.recent_of_each.is_empty(), "nobody is remembered for longer");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let mut gate = Gate::new(Bounds { of_one: NonZeroU32::new(1), new_of_one: NonZeroU32::new(1), ..OPEN });
        let now = Instant::now();
        let _place = gate.admit(address("2001:db8::1"), 0, now).unwrap();
        assert!(gate.admit(address("2001:db8::2"), 0, now).is_err());
        assert!(gate.admit(address("2001:db8:0:1::1"), 0, now).is_ok());
    }

    #[test]
    fn whoever_comes_while_too_many_come_waits() {
        let mut gate = Gate::new(Bounds { new: NonZeroU32::new(2), ..OPEN });
        let start = Instant::now();
        for ms in [0, 300] {
            assert_eq!(gate.opens_at(after(start, ms)), None);
            drop(gate.admit(address("192.0.2.1"), 0, after(start, ms)));
        }
        assert_eq!(gate.opens_at(after(start, 400)), Some(after(start, 1_000)));
        assert_eq!(gate.opens_at(after(start, 1_000)), None);
        drop(gate.admit(address("192.0.2.2"), 0, after(start, 1_000)));
        assert_eq!(gate.opens_at(after(start, 1_100)), Some(after(start, 1_300)));
    }
}
