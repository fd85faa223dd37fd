//! Passwords: argon2id. Slow on purpose; call it where a thread may block.

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHash as ParsedHash;
use argon2::PasswordHasher;
use argon2::PasswordVerifier;
use argon2::Version;
use argon2::password_hash::SaltString;

use crate::registry::PasswordHash;

/// Kilobytes, passes and lanes of one hash. Source: OWASP Password Storage Cheat Sheet, argon2id with 19 MiB, read
/// 2026-11.
const MEMORY_KB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Characters of a password at least. Ours: guessing is limited to five an address, and nobody is kept from more.
const LEAST_CHARS: usize = 6;

/// Bytes of a password at most: nobody makes the gateway hash a book.
const MOST_BYTES: usize = 1_024;

/// A password cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has at least {LEAST_CHARS} characters and at most {MOST_BYTES} bytes")]
pub struct PasswordError;

/// Whether a password may be chosen.
pub(super) fn check(password: &str) -> Result<(), PasswordError> {
    let is_sound = password.chars().count() >= LEAST_CHARS && password.len() <= MOST_BYTES;
    if is_sound { Ok(()) } else { Err(PasswordError) }
}

/// The hash of a password that was [checked](check).
pub(super) fn hash(password: &str, salt: [u8; 16]) -> PasswordHash {
    let salt = SaltString::encode_b64(&salt).expect("16 bytes are a salt");
    let hashed = argon2().hash_password(password.as_bytes(), &salt).expect("the parameters are sound");
    PasswordHash::from_text(hashed.to_string())
}

/// Whether it is the password of that hash. Without a hash, or with that of none, it takes as long and is not.
pub(super) fn is_right(hash: Option<&PasswordHash>, password: &str) -> bool {
    if password.len() > MOST_BYTES {
        return false;
    }
    let Some(parsed) = hash.and_then(|hash| ParsedHash::new(hash.as_str()).ok()) else {
        hash_for_nobody(password);
        return false;
    };
    // Its own parameters count: they may have been others when it was made.
    argon2().verify_password(password.as_bytes(), &parsed).is_ok()
}

fn hash_for_nobody(password: &str) {
    hash(password, [0; 16]);
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KB, PASSES, LANES, None).expect("the parameters are sound");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_is_right() {
        let hash = hash("correct horse", [7; 16]);
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(is_right(Some(&hash), "correct horse"));
        assert!(!is_right(Some(&hash), "correct horsf") && !is_right(None, "correct horse"));
        assert!(!is_right(Some(&PasswordHash::from_text("nonsense".to_owned())), "correct horse"));
    }

    #[test]
    fn what_is_too_short_or_a_book_cannot_be_chosen() {
        assert_eq!(check("12345"), Err(PasswordError));
        assert_eq!(check(&"x".repeat(1_025)), Err(PasswordError));
        assert_eq!(check("pässwö"), Ok(()));
    }
}
