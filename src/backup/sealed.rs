//! `secrets.enc`: what a passphrase opens. XChaCha20-Poly1305; the key is made by argon2id, whose parameters stand
//! beside, so that they can be raised later.

use std::collections::BTreeMap;

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::Version;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::KeyInit;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::Aead;
use chacha20poly1305::aead::Payload;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::backup::RestoreError;
use crate::backup::SECRETS;
use crate::backup::json;

/// Kilobytes, passes and lanes. Source: RFC 9106, 4, the second recommended option, read 2026-11.
const COST: Cost = Cost { memory_kb: 64 * 1_024, passes: 3, lanes: 4 };

/// The most that a file may ask for: the smallest Pi has 512 MB.
const MOST: Cost = Cost { memory_kb: 128 * 1_024, passes: 16, lanes: 16 };

const KDF: &str = "argon2id";
const CIPHER: &str = "xchacha20poly1305";

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    memory_kb: u32,
    passes: u32,
    lanes: u32,
}

/// As it is written; bytes are base64.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    kdf: String,
    cost: Cost,
    salt: String,
    cipher: String,
    nonce: String,
    data: String,
}

/// Seals `plain` together with `beside`: it opens only beside the same.
pub(super) fn seal(plain: &[u8], passphrase: &str, beside: &[u8; 32], salt: [u8; 16], nonce: [u8; 24]) -> Vec<u8> {
    let cipher = cipher(passphrase, &salt, COST).expect("the parameters are sound");
    let payload = Payload { msg: plain, aad: beside };
    let data = cipher.encrypt(&XNonce::from(nonce), payload).expect("it is no terabyte");
    json(&Sealed {
        kdf: KDF.to_owned(),
        cost: COST,
        salt: STANDARD.encode(salt),
        cipher: CIPHER.to_owned(),
        nonce: STANDARD.encode(nonce),
        data: STANDARD.encode(data),
    })
}

/// The rows that were sealed.
///
/// # Errors
/// When the passphrase is wrong, something was changed, or it is no such thing.
pub(super) fn open(
    sealed: &[u8],
    passphrase: &str,
    beside: &[u8; 32],
) -> Result<BTreeMap<String, Value>, RestoreError> {
    let unreadable = || RestoreError::Unreadable { name: SECRETS };
    let sealed: Sealed = serde_json::from_slice(sealed).map_err(|_| unreadable())?;
    let Cost { memory_kb, passes, lanes } = sealed.cost;
    let is_bounded = memory_kb <= MOST.memory_kb && passes <= MOST.passes && lanes <= MOST.lanes;
    if sealed.kdf != KDF || sealed.cipher != CIPHER || !is_bounded {
        return Err(unreadable());
    }
    let decoded = |text: &str| STANDARD.decode(text).map_err(|_| unreadable());
    let (salt, nonce, data) = (decoded(&sealed.salt)?, decoded(&sealed.nonce)?, decoded(&sealed.data)?);
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| unreadable())?;
    let cipher = cipher(passphrase, &salt, sealed.cost).ok_or_else(unreadable)?;
    let payload = Payload { msg: &data, aad: beside };
    let plain = cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| RestoreError::Passphrase)?;
    serde_json::from_slice(&plain).map_err(|_| unreadable())
}

/// None if there can be no such parameters.
fn cipher(passphrase: &str, salt: &[u8], cost: Cost) -> Option<XChaCha20Poly1305> {
    let params = Params::new(cost.memory_kb, cost.passes, cost.lanes, None).ok()?;
    let mut key = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase.as_bytes(), salt, &mut key).ok()?;
    Some(XChaCha20Poly1305::new(&key.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sealed() -> Vec<u8> {
        seal(br#"{"user/1":{"password":"x"}}"#, "correct horse", &[1; 32], [2; 16], [3; 24])
    }

    #[test]
    fn only_the_passphrase_opens_it_and_only_beside_what_it_was_sealed_with() {
        let sealed = sealed();
        let opened = open(&sealed, "correct horse", &[1; 32]).unwrap();
        assert_eq!(opened["user/1"], json!({ "password": "x" }));
        assert!(matches!(open(&sealed, "correct horsf", &[1; 32]), Err(RestoreError::Passphrase)));
        assert!(matches!(open(&sealed, "correct horse", &[2; 32]), Err(RestoreError::Passphrase)));
        assert!(!String::from_utf8(sealed).unwrap().contains("password"));
    }

    /// Decided once: backups of this form are about.
    #[test]
    fn a_backup_of_version_1_is_opened_for_ever() {
        let sealed = r#"{
            "kdf": "argon2id", "cost": { "memory_kb": 65536, "passes": 3, "lanes": 4 },
            "salt": "AgICAgICAgICAgICAgICAg==", "cipher": "xchacha20poly1305",
            "nonce": "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD",
            "data": "0yT78UXoskVzPotsZ3vl+VU/LFt1oQhxlbcpHZ5L8Xuk6zkmotrQg1MWlw=="
        }"#;
        assert_eq!(open(sealed.as_bytes(), "correct horse", &[1; 32]).unwrap()["user/1"], json!({ "password": "x" }));
    }

    #[test]
    fn what_it_asks_for_is_bounded() {
        let mut sealed: Value = serde_json::from_slice(&sealed()).unwrap();
        for (field, value) in [("memory_kb", 4_000_000_u32), ("memory_kb", 0), ("passes", 1_000), ("lanes", 1_000)] {
            let before = sealed["cost"][field].take();
            sealed["cost"][field] = json!(value);
            let opened = open(&json(&sealed), "correct horse", &[1; 32]);
            assert!(matches!(opened, Err(RestoreError::Unreadable { .. })), "{field}");
            sealed["cost"][field] = before;
        }
        assert!(open(&json(&sealed), "correct horse", &[1; 32]).is_ok());
    }
}
