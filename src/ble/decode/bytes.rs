//! Numbers out of bytes that may be too few.

/// Bytes that are asked by place. What is not there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(super) fn i8(self, at: usize) -> Option<i8> {
        self.array(at).map(i8::from_le_bytes)
    }

    pub(super) fn u16_le(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn i16_le(self, at: usize) -> Option<i16> {
        self.array(at).map(i16::from_le_bytes)
    }

    pub(super) fn u32_le(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn f32_le(self, at: usize) -> Option<f64> {
        self.array(at).map(|bytes| f64::from(f32::from_le_bytes(bytes)))
    }

    pub(super) fn u16_be(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn i16_be(self, at: usize) -> Option<i16> {
        self.array(at).map(i16::from_be_bytes)
    }

    pub(super) fn u32_be(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// The bytes from `at` on, `length` of them.
    pub(super) fn slice(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(length)?)
    }

    pub(super) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.slice(at, N)?.try_into().ok()
    }
}

/// An unsigned number of up to seven bytes, the lowest first.
pub(super) fn unsigned_le(bytes: &[u8]) -> Option<i64> {
    (bytes.len() < 8).then(|| bytes.iter().rev().fold(0, |number, byte| number << 8 | i64::from(*byte)))
}

/// A signed number of up to seven bytes, the lowest first.
pub(super) fn signed_le(bytes: &[u8]) -> Option<i64> {
    let number = unsigned_le(bytes)?;
    let is_negative = bytes.last().is_some_and(|highest| highest & 0x80 != 0);
    Some(if is_negative { number - (1 << (8 * bytes.len())) } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_sign_of_their_highest_byte() {
        assert_eq!(signed_le(&[0xea]), Some(-22));
        assert_eq!(signed_le(&[0x00, 0x57, 0xd0, 0xff]), Some(-3_123_456));
        assert_eq!(signed_le(&[0xff, 0x7f]), Some(32_767));
        assert_eq!(unsigned_le(&[0x13, 0x8a, 0x01]), Some(100_883));
        assert_eq!((unsigned_le(&[1; 8]), signed_le(&[])), (None, Some(0)));
    }

    #[test]
    fn what_is_not_there_is_none() {
        let bytes = Bytes(&[1, 2, 3]);
        assert_eq!((bytes.u16_be(1), bytes.u16_be(2), bytes.u8(3)), (Some(0x0203), None, None));
        assert_eq!(bytes.slice(usize::MAX, 2), None);
    }
}
