//! How a value becomes bytes in the queue database: one version byte, then postcard. A version is never edited; a
//! changed row gets a new version, and old ones are still read.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why stored bytes are not the row that was looked for.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// Nothing at all is stored there.
    #[error("the row is empty")]
    Empty,
    /// A newer farhook wrote it.
    #[error("the row has version {found}, this farhook knows version {known}")]
    Version {
        /// The version found.
        found: u8,
        /// The version known.
        known: u8,
    },
    /// The bytes do not decode.
    #[error("the row is damaged")]
    Damaged(#[source] postcard::Error),
}

/// The bytes of a row.
pub(super) fn encode<T: Serialize>(version: u8, row: &T) -> Vec<u8> {
    postcard::to_extend(row, vec![version]).expect("rows hold plain values, which always encode")
}

/// The row that the bytes are.
pub(super) fn decode<T: DeserializeOwned>(known: u8, bytes: &[u8]) -> Result<T, RowError> {
    match bytes.split_first() {
        None => Err(RowError::Empty),
        Some((&found, row)) if found == known => postcard::from_bytes(row).map_err(RowError::Damaged),
        Some((&found, _)) => Err(RowError::Version { found, known }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_another_version_is_refused_not_misread() {
        let bytes = encode(2, &7u32);
        assert_eq!(decode::<u32>(2, &bytes).unwrap(), 7);
        assert!(matches!(decode::<u32>(1, &bytes), Err(RowError::Version { found: 2, known: 1 })));
        assert!(matches!(decode::<u32>(1, &[]), Err(RowError::Empty)));
        assert!(matches!(decode::<u32>(1, &[1, 0xff]), Err(RowError::Damaged(_))));
    }
}
