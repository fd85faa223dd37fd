//! `farhook ble decode`, the real binary.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;

const LINES: &str = r#"{"address":"A4:C1:38:11:22:33","service_data":{"0000fcd2-0000-1000-8000-00805f9b34fb":"4002660801 61"}}
{"address":"A4:C1:38:11:22:33","name":null,"service_data":{"0000fcd2-0000-1000-8000-00805f9b34fb":"400266080161"}}
nonsense
{"address":"A4:C1:38:11:22:34","manufacturer_data":{"1177":"05ffff60"}}"#;

fn told(printed: &[u8]) -> Vec<Value> {
    std::str::from_utf8(printed).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn farhook() -> Command {
    Command::new(env!("CARGO_BIN_EXE_farhook"))
}

#[test]
fn a_file_and_stdin_give_a_line_for_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adverts.jsonl");
    std::fs::write(&file, LINES).unwrap();
    let of_file = farhook().args(["ble", "decode"]).arg(&file).output().unwrap();
    assert!(of_file.status.success(), "{}", String::from_utf8_lossy(&of_file.stderr));
    let lines = told(&of_file.stdout);
    assert_eq!(lines.len(), 4);
    assert_eq!(
        lines[1],
        json!({
            "address": "A4:C1:38:11:22:33", "format": "bthome", "model": null,
            "values": { "temperature": 21.5, "battery": 97 }, "authenticated": false,
        })
    );
    for refused in [0, 2, 3] {
        assert!(lines[refused]["values"].is_null() && lines[refused]["reason"].is_string(), "{}", lines[refused]);
    }

    let mut child = farhook().args(["ble", "decode"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(LINES.as_bytes()).unwrap();
    let of_stdin = child.wait_with_output().unwrap();
    assert_eq!(told(&of_stdin.stdout), lines);
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let failed = farhook().args(["ble", "decode", "not-there.jsonl"]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("not-there.jsonl cannot be read"));
}
