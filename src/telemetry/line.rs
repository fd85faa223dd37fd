//! How a record looks as text. Pure.
//!
//! Whatever a device or a server can put into a record (names, topics, answers) could hold line breaks or terminal
//! sequences; all of them are escaped, so one record is one line and says nothing about itself.

use std::fmt;
use std::fmt::Write;

use log::Level;
use log::Record;
use log::kv;
use log::kv::VisitSource;

use crate::model::WallTime;

/// How lines on stderr look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Whether lines begin with the time; under systemd the journal has it already.
    pub(super) with_time: bool,
    /// Whether the level has a colour.
    pub(super) colours: bool,
}

impl Style {
    /// The record as one line, with its line break.
    pub(super) fn line(self, now: WallTime, record: &Record) -> String {
        let mut line = String::new();
        if self.with_time {
            write!(line, "{now} ").expect(INFALLIBLE);
        }
        let level = record.level().as_str();
        match self.colours.then(|| colour(record.level())) {
            Some(colour) => write!(line, "\x1b[{colour}m{level:<5}\x1b[0m "),
            None => write!(line, "{level:<5} "),
        }
        .expect(INFALLIBLE);
        writeln!(line, "{}: {}", Escaped(record.target()), message(record)).expect(INFALLIBLE);
        line
    }
}

/// The record's message, followed by its fields: `device logged in DEVICE_ID=… PEER=…`.
pub(super) fn message(record: &Record) -> String {
    let mut text = Escaped(&record.args().to_string()).to_string();
    record.key_values().visit(&mut Fields(&mut text)).expect(INFALLIBLE);
    text
}

/// A text in which nothing can break the line, hide in it or reach the terminal.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_unsafe(c) { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

const INFALLIBLE: &str = "a String takes any text";

struct Fields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        let text = value.to_string();
        let is_plain = !text.is_empty() && !text.contains([' ', '"', '=', '\\']) && !text.contains(is_unsafe);
        if is_plain {
            write!(self.0, " {}={text}", Escaped(key.as_str()))?;
        } else {
            let quoted = text.replace('\\', r"\\").replace('"', r#"\""#);
            write!(self.0, " {}=\"{}\"", Escaped(key.as_str()), Escaped(&quoted))?;
        }
        Ok(())
    }
}

/// Control characters, line and paragraph separators, and those that change the direction of what follows.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The number of the terminal's colour for a level.
fn colour(level: Level) -> u8 {
    match level {
        Level::Error => 31,
        Level::Warn => 33,
        Level::Info => 32,
        Level::Debug => 34,
        Level::Trace => 90,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: WallTime = WallTime::from_millis(1_460_813_828_728);
    const PLAIN: Style = Style { with_time: false, colours: false };

    #[test]
    fn a_line_has_time_level_target_message_and_fields() {
        let fields: [(&str, kv::Value); 2] = [("DEVICE_ID", kv::Value::from("0123")), ("ATTEMPT", kv::Value::from(2))];
        let record = Record::builder()
            .level(Level::Info)
            .target("farhook::mqtt")
            .args(format_args!("device logged in"))
            .key_values(&fields)
            .build();
        assert_eq!(
            Style { with_time: true, colours: false }.line(NOON, &record),
            "2016-04-16T13:37:08.728Z INFO  farhook::mqtt: device logged in DEVICE_ID=0123 ATTEMPT=2\n"
        );
        assert_eq!(PLAIN.line(NOON, &record), "INFO  farhook::mqtt: device logged in DEVICE_ID=0123 ATTEMPT=2\n");
    }

    #[test]
    fn only_the_level_is_coloured() {
        let record = Record::builder().level(Level::Error).target("t").args(format_args!("m")).build();
        assert_eq!(Style { with_time: false, colours: true }.line(NOON, &record), "\x1b[31mERROR\x1b[0m t: m\n");
    }

    #[test]
    fn a_device_cannot_forge_a_line() {
        let name = "x\nINFO  farhook: all is well\r\x1b[2J\u{202e}\u{2028}\u{85}";
        let fields: [(&str, kv::Value); 1] = [("NAME", kv::Value::from(name))];
        let mut record = Record::builder();
        record.level(Level::Warn).target("a\nb").key_values(&fields);
        let line = PLAIN.line(NOON, &record.args(format_args!("refused {name}")).build());
        assert_eq!(line.find(|c: char| is_unsafe(c)), Some(line.len() - 1));
        let escaped = r"x\nINFO  farhook: all is well\r\u{1b}[2J\u{202e}\u{2028}\u{85}";
        assert_eq!(line, format!("WARN  a\\nb: refused {escaped} NAME=\"{escaped}\"\n"));
    }

    #[test]
    fn a_value_cannot_forge_a_field() {
        let shown = |value: &str| {
            let fields: [(&str, kv::Value); 1] = [("NAME", kv::Value::from(value))];
            message(&Record::builder().args(format_args!("m")).key_values(&fields).build())
        };
        assert_eq!(shown("a DEVICE_ID=1"), r#"m NAME="a DEVICE_ID=1""#);
        assert_eq!(shown(r#"a" DEVICE_ID="1"#), r#"m NAME="a\" DEVICE_ID=\"1""#);
        assert_eq!(shown(r#"a\" b"#), r#"m NAME="a\\\" b""#);
        assert_eq!(shown(""), r#"m NAME="""#);
        assert_eq!(shown("Küche"), "m NAME=Küche");
    }
}
