//! The addresses of the pages, read from their sources: a test that goes through all of them forgets none, also not one
//! that comes later.

use std::fs;
use std::path::Path;

/// How a page lets its routes be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Shown to users.
    Page,
    /// Posted by users.
    Form,
    /// Shown to everybody.
    OpenPage,
    /// Posted by everybody.
    OpenForm,
}

/// One address, with its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRoute {
    pub kind: Kind,
    pub path: String,
}

/// The methods of `web::route::Site` that make routes.
const MAKERS: [(&str, Kind); 5] = [
    ("page", Kind::Page),
    ("form", Kind::Form),
    ("upload", Kind::Form),
    ("open_page", Kind::OpenPage),
    ("open_form", Kind::OpenForm),
];

/// All of them. Fails if a route is made in another way than this can read.
pub fn all() -> Vec<WebRoute> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut routes = Vec::new();
    let mut folders = vec![src.join("web/pages")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&src).unwrap().display().to_string();
                routes.extend(of(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(routes.len() > 30, "{routes:?}");
    routes
}

/// All that are posted to.
pub fn forms() -> Vec<WebRoute> {
    all().into_iter().filter(|route| matches!(route.kind, Kind::Form | Kind::OpenForm)).collect()
}

/// All that are shown.
pub fn pages() -> Vec<WebRoute> {
    all().into_iter().filter(|route| matches!(route.kind, Kind::Page | Kind::OpenPage)).collect()
}

impl WebRoute {
    pub fn has_placeholder(&self) -> bool {
        self.path.contains([':', '*'])
    }

    /// The address with something in place of each of its placeholders.
    pub fn filled(&self, thing: impl Fn(&str) -> String) -> String {
        let segment = |segment: &str| segment.strip_prefix([':', '*']).map_or_else(|| segment.to_owned(), &thing);
        self.path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }
}

fn of(file: &str, source: &str) -> Vec<WebRoute> {
    for other in ["http::request(", "Method::"] {
        assert!(!source.contains(other), "{file} makes a route in its own way: {other}");
    }
    MAKERS.iter().flat_map(|(maker, kind)| made_by(file, source, maker, *kind)).collect()
}

fn made_by(file: &str, source: &str, maker: &str, kind: Kind) -> Vec<WebRoute> {
    let mut routes = Vec::new();
    for made in source.split(&format!("site.{maker}(")).skip(1) {
        let paths = made.trim_start().strip_prefix("&[").and_then(|rest| rest.split_once(']'));
        let (paths, _) = paths.unwrap_or_else(|| panic!("{file}: the paths of a {maker} do not stand beside it"));
        let paths = paths.split(',').map(str::trim).filter(|path| !path.is_empty());
        routes.extend(paths.map(|path| {
            let literal = constant(source, path).unwrap_or(path);
            let path = literal.strip_prefix('"').and_then(|path| path.strip_suffix('"'));
            WebRoute { kind, path: path.unwrap_or_else(|| panic!("{file}: no path of a {maker}")).to_owned() }
        }));
    }
    routes
}

/// What a constant of that name stands for.
fn constant<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = source.split_once(&format!("const {name}: &str = "))?;
    rest.split(';').next()
}
