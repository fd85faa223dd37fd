//! The owner whom somebody chose before the gateway was ever started: a name and the hash of a password, in one line.
//! Pure.
//!
//! `me@example.com:$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, as `farhook user hash` writes it.

use argon2::Algorithm;
use argon2::Params;
use argon2::PasswordHash as ParsedHash;

use crate::accounts::PasswordError;
use crate::accounts::password;
use crate::registry::PasswordHash;
use crate::registry::RegistryError;
use crate::registry::UserName;
use crate::registry::UserNameError;

/// Kilobytes and passes that one login may cost. Ours: the service may use 256 MB, and a Raspberry Pi Zero is slow.
const MOST_MEMORY_KB: u32 = 64 * 1_024;
const MOST_PASSES: u32 = 16;

/// Why a line makes nobody the owner. It never shows the line, which somebody may have filled with a password.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// It is not a name, a colon and a hash.
    #[error("it is not one line NAME:HASH, as `farhook user hash` writes it")]
    Form,
    /// The name cannot be used.
    #[error(transparent)]
    Name(#[from] UserNameError),
    /// What stands behind the colon is no such hash.
    #[error("what stands behind the name is no argon2id hash, as `farhook user hash` writes it")]
    Hash,
    /// Each login would take too much.
    #[error("the hash wants more than {} MB or {MOST_PASSES} passes", MOST_MEMORY_KB / 1_024)]
    Costly,
    /// The registry refuses.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// The line that makes `name` the owner, with that password.
///
/// # Errors
/// When the password cannot be used.
pub fn preset_line(name: &UserName, password: &str, salt: [u8; 16]) -> Result<String, PasswordError> {
    password::check(password)?;
    Ok(format!("{name}:{}", password::hash(password, salt).as_str()))
}

/// Reads what [`preset_line`] writes, or another program that knows argon2.
pub(super) fn parse(text: &str) -> Result<(UserName, PasswordHash), PresetError> {
    // A name may hold colons, a hash none.
    let (name, hash) = text.trim().rsplit_once(':').ok_or(PresetError::Form)?;
    let parsed = ParsedHash::new(hash).map_err(|_| PresetError::Hash)?;
    let is_whole = parsed.salt.is_some() && parsed.hash.is_some();
    if !is_whole || Algorithm::try_from(parsed.algorithm) != Ok(Algorithm::Argon2id) {
        return Err(PresetError::Hash);
    }
    let cost = Params::try_from(&parsed).map_err(|_| PresetError::Hash)?;
    if cost.m_cost() > MOST_MEMORY_KB || cost.t_cost() > MOST_PASSES {
        return Err(PresetError::Costly);
    }
    Ok((UserName::try_from(name.to_owned())?, PasswordHash::from_text(hash.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Debian's `argon2`: `printf secret | argon2 saltsaltsalt -id -t 3 -k 4096 -p 1 -l 32 -e`
    const OF_ANOTHER_PROGRAM: &str =
        "$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHRzYWx0$qK0QQkoE8dNvg6G2f8VIyFoUO/hZRiQ/S78TX9j+dGo";

    #[test]
    fn what_is_written_is_read() {
        let name = UserName::try_from("http://me".to_owned()).unwrap();
        let line = preset_line(&name, "secret", [7; 16]).unwrap();
        let (read, hash) = parse(&format!("{line}\n")).unwrap();
        assert_eq!(read, name);
        assert!(password::is_right(Some(&hash), "secret") && !password::is_right(Some(&hash), "secres"));
        assert!(preset_line(&name, "short", [7; 16]).is_err());
    }

    #[test]
    fn another_program_may_have_made_the_hash() {
        let (name, hash) = parse(&format!("me:{OF_ANOTHER_PROGRAM}")).unwrap();
        assert_eq!(name.as_str(), "me");
        assert!(password::is_right(Some(&hash), "secret"));
    }

    #[test]
    fn anything_else_is_refused_and_never_repeated() {
        let hash = OF_ANOTHER_PROGRAM;
        for (text, wanted) in [
            (String::new(), "NAME:HASH"),
            ("hunter2".to_owned(), "NAME:HASH"),
            ("me:hunter2".to_owned(), "no argon2id hash"),
            (format!("me:{}", hash.replace("argon2id", "argon2i")), "no argon2id hash"),
            ("me:$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHRzYWx0".to_owned(), "no argon2id hash"),
            (format!("me:{hash}\nyou:{hash}"), "user name"),
            (format!(":{hash}"), "user name"),
            (format!("me:{}", hash.replace("m=4096", "m=65537")), "more than 64 MB"),
            (format!("me:{}", hash.replace("t=3", "t=17")), "or 16 passes"),
        ] {
            let said = parse(&text).unwrap_err().to_string();
            assert!(said.contains(wanted), "{text}: {said}");
            assert!(!said.contains("hunter2") && !said.contains("c2Fsd"), "{said}");
        }
    }
}
