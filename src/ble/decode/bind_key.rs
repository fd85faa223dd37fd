//! Bind keys, and opening what was sealed with one: AES-CCM with a tag of four bytes.

use std::fmt;
use std::str::FromStr;

use aes::Aes128;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::KeyInit;
use ccm::Ccm;
use ccm::aead::AeadInOut;
use ccm::consts::U4;
use ccm::consts::U11;
use ccm::consts::U12;
use ccm::consts::U13;

use crate::ble::decode::refusal::Refusal;

/// The bytes that `MiBeacon` 2 and 3 put into the middle of a key of twelve bytes.
/// Source: the reading of YLYK01YL in <https://github.com/archaron/xiaomi-ble-esp32-ylyk01yl>, read 2026-11.
const MIDDLE: [u8; 4] = [0x8d, 0x3d, 0x3c, 0x97];

/// The key with which a device encrypts its adverts. Never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BindKey {
    /// Of 16 bytes, as most formats have it.
    Long([u8; 16]),
    /// Of 12 bytes, as `MiBeacon` 2 and 3 have it.
    Short([u8; 12]),
}

impl fmt::Debug for BindKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BindKey(…)")
    }
}

/// A text that is no bind key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a bind key has 32 hex digits, or 24 for old Xiaomi remotes")]
pub struct NoBindKey;

impl FromStr for BindKey {
    type Err = NoBindKey;

    fn from_str(text: &str) -> Result<Self, NoBindKey> {
        let bytes = from_hex(text).ok_or(NoBindKey)?;
        let long = <[u8; 16]>::try_from(bytes.as_slice()).map(Self::Long);
        long.or_else(|_| <[u8; 12]>::try_from(bytes.as_slice()).map(Self::Short)).map_err(|_| NoBindKey)
    }
}

impl BindKey {
    /// The key of a format that has only long ones.
    pub(super) fn long(key: Option<&Self>) -> Result<&[u8; 16], Refusal> {
        match key {
            None => Err(Refusal::NeedsKey),
            Some(Self::Short(_)) => Err(Refusal::KeyLength(16)),
            Some(Self::Long(key)) => Ok(key),
        }
    }

    /// The key of `MiBeacon` 2 and 3, which is also told with its middle filled in.
    pub(super) fn filled(key: Option<&Self>) -> Result<[u8; 16], Refusal> {
        match key {
            None => Err(Refusal::NeedsKey),
            Some(Self::Long(key)) => Ok(*key),
            Some(Self::Short(short)) => {
                let mut key = [0; 16];
                key[..6].copy_from_slice(&short[..6]);
                key[6..10].copy_from_slice(&MIDDLE);
                key[10..].copy_from_slice(&short[6..]);
                Ok(key)
            }
        }
    }
}

/// What was sealed, if the tag says that it was this key. Nonces have 11, 12 or 13 bytes.
pub(super) fn open(key: &[u8; 16], nonce: &[u8], aad: &[u8], sealed: &[u8], tag: [u8; 4]) -> Result<Vec<u8>, Refusal> {
    let mut opened = sealed.to_vec();
    let buffer = opened.as_mut_slice().into();
    let result = if let Ok(nonce) = <[u8; 13]>::try_from(nonce) {
        Ccm::<Aes128, U4, U13>::new(key.into()).decrypt_inout_detached(&nonce.into(), aad, buffer, &tag.into())
    } else if let Ok(nonce) = <[u8; 12]>::try_from(nonce) {
        Ccm::<Aes128, U4, U12>::new(key.into()).decrypt_inout_detached(&nonce.into(), aad, buffer, &tag.into())
    } else if let Ok(nonce) = <[u8; 11]>::try_from(nonce) {
        Ccm::<Aes128, U4, U11>::new(key.into()).decrypt_inout_detached(&nonce.into(), aad, buffer, &tag.into())
    } else {
        return Err(Refusal::Truncated);
    };
    result.map(|()| opened).map_err(|_| Refusal::WrongKey)
}

/// The same without a tag: what comes out of a wrong key is noise. CCM encrypts with a counter, which begins at 1.
/// Source: RFC 3610, 2.3, read 2026-11.
pub(super) fn open_unchecked(key: &[u8; 16], nonce: [u8; 13], sealed: &[u8]) -> Vec<u8> {
    let cipher = Aes128::new(key.into());
    let mut opened = sealed.to_vec();
    for (counter, chunk) in (1_u16..).zip(opened.chunks_mut(16)) {
        let mut block = [0; 16];
        block[0] = 1;
        block[1..14].copy_from_slice(&nonce);
        block[14..].copy_from_slice(&counter.to_be_bytes());
        let mut block = block.into();
        cipher.encrypt_block(&mut block);
        chunk.iter_mut().zip(block).for_each(|(byte, mask)| *byte ^= mask);
    }
    opened
}

/// Bytes written as hex digits.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() % 2 != 0 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Bytes as hex digits.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_and_never_shown() {
        let key: BindKey = "231d39c1d7cc1ab1aee224cd096db932".parse().unwrap();
        assert_eq!(format!("{key:?}"), "BindKey(…)");
        let short: BindKey = "b853075158487ca39a5b5ea9".parse().unwrap();
        let filled = BindKey::filled(Some(&short)).unwrap();
        assert_eq!(to_hex(&filled), "b853075158488d3d3c977ca39a5b5ea9");
        assert_eq!(BindKey::long(Some(&short)), Err(Refusal::KeyLength(16)));
        for text in ["", "231d", "231d39c1d7cc1ab1aee224cd096db93", "zz1d39c1d7cc1ab1aee224cd096db932"] {
            assert_eq!(text.parse::<BindKey>(), Err(NoBindKey), "{text}");
        }
    }

    #[test]
    fn what_was_sealed_is_opened_and_what_was_changed_is_not() {
        let (key, nonce, aad) = ([7; 16], [9; 13], [0x11]);
        let mut sealed = b"twenty-one degrees, or so".to_vec();
        let cipher = Ccm::<Aes128, U4, U13>::new(&key.into());
        let tag = cipher.encrypt_inout_detached(&nonce.into(), &aad, sealed.as_mut_slice().into()).unwrap();
        let opened = open(&key, &nonce, &aad, &sealed, tag.into()).unwrap();
        assert_eq!(opened, b"twenty-one degrees, or so");
        assert_eq!(open_unchecked(&key, nonce, &sealed), opened);
        assert_eq!(open(&[8; 16], &nonce, &aad, &sealed, tag.into()), Err(Refusal::WrongKey));
        sealed[3] ^= 1;
        assert_eq!(open(&key, &nonce, &aad, &sealed, tag.into()), Err(Refusal::WrongKey));
    }
}
