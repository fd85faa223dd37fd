//! A range of IP addresses, written `192.168.1.0/24`, `fd00::/8` or as a single address. Pure.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::num::ParseIntError;
use std::str::FromStr;

/// Addresses that begin with the same bits.
///
/// IPv4 addresses written as IPv6 (`::ffff:10.0.0.1`) are taken for what they mean, in ranges and in what is asked,
/// so an address cannot slip past a range by being written the other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    prefix_bits: u32,
}

/// Why a text is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    /// What stands before the `/` is no IP address.
    #[error("{text:?} is no IP address")]
    Address {
        /// What was found there.
        text: String,
    },
    /// What stands after the `/` is no number.
    #[error("{text:?} is no prefix length")]
    Prefix {
        /// What was found there.
        text: String,
        /// What is wrong with it.
        #[source]
        source: ParseIntError,
    },
    /// The prefix is longer than the address.
    #[error("a prefix has at most {max} bits here, not {bits}")]
    PrefixTooLong {
        /// What was asked for.
        bits: u32,
        /// 32 for IPv4, 128 for IPv6.
        max: u32,
    },
    /// Bits after the prefix are set: it is unclear whether one address or the whole network is meant.
    #[error("it begins in the middle of a network: write {range} for the network, {address} for the one address")]
    MidNetwork {
        /// The address that was written.
        address: IpAddr,
        /// The network around it.
        range: AddressRange,
    },
}

impl AddressRange {
    /// Whether the address is in this range. An IPv6 range never holds an IPv4 address, `::/0` included.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && network_of(address, self.prefix_bits) == self.first
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        let (address_text, bits_text) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let written: IpAddr =
            address_text.parse().map_err(|_| AddressRangeError::Address { text: address_text.to_owned() })?;
        let max = width(written);
        let bits = match bits_text {
            Some(bits) => bits.parse().map_err(|source| AddressRangeError::Prefix { text: bits.to_owned(), source })?,
            None => max,
        };
        if bits > max {
            return Err(AddressRangeError::PrefixTooLong { bits, max });
        }
        let range = canonical(network_of(written, bits), bits);
        if network_of(written, bits) != written {
            return Err(AddressRangeError::MidNetwork { address: written, range });
        }
        Ok(range)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The first address of the network of `bits` bits around `address`.
fn network_of(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        // A shift by the whole width keeps no bits, which the operator would call an overflow.
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & u32::MAX.checked_shl(32 - bits).unwrap_or(0)).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & u128::MAX.checked_shl(128 - bits).unwrap_or(0)).into()),
    }
}

/// `::ffff:10.0.0.0/104` means `10.0.0.0/8`.
fn canonical(first: IpAddr, bits: u32) -> AddressRange {
    match (first, bits.checked_sub(96)) {
        (IpAddr::V6(v6), Some(v4_bits)) if is_mapped(v6) => {
            AddressRange { first: first.to_canonical(), prefix_bits: v4_bits }
        }
        _ => AddressRange { first, prefix_bits: bits },
    }
}

fn is_mapped(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_holds_its_first_and_last_address_and_no_neighbour() {
        for (text, first, last, before, after) in [
            ("127.0.0.0/8", "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
            ("192.168.1.64/26", "192.168.1.64", "192.168.1.127", "192.168.1.63", "192.168.1.128"),
            ("fe80::/10", "fe80::", "febf:ffff::1", "fe7f:ffff::1", "fec0::"),
        ] {
            assert!(range(text).contains(ip(first)) && range(text).contains(ip(last)), "{text}");
            assert!(!range(text).contains(ip(before)) && !range(text).contains(ip(after)), "{text}");
        }
    }

    #[test]
    fn a_single_address_is_a_range_of_one() {
        assert!(range("10.0.0.7").contains(ip("10.0.0.7")));
        assert!(!range("10.0.0.7").contains(ip("10.0.0.6")));
        assert_eq!(range("10.0.0.7").to_string(), "10.0.0.7/32");
        assert!(range("::1").contains(ip("::1")));
        assert!(!range("::1").contains(ip("::2")));
        assert_eq!(range("::1").to_string(), "::1/128");
    }

    #[test]
    fn an_empty_prefix_holds_the_whole_family_and_not_the_other() {
        assert!(range("0.0.0.0/0").contains(ip("255.255.255.255")));
        assert!(!range("0.0.0.0/0").contains(ip("2001:db8::1")));
        assert!(range("::/0").contains(ip("2001:db8::1")));
        assert!(!range("::/0").contains(ip("10.0.0.1")));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_the_same_address() {
        assert!(range("10.0.0.0/8").contains(ip("::ffff:10.1.2.3")));
        assert!(!range("10.0.0.0/8").contains(ip("::ffff:11.1.2.3")));
        assert!(!range("::/0").contains(ip("::ffff:10.1.2.3")));
        assert_eq!(range("::ffff:10.0.0.0/104"), range("10.0.0.0/8"));
        assert_eq!(range("::ffff:10.0.0.1"), range("10.0.0.1/32"));
    }

    #[test]
    fn what_is_no_range_says_why() {
        let refused = |text: &str| text.parse::<AddressRange>().unwrap_err().to_string();
        assert_eq!(refused(""), r#""" is no IP address"#);
        assert_eq!(refused("localhost"), r#""localhost" is no IP address"#);
        assert_eq!(refused("10.0.0.0/x"), r#""x" is no prefix length"#);
        assert_eq!(refused("10.0.0.0/-1"), r#""-1" is no prefix length"#);
        assert_eq!(refused("10.0.0.0/33"), "a prefix has at most 32 bits here, not 33");
        assert_eq!(refused("::/129"), "a prefix has at most 128 bits here, not 129");
        assert_eq!(
            refused("192.168.1.10/24"),
            "it begins in the middle of a network: write 192.168.1.0/24 for the network, 192.168.1.10 for the one address"
        );
    }
}
