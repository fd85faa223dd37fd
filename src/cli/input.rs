//! Reads what commands are given beside their line: JSON files, of which `-` is stdin, and secrets on stdin.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use anyhow::bail;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::bus::protocol::REQUEST_BYTES;
use crate::clock;
use crate::model::WallTime;

/// Reads one JSON value.
///
/// # Errors
/// When it cannot be read, is too large to be sent to the daemon, or is no JSON; names the file.
pub(super) fn json(path: &Path) -> anyhow::Result<Value> {
    let (name, text) = if path == Path::new("-") {
        ("stdin".to_owned(), read(io::stdin().lock()).context("stdin cannot be read")?)
    } else {
        let name = path.display().to_string();
        let text = File::open(path).and_then(read).with_context(|| format!("{name} cannot be read"))?;
        (name, text)
    };
    if text.len() as u64 > REQUEST_BYTES {
        bail!("{name}: has more than {REQUEST_BYTES} bytes");
    }
    serde_json::from_str(&text).with_context(|| format!("{name}: is no JSON"))
}

/// Reads a secret from stdin, without the line break behind it. `what` names it.
///
/// # Errors
/// When it cannot be read, or there is none.
pub(super) fn secret(what: &str) -> anyhow::Result<String> {
    let mut secret = String::new();
    io::stdin().lock().take(4_096).read_to_string(&mut secret).context("stdin cannot be read")?;
    let secret = secret.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("there is no {what} on stdin");
    }
    Ok(secret.to_owned())
}

/// A time as people write it: with a zone, in this machine's zone, or as the time since then.
///
/// # Errors
/// When it is none of these.
pub(super) fn time(text: &str) -> Result<WallTime, String> {
    let at_local = |text: &str| {
        let local = TimeZone::system().to_timestamp(text.parse::<DateTime>().ok()?).ok()?;
        Some(local.as_millisecond())
    };
    let ago = |text: &str| {
        let ago = match text.strip_suffix('d') {
            Some(days) => SignedDuration::from_hours(days.parse::<u16>().map(i64::from).ok()? * 24),
            None => text.parse().ok()?,
        };
        let ago_ms = i64::try_from(ago.as_millis()).ok().filter(|ms| *ms >= 0)?;
        Some(clock::now().wall.as_millis() - ago_ms)
    };
    let parsed = text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    let ms = parsed.or_else(|| at_local(text)).or_else(|| ago(text));
    ms.map(WallTime::from_millis).ok_or_else(|| "a time is 2026-11-24T18:00, 2026-11-24T18:00:00Z or 2h".to_owned())
}

fn read(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(REQUEST_BYTES + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hook.json");
        std::fs::write(&file, text).unwrap();
        let error = format!("{:#}", json(&file).unwrap_err());
        error.replace(&folder.path().display().to_string(), "")
    }

    #[test]
    fn a_broken_file_is_told_with_its_name_and_place() {
        assert_eq!(error("{\n\"a\": }"), "/hook.json: is no JSON: expected value at line 2 column 6");
        assert_eq!(error(&" ".repeat(2 << 20)), "/hook.json: has more than 1048576 bytes");
    }

    #[test]
    fn a_missing_file_is_told_with_its_name() {
        let error = format!("{:#}", json(Path::new("/nowhere/hook.json")).unwrap_err());
        assert!(error.starts_with("/nowhere/hook.json cannot be read: No such file"), "{error}");
    }

    #[test]
    fn a_time_may_be_written_in_several_ways() {
        let exact = time("2016-04-16T13:37:08Z").unwrap();
        assert_eq!(exact, WallTime::from_millis(1_460_813_828_000));
        assert_eq!(time("2016-04-16T15:37:08+02:00"), Ok(exact));
        let off_ms = time("2016-04-16T13:37:08").unwrap().as_millis().abs_diff(exact.as_millis());
        assert!(off_ms <= 14 * 3_600_000, "in this machine's zone, wherever that is");
        let now_ms = clock::now().wall.as_millis();
        for (text, ago_ms) in [("2h", 7_200_000), ("90m", 5_400_000), ("3d", 259_200_000)] {
            let off_ms = now_ms - time(text).unwrap().as_millis();
            assert!((ago_ms - 1_000..=ago_ms).contains(&off_ms), "{text}: {off_ms}");
        }
        for text in ["", "tomorrow", "-2h", "d", "2"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
