//! Cutting text by bytes without cutting a character.

/// Splits off at most `bytes` bytes: the longest beginning that ends between two characters, and the rest.
pub fn split_at_most(text: &str, bytes: usize) -> (&str, &str) {
    let mut at = bytes.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.split_at(at)
}

/// Bytes as lower-case hex digits, two each.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("four bits are a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_never_cut() {
        assert_eq!(split_at_most("abc", 2), ("ab", "c"));
        assert_eq!(split_at_most("aé", 2), ("a", "é"));
        assert_eq!(split_at_most("é", 1), ("", "é"));
        assert_eq!(split_at_most("ab", 9), ("ab", ""));
    }
}
