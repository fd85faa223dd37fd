//! The certificate that the gateway shows, over HTTPS and over MQTT: the owner's files, or its own in the data folder.
//!
//! ```text
//! at the start:       the owner's files ── broken ──> the gateway's own
//! SIGHUP, each day:   what is there now ── broken ──> what is shown stays
//! the gateway's own:  tls/certificate.pem, tls/key.pem ── missing, damaged, of another name, soon over ──> made anew
//! ```

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::RwLock;

use log::info;
use log::warn;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;

use crate::model::Hidden;
use crate::model::WallTime;
use crate::tls::certificate;
use crate::tls::certificate::CertificateError;
use crate::tls::certificate::Pems;
use crate::tls::names::Names;

/// Of the data folder.
const FOLDER: &str = "tls";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// What the owner wants to be shown.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The owner's certificate and its key; without them the gateway's own.
    pub files: Option<(PathBuf, PathBuf)>,
    /// Names beside the machine's own that the gateway's own certificate is for.
    pub hosts: Vec<String>,
    /// Where it is shown.
    pub listen: Vec<IpAddr>,
}

/// No certificate can be had from where it should be.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable {
        /// Which one.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The owner's files are no good.
    #[error("{}: {source}", file.display())]
    Unusable {
        /// Of the certificate.
        file: PathBuf,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// The gateway's own cannot be made.
    #[error(transparent)]
    NotMade(#[from] CertificateError),
}

/// See the module.
#[derive(Debug)]
pub struct Identity {
    folder: PathBuf,
    shown: RwLock<Arc<CertifiedKey>>,
}

impl Identity {
    /// What is wanted; if the owner's files are no good, the gateway's own and why.
    ///
    /// # Errors
    /// When there is none of the gateway's own, and none can be made.
    pub fn open(data: &Path, wanted: &Wanted, now: WallTime) -> Result<(Self, Option<IdentityError>), IdentityError> {
        let folder = data.join(FOLDER);
        let (shown, trouble) = match find(&folder, wanted, None, now) {
            Ok(shown) => (shown, None),
            Err(error) if wanted.files.is_some() => {
                (find(&folder, &Wanted { files: None, ..wanted.clone() }, None, now)?, Some(error))
            }
            Err(error) => return Err(error),
        };
        Ok((Self { folder, shown: RwLock::new(Arc::new(shown)) }, trouble))
    }

    /// Looks at what is there again. Connections that are there keep what they were shown. Says whether something
    /// changed.
    ///
    /// # Errors
    /// Why what is shown stays.
    pub fn renew(&self, wanted: &Wanted, now: WallTime) -> Result<bool, IdentityError> {
        let found = find(&self.folder, wanted, Some(&self.shown()), now)?;
        let mut shown = self.shown.write().expect("nobody panics here");
        let is_new = shown.cert != found.cert;
        *shown = Arc::new(found);
        Ok(is_new)
    }

    /// SHA-256 of the certificate, as browsers show it.
    pub fn fingerprint(&self) -> String {
        certificate::fingerprint(&self.shown())
    }

    fn shown(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.shown.read().expect("nobody panics here"))
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _client_hello: ClientHello) -> Option<Arc<CertifiedKey>> {
        Some(self.shown())
    }
}

fn find(
    folder: &Path,
    wanted: &Wanted,
    shown: Option<&CertifiedKey>,
    now: WallTime,
) -> Result<CertifiedKey, IdentityError> {
    match &wanted.files {
        Some((file, key)) => {
            let pems = Pems { certificate: text(file)?, key: Hidden::new(text(key)?) };
            certificate::read(&pems).map_err(|source| IdentityError::Unusable { file: file.clone(), source })
        }
        None => own(folder, &Names::of_this_machine(&wanted.hosts, &wanted.listen), shown, now),
    }
}

/// The gateway's own certificate: the one that is kept if it will do, else a new one. If none can be kept, the one that
/// is shown will do, too: people should not have to trust another one each day.
fn own(
    folder: &Path,
    names: &Names,
    shown: Option<&CertifiedKey>,
    now: WallTime,
) -> Result<CertifiedKey, IdentityError> {
    match kept(folder) {
        Ok(Some(pems)) => {
            let found = certificate::read(&pems);
            match found.and_then(|kept| certificate::holds(&kept, names, now).map(|()| kept)) {
                Ok(kept) => return Ok(kept),
                Err(error) => info!("the gateway's own certificate is made anew: {error}"),
            }
        }
        Ok(None) => {}
        Err(error) => warn!("the gateway's own certificate is made anew: {error}"),
    }
    let pems = certificate::make(names, now)?;
    if let Err(error) = keep(folder, &pems) {
        warn!("the gateway's own certificate is not kept for the next start: {error}");
        if let Some(shown) = shown.filter(|shown| certificate::holds(shown, names, now).is_ok()) {
            return Ok(shown.clone());
        }
    }
    Ok(certificate::read(&pems)?)
}

fn kept(folder: &Path) -> Result<Option<Pems>, IdentityError> {
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    if !certificate.exists() || !key.exists() {
        return Ok(None);
    }
    Ok(Some(Pems { certificate: text(&certificate)?, key: Hidden::new(text(&key)?) }))
}

/// Whoever stops in between leaves a key that is not the certificate's, and that is seen.
fn keep(folder: &Path, pems: &Pems) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    replace(&folder.join(KEY), pems.key.reveal())?;
    replace(&folder.join(CERTIFICATE), &pems.certificate)?;
    File::open(folder)?.sync_all()
}

/// Writes a file that only its owner can read.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let new = file.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(new, file)
}

fn text(file: &Path) -> Result<String, IdentityError> {
    fs::read_to_string(file).map_err(|source| IdentityError::Unreadable { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;
    use crate::clock::BUILT_AT;
    use crate::tls::certificate::tests::names;

    fn own_in(data: &TempDir, host: &str, now: WallTime) -> String {
        certificate::fingerprint(&own(&data.path().join(FOLDER), &names(host, &[]), None, now).unwrap())
    }

    fn wanted(files: Option<(PathBuf, PathBuf)>) -> Wanted {
        Wanted { files, hosts: Vec::new(), listen: vec![Ipv4Addr::UNSPECIFIED.into()] }
    }

    /// A certificate of the owner.
    fn files_in(folder: &TempDir) -> (PathBuf, PathBuf) {
        keep(folder.path(), &certificate::make(&names("owner", &[]), BUILT_AT).unwrap()).unwrap();
        (folder.path().join(CERTIFICATE), folder.path().join(KEY))
    }

    #[test]
    fn the_gateways_own_certificate_is_made_once_and_only_its_owner_can_read_the_key() {
        let data = tempfile::tempdir().unwrap();
        let first = own_in(&data, "pi", BUILT_AT);
        assert_eq!(own_in(&data, "pi", BUILT_AT), first);
        let mode = |path: &str| fs::metadata(data.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("tls"), mode("tls/key.pem")), (0o700, 0o600));
    }

    #[test]
    fn it_is_made_anew_when_it_would_not_do() {
        let data = tempfile::tempdir().unwrap();
        let mut seen = vec![own_in(&data, "pi", BUILT_AT)];
        let in_800_days = WallTime::from_millis(BUILT_AT.as_millis() + 800 * 86_400_000);
        seen.push(own_in(&data, "pi", in_800_days));
        seen.push(own_in(&data, "other", in_800_days));
        for (file, text) in [("certificate.pem", "nonsense"), ("key.pem", "nonsense"), ("key.pem", "\u{0}")] {
            fs::write(data.path().join(FOLDER).join(file), text).unwrap();
            seen.push(own_in(&data, "other", in_800_days));
        }
        fs::remove_file(data.path().join(FOLDER).join("key.pem")).unwrap();
        seen.push(own_in(&data, "other", in_800_days));
        for (index, one) in seen.iter().enumerate() {
            assert!(!seen[..index].contains(one), "{index}");
        }
        assert_eq!(&own_in(&data, "other", in_800_days), seen.last().unwrap());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_reason_to_have_no_certificate() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FOLDER), "a file").unwrap();
        let (identity, trouble) = Identity::open(data.path(), &wanted(None), BUILT_AT).unwrap();
        assert!(trouble.is_none() && !identity.renew(&wanted(None), BUILT_AT).unwrap(), "it stays while this runs");
    }

    #[test]
    fn the_owners_files_are_shown_and_when_they_break_what_was_shown_stays() {
        let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = files_in(&folder);
        let wanted = wanted(Some(files.clone()));
        let (identity, trouble) = Identity::open(data.path(), &wanted, BUILT_AT).unwrap();
        assert!(trouble.is_none() && !data.path().join(FOLDER).exists());
        let first = identity.fingerprint();
        assert!(!identity.renew(&wanted, BUILT_AT).unwrap());

        fs::write(&files.0, "nonsense").unwrap();
        assert!(matches!(identity.renew(&wanted, BUILT_AT), Err(IdentityError::Unusable { .. })));
        fs::remove_file(&files.1).unwrap();
        assert!(matches!(identity.renew(&wanted, BUILT_AT), Err(IdentityError::Unreadable { .. })));
        assert_eq!(identity.fingerprint(), first);

        files_in(&folder);
        assert!(identity.renew(&wanted, BUILT_AT).unwrap());
        assert_ne!(identity.fingerprint(), first);
    }

    #[test]
    fn with_broken_files_the_gateways_own_is_shown_from_the_start() {
        let data = tempfile::tempdir().unwrap();
        let missing = data.path().join("nowhere.pem");
        let (identity, trouble) =
            Identity::open(data.path(), &wanted(Some((missing.clone(), missing.clone()))), BUILT_AT).unwrap();
        assert!(trouble.unwrap().to_string().starts_with(&format!("{} cannot be read", missing.display())));
        assert!(!identity.renew(&wanted(None), BUILT_AT).unwrap(), "that is the gateway's own");
    }
}
