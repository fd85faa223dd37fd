//! The languages of the pages. English is what templates and sources say; another language is a catalogue of these
//! texts. What other modules say of an error is English everywhere.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Serialize;

use crate::http::Head;

/// The cookie of whoever chose a language.
const COOKIE: &str = "farhook_language";

/// Seconds for which a browser keeps it: as long as browsers keep anything (RFC 6265bis, 5.5).
const KEPT_S: u32 = 400 * 24 * 60 * 60;

/// German, by the English text.
static GERMAN: LazyLock<HashMap<String, String>> =
    LazyLock::new(|| toml::from_str(include_str!("locales/de.toml")).expect("a test reads the catalogue"));

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// The language of that code (RFC 5646), whatever its region.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        match code.split('-').next()?.trim().to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            _ => None,
        }
    }

    /// The language that was chosen, else the one that the browser prefers.
    pub(super) fn of(head: &Head) -> Self {
        let chosen = head.cookie(COOKIE).and_then(Self::of_code);
        chosen.or_else(|| preferred(head.header("accept-language")?)).unwrap_or_default()
    }

    /// A text in this language; as it is if the catalogue does not have it.
    pub(super) fn text(self, text: &str) -> &str {
        match self {
            Self::English => text,
            Self::German => GERMAN.get(text).map_or(text, String::as_str),
        }
    }
}

/// The header that keeps a choice in a browser.
pub(super) fn kept(chosen: Language) -> String {
    let code = match chosen {
        Language::English => "en",
        Language::German => "de",
    };
    format!("{COOKIE}={code}; Path=/; Max-Age={KEPT_S}; HttpOnly; SameSite=Lax")
}

/// The first of the languages that there are; browsers list them by preference (RFC 9110, 12.5.4).
fn preferred(accepted: &str) -> Option<Language> {
    accepted.split(',').find_map(|accepted| Language::of_code(accepted.split(';').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_what_it_prefers_of_what_there_is() {
        assert_eq!(preferred("fr-CH, de;q=0.9, en;q=0.8"), Some(Language::German));
        assert_eq!(preferred("en-US,en;q=0.5"), Some(Language::English));
        assert_eq!(preferred("fr, *;q=0.5"), None);
    }
}
