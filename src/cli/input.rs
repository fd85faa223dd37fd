//! Reads the JSON files that commands are given; `-` is stdin.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use anyhow::bail;
use serde_json::Value;

use crate::control::protocol::REQUEST_BYTES;

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
}
