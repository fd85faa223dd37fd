//! Which names and addresses the gateway's own certificate is for: those of this machine, and what the owner added.

use std::fs;
use std::net::IpAddr;

use log::warn;
use nix::ifaddrs::getifaddrs;

/// What the kernel calls this machine.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Addresses in one certificate. Ours; a machine that runs containers may have many.
const MOST_ADDRESSES: usize = 32;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// In lower case, each once; the machine's own is the first.
    dns: Vec<String>,
    addresses: Vec<IpAddr>,
    /// The addresses that have to be used, where not all of the machine's are listened on.
    listen: Vec<IpAddr>,
}

impl Names {
    /// Of this machine as it is now, which is listened on at these addresses.
    pub(super) fn of_this_machine(hosts: &[String], listen: &[IpAddr]) -> Self {
        let host = fs::read_to_string(HOST_NAME).unwrap_or_default();
        Self::new(host.trim(), hosts, listen, &interface_addresses())
    }

    /// Of a machine of that name and these addresses, which is called `hosts` as well.
    pub(super) fn new(host: &str, hosts: &[String], listen: &[IpAddr], interfaces: &[IpAddr]) -> Self {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        // How it is announced on the local network. Source: RFC 6762, 3.
        let label = host.split('.').next().unwrap_or_default();
        let announced = format!("{label}.local");
        let own = if is_dns_name(&host) { vec![host, announced] } else { Vec::new() };
        let mut dns: Vec<String> = Vec::new();
        for name in own.into_iter().chain(["localhost".to_owned()]).chain(hosts.iter().cloned()) {
            // A name that clients would not understand spoils the others.
            if is_dns_name(&name) && !dns.contains(&name) {
                dns.push(name);
            }
        }
        let mut listen: Vec<IpAddr> = listen.iter().map(IpAddr::to_canonical).collect();
        listen.retain(|address| !address.is_unspecified());
        listen.dedup();
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in listen.iter().copied().chain(interfaces.iter().copied().filter(is_for_people)) {
            if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
                addresses.push(address);
            }
        }
        Self { dns, addresses, listen }
    }

    /// The names.
    pub(super) fn dns_names(&self) -> &[String] {
        &self.dns
    }

    /// The addresses.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// What to call the certificate.
    pub(super) fn first(&self) -> &str {
        self.dns.first().map_or("farhook", String::as_str)
    }

    /// What a certificate has to be for. Addresses come and go, and nobody should have to trust another certificate
    /// for that; only those that are listened on count.
    pub(super) fn needed(&self) -> Vec<String> {
        self.dns.iter().cloned().chain(self.listen.iter().map(IpAddr::to_string)).collect()
    }
}

/// Whether it can be in a certificate as a name.
fn is_dns_name(name: &str) -> bool {
    rustls::pki_types::DnsName::try_from(name).is_ok()
}

/// Whether somebody may write it into a browser: link-local IPv6 addresses need an interface beside them.
fn is_for_people(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_unspecified(),
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_unicast_link_local(),
    }
}

fn interface_addresses() -> Vec<IpAddr> {
    let interfaces = match getifaddrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            warn!("the addresses of this machine are not known: {error}");
            return Vec::new();
        }
    };
    let address = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let of_4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        of_4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    };
    interfaces.filter_map(address).collect()
}

#[cfg(test)]
impl Names {
    /// Of nothing but this.
    pub(super) fn only(name: &str) -> Self {
        Self { dns: vec![name.to_owned()], addresses: Vec::new(), listen: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ANY: &[IpAddr] = &[IpAddr::V4(Ipv4Addr::UNSPECIFIED)];

    #[test]
    fn a_machine_has_its_name_the_announced_one_and_those_of_its_owner() {
        let hosts = ["farhook.example.com".to_owned(), "localhost".to_owned()];
        let names = |host| Names::new(host, &hosts, ANY, &[]).dns;
        assert_eq!(names("RaspberryPi"), ["raspberrypi", "raspberrypi.local", "localhost", "farhook.example.com"]);
        assert_eq!(names("pi.example.com"), ["pi.example.com", "pi.local", "localhost", "farhook.example.com"]);
        assert_eq!(names("pi.local"), ["pi.local", "localhost", "farhook.example.com"]);
        assert_eq!(names("pi.")[..2], ["pi", "pi.local"]);
        for odd in ["", "a b", "ä", ".", "127.0.0.1", &"a".repeat(64)] {
            assert_eq!(names(odd), ["localhost", "farhook.example.com"], "{odd}");
        }
    }

    #[test]
    fn addresses_that_cannot_be_written_into_a_browser_are_left_out() {
        let found: Vec<IpAddr> =
            ["127.0.0.1", "::1", "fe80::1", "192.0.2.7", "127.0.0.1", "::"].map(|text| text.parse().unwrap()).to_vec();
        let names = Names::new("pi", &[], ANY, &found);
        assert_eq!(names.addresses, ["127.0.0.1", "::1", "192.0.2.7"].map(|text| text.parse::<IpAddr>().unwrap()));
        assert_eq!(names.needed(), ["pi", "pi.local", "localhost"]);
        let many: Vec<IpAddr> = (0..=255).map(|last| [10, 0, 0, last].into()).collect();
        assert_eq!(Names::new("pi", &[], ANY, &many).addresses.len(), MOST_ADDRESSES);
    }

    #[test]
    fn the_address_that_is_listened_on_is_needed() {
        let listen: IpAddr = [127, 1, 2, 3].into();
        let names = Names::new("pi", &[], &[listen, listen, Ipv4Addr::UNSPECIFIED.into()], &[]);
        assert_eq!(names.addresses, [listen]);
        assert_eq!(names.needed().last().unwrap(), "127.1.2.3");
        let odd = Names::new("pi", &[], &["fe80::1".parse().unwrap()], &[]);
        assert_eq!(odd.addresses.len(), 1, "whatever it is");
    }

    #[test]
    fn this_machine_has_addresses() {
        assert!(Names::of_this_machine(&[], ANY).addresses.contains(&Ipv4Addr::LOCALHOST.into()));
    }
}
