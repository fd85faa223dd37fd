//! Files in one: a gzip'd tar.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::io::Write;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::backup::RestoreError;
use crate::model::WallTime;

/// Bytes that a bundle may have when it is unpacked, its names and padding among them. Ours: more than any backup has,
/// and so much as the smallest Pi can hold for a moment.
pub(super) const WHOLE_BYTES: usize = 64 << 20;

/// What every gzip file begins with. Source: RFC 1952, 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Only its owner may read what is unpacked.
const MODE: u32 = 0o600;

/// `farhook-KIND-YYYY-MM-DD.tar.gz`; the day is that of UTC.
pub(super) fn name(kind: &str, now: WallTime) -> String {
    let now = now.to_string();
    let day = now.split_once('T').map_or("undated", |(day, _)| day);
    format!("farhook-{kind}-{day}.tar.gz")
}

/// Packs files, in this order.
pub(super) fn pack<N: AsRef<str>>(files: &[(N, Vec<u8>)], now: WallTime) -> Vec<u8> {
    written(files, now).expect("memory takes everything, and the names are short")
}

/// Unpacks what [`pack`] made: plain files, each once.
///
/// # Errors
/// When it is no such thing, is damaged, or is too large.
pub(super) fn unpack(file: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, RestoreError> {
    if !file.starts_with(&GZIP) {
        return Err(RestoreError::Foreign);
    }
    let mut tar = Vec::new();
    let most = WHOLE_BYTES as u64 + 1;
    GzDecoder::new(file).take(most).read_to_end(&mut tar).map_err(RestoreError::Damaged)?;
    if tar.len() > WHOLE_BYTES {
        return Err(RestoreError::TooLarge);
    }
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().map_err(RestoreError::Damaged)? {
        // What is no tar at all fails at its first header.
        let mut entry = entry
            .map_err(|error| if files.is_empty() { RestoreError::Foreign } else { RestoreError::Damaged(error) })?;
        // Before a byte is read: a sparse file is a few bytes that say how many zeros they stand for.
        if entry.size() >= most {
            return Err(RestoreError::TooLarge);
        }
        if !entry.header().entry_type().is_file() {
            return Err(RestoreError::Foreign);
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        entry.by_ref().take(most).read_to_end(&mut bytes).map_err(RestoreError::Damaged)?;
        if files.insert(name, bytes).is_some() {
            return Err(RestoreError::Foreign);
        }
    }
    Ok(files)
}

fn written<N: AsRef<str>>(files: &[(N, Vec<u8>)], now: WallTime) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(MODE);
        header.set_mtime(u64::try_from(now.as_millis() / 1_000).unwrap_or_default());
        tar.append_data(&mut header, name.as_ref(), bytes.as_slice())?;
    }
    let mut gzip = tar.into_inner()?;
    gzip.flush()?;
    gzip.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_millis(1_460_813_828_728);

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let packed = pack(&[("a.json", b"{}".to_vec()), ("b", vec![7; 100_000])], NOW);
        let files = unpack(&packed).unwrap();
        assert_eq!(files["a.json"], b"{}");
        assert_eq!(files["b"], vec![7; 100_000]);
        assert_eq!(files.len(), 2);
        assert_eq!(name("backup", NOW), "farhook-backup-2016-04-16.tar.gz");
    }

    #[test]
    fn what_is_cut_off_or_changed_is_damaged_wherever_that_is() {
        let packed = pack(&[("a.json", (0..=255).cycle().take(2_000).collect())], NOW);
        for length in 2..packed.len() {
            assert!(matches!(unpack(&packed[..length]), Err(RestoreError::Damaged(_))), "{length} bytes");
        }
        let last = packed.len() - 9;
        let mut changed = packed;
        changed[last] ^= 1;
        assert!(matches!(unpack(&changed), Err(RestoreError::Damaged(_))));
    }

    #[test]
    fn something_else_is_foreign() {
        for bytes in [b"".to_vec(), b"PK\x03\x04".to_vec(), b"{}".to_vec(), zipped(&[b'x'; 2_000])] {
            assert!(matches!(unpack(&bytes), Err(RestoreError::Foreign)), "{bytes:?}");
        }
        let twice = pack(&[("a", vec![1]), ("a", vec![2])], NOW);
        assert!(matches!(unpack(&twice), Err(RestoreError::Foreign)));
    }

    #[test]
    fn a_bomb_is_not_unpacked_to_its_end() {
        let bomb = zipped(&vec![0; WHOLE_BYTES + 1_000_000]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(unpack(&bomb), Err(RestoreError::TooLarge)));
    }

    /// A tar with nothing but a sparse file of so many zeros. Source: GNU tar's manual, "Basic Tar Format".
    fn sparse(zeros: u64) -> Vec<u8> {
        let number = |value: u64| {
            let mut field = [0; 12];
            field[0] = 0x80;
            field[4..].copy_from_slice(&value.to_be_bytes());
            field
        };
        let mut header = tar::Header::new_gnu();
        header.set_path("manifest.json").unwrap();
        header.set_size(0);
        header.set_entry_type(tar::EntryType::GNUSparse);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.realsize = number(zeros);
        gnu.sparse[0].offset = number(zeros);
        gnu.sparse[0].numbytes = *b"00000000000\0";
        header.set_cksum();
        let mut tar = tar::Builder::new(Vec::new());
        tar.append(&header, io::empty()).unwrap();
        zipped(&tar.into_inner().unwrap())
    }

    #[test]
    fn zeros_that_are_not_in_the_file_are_not_unpacked() {
        let most = WHOLE_BYTES as u64;
        assert!(matches!(unpack(&sparse(most)), Err(RestoreError::Foreign)));
        for zeros in [most + 1, u64::MAX] {
            let file = sparse(zeros);
            assert!(file.len() < 1_000);
            assert!(matches!(unpack(&file), Err(RestoreError::TooLarge)), "{zeros}");
        }
    }
}
