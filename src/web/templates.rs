//! The templates of the pages, each paired with what it shows.
//!
//! Templates only choose and loop. In all of them `frame` is the [`Frame`] and `page` the page's own context; texts in
//! `t("…")` are translated, with `{name}` in them standing for an argument of that name; `asset("x.css")` is where a part
//! of all pages is.

use std::borrow::Cow;

use minijinja::Environment;
use minijinja::Error;
use minijinja::ErrorKind;
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

/// What one template shows: a page, or a part of one that a script asks for alone.
pub(super) trait Page: Serialize {
    /// The template's file below `templates/`.
    const TEMPLATE: &'static str;

    /// Contexts for the tests: one for each way in which the page can look, with a name. A part has none of its own: its
    /// page shows it.
    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)>
    where
        Self: Sized,
    {
        Vec::new()
    }
}

/// The compiled templates, in each language: a macro does not see in which page it is.
pub struct Templates {
    english: Environment<'static>,
    german: Environment<'static>,
}

macro_rules! sources {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("templates/", $name)))),*] };
}

/// Every template, by its file below `templates/`.
const SOURCES: &[(&str, &str)] = &sources![
    "base.html",
    "pages/claim.html",
    "pages/integration.html",
    "pages/integration_edit.html",
    "pages/integrations.html",
    "pages/device.html",
    "pages/device_claim.html",
    "pages/devices.html",
    "pages/login.html",
    "pages/logs.html",
    "pages/otp.html",
    "pages/overview.html",
    "pages/product.html",
    "pages/products.html",
    "pages/queue.html",
    "pages/refused.html",
    "pages/sensor.html",
    "pages/sensors.html",
    "pages/sensors_several.html",
    "pages/settings/account.html",
    "pages/settings/backup.html",
    "pages/settings/gateway.html",
    "pages/settings/otp.html",
    "pages/settings/restored.html",
    "pages/settings/secrets.html",
    "pages/settings/users.html",
    "pages/sources.html",
    "parts/device_bind_key.html",
    "parts/device_now.html",
    "parts/device_telling.html",
    "parts/devices_now.html",
    "parts/edit_fields.html",
    "parts/edit_json.html",
    "parts/edit_preview.html",
    "parts/edit_step.html",
    "parts/forms.html",
    "parts/hooks.html",
    "parts/integration_live.html",
    "parts/integration_now.html",
    "parts/integration_then.html",
    "parts/live.html",
    "parts/logged_out.html",
    "parts/pager.html",
    "parts/queue_now.html",
    "parts/sensor_now.html",
    "parts/sensors_now.html",
    "parts/settings.html",
    "parts/signal.html",
];

impl Default for Templates {
    fn default() -> Self {
        Self { english: compiled(Language::English), german: compiled(Language::German) }
    }
}

impl Templates {
    /// The HTML of a page. What cannot be rendered is a mistake of ours; the page says so instead of being half.
    pub(super) fn render<P: Page>(&self, frame: &Frame, page: &P) -> String {
        self.try_render(frame, page).unwrap_or_else(|error| {
            log::error!(template = P::TEMPLATE; "a page cannot be rendered: {error:#}");
            "<!doctype html><title>farhook</title><p>This page cannot be shown; the log says why.".to_owned()
        })
    }

    /// As [`Self::render`].
    ///
    /// # Errors
    /// When a template asks for what its page does not have.
    pub(super) fn try_render<P: Page>(&self, frame: &Frame, page: &P) -> Result<String, Error> {
        let templates = match frame.language {
            Language::English => &self.english,
            Language::German => &self.german,
        };
        let template = templates.get_template(P::TEMPLATE).expect("every template is listed");
        template.render(context! { frame => Value::from(Serde(frame)), page => Value::from(Serde(page)) })
    }
}

fn compiled(language: Language) -> Environment<'static> {
    let mut templates = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    templates.set_syntax(syntax.expect("the delimiters are the usual ones"));
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_function("asset", asset);
    templates.add_function("t", move |text: &str, arguments: Kwargs| translated(language, text, &arguments));
    templates.add_filter("ago", move |seconds: u64| shown::ago(seconds, language));
    templates.add_filter("span", move |seconds: u64| shown::span(seconds, language));
    templates.add_filter("bytes", |bytes: u64| shown::bytes(bytes));
    templates.add_filter("truncate", |text: &str| shown::shortened(text));
    for (name, source) in SOURCES {
        templates.add_template(name, source).expect("a test compiles every template");
    }
    templates
}

/// `t(text, name=value…)`: see the module.
fn translated(language: Language, text: &str, arguments: &Kwargs) -> Result<String, Error> {
    let mut translated = Cow::from(language.text(text));
    for name in arguments.args() {
        let value: Value = arguments.get(name)?;
        translated = translated.replace(&format!("{{{name}}}"), &value.to_string()).into();
    }
    Ok(translated.into_owned())
}

fn asset(name: &str) -> Result<&'static str, Error> {
    assets::address(name).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("there is no asset {name}")))
}
