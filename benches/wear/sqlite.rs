//! `SQLite` in WAL mode beside it, driven by `sqlite.py`.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use crate::Rate;
use crate::disk::Disk;

const SCRIPT: &str = include_str!("sqlite.py");

/// Kilobytes that the device had to take for so many rows; none if there is no Python.
pub(crate) fn written_kb(disk: &Disk, rate: Rate) -> Option<f64> {
    let file = disk.folder().join(format!("{}.sqlite", rate.per_second));
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(file)
        .args([rate.per_second.to_string(), rate.seconds.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut says = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut hears = child.stdin.take().unwrap();
    assert_eq!(says.next().unwrap().unwrap(), "ready");
    let before_kb = disk.written_kb();
    hears.write_all(b"\n").unwrap();
    assert_eq!(says.next().unwrap().unwrap(), "done");
    let written_kb = disk.written_kb() - before_kb;
    drop(hears);
    child.wait().unwrap();
    Some(written_kb)
}
