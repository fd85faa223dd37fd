//! A board: `board.c` and the link, compiled here, and what it says.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;

use farhook::model::hex;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Sha256;
use tempfile::TempDir;

use crate::tools;

/// What a device's link says by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A notification.
    Frame(Vec<u8>),
    /// What a hook answered, for its program.
    Response(String, Vec<u8>),
    /// What became of an event, for its program.
    Published { id: u8, is_delivered: bool, code: u8 },
}

/// As in `farhook_link.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Down,
    Listening,
    Answered,
    Ready,
    Stranger,
}

/// How the link was after the last command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    pub result: bool,
    pub state: State,
    pub is_stale: bool,
    pub next_id: u8,
}

pub struct Board {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub status: Status,
}

impl Board {
    /// A board with its key, whose next event has this number. None if none can be compiled here.
    pub fn start(key: &str, next_id: u8) -> Option<Self> {
        let mut child = Command::new(program()?)
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let status = Status { result: false, state: State::Down, is_stale: false, next_id: 0 };
        let mut board = Self { child, input, output, status };
        assert_eq!(board.say(&format!("init {key} {next_id}")), []);
        assert!(board.status.result);
        Some(board)
    }

    pub fn frame(&mut self, frame: &[u8], now_ms: u32) -> Vec<Said> {
        let bytes = if frame.is_empty() { "-".to_owned() } else { hex(frame) };
        self.say(&format!("frame {bytes} {now_ms}"))
    }

    pub fn run(&mut self, now_ms: u32) -> Vec<Said> {
        self.say(&format!("run {now_ms}"))
    }

    pub fn publish(&mut self, name: &str, json: Option<&str>) -> bool {
        assert_eq!(self.say(&format!("publish {name} {}", json.unwrap_or_default())), []);
        self.status.result
    }

    /// Gives a command, answers what the board asks, and returns what it says.
    pub fn say(&mut self, command: &str) -> Vec<Said> {
        let mut said = Vec::new();
        self.write(command);
        loop {
            let line = self.read();
            let words: Vec<&str> = line.trim_end().split(' ').collect();
            match words[..] {
                ["send", bytes] => said.push(Said::Frame(unhex(bytes))),
                ["response", name, data] => said.push(Said::Response(name.to_owned(), unhex(data))),
                ["published", id, outcome, code] => said.push(Said::Published {
                    id: id.parse().unwrap(),
                    is_delivered: outcome == "0",
                    code: code.parse().unwrap(),
                }),
                ["hmac", key, text] => {
                    let mut mac = Hmac::<Sha256>::new_from_slice(&unhex(key)).unwrap();
                    mac.update(&unhex(text));
                    self.write(&hex(&mac.finalize().into_bytes()));
                }
                ["random", "16"] => self.write(&hex(NONCE)),
                ["done", result, state, is_stale, next_id] => {
                    self.status = Status {
                        result: result == "1",
                        state: state_of(state),
                        is_stale: is_stale == "1",
                        next_id: next_id.parse().unwrap(),
                    };
                    return said;
                }
                _ => panic!("the board said {line:?}"),
            }
        }
    }

    fn write(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
    }

    fn read(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the board crashed");
        line
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What a board of the tests takes for random.
pub const NONCE: &[u8; 16] = b"a device's nonce";

/// The folder of the examples.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/firmware")
}

/// The folder of these tests.
pub fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/firmware")
}

fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
    PROGRAM.get_or_init(compile).as_ref().map(|(_, path)| path.as_path())
}

/// With what sees a byte that is read or written beyond its place.
fn compile() -> Option<(TempDir, PathBuf)> {
    if tools::is_missing("cc", "build-essential") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("board");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-g", "-O1"]);
    compiler.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I"]).arg(examples());
    compiler.arg("-o").arg(&path).arg(tests().join("board.c")).arg(examples().join("farhook_link.c"));
    assert!(compiler.status().unwrap().success());
    Some((folder, path))
}

fn state_of(number: &str) -> State {
    match number {
        "0" => State::Down,
        "1" => State::Listening,
        "2" => State::Answered,
        "3" => State::Ready,
        "4" => State::Stranger,
        _ => panic!("no state {number}"),
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}
