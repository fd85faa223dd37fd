//! The owner whom systemd was given as a credential before the first start, as whoever makes an image may do.

use std::fs;
use std::io;
use std::path::Path;

use log::error;
use log::info;
use log::warn;

use crate::accounts::Accounts;
use crate::clock;

/// The credential of the unit. It is the same in `packaging/debian/farhook.service`.
const CREDENTIAL: &str = "farhook.owner";

/// Makes that owner of a gateway that has none. Without a credential, or with one that cannot be used, the claim code
/// does it as everywhere.
pub(super) fn make_owner(accounts: &Accounts) {
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else { return };
    let line = match fs::read_to_string(Path::new(&folder).join(CREDENTIAL)) {
        Ok(line) => line,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return warn!("the credential {CREDENTIAL} cannot be read: {error}"),
    };
    match accounts.preset(&line, clock::now()) {
        Ok(Some(owner)) => info!("{} owns this gateway, by the credential {CREDENTIAL}", owner.name),
        Ok(None) => {}
        Err(error) => error!("the credential {CREDENTIAL} makes nobody the owner: {error}"),
    }
}
