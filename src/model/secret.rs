//! Named secrets: what hooks' templates may use and nobody gets to see again.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::model::WallTime;

/// A secret of one user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// What it is; at most [`Secret::VALUE_BYTES`] bytes.
    pub value: String,
    /// When it was first set.
    pub created_at: WallTime,
    /// When it was last set.
    pub updated_at: WallTime,
}

/// A user's secrets by their names.
pub type Secrets = BTreeMap<SecretName, Secret>;

/// A secret's name: what templates write. Source of the form: particle-cli `lib/secrets.js`, read 2026-11.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

/// A text cannot name a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretNameError {
    /// It has another form.
    #[error(
        "a secret's name has capital letters, digits and underscores, does not begin with a digit, and has at most 64 characters"
    )]
    Form,
    /// It begins as the gateway's own variables do.
    #[error("names that begin with PARTICLE_, SPARK_ or PRODUCT_ are the gateway's own")]
    Reserved,
}

impl Secret {
    /// Bytes of a value. Ours: room for a private key.
    pub const VALUE_BYTES: usize = 4_096;
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretName {
    type Error = SecretNameError;

    fn try_from(name: String) -> Result<Self, SecretNameError> {
        let is_sound = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_well = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if !begins_well || name.len() > 64 || !name.bytes().all(is_sound) {
            return Err(SecretNameError::Form);
        }
        if ["PARTICLE_", "SPARK_", "PRODUCT_"].iter().any(|prefix| name.starts_with(prefix)) {
            return Err(SecretNameError::Reserved);
        }
        Ok(Self(name))
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_templates_can_write_and_no_variable_of_the_gateway() {
        let named = |name: &str| SecretName::try_from(name.to_owned());
        assert!(named("API_KEY").is_ok() && named("_2").is_ok());
        for bad in ["", "2A", "api_key", "A B", "A-B", &"A".repeat(65)] {
            assert_eq!(named(bad), Err(SecretNameError::Form), "{bad:?}");
        }
        assert_eq!(named("PRODUCT_ID"), Err(SecretNameError::Reserved));
    }
}
