//! How much went when, as it is kept over restarts: of the gateway, of a user, of a hook. What the figures mean is the
//! history's to know. They can be long, so they are cut into pieces.

use serde::Deserialize;
use serde::Serialize;

use crate::model::HookId;
use crate::model::UserId;
use crate::store::keys;
use crate::store::pieces;
use crate::store::row::RowError;

/// Pieces that the figures of one can have: the gateway's are at most 26 KB.
pub(super) const PIECES: u8 = 8;

const VERSION: u8 = 1;

const GATEWAY: u8 = 0;
const USER: u8 = 1;
const HOOK: u8 = 2;

/// Whose figures they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Those of everybody together.
    Gateway,
    /// Those of a user's hooks.
    User(UserId),
    /// Those of one hook.
    Hook(HookId),
}

/// Version 1 of the figures of one. Never edit it; add a version 2.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFigures {
    /// One for each length of time.
    pub rings: Vec<StoredRing>,
}

/// Figures of the last so many spaces of time of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRing {
    /// The number of the last space of time: how many of its length it is after 1970.
    pub newest: i64,
    /// The figures of each, oldest first, as many for each.
    pub figures: Vec<u32>,
}

/// The row of each piece: its version, how many pieces there are, and the piece.
pub(super) fn encode(figures: &StoredFigures) -> Vec<Vec<u8>> {
    pieces::encode(VERSION, figures)
}

/// Figures from their first piece; `piece` reads the others.
pub(super) fn decode<E: From<RowError>>(
    first: &[u8],
    piece: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<StoredFigures, E> {
    pieces::decode(VERSION, first, piece)
}

/// The key of a piece.
pub(super) fn key(whose: Whose, piece: u8) -> Vec<u8> {
    let mut bytes = match whose {
        Whose::Gateway => keys::prefixed(keys::FIGURES, &[GATEWAY]),
        Whose::User(user) => keys::prefixed(keys::FIGURES, &[&[USER], &user.as_bytes()[..]].concat()),
        Whose::Hook(hook) => keys::prefixed(keys::FIGURES, &[&[HOOK], &hook.as_bytes()[..]].concat()),
    };
    bytes.push(piece);
    bytes
}

/// Whose first piece has that key; none for the other pieces.
pub(super) fn whose_of_first(key: &[u8]) -> Option<Whose> {
    match key {
        [keys::FIGURES, GATEWAY, 0] => Some(Whose::Gateway),
        [keys::FIGURES, USER, user @ .., 0] => Some(Whose::User(UserId::from_bytes(user.try_into().ok()?))),
        [keys::FIGURES, HOOK, hook @ .., 0] => Some(Whose::Hook(HookId::from_bytes(hook.try_into().ok()?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Whose; 3] =
        [Whose::Gateway, Whose::User(UserId::from_bytes([0; 12])), Whose::Hook(HookId::from_bytes([4; 12]))];

    fn figures(count: usize, each: u32) -> StoredFigures {
        let ring = StoredRing { newest: 4_057_815, figures: vec![each; count] };
        StoredFigures { rings: vec![ring.clone(), ring] }
    }

    /// Figures that an older farhook kept must be read by every later one. If this test fails, the row changed: give it
    /// a new version and keep reading this one.
    #[test]
    fn the_bytes_of_version_1_do_not_change() {
        let ring = [0xae, 0xab, 0xef, 0x03, 2, 7, 0xac, 0x02];
        let mut two = figures(0, 0);
        two.rings.iter_mut().for_each(|ring| ring.figures = vec![7, 300]);
        assert_eq!(encode(&two), [[&[1, 1, 2][..], &ring, &ring].concat()]);
        assert_eq!(key(Whose::Gateway, 3), b"h\x00\x03");
        assert_eq!(key(ALL[2], 1), [&b"h\x02"[..], &[4; 12], &[1]].concat());
    }

    #[test]
    fn figures_of_any_length_are_read_as_they_were_written() {
        // The gateway's, when each is as large as it can be.
        let mut largest = figures(5 * 720, u32::MAX);
        largest.rings[0].figures.truncate(5 * 288);
        for written in [figures(0, 0), figures(1, 1), figures(600, 200), largest] {
            let pieces = encode(&written);
            assert!(pieces.len() <= PIECES.into(), "{} pieces", pieces.len());
            assert!(pieces.iter().all(|piece| piece.len() < 7_000));
            let piece = |number: u8| Ok::<_, RowError>(pieces[usize::from(number)].clone());
            assert_eq!(decode(&pieces[0], piece).unwrap(), written);
        }
        let none = |_| Err(RowError::Empty);
        assert!(matches!(decode(&[2, 1, 0], none), Err(RowError::Version { found: 2, .. })));
        assert!(decode(&[1, 1, 0xff], none).is_err() && decode(&[], none).is_err());
    }

    #[test]
    fn a_key_says_whose_it_is() {
        for whose in ALL {
            assert_eq!(whose_of_first(&key(whose, 0)), Some(whose));
            assert_eq!(whose_of_first(&key(whose, 1)), None);
        }
        assert_eq!(whose_of_first(b"h\x01\x00"), None);
    }
}
