//! All pages: they render, they are complete in every language, and no name breaks out of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::bus::LineState;
use crate::web::editor::examples;
use crate::web::flash::Flash;
use crate::web::frame::Frame;
use crate::web::frame::Person;
use crate::web::heard;
use crate::web::language::Language;
use crate::web::pages;
use crate::web::pages::devices::sensor::LABELS;
use crate::web::refusal::Refusal;
use crate::web::templates::Templates;

fn frame(language: Language) -> Frame {
    let user = Person {
        name: "<i>me</i>".to_owned(),
        is_owner: true,
        form_token: "ab".to_owned(),
        notices: 2,
        line: LineState::Offline,
        is_paused: true,
    };
    Frame {
        language,
        gateway: "<b>Greenhouse</b>".to_owned(),
        version: "0.0.0",
        user: Some(user),
        path: "/x?<b>".to_owned(),
        flash: Some(Flash::Once { text: "Key of <b>x</b>".to_owned(), secret: "abcd".to_owned() }),
    }
}

#[test]
fn every_page_is_as_it_was_looked_at() {
    let templates = Templates::default();
    let plain = Frame { gateway: "farhook".to_owned(), flash: None, ..frame(Language::English) };
    for (name, html) in pages::rendered(&templates, &plain) {
        let main = html.split_once("<main").and_then(|(_, rest)| rest.split_once("</main>"));
        let (main, _) = main.unwrap_or_else(|| panic!("{name} cannot be rendered"));
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.replace(", ", "-").replace([' ', '/'], "_"), main);
        });
    }
}

#[test]
fn no_page_takes_markup_from_what_it_shows() {
    let templates = Templates::default();
    for language in [Language::English, Language::German] {
        for (name, html) in pages::rendered(&templates, &frame(language)) {
            for markup in ["<b>", "<i>", "<script>", "style=", "onclick=", "javascript:"] {
                assert!(!html.contains(markup), "{name} has {markup}");
            }
            assert!(html.contains("&lt;b&gt;Greenhouse"), "{name}");
        }
    }
}

#[test]
fn the_german_catalogue_has_every_text_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let mut texts = BTreeSet::new();
    collect(&folder, &mut texts);
    texts.extend(Refusal::each().iter().map(|refusal| refusal.text().to_owned()));
    texts.extend(LABELS.map(ToOwned::to_owned));
    texts.extend(heard::texts().map(ToOwned::to_owned));
    for example in examples() {
        texts.extend([&example.title, &example.what, &example.note].map(Clone::clone));
        texts.extend(example.placeholders.iter().map(|placeholder| placeholder.hint.clone()));
    }
    let german: toml::Table = toml::from_str(&fs::read_to_string(folder.join("locales/de.toml")).unwrap()).unwrap();
    let known: BTreeSet<String> = german.keys().cloned().collect();
    let missing: Vec<_> = texts.difference(&known).collect();
    let unused: Vec<_> = known.difference(&texts).filter(|text| !is_computed(text)).collect();
    assert!(missing.is_empty() && unused.is_empty(), "missing: {missing:#?}\nnot used: {unused:#?}");
    for (english, german) in &german {
        let german = german.as_str().unwrap();
        for placeholder in english.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(german.contains(&format!("{{{placeholder}}}")), "{german:?} lacks {{{placeholder}}}");
        }
    }
}

/// Words that other modules have for states, and texts that `shown` chooses.
fn is_computed(text: &str) -> bool {
    let sources = ["bus/board.rs", "bus/report.rs", "web/shown.rs"];
    sources.iter().any(|source| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(source);
        fs::read_to_string(source).unwrap().contains(&format!("\"{text}\""))
    })
}

/// The texts that templates and sources below `folder` translate.
fn collect(folder: &Path, texts: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tests.rs") {
            // It has texts of its own.
        } else if path.is_dir() {
            collect(&path, texts);
        } else if let Some("html" | "rs") = path.extension().and_then(|extension| extension.to_str()) {
            let source = fs::read_to_string(&path).unwrap();
            for call in ["t(\"", ".t(\""] {
                for (at, _) in source.match_indices(call) {
                    let is_call = call.starts_with('.')
                        || !source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
                    let text = source[at + call.len()..].split('"').next().unwrap();
                    if is_call {
                        texts.insert(text.to_owned());
                    }
                }
            }
        }
    }
    // How `templates.rs` writes any text.
    texts.remove("…");
}
