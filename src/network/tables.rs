//! Reads the kernel's routes for the ways out: the default routes. Source: `Documentation/networking/proc_net_*` and
//! `net/ipv4/fib_trie.c`, `net/ipv6/route.c` of Linux, read 2026-11.

use std::collections::BTreeSet;
use std::fs;
use std::io;

/// The route can be used. Source: `linux/route.h`.
const RTF_UP: u32 = 0x0001;

/// What takes the route is refused. Source: `linux/route.h`.
const RTF_REJECT: u32 = 0x0200;

/// The default routes that there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ways(BTreeSet<Way>);

/// One default route: the interface, the gateway as it is written there, the metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    interface: String,
    gateway: String,
    metric: String,
}

impl Ways {
    pub(super) fn read() -> io::Result<Self> {
        let v4 = fs::read_to_string("/proc/net/route")?;
        // A kernel without IPv6 has no such file.
        let v6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
        Ok(Self(default_v4(&v4).chain(default_v6(&v6)).collect()))
    }

    /// Whether any leads out.
    pub(super) fn lead_out(&self) -> bool {
        !self.0.is_empty()
    }
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, under a heading; numbers in hex, but for the metric.
fn default_v4(table: &str) -> impl Iterator<Item = Way> + '_ {
    table.lines().filter_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let (interface, destination, gateway) = (columns.next()?, columns.next()?, columns.next()?);
        let (flags, metric, mask) = (columns.next()?, columns.nth(2)?, columns.next()?);
        let is_default = is_zero(destination, 8) && is_zero(mask, 8);
        (is_default && is_usable(flags)).then(|| way(interface, gateway, metric))
    })
}

/// `destination length source length gateway metric references uses flags interface`, in hex, without a heading.
fn default_v6(table: &str) -> impl Iterator<Item = Way> + '_ {
    table.lines().filter_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let (destination, length) = (columns.next()?, columns.next()?);
        let (gateway, metric) = (columns.nth(2)?, columns.next()?);
        let (flags, interface) = (columns.nth(2)?, columns.next()?);
        let is_default = is_zero(destination, 32) && is_zero(length, 2);
        (is_default && is_usable(flags)).then(|| way(interface, gateway, metric))
    })
}

fn way(interface: &str, gateway: &str, metric: &str) -> Way {
    Way { interface: interface.to_owned(), gateway: gateway.to_owned(), metric: metric.to_owned() }
}

fn is_zero(hex: &str, digits: usize) -> bool {
    hex.len() == digits && hex.bytes().all(|digit| digit == b'0')
}

fn is_usable(flags: &str) -> bool {
    u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & RTF_UP != 0 && flags & RTF_REJECT == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADING: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn v4(lines: &str) -> Vec<Way> {
        default_v4(&format!("{HEADING}{lines}")).collect()
    }

    #[test]
    fn a_default_route_of_ipv4_is_found_among_the_others() {
        let found = v4("wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
             wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n");
        assert_eq!(found, [way("wlan0", "0101A8C0", "600")]);
    }

    #[test]
    fn a_route_of_ipv4_that_is_down_refused_or_half_of_everything_leads_nowhere() {
        assert_eq!(v4(""), []);
        assert_eq!(v4("wlan0\t00000000\t0101A8C0\t0002\t0\t0\t600\t00000000\t0\t0\t0\n"), []);
        assert_eq!(v4("*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"), []);
        assert_eq!(v4("tun0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"), []);
        assert_eq!(v4("wlan0\t00000000\t0101A8C0\t0003\n"), []);
    }

    #[test]
    fn a_default_route_of_ipv6_is_found_among_the_others() {
        let zero = "0".repeat(32);
        let table = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000064 00000001 00000000 00450003    eth0\n\
             fe800000000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001    eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n\
             {zero} 00 {zero} 00 {zero} 00000400 00000001 00000000 00200201       lo\n\
             20000000000000000000000000000000 03 {zero} 00 {zero} 00000100 00000001 00000000 00000003    eth0\n"
        );
        let found: Vec<Way> = default_v6(&table).collect();
        assert_eq!(found, [way("eth0", "fe800000000000000000000000000001", "00000064")]);
    }

    #[test]
    fn the_tables_of_this_machine_can_be_read() {
        Ways::read().unwrap();
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_read_without_a_panic(table in "[0-9a-f \\tA-Z\\n*é]{0,400}") {
            default_v4(&table).chain(default_v6(&table)).for_each(drop);
        }
    }
}
