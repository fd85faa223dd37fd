//! What another site can make a browser do here: nothing. Pure.
//!
//! A name that somebody else can point at this gateway (DNS rebinding) is refused, and so is a form that did not come
//! from a page of it: the browser says where a form is from, and each form carries what only a page of its session has.

use sha2::Digest;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::model::hex;

/// Ends of names that nobody can own on the internet. Source: RFC 6762 (`local`), RFC 8375 (`home.arpa`), ICANN's
/// resolution 2024.07.29.06 (`internal`); the others are what home routers use and are not delegated, IANA's root zone
/// database, read 2026-11.
const LOCAL_ENDS: [&str; 7] = ["local", "home.arpa", "internal", "lan", "home", "localdomain", "localhost"];

/// Whether pages are shown under that name: the gateway's address, a name without a dot, one that only a local network
/// can have, or one that is configured.
pub(super) fn is_own_host(host: &str, configured: &[String]) -> bool {
    let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
    let ends_locally = |end: &&str| name.strip_suffix(*end).is_some_and(|before| before.ends_with('.'));
    let is_address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>().is_ok();
    is_address
        || (!name.is_empty() && !name.contains('.'))
        || LOCAL_ENDS.iter().any(ends_locally)
        || configured.contains(&name)
}

/// Whether a browser says that a form comes from a page of `host`. Old ones say nothing.
pub(super) fn is_own_form(origin: Option<&str>, fetch_site: Option<&str>, host: &str) -> bool {
    let is_same_origin = origin.is_none_or(|origin| {
        let rest = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    });
    is_same_origin && fetch_site.is_none_or(|site| matches!(site, "same-origin" | "none"))
}

/// What the forms of a session carry. It tells nothing of the session's token.
pub(super) fn form_token(session: &str) -> String {
    let hash = Sha256::new().chain_update("farhook form\0").chain_update(session).finalize();
    hex(&hash[..16])
}

/// Whether a form carries what it must.
pub(super) fn is_same(form_token: &str, shown: &str) -> bool {
    form_token.as_bytes().ct_eq(shown.as_bytes()).into()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // In an IPv6 address without a port the last colon stands inside of the brackets.
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nobody_else_can_own_are_the_gateways() {
        let configured = ["farhook.example.org".to_owned()];
        for own in [
            "raspberrypi.local:8484",
            "raspberrypi",
            "localhost:8484",
            "192.168.1.5:8484",
            "[fe80::1]:8484",
            "[::1]",
            "pi.lan",
            "PI.Home.Arpa.:80",
            "farhook.example.org:8484",
        ] {
            assert!(is_own_host(own, &configured), "{own}");
        }
        for foreign in ["evil.example", "local.evil.example:8484", "evillocal.example", "192.168.1.5.nip.io", "", ":80"]
        {
            assert!(!is_own_host(foreign, &configured), "{foreign}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_told_from_ones_own() {
        let own = |origin, site| is_own_form(origin, site, "pi.local:8484");
        assert!(own(Some("http://pi.local:8484"), Some("same-origin")) && own(None, None));
        assert!(!own(Some("http://evil.example"), None) && !own(Some("null"), None));
        assert!(!own(Some("http://pi.local:80"), None) && !own(None, Some("cross-site")));
    }

    #[test]
    fn each_session_has_forms_of_its_own() {
        assert!(is_same(&form_token("a"), &form_token("a")));
        assert!(!is_same(&form_token("a"), &form_token("b")) && !is_same(&form_token("a"), ""));
    }
}
