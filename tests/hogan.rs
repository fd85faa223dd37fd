//! farhook's templates beside hogan.js 3.0.2: recorded answers, and answers of hogan itself to random templates.
//!
//! The second needs node and `npm ci --ignore-scripts` in `tests/node`. Without these it says so and passes, but never
//! in CI.
#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::cell::Cell;
use std::cell::RefCell;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Lines;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;
use proptest::test_runner::TestCaseError;
use proptest::test_runner::TestRunner;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use farhook::hooks::template::Template;
use farhook::hooks::template::TemplateError;
use farhook::hooks::template::Variables;

/// Random templates of each kind. Few of them are passed over: those that hogan only answers by accident.
const CASES: u32 = 10_000;

#[test]
fn recorded_answers_of_hogan_are_given_again() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/templates.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let variables = Variables::new(vectors["data"].as_object().unwrap());
    let cases = vectors["cases"].as_array().unwrap();
    assert!(!cases.is_empty());

    for case in cases {
        let source = case["template"].as_str().unwrap();
        let compiled = Template::compile(source);
        if case["error"] == json!(true) {
            assert!(compiled.is_err(), "{source}");
        } else {
            assert_eq!(compiled.unwrap().render(&variables).unwrap(), case["expect"].as_str().unwrap(), "{source}");
        }
    }
}

#[test]
fn well_formed_templates_print_what_hogan_prints() {
    compare_with_hogan(&nodes().prop_map(|template| template.concat()));
}

#[test]
fn broken_templates_do_what_they_do_in_hogan() {
    compare_with_hogan(&soup());
}

#[test]
fn numbers_print_as_hogan_prints_them() {
    let Some(hogan) = Hogan::start() else { return };
    let hogan = RefCell::new(hogan);

    run(CASES, &any::<f64>(), |number| {
        prop_assume!(number.is_finite());
        let data = Map::from_iter([("n".to_owned(), json!(number)), ("l".to_owned(), json!([number, number.trunc()]))]);
        let expected = hogan.borrow_mut().ask("{{n}} {{l}}", &data);
        let output = Template::compile("{{n}} {{l}}").unwrap().render(&Variables::new(&data)).unwrap();
        prop_assert_eq!(expected, Answer::Output(output));
        Ok(())
    });
}

fn compare_with_hogan(templates: &impl Strategy<Value = String>) {
    let Some(hogan) = Hogan::start() else { return };
    let hogan = RefCell::new(hogan);
    let compared = Cell::new(0);

    run(CASES, &(templates, data()), |(source, data)| {
        let compiled = Template::compile(&source);
        if is_refused_on_purpose(&compiled) {
            return Ok(());
        }
        let expected = hogan.borrow_mut().ask(&source, &data);
        if expected == Answer::Accident {
            return Ok(());
        }
        compared.set(compared.get() + 1);
        let answer = match compiled {
            Ok(template) => Answer::Output(template.render(&Variables::new(&data)).expect("a small template")),
            Err(_) => Answer::Error,
        };
        prop_assert_eq!(expected, answer);
        Ok(())
    });
    assert!(compared.get() > CASES * 8 / 10, "only {} of {CASES} were compared", compared.get());
}

/// What the module's documentation excepts: hogan may take for ever with the one and overflow its stack with the other.
fn is_refused_on_purpose(compiled: &Result<Template, TemplateError>) -> bool {
    matches!(compiled, Err(TemplateError::UnclosedDelimiters { .. } | TemplateError::EndlessBlock { .. }))
}

fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(failure) = TestRunner::new(config).run(strategy, test) {
        panic!("{failure}");
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Output(String),
    Error,
    Accident,
}

/// hogan.js in a node process.
struct Hogan {
    process: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Hogan {
    fn start() -> Option<Self> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        if !tests.join("node/node_modules/hogan.js").is_dir() {
            let reason = "hogan.js is not installed; run `npm ci --ignore-scripts` in tests/node";
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
        let mut process = Command::new("node")
            .arg(tests.join("hogan/oracle.js"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("hogan.js is installed, so node is");
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut hogan = Self { process, questions, answers };
        assert_eq!(hogan.read(), json!({ "version": "3.0.2" }));
        Some(hogan)
    }

    fn ask(&mut self, template: &str, data: &Map<String, Value>) -> Answer {
        writeln!(self.questions, "{}", json!({ "template": template, "data": data })).unwrap();
        let answer = self.read();
        match answer["output"].as_str() {
            Some(output) => Answer::Output(output.to_owned()),
            None if answer["accident"].is_string() => Answer::Accident,
            None => Answer::Error,
        }
    }

    fn read(&mut self) -> Value {
        serde_json::from_str(&self.answers.next().expect("node answers").unwrap()).unwrap()
    }
}

impl Drop for Hogan {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The names in the data, a few of them likelier. None is a member that every JavaScript object has: what hogan makes
/// of those is an accident.
fn word() -> impl Strategy<Value = String> {
    let odd = vec!["my-var", "0", "1", "length", "x y", "é", "\"q\"", "b\\n", "'", "{%", "none"];
    prop_oneof![3 => select(vec!["a", "b", "c"]), 1 => select(odd)].prop_map(str::to_owned)
}

/// Names in templates: words, paths of words, and what is neither.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => word(),
        3 => (word(), word()).prop_map(|(first, second)| format!("{first}.{second}")),
        1 => (word(), word(), word()).prop_map(|(first, second, third)| format!("{first}.{second}.{third}")),
        2 => Just(".".to_owned()),
        1 => select(vec!["", "..", "a.", ".a", "a..b", "00", "+1", "-1", "1.0"]).prop_map(str::to_owned),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(vec![json!(0), json!(-0.0), json!(1), json!(21.10), json!(1e21), json!(-1e-7), json!(u64::MAX)]),
        any::<i64>().prop_map(Value::from),
        select(vec!["", "x", "0", " ", "& < > \" ' / ` =", "{{a}}", "é\n", "{% raw %}", "a\r\n"]).prop_map(Value::from),
    ]
}

fn data() -> impl Strategy<Value = Map<String, Value>> {
    let value = scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner, 0..4).prop_map(Value::Object),
        ]
    });
    members(value, 2..10)
}

fn members(value: impl Strategy<Value = Value>, count: Range<usize>) -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![15 => word(), 1 => select(vec!["", "a.b"]).prop_map(str::to_owned)];
    prop::collection::vec((key, value), count).prop_map(|members| members.into_iter().collect())
}

/// Text, line ends and white space of all sorts, and what only looks like a tag.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec!["\n", "\r\n", " ", "\t", "  \n", "\n\n", "\u{a0}", "\u{feff}", "\u{85}", "\u{2028}"]).prop_map(str::to_owned),
        3 => select(vec!["x", "{", "}", "}}", "{%", "%}", "{#", "#}", "\\", "\"", "'", "é", "\0", "𝒳", "{\"k\": \"", "-"]).prop_map(str::to_owned),
        1 => "[^{<|\\[@=]{0,6}",
    ]
}

/// A tag that needs no end.
fn tag() -> impl Strategy<Value = String> {
    (name(), select(vec!["", " ", "\n", "\t "]), 0..10).prop_map(|(name, space, kind)| match kind {
        0..=2 => format!("{{{{{space}{name}{space}}}}}"),
        3..=5 => format!("{{{{{{{space}{name}{space}}}}}}}"),
        6 => format!("{{{{&{space}{name}}}}}"),
        7 => format!("{{{{!{space}{name}{space}}}}}"),
        8 => format!("{{{{>{space}{name}}}}}"),
        _ => format!("{{{{<{name}}}}}{space}{{{{${name}}}}}{{{{{name}}}}}{{{{/{name}}}}}{{{{/{name}}}}}"),
    })
}

/// Other delimiters, a few tags with them, and back.
fn other_delimiters() -> impl Strategy<Value = String> {
    let delimiters =
        select(vec![("<%", "%>"), ("|", "|"), ("[", "]"), ("@@", "="), ("{", "}"), ("é", "𝒳"), ("<=", "=>")]);
    let tags = prop::collection::vec((select(vec!["", "{", "&", "!", ">"]), name(), text()), 0..3);
    (delimiters, select(vec![" ", "  ", " x "]), tags).prop_map(|((open, close), space, tags)| {
        let tags: Vec<String> =
            tags.into_iter().map(|(sigil, name, text)| format!("{open}{sigil}{name}{close}{text}")).collect();
        let tags = tags.concat();
        format!("{{{{={open}{space}{close}=}}}}{tags}{open}={{{{ }}}}={close}")
    })
}

fn nodes() -> impl Strategy<Value = Vec<String>> {
    let node = prop_oneof![4 => text(), 4 => tag(), 1 => other_delimiters()];
    let node = node.prop_recursive(4, 40, 5, |inner| {
        (
            name(),
            select(vec!["#", "#", "#", "^", "$"]),
            select(vec!["", "\n", " ", " \r\n"]),
            prop::collection::vec(inner, 0..5),
        )
            .prop_map(|(name, sigil, space, nodes)| {
                format!("{{{{{sigil}{name}}}}}{space}{}{space}{{{{/{name} }}}}{space}", nodes.concat())
            })
    });
    prop::collection::vec(node, 0..8)
}

/// Halves of tags, sections that end elsewhere, and delimiters that are set to nothing.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => text(),
        3 => tag(),
        4 => (select(vec!["#", "/", "/", "^", "$", "<"]), select(vec!["a", "b"]))
            .prop_map(|(sigil, name)| format!("{{{{{sigil}{name}}}}}")),
        2 => select(vec!["{{", "{{{", "}}", "}}}", "{{#", "{{/", "{{!", "{{>", "{{$", "{{&", "{{{a}}", "{{a}}}", "a", "b"])
            .prop_map(str::to_owned),
        1 => select(vec!["{{=<% %>=}}", "<%={{ }}=%>", "{{==}}", "{{= =}}", "{{=}}", "{{=|=}}", "|#a|", "|/a|", "<%", "%>", "<%{a}%>"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}
