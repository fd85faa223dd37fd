//! Certificates: makes the gateway's own, and judges whether one that is there will do. Knows no
//! file and no clock; where certificates come from is in `identity.rs`.
//!
//! The gateway's own is signed by itself. A client that was told to trust it checks it as any other: dates, names, key.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::SanType;
use rcgen::date_time_ymd;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use sha2::Digest;
use sha2::Sha256;

use crate::clock::BUILT_AT;
use crate::model::Hidden;
use crate::model::WallTime;
use crate::tls::names::Names;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// From the first day to the last. Apple's systems refuse certificates for servers that are valid for more than 825
/// days, also those that their owner chose to trust; these are some fewer.
/// Source: <https://support.apple.com/en-us/103769>, read 2026-11.
const VALID_FOR: Duration = Duration::from_secs(820 * 24 * 60 * 60);

/// A certificate that is valid for less than this is made anew.
const LEFT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The clocks of clients may be so far behind ours.
const BEFORE: Duration = DAY;

/// A certificate and its key, as they are written in files.
#[derive(Debug, Clone)]
pub(super) struct Pems {
    /// The certificate, and after it those that vouch for it.
    pub(super) certificate: String,
    /// Its key.
    pub(super) key: Hidden,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// There is none in what should be one.
    #[error("there is no certificate in it")]
    None,
    /// The certificate is not written as PEM.
    #[error("the certificate cannot be read: {0}")]
    Certificate(pem::Error),
    /// The key is not written as PEM.
    #[error("the key cannot be read: {0}")]
    Key(pem::Error),
    /// The key is not the certificate's, or of a kind that is not known.
    #[error("the certificate cannot be used with this key: {0}")]
    Pair(rustls::Error),
    /// Clients would not take it, now or soon.
    #[error("it does not hold: {0}")]
    Refused(rustls::Error),
    /// None can be made.
    #[error("none can be made: {0}")]
    NotMade(rcgen::Error),
}

/// Reads a certificate and its key.
///
/// # Errors
/// When they are not, or do not belong together.
pub(super) fn read(pems: &Pems) -> Result<CertifiedKey, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(pems.certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(CertificateError::Certificate)?;
    if chain.is_empty() {
        return Err(CertificateError::None);
    }
    let key = PrivateKeyDer::from_pem_slice(pems.key.reveal().as_bytes()).map_err(CertificateError::Key)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(CertificateError::Pair)
}

/// Makes a certificate for these names that is valid at `now`, also if the clock is wrong because it was not set yet.
///
/// # Errors
/// When a name has no place in a certificate.
pub(super) fn make(names: &Names, now: WallTime) -> Result<Pems, CertificateError> {
    let key = KeyPair::generate().map_err(CertificateError::NotMade)?;
    let certificate = params(names, now).and_then(|params| params.self_signed(&key));
    let certificate = certificate.map_err(CertificateError::NotMade)?;
    Ok(Pems { certificate: certificate.pem(), key: Hidden::new(key.serialize_pem()) })
}

/// Whether clients that trust it will take it for all the names that it must have, now and for some time.
///
/// # Errors
/// Why they will not.
pub(super) fn holds(certified: &CertifiedKey, names: &Names, now: WallTime) -> Result<(), CertificateError> {
    let (own, others) = certified.cert.split_first().ok_or(CertificateError::None)?;
    let mut roots = RootCertStore::empty();
    roots.add(own.clone()).map_err(CertificateError::Refused)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let verifier = verifier.expect("there is a root");
    let now = since_1970(known(now));
    for name in names.needed() {
        let Ok(name) = ServerName::try_from(name.as_str()) else { continue };
        for at in [now, now + LEFT] {
            let at = UnixTime::since_unix_epoch(at);
            verifier.verify_server_cert(own, others, &name, &[], at).map_err(CertificateError::Refused)?;
        }
    }
    Ok(())
}

/// SHA-256 of the certificate, as browsers show it.
pub(super) fn fingerprint(certified: &CertifiedKey) -> String {
    let digest = certified.cert.first().map(Sha256::digest).unwrap_or_default();
    let mut text = String::new();
    for byte in digest {
        let colon = if text.is_empty() { "" } else { ":" };
        let _ = write!(text, "{colon}{byte:02X}");
    }
    text
}

/// The cryptography that this gateway uses, whatever else is linked.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn params(names: &Names, now: WallTime) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.dns_names())?;
    params.subject_alt_names.extend(names.addresses().iter().copied().map(SanType::IpAddress));
    params.distinguished_name.push(DnType::CommonName, names.first());
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Apple's page wants this one.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let begin = date_time_ymd(1970, 1, 1) + since_1970(known(now)).saturating_sub(BEFORE);
    params.not_before = begin;
    params.not_after = begin + VALID_FOR;
    Ok(params)
}

/// What the time is at least: a clock that shows an earlier one has not been set since the machine was switched on.
fn known(now: WallTime) -> WallTime {
    now.max(BUILT_AT)
}

fn since_1970(time: WallTime) -> Duration {
    Duration::from_millis(time.as_millis().try_into().unwrap_or(0))
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::IpAddr;
    use std::net::Ipv4Addr;

    use super::*;

    pub(in crate::tls) fn names(host: &str, hosts: &[&str]) -> Names {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Names::new(host, &hosts, &[Ipv4Addr::UNSPECIFIED.into()], &[IpAddr::from([192, 0, 2, 7])])
    }

    fn days_later(days: u32) -> WallTime {
        WallTime::from_millis(BUILT_AT.as_millis() + i64::from(days) * 86_400_000)
    }

    fn is_right(names: &Names, made_at: WallTime, seen_at: WallTime) -> bool {
        holds(&read(&make(names, made_at).unwrap()).unwrap(), names, seen_at).is_ok()
    }

    #[test]
    fn a_certificate_holds_for_its_names_and_addresses_until_a_month_before_its_end() {
        let names = names("pi", &["farhook.example.com"]);
        for (seen_after, is_good) in [(0, true), (788, true), (790, false), (2_000, false)] {
            assert_eq!(is_right(&names, days_later(0), days_later(seen_after)), is_good, "{seen_after}");
        }
        let certified = read(&make(&names, days_later(0)).unwrap()).unwrap();
        for name in ["pi", "pi.local", "localhost", "farhook.example.com", "192.0.2.7"] {
            assert!(holds(&certified, &Names::only(name), days_later(1)).is_ok(), "{name}");
        }
        for name in ["pi2", "example.com", "192.0.2.8"] {
            assert!(holds(&certified, &Names::only(name), days_later(1)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_certificate_that_was_made_before_the_clock_was_set_holds_before_and_after() {
        let names = names("pi", &[]);
        let unset = WallTime::from_millis(7_000);
        for seen_at in [unset, days_later(0), days_later(700)] {
            assert!(is_right(&names, unset, seen_at), "{seen_at}");
        }
    }

    #[test]
    fn no_name_of_a_machine_or_of_an_owner_makes_a_certificate_that_does_not_hold() {
        let long = format!("{0}.{0}.{0}.local", "a".repeat(60));
        for name in ["", "pi_2", "PI", "pi.", "123", "1.2", "-a", "xn--bcher-kva.example", "a..b", "*", "ä", &long] {
            assert!(is_right(&names(name, &[name, "b.example", "7"]), BUILT_AT, BUILT_AT), "{name}");
        }
    }

    #[test]
    fn a_certificate_from_the_future_does_not_hold() {
        assert!(!is_right(&names("pi", &[]), days_later(400), days_later(1)));
        assert!(is_right(&names("pi", &[]), days_later(400), days_later(400)), "clocks of clients differ");
    }

    #[test]
    fn what_is_no_pair_of_certificate_and_key_is_refused() {
        let (one, other) = (make(&names("a", &[]), BUILT_AT).unwrap(), make(&names("a", &[]), BUILT_AT).unwrap());
        let with = |certificate: &str, key: &str| {
            read(&Pems { certificate: certificate.to_owned(), key: Hidden::new(key.to_owned()) })
        };
        let key = one.key.reveal();
        assert!(with(&one.certificate, key).is_ok());
        assert!(matches!(with("", key), Err(CertificateError::None)));
        assert!(matches!(with("-----BEGIN CERTIFICATE-----\n?", key), Err(CertificateError::Certificate(_))));
        assert!(matches!(with(&one.certificate, ""), Err(CertificateError::Key(_))));
        assert!(matches!(with(&one.certificate, other.key.reveal()), Err(CertificateError::Pair(_))));
        let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(with(no_der, key), Err(CertificateError::Pair(_))));
    }

    #[test]
    fn a_fingerprint_is_written_as_browsers_show_it() {
        let text = fingerprint(&read(&make(&names("a", &[]), BUILT_AT).unwrap()).unwrap());
        let parts: Vec<&str> = text.split(':').collect();
        assert!(parts.len() == 32 && parts.iter().all(|part| part.len() == 2), "{text}");
        assert_eq!(text, text.to_uppercase());
    }
}
