//! Which addresses a request may go to. Templates put what a device says into requests; this keeps a device from
//! steering them into the owner's own network.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::config::AddressRange;

/// The addresses that requests may go to.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// Ranges that the owner allowed for every hook.
    pub allow: Vec<AddressRange>,
}

/// Whether a host is in the house or on this machine, as far as its name tells: a private, loopback or link-local
/// address, or a name that is only ever resolved here (RFC 6761, RFC 6762).
pub fn is_local(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.');
    match host.parse() {
        Ok(address) => place(plain(address)) != Place::Public,
        Err(_) => host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".local"),
    }
}

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Somewhere on the internet.
    Public,
    /// In a house: needs the hook's `allow_lan` or the owner's list.
    Private,
    /// This machine, this wire, or nobody in particular: needs the owner's list.
    Special,
}

impl Egress {
    /// Whether a request may go to `address`; `lan` is the hook's own leave to reach private ranges.
    pub fn admits(&self, address: IpAddr, lan: bool) -> bool {
        let address = plain(address);
        let listed = || self.allow.iter().any(|range| range.contains(address));
        match place(address) {
            Place::Public => true,
            Place::Private => lan || listed(),
            Place::Special => listed(),
        }
    }
}

/// The IPv4 address inside an IPv6 one, where there is one: what is dialled in the end.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let octets = v6.octets();
    let at = |at: usize| IpAddr::V4(Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        // "IPv4-compatible" and "IPv4-mapped", RFC 4291; NAT64, RFC 6052.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, ..] => at(12),
        // 6to4, RFC 3056.
        [0x2002, ..] => at(2),
        _ => address,
    }
}

fn place(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(v4) => place_v4(v4),
        IpAddr::V6(v6) => place_v6(v6),
    }
}

/// Source: IANA IPv4 Special-Purpose Address Registry, read 2026-11.
fn place_v4(v4: Ipv4Addr) -> Place {
    let [a, b, c, _] = v4.octets();
    if v4.is_private() || (a == 100 && b & 0xc0 == 64) {
        Place::Private
    } else if a == 0
        || a >= 224
        || [a, b, c] == [192, 0, 0]
        || (a == 198 && b & 0xfe == 18)
        || v4.is_loopback()
        || v4.is_link_local()
    {
        Place::Special
    } else {
        Place::Public
    }
}

/// Source: IANA IPv6 Special-Purpose Address Registry, read 2026-11.
fn place_v6(v6: Ipv6Addr) -> Place {
    // Site-local addresses (RFC 3879) are gone from the registry, not from every house; the other prefix is NAT64 of a
    // network of its own (RFC 8215), which may lead anywhere in it.
    let is_private = v6.segments()[0] & 0xffc0 == 0xfec0 || v6.segments()[..3] == [0x64, 0xff9b, 1];
    if v6.is_unique_local() || is_private {
        Place::Private
    } else if v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local() {
        Place::Special
    } else {
        Place::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(address: &str, lan: bool, allow: &[&str]) -> bool {
        let allow = allow.iter().map(|range| range.parse().unwrap()).collect();
        Egress { allow }.admits(address.parse().unwrap(), lan)
    }

    #[test]
    fn the_internet_is_open_to_every_hook() {
        for address in ["93.184.216.34", "2606:2800:220:1::1", "8.8.8.8"] {
            assert!(admitted(address, false, &[]), "{address}");
        }
    }

    #[test]
    fn the_house_is_open_only_on_purpose() {
        let v4 = ["192.168.1.10", "10.0.0.1", "172.20.0.1", "100.64.0.1", "::ffff:192.168.1.10", "2002:c0a8:1::1"];
        for address in v4.into_iter().chain(["fd00::1", "fec0::1", "64:ff9b:1::1"]) {
            assert!(!admitted(address, false, &[]), "{address}");
            assert!(admitted(address, true, &[]), "{address}");
        }
        assert!(admitted("192.168.1.10", false, &["192.168.1.0/24"]));
        assert!(!admitted("192.168.2.10", false, &["192.168.1.0/24"]));
    }

    #[test]
    fn a_host_is_local_by_its_address_or_by_a_name_that_only_means_something_here() {
        for host in ["192.168.1.10", "127.0.0.1", "[::1]", "[fd00::1]", "169.254.1.1", "localhost", "Printer.local"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["93.184.216.34", "[2606:2800:220:1::1]", "example.com", "local", "localhost.example.com"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn this_machine_is_open_only_by_the_owners_list() {
        let special = [
            "127.0.0.1",
            "0.0.0.0",
            "169.254.169.254",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "::ffff:127.0.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "192.0.0.8",
        ];
        let wrapped = ["64:ff9b::7f00:1", "::7f00:1", "2002:7f00:1::", "255.255.255.255", "ff02::1"];
        for address in special.into_iter().chain(wrapped) {
            assert!(!admitted(address, true, &[]), "{address}");
        }
        assert!(admitted("127.0.0.1", false, &["127.0.0.0/8"]));
        assert!(admitted("::ffff:127.0.0.1", false, &["127.0.0.0/8"]));
    }
}
