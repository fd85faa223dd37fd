//! The templates of the pages, each paired with what it shows.
//!
//! Templates only choose and loop. In all of them `frame` is the [`Frame`] and `page` the page's own context; texts in
//! `t("…")` are translated, with `{name}` in them standing for an argument of that name; `asset("x.css")` is where a part
//! of all pages is.

use std::borrow::Cow;

use minijinja::Environment;
use minijinja::Error;
use minijinja::ErrorKind;
use minijinja::State;
use minijinja::UndefinedBehavior;
use minijinja::Value;
use minijinja::context;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::value::Serde;
use serde::Serialize;

use crate::web::assets;
use crate::web::frame::Frame;
use crate::web::language::Language;
use crate::web::shown;

/// What one template shows.
pub(super) trait Page: Serialize {
    /// The template's file below `templates/`.
    const TEMPLATE: &'static str;

    /// Contexts for the tests: one for each way in which the page can look, with a name.
    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)>
    where
        Self: Sized;
}

/// The compiled templates.
pub struct Templates(Environment<'static>);

macro_rules! sources {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("templates/", $name)))),*] };
}

/// Every template, by its file below `templates/`.
const SOURCES: &[(&str, &str)] = &sources![
    "base.html",
    "pages/claim.html",
    "pages/device.html",
    "pages/device_claim.html",
    "pages/devices.html",
    "pages/login.html",
    "pages/otp.html",
    "pages/overview.html",
    "pages/product.html",
    "pages/products.html",
    "pages/refused.html",
    "parts/device_now.html",
    "parts/devices_now.html",
    "parts/forms.html",
    "parts/live.html",
    "parts/pager.html",
];

impl Default for Templates {
    fn default() -> Self {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        templates.set_syntax(syntax.expect("the delimiters are the usual ones"));
        templates.add_function("t", translated);
        templates.add_function("asset", asset);
        templates.add_filter("ago", ago);
        templates.add_filter("bytes", |bytes: u64| shown::bytes(bytes));
        for (name, source) in SOURCES {
            templates.add_template(name, source).expect("a test compiles every template");
        }
        Self(templates)
    }
}

impl Templates {
    /// The HTML of a page. What cannot be rendered is a mistake of ours; the page says so instead of being half.
    pub(super) fn render<P: Page>(&self, frame: &Frame, page: &P) -> String {
        let template = self.0.get_template(P::TEMPLATE).expect("a test renders every page");
        let whole = context! { frame => Value::from(Serde(frame)), page => Value::from(Serde(page)) };
        template.render(whole).unwrap_or_else(|error| {
            log::error!(template = P::TEMPLATE; "a page cannot be rendered: {error:#}");
            "<!doctype html><title>farhook</title><p>This page cannot be shown; the log says why.".to_owned()
        })
    }
}

/// `t(text, name=value…)`: see the module.
fn translated(state: &State<'_, '_>, text: &str, arguments: Kwargs) -> Result<String, Error> {
    let mut translated = Cow::from(language(state).text(text));
    for name in arguments.args() {
        let value: Value = arguments.get(name)?;
        translated = translated.replace(&format!("{{{name}}}"), &value.to_string()).into();
    }
    Ok(translated.into_owned())
}

/// The page's language.
fn language(state: &State<'_, '_>) -> Language {
    let code = state.lookup("frame").and_then(|frame| frame.get_attr("language").ok());
    code.and_then(|code| Language::of_code(code.as_str()?)).unwrap_or_default()
}

fn asset(name: &str) -> Result<&'static str, Error> {
    assets::address(name).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("there is no asset {name}")))
}

/// How long ago a number of seconds is, in words.
fn ago(state: &State<'_, '_>, seconds: u64) -> String {
    shown::ago(seconds, language(state))
}
