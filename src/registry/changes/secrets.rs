//! Changes of named secrets.

use std::sync::Arc;

use crate::model::Secret;
use crate::model::SecretName;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::changes::secret_key;

/// Secrets of one user. Ours.
const MAX_SECRETS: usize = 100;

impl Registry {
    /// Sets a secret. Hooks use it from the next request on.
    ///
    /// # Errors
    /// When it is empty or too long, there are too many, or the disk refuses.
    pub fn set_secret(
        &self,
        user: UserId,
        name: SecretName,
        value: String,
        now: WallTime,
    ) -> Result<Secret, RegistryError> {
        self.change_of(user, |snapshot, rows| {
            if value.is_empty() || value.len() > Secret::VALUE_BYTES {
                return Err(RegistryError::SecretSize);
            }
            let secrets = Arc::make_mut(snapshot.secrets.entry(user).or_default());
            let before = secrets.get(&name);
            if before.is_none() && secrets.len() >= MAX_SECRETS {
                return Err(RegistryError::TooMany { what: "secrets", limit: MAX_SECRETS });
            }
            let created_at = before.map_or(now, |before| before.created_at);
            let secret = Secret { value, created_at, updated_at: now };
            rows.put(secret_key(user, &name), &secret);
            secrets.insert(name, secret.clone());
            Ok(secret)
        })
    }

    /// Removes a secret. What a hook's template asks for by its name is empty from then on.
    ///
    /// # Errors
    /// When there is no such secret or the disk refuses.
    pub fn remove_secret(&self, user: UserId, name: &str) -> Result<(), RegistryError> {
        self.change(|snapshot, rows| {
            let no_secret = || RegistryError::NoSecret { wanted: name.to_owned() };
            let name = SecretName::try_from(name.to_owned()).map_err(|_| no_secret())?;
            let secrets = Arc::make_mut(snapshot.secrets.entry(user).or_default());
            secrets.remove(&name).ok_or_else(no_secret)?;
            rows.remove(secret_key(user, &name));
            Ok(())
        })
    }
}
