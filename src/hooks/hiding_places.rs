//! Where the secrets are in an address or in a text, by the names before them. `masking` puts the mask there, and
//! `unmasking` what was there before.

use std::ops::Range;

use crate::hooks::masking::SENSITIVE;
use crate::hooks::masking::is_open;
use crate::hooks::masking::is_telling;

/// What the user and the password in an address are called here.
const USER_PART: &str = "user@";

/// A secret in a text, or the mask in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HidingPlace<'a> {
    /// What the secret is called there.
    pub(super) name: &'a str,
    /// Its bytes.
    pub(super) span: Range<usize>,
}

/// In an address: its user part, and the telling parts of its query. Templates may stand anywhere in it.
pub(super) fn in_url(url: &str) -> Vec<HidingPlace<'_>> {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    let mut places: Vec<_> = user_part(address).map(|span| HidingPlace { name: USER_PART, span }).into_iter().collect();
    let query = query.map(|query| query.split_once('#').map_or(query, |(query, _)| query));
    let mut at = address.len() + 1;
    for pair in query.unwrap_or_default().split('&') {
        if let Some((name, value)) = pair.split_once('=') {
            // `code` is how Azure's functions take their key.
            if (is_telling(name) || name == "code") && !is_open(value) {
                places.push(HidingPlace { name, span: at + name.len() + 1..at + pair.len() });
            }
        }
        at += pair.len() + 1;
    }
    places
}

fn user_part(address: &str) -> Option<Range<usize>> {
    let start = address.find("://")? + 3;
    let end = address[start..].find(['/', '#', '\\']).map_or(address.len(), |at| start + at);
    address[start..end].rfind('@').map(|at| start..start + at)
}

/// In a text of any kind: what follows a telling name and `:`, `=` or `>`, up to where values end in JSON, forms, YAML
/// and XML. It finds rather too much than too little.
pub(super) fn in_text(text: &str) -> Vec<HidingPlace<'_>> {
    let mut places = Vec::new();
    // Where the last value ended, and from where on to look.
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find([':', '=', '>']) {
        let before = &text[from..at + found];
        at += found + 1;
        from = at;
        if let Some(name) = telling_name_at_end(before) {
            let rest = &text[at..];
            let blanks = rest.len() - rest.trim_start().len();
            let quote = rest[blanks..].chars().next().filter(|c| matches!(c, '"' | '\''));
            let start = at + blanks + usize::from(quote.is_some());
            let end = start + value_end(&text[start..], quote);
            if !is_open(&text[start..end]) {
                places.push(HidingPlace { name, span: start..end });
            }
            at = end;
            from = end;
        }
    }
    places
}

fn telling_name_at_end(before: &str) -> Option<&str> {
    let name_end = before.trim_end().trim_end_matches(['"', '\'', '\\']);
    let start = name_end.rfind(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c)));
    // A closing tag of XML begins no value.
    let is_closing = start.is_some_and(|at| name_end[at..].starts_with('/'));
    let name = start.map_or(name_end, |at| name_end[at..].trim_start_matches(|c: char| !c.is_ascii_alphanumeric()));
    Some(name).filter(|name| !is_closing && is_telling(name))
}

fn value_end(value: &str, quote: Option<char>) -> usize {
    // The mask's own bracket ends no value.
    if let Some(rest) = value.strip_prefix(SENSITIVE) {
        return SENSITIVE.len() + value_end(rest, quote);
    }
    let mut is_escaped = false;
    let is_end = |c: char| match quote {
        Some(quote) => {
            let ends = c == quote && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        }
        None => matches!(c, '&' | ',' | ';' | '<' | '\n' | '\r' | ']'),
    };
    let end = value.find(is_end).unwrap_or(value.len());
    // The brace that ends an object ends its last value too; the braces of a template do not.
    match quote {
        None if value[..end].ends_with('}') && !value[..end].ends_with("}}") => end - 1,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found<'a>(text: &'a str, places: &[HidingPlace<'a>]) -> Vec<(&'a str, &'a str)> {
        places.iter().map(|place| (place.name, &text[place.span.clone()])).collect()
    }

    #[test]
    fn secrets_are_found_with_their_names() {
        let url = "https://bob:s3cret@a.example/{{x}}?q=1&api_key=k&token={{t}}&code=c#token=f";
        assert_eq!(found(url, &in_url(url)), [("user@", "bob:s3cret"), ("api_key", "k"), ("code", "c")]);
        let text = "a: 1\nAuthorization: Bearer b\n<token>t</token> { \"key\": \"k\\\"\", pwd=p}";
        let expected = [("Authorization", "Bearer b"), ("token", "t"), ("key", "k\\\""), ("pwd", "p")];
        assert_eq!(found(text, &in_text(text)), expected);
        assert_eq!(in_text("key="), []);
    }

    #[test]
    fn a_mask_is_found_whole_and_with_what_was_typed_behind_it() {
        for (text, value) in [
            ("key=[[SENSITIVE]]", "[[SENSITIVE]]"),
            ("[key=[[SENSITIVE]]]", "[[SENSITIVE]]"),
            ("key: \"[[SENSITIVE]]\"", "[[SENSITIVE]]"),
            ("key=[[SENSITIVE]]x&a=b", "[[SENSITIVE]]x"),
        ] {
            assert_eq!(found(text, &in_text(text)), [("key", value)], "{text}");
        }
    }

    proptest! {
        #[test]
        fn places_are_in_order_and_apart(text in r#"(https?://)?(key|[a:=&?#<>/@{}"'\\\]é ]|token=){0,24}"#) {
            for places in [in_url(&text), in_text(&text)] {
                let mut from = 0;
                for place in places {
                    prop_assert!(from <= place.span.start && place.span.start <= place.span.end);
                    prop_assert!(text.get(place.span.clone()).is_some());
                    from = place.span.end;
                }
            }
        }
    }
}
