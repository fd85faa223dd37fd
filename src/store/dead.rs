//! A dead letter: a delivery that was given up, kept with the reason so that it can be replayed.

use serde::Deserialize;
use serde::Serialize;

use crate::model::WallTime;
use crate::store::StoredDelivery;
use crate::store::delivery;
use crate::store::row;
use crate::store::row::RowError;

/// Bytes of an answer that are kept with a dead letter; the log has more of it.
const ANSWER_BYTES: usize = 1_024;

/// Bytes of a reason.
const REASON_BYTES: usize = 500;

const VERSION: u8 = 1;

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What was to be delivered.
    pub delivery: StoredDelivery,
    /// How it ended.
    pub end: End,
}

/// How a delivery ended that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why it was given up.
    pub cause: Cause,
    /// The same for people, with the particulars.
    pub reason: String,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// The beginning of the last answer.
    pub answer: String,
    /// When.
    pub at: WallTime,
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The target answered with an error, or no request could be made.
    Failed,
    /// It waited too long.
    Expired,
    /// Somebody cancelled it.
    Cancelled,
    /// Its host's limit was reached, and the configuration wants such deliveries dropped.
    HostLimit,
}

/// Version 1 of a dead letter's row, before the row of its delivery. Never edit it; add a version 2.
#[derive(Debug, Serialize, Deserialize)]
struct DeadV1 {
    end: End,
    delivery: Vec<u8>,
}

pub(super) fn encode(letter: &DeadLetter) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (delivery, parts) = delivery::encode(&letter.delivery);
    let mut end = letter.end.clone();
    cut(&mut end.reason, REASON_BYTES);
    cut(&mut end.answer, ANSWER_BYTES);
    (row::encode(VERSION, &DeadV1 { end, delivery }), parts)
}

pub(super) fn decode<E: From<RowError>>(
    bytes: &[u8],
    part: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<DeadLetter, E> {
    let row: DeadV1 = row::decode(VERSION, bytes)?;
    Ok(DeadLetter { delivery: delivery::decode(&row.delivery, part)?, end: row.end })
}

fn cut(text: &mut String, most: usize) {
    let kept = crate::model::split_at_most(text, most).0.len();
    text.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::delivery;

    fn letter(data: &str, reason: &str) -> DeadLetter {
        let end = End {
            cause: Cause::Failed,
            reason: reason.to_owned(),
            status: Some(500),
            answer: "no".to_owned(),
            at: WallTime::from_millis(5),
        };
        DeadLetter { delivery: delivery(data), end }
    }

    #[test]
    fn a_letter_is_read_as_it_was_written() {
        for data in ["72", &"x".repeat(16_384)] {
            let letter = letter(data, "status 500");
            let (row, parts) = encode(&letter);
            let read = decode(&row, |part| Ok::<_, RowError>(parts[usize::from(part)].clone())).unwrap();
            assert_eq!(read, letter);
        }
    }

    #[test]
    fn a_row_stays_short_whatever_the_target_said() {
        let mut long = letter(&"x".repeat(16_384), &"é".repeat(5_000));
        long.end.answer = "é".repeat(50_000);
        let (row, parts) = encode(&long);
        assert!(row.len() < 7_000 && parts.iter().all(|part| part.len() < 7_000));
        let read = decode(&row, |part| Ok::<_, RowError>(parts[usize::from(part)].clone())).unwrap();
        assert_eq!((read.end.reason.len(), read.end.answer.len()), (500, 1_024));
    }

    /// Letters that an older farhook kept must be read by every later one. If this test fails, the row changed: give it
    /// a new version and keep reading this one.
    #[test]
    fn the_bytes_of_version_1_do_not_change() {
        let (row, _) = encode(&letter("72", "bad"));
        assert_eq!(row[..16], *b"\x01\x00\x03bad\x01\xf4\x03\x02no\x0a\x4e\x02\x03");
    }
}
