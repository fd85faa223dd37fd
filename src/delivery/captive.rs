//! The signs of a captive portal: somebody between here and the target answers in its place.
//!
//! Two of them cannot be the target's and are decided here. A redirect over plain HTTP to another host can be the
//! target's own; here it is only found, and whoever knows how the line is decides.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use url::Url;

/// "Network Authentication Required": never the target's own answer. Source: RFC 6585, section 6.
pub(super) const LOGIN_REQUIRED: u16 = 511;

/// The statuses that send a client to another address. Source: RFC 9110, section 15.4.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// By what a captive portal showed itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptiveSign {
    /// The answer was 511.
    #[error("the network wants a login first (status 511)")]
    LoginRequired,
    /// The certificate is a good one for somebody else.
    #[error(
        "another host answers in its place (the TLS certificate is for another name); the network may want a login first"
    )]
    WrongName,
    /// The answer sends to another host, over a connection that proves nothing.
    #[error(
        "it redirects to {to}; the network may want a login first; if the target itself redirects, use the final address \
         in the hook"
    )]
    Redirect {
        /// The other host.
        to: String,
    },
}

/// Whether TLS failed because the certificate is for another name.
pub(super) fn is_for_another_name(error: &(dyn Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
        return matches!(why, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. });
    }
    // An I/O error hides what is in it from its sources, and it may hide another of its kind.
    let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match hidden {
        Some(hidden) => is_for_another_name(hidden),
        None => error.source().is_some_and(is_for_another_name),
    }
}

/// The other host that an answer over plain HTTP sends to, if it does.
pub(super) fn foreign_redirect(asked: &Url, status: u16, location: Option<&str>) -> Option<String> {
    if asked.scheme() != "http" || !REDIRECTS.contains(&status) {
        return None;
    }
    let to = asked.join(location?).ok()?;
    let host = to.host_str()?;
    (Some(host) != asked.host_str()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_for_another_name_is_found_wherever_it_hides() {
        #[derive(Debug, thiserror::Error)]
        #[error("outside")]
        struct Outside(#[source] io::Error);

        let wrong_name = || rustls::Error::InvalidCertificate(CertificateError::NotValidForName);
        assert!(is_for_another_name(&wrong_name()));
        assert!(is_for_another_name(&Outside(io::Error::other(io::Error::other(wrong_name())))));
        for other in [CertificateError::UnknownIssuer, CertificateError::Expired] {
            assert!(!is_for_another_name(&io::Error::other(rustls::Error::InvalidCertificate(other))));
        }
        assert!(!is_for_another_name(&io::Error::from(io::ErrorKind::ConnectionReset)));
    }

    #[test]
    fn only_a_plain_redirect_to_another_host_is_foreign() {
        let foreign = |asked: &str, status, location| foreign_redirect(&asked.parse().unwrap(), status, location);
        let asked = "http://example.com/a";
        for status in REDIRECTS {
            assert_eq!(foreign(asked, status, Some("https://login.hotel.example/?x")).unwrap(), "login.hotel.example");
        }
        assert_eq!(foreign(asked, 302, Some("//192.0.2.1/login")).unwrap(), "192.0.2.1");
        for location in
            [None, Some("/b"), Some("https://EXAMPLE.com/a"), Some("http://example.com:8080/"), Some("http://")]
        {
            assert_eq!(foreign(asked, 302, location), None, "{location:?}");
        }
        for status in [200, 300, 304, 404] {
            assert_eq!(foreign(asked, status, Some("http://login.hotel.example/")), None, "{status}");
        }
        assert_eq!(foreign("https://example.com/", 302, Some("http://login.hotel.example/")), None);
    }
}
