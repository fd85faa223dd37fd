//! Why there is no backup, or why one was not restored.

use crate::registry::RegistryError;
use crate::registry::UserName;

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The passphrase is too short or too long.
    #[error("a passphrase has at least 8 characters and at most 1024 bytes")]
    Passphrase,
    /// It would be so large that it could not be restored.
    #[error("there is more than fits a backup; copy the data folder instead")]
    TooLarge,
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Why a backup was not restored. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Who asks does not own the gateway.
    #[error("only the owner of the gateway may restore a backup")]
    NotOwner,
    /// It is something else.
    #[error("this is no backup of farhook")]
    Foreign,
    /// It was cut off or changed: it cannot be unpacked to its end.
    #[error("the backup is damaged: {0}")]
    Damaged(#[source] std::io::Error),
    /// A file in it was changed.
    #[error("the backup is damaged: {name} is not what it was")]
    Changed {
        /// Which.
        name: String,
    },
    /// A file in it has another content than its name says.
    #[error("the backup is damaged: {name} cannot be understood")]
    Unreadable {
        /// Which.
        name: &'static str,
    },
    /// It is larger than any backup.
    #[error("the file is larger than any backup")]
    TooLarge,
    /// A newer farhook made it.
    #[error(
        "the backup was made by farhook {farhook}, in a form that this version does not know; update farhook first"
    )]
    Newer {
        /// The version that made it.
        farhook: String,
    },
    /// There are no secrets in it.
    #[error("there are no secrets in this backup; restore it without a passphrase")]
    NoSecrets,
    /// The passphrase is another one, or the secrets were changed.
    #[error("the passphrase is wrong, or the backup was changed")]
    Passphrase,
    /// Without its secrets, the account of who restores stays, and the backup has another user of its name.
    #[error(
        "the backup has another user named \"{name}\"; restore it with its passphrase, or as an owner of another name"
    )]
    NameTaken {
        /// The name.
        name: UserName,
    },
    /// A row in it cannot be used, or the disk refuses.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
