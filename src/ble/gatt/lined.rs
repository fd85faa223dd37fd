//! A conversation over the UART service of Nordic Semiconductor: lines of JSON one way, what hooks answer the other.

use serde_json::json;

use crate::ble::gatt::conversation::Act;
use crate::ble::gatt::conversation::Conversation;
use crate::ble::gatt::conversation::Refused;
use crate::ble::gatt::conversation::Ticket;
use crate::ble::gatt::conversation::Told;
use crate::ble::gatt::lines;
use crate::ble::gatt::lines::LINE_BYTES;
use crate::ble::gatt::lines::Line;
use crate::ble::gatt::lines::Lines;
use crate::ble::gatt::publish;

/// How long an answer whose last part was a full one may go on, before its line is ended. Ours: parts are a quarter of
/// a second apart if nobody has set it otherwise.
const OPEN_MS: u64 = 2_000;

/// A character is never cut: a full part may be that much shorter than parts may be.
const CHAR_BYTES: usize = 3;

/// See the module.
pub struct Lined {
    room: usize,
    /// Bytes of a part of an answer; none if it is never cut.
    part_bytes: Option<usize>,
    lines: Lines,
    open: Option<Open>,
}

/// An answer whose line is not ended.
struct Open {
    /// The name of its parts, without their number.
    base: String,
    /// The number of the part that was written last.
    number: u32,
    /// None until the last part is written.
    due_ms: Option<u64>,
}

impl Lined {
    /// A write has room for so many bytes, and a part of an answer has at most `part_bytes`.
    pub fn new(room: usize, part_bytes: Option<usize>) -> Self {
        Self { room, part_bytes, lines: Lines::default(), open: None }
    }

    fn line(&mut self, line: Line) -> Option<Act> {
        match line {
            Line::Ignored => None,
            Line::TooLong => Some(self.error(&format!("a line has at most {LINE_BYTES} bytes"))),
            Line::Publish(line) => Some(match publish::read(&line) {
                Ok(published) => Act::Publish(None, published),
                Err(bad) => self.error(&bad.to_string()),
            }),
        }
    }

    fn error(&mut self, text: &str) -> Act {
        let line = format!("{}\n", json!({ "error": text }));
        self.write(&line)
    }

    /// Writes text that belongs to no answer that may be open.
    fn write(&mut self, text: &str) -> Act {
        let end = if self.open.take().is_some() { "\n" } else { "" };
        Act::Write(lines::pieces(format!("{end}{text}").as_bytes(), self.room))
    }
}

impl Conversation for Lined {
    fn begin(&mut self, _: u64) -> Vec<Act> {
        vec![Act::Greeted]
    }

    fn heard(&mut self, bytes: &[u8], _: u64) -> Vec<Act> {
        self.lines.take(bytes).into_iter().filter_map(|line| self.line(line)).collect()
    }

    fn verdict(&mut self, _: Option<Ticket>, verdict: &Result<(), Refused>) -> Vec<Act> {
        verdict.as_ref().err().map(|refused| self.error(&refused.text)).into_iter().collect()
    }

    fn tell(&mut self, told: &Told) -> Vec<Act> {
        let numbered = told.name.rsplit_once('/').and_then(|(base, number)| Some((base, number.parse().ok()?)));
        let (base, number) = numbered.unwrap_or((told.name.as_str(), 0));
        // A part may have had to make room.
        let is_next = |open: &Open| open.base == base && (told.follows || Some(number) == open.number.checked_add(1));
        let goes_on = self.open.as_ref().is_some_and(is_next);
        let is_full = told.is_followed || self.part_bytes.is_some_and(|most| told.whole_bytes + CHAR_BYTES >= most);
        let text = if is_full { told.data.clone() } else { format!("{}\n", told.data) };
        let act = if goes_on { Act::Write(lines::pieces(text.as_bytes(), self.room)) } else { self.write(&text) };
        self.open = is_full.then(|| Open { base: base.to_owned(), number, due_ms: None });
        vec![act, Act::Delivered(None)]
    }

    fn written(&mut self, now_ms: u64) {
        if let Some(open) = &mut self.open {
            open.due_ms.get_or_insert(now_ms + OPEN_MS);
        }
    }

    fn due_ms(&self) -> Option<u64> {
        self.open.as_ref().and_then(|open| open.due_ms)
    }

    fn due(&mut self, now_ms: u64) -> Vec<Act> {
        if self.due_ms().is_some_and(|due_ms| now_ms >= due_ms) { vec![self.write("")] } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ble::gatt::publish::Published;

    fn told(name: &str, data: &str) -> Told {
        let (name, data) = (name.to_owned(), data.to_owned());
        Told { id: 0, name, whole_bytes: data.len(), data, follows: false, is_followed: false }
    }

    fn written(acts: &[Act]) -> String {
        let mut text = Vec::new();
        for act in acts {
            if let Act::Write(pieces) = act {
                assert!(pieces.iter().all(|piece| piece.len() <= 20));
                text.extend(pieces.concat());
            }
        }
        String::from_utf8(text).unwrap()
    }

    fn lined() -> Lined {
        Lined::new(20, Some(64))
    }

    #[test]
    fn a_line_is_published_and_what_cannot_be_is_answered() {
        let mut lined = lined();
        assert_eq!(lined.begin(0), [Act::Greeted]);
        let published = Published { name: "temp".to_owned(), data: "1".to_owned() };
        assert_eq!(lined.heard(b"boot\n{\"t\":\"temp\",\"d\":1}\n", 0), [Act::Publish(None, published)]);
        assert_eq!(lined.verdict(None, &Ok(())), []);
        let refused = Refused { is_for_now: true, text: "it is \"full\"".to_owned() };
        assert_eq!(written(&lined.verdict(None, &Err(refused))), "{\"error\":\"it is \\\"full\\\"\"}\n");
        assert!(written(&lined.heard(b"{nothing\n", 0)).starts_with("{\"error\":"));
        assert!(written(&lined.heard(format!("{{{}", "x".repeat(5_000)).as_bytes(), 0)).contains("4096"));
    }

    #[test]
    fn the_line_of_an_answer_ends_with_its_last_part() {
        let mut lined = lined();
        let full = "x".repeat(64);
        let acts = lined.tell(&told("hook-response/temp/0", &full));
        assert_eq!((written(&acts), acts.last()), (full.clone(), Some(&Act::Delivered(None))));
        lined.written(100);
        assert_eq!(written(&lined.tell(&told("hook-response/temp/1", "end"))), "end\n");
        assert_eq!(lined.due_ms(), None);
        assert_eq!(written(&lined.tell(&told("hook-response/temp/0", "short"))), "short\n");
    }

    #[test]
    fn an_answer_of_full_parts_ends_when_nothing_follows_or_something_else_does() {
        let mut lined = lined();
        let full = format!("{}é", "x".repeat(61));
        lined.tell(&told("hook-response/temp/0", &full));
        lined.written(100);
        assert_eq!((lined.due_ms(), lined.due(2_099)), (Some(2_100), vec![]));
        assert_eq!(written(&lined.due(2_100)), "\n");
        assert_eq!(lined.due_ms(), None);

        lined.tell(&told("hook-response/temp/0", &full));
        assert_eq!(written(&lined.tell(&told("hook-response/other/1", "y"))), "\ny\n");
        lined.tell(&told("hook-response/temp/0", &full));
        assert_eq!(written(&lined.tell(&told("hook-response/temp/0", "y"))), "\ny\n");
        lined.tell(&told("hook-response/temp/0", &full));
        let refused = Refused { is_for_now: false, text: "no".to_owned() };
        assert_eq!(written(&lined.verdict(None, &Err(refused))), "\n{\"error\":\"no\"}\n");
    }

    #[test]
    fn a_part_that_is_missing_ends_the_line() {
        let mut lined = lined();
        let full = "x".repeat(64);
        lined.tell(&told("hook-response/temp/0", &full));
        assert_eq!(written(&lined.tell(&told("hook-response/temp/2", "end"))), "\nend\n");
    }

    #[test]
    fn an_event_in_pieces_is_one_line() {
        let piece = |data: &str, follows, is_followed| Told {
            whole_bytes: 600,
            follows,
            is_followed,
            ..told("hook-response/temp/0", data)
        };
        for (part_bytes, end) in [(None, "c\n"), (Some(1_000), "c\n"), (Some(600), "c")] {
            let mut lined = Lined::new(20, part_bytes);
            assert_eq!(written(&lined.tell(&piece("a", false, true))), "a");
            assert_eq!(written(&lined.tell(&piece("b", true, true))), "b");
            assert_eq!(written(&lined.tell(&piece("c", true, false))), end);
        }
    }

    #[test]
    fn an_answer_that_is_never_cut_is_one_line() {
        let mut lined = Lined::new(20, None);
        assert_eq!(
            written(&lined.tell(&told("hook-response/temp/0", &"x".repeat(600)))),
            format!("{}\n", "x".repeat(600))
        );
    }
}
