//! Rows that can be long, cut into pieces: each has the row's version before it, and how many pieces there are.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::row::RowError;

/// Bytes of one piece: sled writes long values to files that it never syncs.
const PIECE_BYTES: usize = 4_000;

/// The row of each piece.
///
/// # Panics
/// When it has more than 255 pieces, about 1 MB. What is kept so is bounded by less.
pub(super) fn encode<T: Serialize>(version: u8, row: &T) -> Vec<Vec<u8>> {
    let bytes = postcard::to_stdvec(row).expect("rows hold plain values, which always encode");
    let pieces = u8::try_from(bytes.len().div_ceil(PIECE_BYTES)).expect("a row has a few pieces");
    bytes.chunks(PIECE_BYTES).map(|piece| [&[version, pieces], piece].concat()).collect()
}

/// The row from its first piece; `piece` reads the others.
pub(super) fn decode<T: DeserializeOwned, E: From<RowError>>(
    known: u8,
    first: &[u8],
    piece: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<T, E> {
    let (count, first) = read(known, first)?;
    let mut bytes = first.to_vec();
    for number in 1..count {
        bytes.extend_from_slice(read(known, &piece(number)?)?.1);
    }
    Ok(postcard::from_bytes(&bytes).map_err(RowError::Damaged)?)
}

/// How many pieces there are, and what is in this one.
pub(super) fn read(known: u8, bytes: &[u8]) -> Result<(u8, &[u8]), RowError> {
    match bytes {
        [found, count, piece @ ..] if *found == known => Ok((*count, piece)),
        [found, ..] => Err(RowError::Version { found: *found, known }),
        [] => Err(RowError::Empty),
    }
}
