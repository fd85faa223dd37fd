//! How numbers, times and choices look on pages. Pure.

use serde::Serialize;

use crate::model::WallTime;
use crate::web::language::Language;

/// A time, and how long ago it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Moment {
    /// As machines read it; the page's script shows it in the browser's own way.
    iso: String,
    /// Seconds since then; 0 for a time to come.
    ago_s: u64,
}

impl Moment {
    /// As it is seen at `now`.
    pub(super) fn of(at: WallTime, now: WallTime) -> Self {
        let ago_ms = now.as_millis().saturating_sub(at.as_millis());
        Self { iso: at.to_string(), ago_s: u64::try_from(ago_ms).unwrap_or(0) / 1_000 }
    }

    /// Of a time as replies write it; the beginning of time if it is none.
    pub(super) fn written(at: &str, now: WallTime) -> Self {
        let at = at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
        Self::of(WallTime::from_millis(at), now)
    }
}

/// A size in the units that disks are sold in.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
        None => format!("{bytes} B"),
    }
}

/// Something that can be chosen from a list.
#[derive(Serialize)]
pub(super) struct Choice {
    /// What is sent.
    pub(super) value: String,
    /// What people read.
    pub(super) name: String,
    /// Whether it is the one.
    pub(super) is_chosen: bool,
}

/// The beginning of a text.
pub(super) fn shortened(text: &str) -> String {
    const CHARS: usize = 120;
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// How long ago a number of seconds is.
pub(super) fn ago(seconds: u64, language: Language) -> String {
    let (text, number) = match seconds {
        0..60 => ("{n} s ago", seconds),
        60..3_600 => ("{n} min ago", seconds / 60),
        3_600..172_800 => ("{n} h ago", seconds / 3_600),
        _ => ("{n} days ago", seconds / 86_400),
    };
    language.text(text).replace("{n}", &number.to_string())
}

/// A length of time in its largest fitting unit.
pub(super) fn span(seconds: u64, language: Language) -> String {
    let (text, number) = match seconds {
        0..120 => ("{n} s", seconds),
        120..7_200 => ("{n} min", seconds / 60),
        7_200..172_800 => ("{n} h", seconds / 3_600),
        _ => ("{n} days", seconds / 86_400),
    };
    language.text(text).replace("{n}", &number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("21.5"), "21.5");
        assert_eq!(shortened(&"é".repeat(120)), "é".repeat(120));
        assert_eq!(shortened(&"é".repeat(121)), format!("{}…", "é".repeat(120)));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            ["0 B", "999 B", "1.0 kB", "45.2 MB"].map(ToOwned::to_owned),
            [bytes(0), bytes(999), bytes(1_000), bytes(45_299_999)]
        );
        assert_eq!(ago(0, Language::English), "0 s ago");
        assert_eq!(ago(3_599, Language::English), "59 min ago");
        assert_eq!(ago(90_000, Language::German), "vor 25 h");
        assert_eq!(span(119, Language::English), "119 s");
    }

    #[test]
    fn what_is_to_come_is_now() {
        let moment = Moment::of(WallTime::from_millis(5_000), WallTime::from_millis(1));
        assert_eq!(moment.ago_s, 0);
    }
}
