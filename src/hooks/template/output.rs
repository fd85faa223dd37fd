//! Where a rendering is written to: a text that refuses to grow beyond its limit. Owned by one rendering.

use std::io;
use std::io::Write;

pub(super) struct Output {
    bytes: Vec<u8>,
    limit_bytes: usize,
    is_full: bool,
}

impl Output {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { bytes: Vec::new(), limit_bytes, is_full: false }
    }

    /// Whether something was refused.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(super) fn into_string(self) -> String {
        String::from_utf8(self.bytes).expect("minijinja writes whole strings")
    }
}

impl Write for Output {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if part.len() > self.limit_bytes - self.bytes.len() {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_takes_what_fits_and_refuses_the_rest() {
        let mut output = Output::new(5);

        output.write_all(b"hello").unwrap();
        assert!(!output.is_full());
        assert!(output.write_all(b"!").is_err());

        assert!(output.is_full());
        assert_eq!(output.into_string(), "hello");
    }
}
