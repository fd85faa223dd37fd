//! Line mode: what devices send over the Nordic UART service, and what they get.

/// Bytes of a line with its end; what is longer is dropped. Ours.
pub const LINE_BYTES: usize = 4_096;

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It wants to be an event: it begins with `{`. Without its end.
    Publish(Vec<u8>),
    /// It does not begin with `{`: what firmware prints for people.
    Ignored,
    /// It is over [`LINE_BYTES`].
    TooLong,
}

/// Makes lines of what arrives in pieces. One for each connection.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
    is_skipping: bool,
}

impl Lines {
    /// The lines that `bytes` end, in their order; one that is dropped is told as soon as it is clear.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Line> {
        bytes.iter().filter_map(|byte| self.byte(*byte)).collect()
    }

    fn byte(&mut self, byte: u8) -> Option<Line> {
        if self.is_skipping {
            self.is_skipping = byte != b'\n';
            return None;
        }
        if self.line.is_empty() && byte != b'{' {
            self.is_skipping = byte != b'\n';
            return Some(Line::Ignored);
        }
        if byte == b'\n' {
            let mut line = std::mem::take(&mut self.line);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Some(Line::Publish(line));
        }
        self.line.push(byte);
        if self.line.len() < LINE_BYTES {
            return None;
        }
        self.line = Vec::new();
        self.is_skipping = true;
        Some(Line::TooLong)
    }
}

/// Cuts what a device gets into writes of at most `room` bytes, which is MTU − 3.
pub fn pieces(text: &[u8], room: usize) -> Vec<Vec<u8>> {
    text.chunks(room.max(1)).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn publish(text: &str) -> Line {
        Line::Publish(text.as_bytes().to_vec())
    }

    #[test]
    fn a_line_ends_with_a_line_feed_and_may_have_a_carriage_return() {
        let mut lines = Lines::default();
        assert_eq!(
            lines.take(b"{\"t\":\"a\"}\n{\"t\":\"b\"}\r\n{\"t\""),
            [publish(r#"{"t":"a"}"#), publish(r#"{"t":"b"}"#)]
        );
        assert_eq!(lines.take(b":\"c\"}"), []);
        assert_eq!(lines.take(b"\r"), []);
        assert_eq!(lines.take(b"\n"), [publish(r#"{"t":"c"}"#)]);
    }

    #[test]
    fn what_firmware_prints_is_ignored() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"boot {ok}\n\n {}\n{}\n"), [Line::Ignored, Line::Ignored, Line::Ignored, publish("{}")]);
        assert_eq!(lines.take(b"wifi"), [Line::Ignored]);
        assert_eq!(lines.take(b" {up}\n{1}\n"), [publish("{1}")]);
    }

    #[test]
    fn what_is_too_long_is_dropped_up_to_its_end() {
        let mut lines = Lines::default();
        let longest = format!("{{{}", "x".repeat(LINE_BYTES - 2));
        assert_eq!(lines.take(format!("{longest}\n").as_bytes()), [publish(&longest)]);
        assert_eq!(lines.take(format!("{longest}y{{}}").as_bytes()), [Line::TooLong]);
        assert_eq!(lines.take(b"{}\n{}\n"), [publish("{}")]);
    }

    #[test]
    fn what_a_device_gets_is_cut_to_what_fits() {
        assert_eq!(pieces(b"abcdef\n", 3), [b"abc".to_vec(), b"def".to_vec(), b"\n".to_vec()]);
        assert_eq!(pieces(b"abc", 244), [b"abc".to_vec()]);
        assert_eq!(pieces(b"", 20), Vec::<Vec<u8>>::new());
        assert_eq!(pieces(b"ab", 0).len(), 2);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_are_cut(
            text in "([{a\r\n]|é){0,60}",
            room in 1_usize..9,
        ) {
            let whole = Lines::default().take(text.as_bytes());
            let mut lines = Lines::default();
            let cut: Vec<_> = pieces(text.as_bytes(), room).iter().flat_map(|piece| lines.take(piece)).collect();
            prop_assert_eq!(cut, whole);
        }

        #[test]
        fn any_bytes_are_taken_and_little_is_kept(bytes in prop::collection::vec(any::<u8>(), 0..9_000)) {
            let mut lines = Lines::default();
            lines.take(b"{");
            lines.take(&bytes);
            prop_assert!(lines.line.len() < LINE_BYTES);
        }
    }
}
