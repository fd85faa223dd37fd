//! What the commands print: JSON for scripts, tables and sentences for people.
//!
//! Names, data and answers come from devices and from the internet. They reach people only with control characters
//! escaped, so that none of them can drive the terminal. Nothing else in the command writes to stdout.

use std::fmt::Write as _;
use std::io;
use std::io::Write;

use serde_json::Value;

/// Between two columns.
const GAP: &str = "  ";

/// Standard output, in one of two manners.
pub(super) struct Output {
    is_json: bool,
    is_closed: bool,
    sink: Box<dyn Write>,
}

impl Output {
    /// The process's standard output.
    pub(super) fn stdout(is_json: bool) -> Self {
        Self { is_json, is_closed: false, sink: Box::new(io::stdout()) }
    }

    /// Whether scripts read it.
    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether the reader went away: printing more is in vain, and no error.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Prints `value` as one line for scripts, or what `told` makes of it for people.
    ///
    /// # Errors
    /// When stdout takes nothing, but for a reader that went away.
    pub(super) fn show(&mut self, value: &Value, told: impl FnOnce(&Value) -> String) -> io::Result<()> {
        if self.is_json { self.json(value) } else { self.text(&told(value)) }
    }

    /// Prints one JSON value as one line.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub(super) fn json(&mut self, value: &Value) -> io::Result<()> {
        self.line(&json_line(value))
    }

    /// Prints lines for people.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.line(&harmless(text))
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        let written = self.sink.write_all(format!("{text}\n").as_bytes()).and_then(|()| self.sink.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            written => written,
        }
    }
}

/// How many of something there are, in words: `1 hook`, `3 hooks`.
pub(super) fn counted(count: &Value, one: &str, more: &str) -> String {
    format!("{} {}", one_line(&count.to_string()), if count == 1 { one } else { more })
}

/// Prints something on stderr. Nobody is left to tell if that fails.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "farhook: {}", harmless(text));
}

/// Prints something on stderr that says by itself what it is about, as a file with a line does.
pub(super) fn complain_plainly(text: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(text));
}

/// An error with its causes, but for those that it tells already.
pub(super) fn reason(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

/// A text for people that stays on its line.
pub(super) fn one_line(text: &str) -> String {
    escaped(text, |_| false)
}

/// A field of a reply for people: a text as it is, a dash for nothing.
pub(super) fn field(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => one_line(text),
        other => other.to_string(),
    }
}

/// Names and values below one another.
pub(super) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name:width$}{GAP}{}", one_line(value))).collect();
    lines.join("\n")
}

/// A table with a line of headings. The last column is as long as it is.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(headings)
        .chain(rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()))
        .collect();
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            cells.join(GAP).trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

/// JSON on one line. JSON itself escapes only the oldest control characters.
fn json_line(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        if drives_a_terminal(c) {
            // All of them are in the first plane, and inside of a string.
            write!(line, "\\u{:04x}", u32::from(c)).expect("a String takes everything");
        } else {
            line.push(c);
        }
    }
    line
}

fn harmless(text: &str) -> String {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if drives_a_terminal(c) && !is_kept(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Control characters, and those that turn the direction of what follows or end a line.
fn drives_a_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use serde_json::json;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Rc<RefCell<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(is_json: bool, sink: impl Write + 'static) -> Output {
        Output { is_json, is_closed: false, sink: Box::new(sink) }
    }

    #[test]
    fn nothing_printed_can_drive_the_terminal() {
        let paper = Paper::default();
        let evil = "\u{1b}[2Jgone\u{9b}31m\u{7f}\r\u{202e}txt";
        output(false, paper.clone()).text(&format!("{evil}\n\tin")).unwrap();
        output(true, paper.clone()).json(&json!({ "data": evil })).unwrap();
        let printed = String::from_utf8(paper.0.borrow().clone()).unwrap();
        let (people, scripts) = printed.split_at(printed.find('{').map_or(0, |_| printed.find("{\"").unwrap()));
        assert_eq!(people, "\\u{1b}[2Jgone\\u{9b}31m\\u{7f}\\r\\u{202e}txt\n\tin\n");
        assert_eq!(scripts, "{\"data\":\"\\u001b[2Jgone\\u009b31m\\u007f\\r\\u202etxt\"}\n");
        assert_eq!(serde_json::from_str::<Value>(scripts).unwrap(), json!({ "data": evil }));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let mut gone = output(false, Failing(io::ErrorKind::BrokenPipe));
        gone.text("x").unwrap();
        assert!(gone.is_closed());
        let mut full = output(false, Failing(io::ErrorKind::StorageFull));
        assert!(full.text("x").is_err());
        assert!(!full.is_closed());
    }

    #[test]
    fn the_columns_of_a_table_are_aligned() {
        let rows = [vec!["kitchen".to_owned(), "yes".to_owned()], vec!["Küche\n".to_owned(), String::new()]];
        assert_eq!(table(&["NAME", "ONLINE"], &rows), "NAME     ONLINE\nkitchen  yes\nKüche\\n");
        assert_eq!(table(&["NAME"], &[]), "NAME");
    }

    #[test]
    fn values_stand_below_one_another() {
        let shown = pairs(&[("id", "7".to_owned()), ("online", "a\nb".to_owned())]);
        assert_eq!(shown, "id      7\nonline  a\\nb");
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no such file").context("hook.json: no such file").context("the hook is unusable");
        assert_eq!(reason(&error), "the hook is unusable: hook.json: no such file");
    }

    #[test]
    fn a_field_that_is_not_there_is_a_dash() {
        let reply = json!({ "a": null, "b": "x", "c": 5, "d": true });
        let shown = ["a", "b", "c", "d", "e"].map(|name| field(&reply, name));
        assert_eq!(shown, ["-", "x", "5", "true", "-"]);
    }
}
