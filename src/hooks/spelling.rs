//! Finding a text in another that may spell it in its own way: percent-encoded, with the escapes of JSON or HTML, each
//! of them several times over. Whoever echoes a request does not say how.

/// How often an encoding may have been applied over itself. Ours: a form in JSON in JSON.
const MOST_LAYERS: usize = 8;

/// Ways of reading the beginning of a text that are followed at once. Ours: two differ by how many backslashes they
/// take.
const MOST_WAYS: usize = 16;

/// Bytes at the beginning of `text` that spell `wanted`, as many as can be read so; none if they do not.
pub(super) fn spelled(text: &str, wanted: &str) -> Option<usize> {
    // Most texts are something else from their first character on.
    if !text.starts_with(['%', '\\', '&', '+']) && !text.starts_with(wanted.chars().next()?) {
        return None;
    }
    let mut ends = vec![0];
    for c in wanted.chars() {
        let mut next = Vec::new();
        for end in ends {
            for bytes in spellings(&text[end..], c) {
                if next.len() < MOST_WAYS && !next.contains(&(end + bytes)) {
                    next.push(end + bytes);
                }
            }
        }
        if next.is_empty() {
            return None;
        }
        ends = next;
    }
    ends.into_iter().max()
}

/// The lengths of all that spells `c` at the beginning of `text`.
fn spellings(text: &str, c: char) -> Vec<usize> {
    let mut found = Vec::new();
    if text.starts_with(c) {
        found.push(c.len_utf8());
    }
    match text.as_bytes().first() {
        Some(b'+') if c == ' ' => found.push(1),
        Some(b'%') => found.extend(percent(text, c)),
        Some(b'&') => found.extend(entity(text, c)),
        Some(b'\\') => escapes(text, c, &mut found),
        _ => {}
    }
    found
}

/// `%C3%A9`, `%25C3%25A9`: every byte of the character, the percent sign perhaps encoded itself.
fn percent(text: &str, c: char) -> Option<usize> {
    let mut rest = text;
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        rest = rest.strip_prefix('%')?;
        for _ in 0..MOST_LAYERS {
            // A percent sign's own code is also how an encoded one begins: `%25` is one if nothing else follows.
            match rest.strip_prefix("25") {
                Some(more) if byte != b'%' || starts_with_hex(more) == Some(byte) => rest = more,
                _ => break,
            }
        }
        if starts_with_hex(rest)? != byte {
            return None;
        }
        rest = &rest[2..];
    }
    Some(text.len() - rest.len())
}

fn starts_with_hex(text: &str) -> Option<u8> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

/// `&quot;`, `&#39;`, `&#x27;`.
fn entity(text: &str, c: char) -> Option<usize> {
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let means = match &text[1..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        number => {
            let number = number.strip_prefix('#')?;
            let hex = number.strip_prefix(['x', 'X']);
            let code = hex.map_or_else(|| number.parse(), |hex| u32::from_str_radix(hex, 16)).ok()?;
            char::from_u32(code)?
        }
    };
    (means == c).then_some(end + 1)
}

/// `\"`, `\n`, `\u00e9`, with more backslashes if the text was put into JSON more than once.
fn escapes(text: &str, c: char, found: &mut Vec<usize>) {
    let slashes = text.bytes().take(MOST_LAYERS).take_while(|byte| *byte == b'\\').count();
    let rest = &text[slashes..];
    let short = match c {
        '\\' => {
            found.extend(2..=slashes);
            None
        }
        '"' | '\'' | '/' => Some(c),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        _ => None,
    };
    if short.is_some_and(|short| rest.starts_with(short)) {
        found.push(slashes + 1);
    }
    let mut length = slashes;
    let is_escaped = c.encode_utf16(&mut [0; 2]).iter().enumerate().all(|(at, unit)| {
        let rest = &text[length..];
        let rest = if at == 0 { rest } else { rest.trim_start_matches('\\') };
        length = text.len() - rest.len() + 5;
        let digits = rest.strip_prefix('u').and_then(|rest| rest.get(..4));
        digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) == Some(*unit)
    });
    if is_escaped {
        found.push(length);
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::NON_ALPHANUMERIC;
    use percent_encoding::utf8_percent_encode;
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let json = serde_json::to_string(text).unwrap();
        json[1..json.len() - 1].to_owned()
    }

    #[test]
    fn one_text_has_many_spellings() {
        let wanted = "k\"e\\y /é😀\n&%";
        for text in [
            "k\"e\\y /é😀\n&%",
            r#"k\"e\\y \/\u00e9\ud83d\uDE00\n&%"#,
            r#"k\\\"e\\\\y /é😀\\n&%"#,
            "k%22e%5cy+%2F%c3%A9%F0%9F%98%80%0a%26%25",
            "k%2522e%255cy%2520%252F%25C3%25A9%25F0%259F%2598%2580%250A%2526%2525",
            "k&quot;e\\y /&#233;&#x1F600;&#10;&amp;%",
        ] {
            assert_eq!(spelled(&format!("{text}."), wanted), Some(text.len()), "{text}");
        }
        for text in ["", "k", "k\"e\\y /é", "K\"e\\y /é😀\n&%", "k%2", "k\\", "k\\u", "k&", "k&#x;", "k%é", "k\\u00é"]
        {
            assert_eq!(spelled(text, wanted), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_found_whole(
            wanted in "[ -~é😀\n\t]{1,12}",
            layers in prop::collection::vec(0_u8..3, 0..3),
            rest in r"[^\\]{0,3}",
        ) {
            // Of mixed layers only those are promised that one meets: the same over itself, or percent signs in JSON.
            let (mut text, mut before) = (wanted.clone(), None);
            for layer in layers {
                let is_promised = before.is_none_or(|before| before == layer) || layer == 0;
                before = Some(layer);
                match layer {
                    0 if is_promised => text = quoted(&text),
                    1 if is_promised => text = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string(),
                    _ => {}
                }
            }
            let found = spelled(&format!("{text}{rest}"), &wanted);
            prop_assert!(found.is_some_and(|found| found >= text.len()), "{text:?} {found:?}");
        }

        #[test]
        fn no_text_makes_it_panic(text in r"[%&#;xu0-9a-f\\é]{0,24}|\PC{0,24}", wanted in r"[\\%&é/]{1,4}|\PC{1,4}") {
            if let Some(bytes) = spelled(&text, &wanted) {
                prop_assert!(text.is_char_boundary(bytes));
            }
        }
    }
}
