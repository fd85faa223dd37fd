//! Reads the files, one over the other, and collects everything that is wrong with any of them.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::Config;
use crate::config::ConfigError;
use crate::config::Expected;
use crate::config::Place;
use crate::config::Problem;
use crate::config::SourceProblem;
use crate::config::check::Wrong;
use crate::config::keys;
use crate::config::sources;
use crate::config::unknown;

/// The folder beside the main file whose files are read over it.
const CONF_D: &str = "conf.d";

impl Config {
    /// The defaults, `main` over them, and over that each `conf.d/*.toml` beside `main`, in the order of their names.
    /// What a later file sets wins key by key; a list replaces a list. Without `main` these are the defaults.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files. `main` has to exist, `conf.d` does not.
    pub fn load(main: Option<&Path>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let mut problems = Vec::new();
        if let Some(main) = main {
            let (extra, unlisted) = extra_files(main);
            for file in std::iter::once(main.to_owned()).chain(extra) {
                problems.extend(read_over(&mut config, &file));
            }
            problems.extend(unlisted);
            // What is wrong elsewhere may be the missing half.
            if problems.is_empty() {
                problems.extend(half_a_certificate(&config, main));
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
    }
}

/// A certificate without its key, or a key without its certificate.
fn half_a_certificate(config: &Config, main: &Path) -> Option<Problem> {
    let keys = ["http.certificate", "http.certificate_key"];
    let [set, missing] = match (&config.http.certificate, &config.http.certificate_key) {
        (Some(_), None) => keys,
        (None, Some(_)) => [keys[1], keys[0]],
        _ => return None,
    };
    Some(Problem::Half { file: main.to_owned(), set, missing })
}

/// The files of `conf.d` beside `main`, and what kept us from listing them.
fn extra_files(main: &Path) -> (Vec<PathBuf>, Option<Problem>) {
    let folder = main.with_file_name(CONF_D);
    let listed = fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>());
    match listed {
        Ok(mut files) => {
            files.retain(|file| is_config(file));
            files.sort();
            (files, None)
        }
        Err(source) if source.kind() == io::ErrorKind::NotFound => (Vec::new(), None),
        Err(source) => (Vec::new(), Some(Problem::Unreadable { file: folder, source })),
    }
}

/// `*.toml`, without the hidden files that editors leave behind.
fn is_config(file: &Path) -> bool {
    let is_hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    !is_hidden && file.extension().is_some_and(|extension| extension == "toml")
}

fn read_over(config: &mut Config, file: &Path) -> Vec<Problem> {
    match fs::read_to_string(file) {
        Ok(text) => apply(config, file, &text),
        Err(source) => vec![Problem::Unreadable { file: file.to_owned(), source }],
    }
}

/// Sets everything that `text` sets, and returns what is wrong with it.
fn apply(config: &mut Config, file: &Path, text: &str) -> Vec<Problem> {
    let mut reading = Reading { config, file, text, problems: Vec::new() };
    let (document, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        let offset = error.span().map_or(0, |span| span.start);
        let message = error.message().to_owned();
        reading.report(offset, Problem::Syntax { at: reading.place(offset), message });
    }
    if broken.is_empty() {
        reading.walk("", document.get_ref());
    }
    // The parser keeps keys by name, people read files by line.
    reading.problems.sort_by_key(|(offset, _)| *offset);
    reading.problems.into_iter().map(|(_, problem)| problem).collect()
}

/// One file on its way into the configuration.
struct Reading<'a> {
    config: &'a mut Config,
    file: &'a Path,
    text: &'a str,
    /// Each with the byte of the file where it is.
    problems: Vec<(usize, Problem)>,
}

impl Reading<'_> {
    fn walk(&mut self, section: &str, table: &DeTable) {
        for (name, value) in table {
            let path = join(section, name.get_ref());
            if path == keys::SOURCES {
                self.sources(value);
            } else if let Some(key) = keys::find(&path) {
                if let Err(wrong) = (key.set)(self.config, value) {
                    self.report_wrong(path, wrong);
                }
            } else if keys::is_section(&path) {
                self.enter(path, value);
            } else {
                let offset = name.span().start;
                let nearest = unknown::nearest(&path, keys::names());
                self.report(offset, Problem::UnknownKey { at: self.place(offset), key: path, nearest });
            }
        }
    }

    /// Takes up `[[source]]`; one of the same name in an earlier file makes room.
    fn sources(&mut self, value: &Spanned<DeValue>) {
        let Some(list) = value.get_ref().as_array() else {
            return self.report_wrong(keys::SOURCES.to_owned(), Wrong::new(value, Expected::Sources));
        };
        let mut names = HashSet::new();
        for table in list {
            match sources::read(table) {
                Ok(rules) if !names.insert(rules.name().to_owned()) => {
                    let cause = SourceProblem::Twice { name: rules.name().to_owned() };
                    self.report_source(table.span().start, cause);
                }
                Ok(rules) => {
                    self.config.sources.retain(|known| known.name() != rules.name());
                    self.config.sources.push(rules);
                }
                Err((offset, cause)) => self.report_source(offset, cause),
            }
        }
    }

    fn report_source(&mut self, offset: usize, cause: SourceProblem) {
        self.report(offset, Problem::Source { at: self.place(offset), cause });
    }

    fn enter(&mut self, section: String, value: &Spanned<DeValue>) {
        match value.get_ref() {
            DeValue::Table(table) => self.walk(&section, table),
            _ => self.report_wrong(section, Wrong::new(value, Expected::Table)),
        }
    }

    fn report_wrong(&mut self, key: String, Wrong { offset, expected, found }: Wrong) {
        self.report(offset, Problem::WrongValue { at: self.place(offset), key, expected, found });
    }

    fn report(&mut self, offset: usize, problem: Problem) {
        self.problems.push((offset, problem));
    }

    fn place(&self, offset: usize) -> Place {
        Place { file: self.file.to_owned(), line: line_of(self.text, offset) }
    }
}

/// The dotted key. A name that needs quotes in TOML gets them here too, so it is never taken for a path.
fn join(section: &str, name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let name = if is_bare { name.to_owned() } else { format!("'{}'", name.escape_debug()) };
    if section.is_empty() { name } else { format!("{section}.{name}") }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.split(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests;
