//! What an ERROR says: a code that a program understands, and a text for whoever reads the device's log.

use crate::model::split_at_most;

/// Bytes of the text of an error; more is cut off, so that an error is a few frames at most. Ours.
pub const TEXT_BYTES: usize = 120;

/// What the sender of the message that was refused shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Its frames were not whole: send it again.
    BadFrame = 1,
    /// It can never be taken: do not send it again.
    BadMessage = 2,
    /// There is no room for it at the moment, or the gateway is stopping: send it again later.
    Busy = 3,
    /// The hello was not done, or its proof is wrong.
    NotAuthenticated = 4,
    /// This kind of message, or this version of the protocol, is not known.
    Unsupported = 5,
}

impl Code {
    /// The code with this number, if it is one.
    pub fn of(number: u8) -> Option<Self> {
        [Self::BadFrame, Self::BadMessage, Self::Busy, Self::NotAuthenticated, Self::Unsupported]
            .into_iter()
            .find(|code| *code as u8 == number)
    }
}

/// The body of an ERROR. A text over [`TEXT_BYTES`] is cut off.
pub fn body(code: Code, text: &str) -> Vec<u8> {
    let mut body = vec![code as u8];
    body.extend_from_slice(split_at_most(text, TEXT_BYTES).0.as_bytes());
    body
}

/// The code and the text of an ERROR; no code if it is empty or its number is not known. What is no UTF-8 in the text
/// is replaced.
pub fn read(body: &[u8]) -> (Option<Code>, String) {
    match body.split_first() {
        Some((number, text)) => (Code::of(*number), String::from_utf8_lossy(text).into_owned()),
        None => (None, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_code_has_its_number() {
        assert_eq!(body(Code::BadFrame, "crc"), b"\x01crc");
        assert_eq!(body(Code::BadMessage, ""), b"\x02");
        assert_eq!(body(Code::Busy, ""), b"\x03");
        assert_eq!(body(Code::NotAuthenticated, ""), b"\x04");
        assert_eq!(body(Code::Unsupported, ""), b"\x05");
        assert_eq!(read(b"\x03full"), (Some(Code::Busy), "full".to_owned()));
        assert_eq!(read(b"\x06?"), (None, "?".to_owned()));
        assert_eq!(read(b""), (None, String::new()));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = body(Code::BadMessage, &"é".repeat(100));
        assert_eq!(cut.len(), 1 + TEXT_BYTES);
        assert_eq!(read(&cut).1, "é".repeat(60));
        assert_eq!(body(Code::BadMessage, &format!("x{}", "é".repeat(100))).len(), TEXT_BYTES);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
        }
    }
}
