//! Reading the fields of a packet one after another. Pure.

use crate::mqtt::frame::variable_length;
use crate::mqtt::packet::Violation;

/// What is left of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn byte(&mut self) -> Result<u8, Violation> {
        Ok(self.take(1)?[0])
    }

    /// Two bytes.
    pub(super) fn number(&mut self) -> Result<u16, Violation> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Four bytes.
    pub(super) fn number_u32(&mut self) -> Result<u32, Violation> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Bytes with their length before them.
    pub(super) fn data(&mut self) -> Result<&'a [u8], Violation> {
        let bytes = usize::from(self.number()?);
        self.take(bytes)
    }

    /// Text with its length before it. NUL must end the connection (MQTT 5, 1.5.4).
    pub(super) fn text(&mut self) -> Result<&'a str, Violation> {
        match std::str::from_utf8(self.data()?) {
            Ok(text) if !text.contains('\0') => Ok(text),
            _ => Err(Violation::MALFORMED),
        }
    }

    /// As many bytes as the variable length before them says: the properties of a packet.
    pub(super) fn properties(&mut self) -> Result<&'a [u8], Violation> {
        let (bytes, length_bytes) = variable_length(self.0)?.ok_or(Violation::MALFORMED)?;
        self.take(length_bytes)?;
        self.take(bytes)
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Violation> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(Violation::MALFORMED)?;
        self.0 = rest;
        Ok(taken)
    }
}
