//! Holds the layers: imports point down. Reads the source text of `src/`, without comments and strings.
//!
//! A module that is not in the table has no layer yet and fails too, so nobody can forget to give it one.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// From low to high. A module may name those of lower layers, and of its own layer only what [`BESIDE`] says.
const LAYERS: [&[&str]; 9] = [
    &["model"],
    &["hooks", "config", "sources", "telemetry", "clock", "chance"],
    &["store"],
    &["registry", "limits", "logbook", "notices", "history", "retained", "tls"],
    &["bus", "accounts", "backup", "sessions"],
    &["mqtt", "dispatch", "delivery", "network", "outbox", "intake", "control", "api", "http", "ble", "web"],
    &["daemon"],
    &["cli"],
    &["main"],
];

/// Who may name whom in its own layer.
const BESIDE: [(&str, &str); 6] = [
    ("telemetry", "clock"),
    ("sources", "clock"),
    ("config", "sources"),
    ("dispatch", "delivery"),
    ("api", "http"),
    ("web", "http"),
];

/// Folders that are pure rules, though they are part of a task: they name only these modules.
const PURE: [(&str, &[&str]); 1] = [("ble/decode", &["ble"])];

/// The only modules, or parts of modules, that may name these crates.
const CRATES: [(&str, &[&str]); 8] = [
    ("sled", &["store"]),
    ("warp", &["http", "api", "web"]),
    ("rumqttd", &["mqtt"]),
    ("btleplug", &["ble/bluez"]),
    ("dbus", &["ble/bluez"]),
    ("dbus_tokio", &["ble/bluez"]),
    ("reqwest", &["delivery", "cli"]),
    ("tokio_tungstenite", &["http"]),
];

#[test]
fn imports_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list_sources(&src, &mut files);
    assert!(files.contains(&src.join("model/mod.rs")), "the sources were not found");
    let mut broken = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap();
        if path != Path::new("lib.rs") {
            broken.extend(violations(path, &fs::read_to_string(&file).unwrap()));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn a_violation_is_found_wherever_it_hides() {
    let found = |path: &str, text: &str| violations(Path::new(path), text);
    for (path, text, module) in [
        ("hooks/limits.rs", "use crate::store::Batch;", "store"),
        ("mqtt/mod.rs", "fn f() { crate :: delivery /* x */ :: go() }", "delivery"),
        ("bus/mod.rs", "use crate::{model::Event, mqtt::{self, x}, hooks};", "mqtt"),
        ("clock.rs", "use super::config::Config;", "config"),
        ("store/a/b.rs", "use crate::registry;", "registry"),
        ("daemon/mod.rs", "pub(in crate::cli) fn f() {}", "cli"),
        ("delivery/mod.rs", "use crate::dispatch::X;", "dispatch"),
        ("cli/mod.rs", "use farhook::main::x;", "main"),
        ("ble/decode/bthome/mod.rs", "use crate::clock::now;", "clock"),
    ] {
        let all = found(path, text);
        assert_eq!(all.len(), 1, "{path}: {text}: {all:?}");
        assert!(all[0].contains(&format!("names {module},")), "{all:?}");
    }
    assert_eq!(found("mqtt/mod.rs", "\n\nuse sled::Db;"), ["src/mqtt/mod.rs:3: names the crate sled, only store may"]);
    assert_eq!(found("hooks.rs", "use reqwest;").len(), 1);
    assert_eq!(found("ble/driver.rs", "use dbus::Message;").len(), 1);
    assert_eq!(found("ble/bluez_more.rs", "use btleplug::api;").len(), 1);
    assert_eq!(found("hooks.rs", "fn f(x: warp::Rejection) {}").len(), 1);
    assert_eq!(found("newcomer.rs", ""), ["src/newcomer.rs: the module newcomer has no layer"]);
    assert_eq!(found("mqtt/a/b.rs", "use super::super::store::X;").len(), 1);
}

#[test]
fn what_is_allowed_or_only_written_about_is_left_alone() {
    for (path, text) in [
        ("mqtt/mod.rs", "use crate::bus::Live; use crate::mqtt::x; use rumqttd::Router; use crate::store::X;"),
        ("mqtt/mod.rs", "// use crate::delivery::X;\n/* use /* nested */ crate::web::Y */"),
        ("mqtt/mod.rs", r##"let x = ("crate::web", 'c', r#"a " crate::web"#, b"sled::x", '"', "\" crate::ble");"##),
        ("mqtt/mod.rs", "fn f<'a>(x: &'a str) -> char { '\\'' } // sled::x"),
        ("dispatch/mod.rs", "use crate::delivery::Sender;"),
        ("store/db.rs", "use sled::Db; use super::*;"),
        ("ble/bluez/mod.rs", "use dbus::Path; use btleplug::api::Central;"),
        ("ble/bluez.rs", "use dbus_tokio::connection;"),
        ("ble/decode/atc.rs", "use crate::ble::advert::Advert;"),
        ("http/mod.rs", "self.sled::<X>(); let reqwest = my::reqwest::get();"),
        ("main.rs", "fn main() { farhook::cli::run() }"),
        ("hooks/mod.rs", "mod store_rules; use store_rules::x;"),
    ] {
        assert_eq!(violations(Path::new(path), text), [""; 0], "{path}: {text}");
    }
}

fn list_sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src/ can be read") {
        let path = entry.expect("src/ can be read").path();
        if path.is_dir() {
            list_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// What is wrong with one file; `path` is relative to `src/`.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let parts: Vec<&str> =
        path.iter().map(|part| part.to_str().expect("sources have plain names").trim_end_matches(".rs")).collect();
    let module = parts[0];
    let at = |line: usize| format!("src/{}:{line}", path.display());
    let Some(own) = layer_of(module) else {
        return vec![format!("src/{}: the module {module} has no layer", path.display())];
    };
    let is_module_root = parts.len() == 1 || parts[1..] == ["mod"];
    let tokens = tokens(text);
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let next = |ahead: usize| tokens.get(index + ahead).map_or("", |token| token.text.as_str());
        if token.text == "super" && next(1) == "::" && next(2) == "super" {
            found.push(format!("{}: climbs by super::super, write crate::", at(token.line)));
        }
        let is_root = matches!(token.text.as_str(), "crate" | "farhook") || (token.text == "super" && is_module_root);
        if is_root && next(1) == "::" {
            for named in named_after(&tokens[index + 2..]) {
                let is_below = layer_of(named).is_none_or(|layer| layer < own);
                let may = match PURE.iter().find(|(folder, _)| path.starts_with(folder)) {
                    Some((_, names)) => names.contains(&named),
                    None => is_below || named == module || BESIDE.contains(&(module, named)),
                };
                if !may {
                    found.push(format!("{}: names {named}, which is not below {module}", at(token.line)));
                }
            }
        }
        let before = index.checked_sub(1).map_or("", |before| tokens[before].text.as_str());
        let is_crate_path = !matches!(before, "::" | ".") && (next(1) == "::" || before == "use");
        if let Some((name, homes)) = CRATES.iter().find(|(name, _)| *name == token.text && is_crate_path) {
            if !homes.iter().any(|home| path.with_extension("").starts_with(home)) {
                found.push(format!("{}: names the crate {name}, only {} may", at(token.line), homes.join(", ")));
            }
        }
    }
    found
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The names right after `crate::`: one, or those of a `{…}` group.
fn named_after(tokens: &[Token]) -> Vec<&str> {
    if tokens.first().is_none_or(|first| first.text != "{") {
        return tokens.first().map(|token| token.text.as_str()).into_iter().collect();
    }
    let mut depth = 0;
    let mut names = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            name if depth == 1 && matches!(tokens[index - 1].text.as_str(), "{" | ",") => names.push(name),
            _ => {}
        }
    }
    names
}

#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

/// Names, `::` and single characters; comments, strings, characters and lifetimes are left out.
fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let line = 1 + text[..text.len() - rest.len()].matches('\n').count();
        let length = skipped(rest);
        if length > 0 {
            rest = &rest[length..];
            continue;
        }
        let length = match first {
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        if !first.is_whitespace() {
            tokens.push(Token { text: rest[..length].to_owned(), line });
        }
        rest = &rest[length..];
    }
    tokens
}

/// Bytes of the comment, string, character or lifetime that `rest` begins with; 0 if it begins with none.
fn skipped(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| {
            after.starts_with('"') || prefix.ends_with('r') && after.trim_start_matches('#').starts_with('"')
        })
    });
    match prefix {
        Some(prefix) if prefix.ends_with('r') => {
            let hashes = rest[prefix.len()..].chars().take_while(|c| *c == '#').count();
            let open = prefix.len() + hashes + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            rest[open..].find(&close).map_or(rest.len(), |at| open + at + close.len())
        }
        Some(prefix) => prefix.len() + quoted(&rest[prefix.len()..], '"'),
        None if rest.starts_with('\'') => character_or_lifetime(rest),
        None => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    for (at, _) in rest.char_indices() {
        if rest[at..].starts_with("/*") {
            depth += 1;
        } else if rest[..at].ends_with("*/") && at > 3 {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !is_escaped && c == quote {
            return at + 1;
        }
        is_escaped = !is_escaped && c == '\\';
    }
    rest.len()
}

fn character_or_lifetime(rest: &str) -> usize {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(rest, '\''),
        _ => 1 + rest[1..].find(|c| !is_word(c)).unwrap_or(rest.len() - 1),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
