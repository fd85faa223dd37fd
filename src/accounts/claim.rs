//! The code with which the first user is made: whoever can read the gateway's journal may own it.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::chance::Chance;

/// Letters and digits that nobody takes for another one: Crockford's base 32.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a code: 50 bits, of which nobody tries many in 15 minutes.
const LENGTH: usize = 10;

/// Drawn at each start of a gateway that has no owner.
pub(super) struct ClaimCode(String);

impl ClaimCode {
    pub(super) fn draw(chance: &Chance) -> Self {
        let drawn: [u8; LENGTH] = chance.bytes();
        let code: String = drawn.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        Self(format!("{}-{}", &code[..LENGTH / 2], &code[LENGTH / 2..]))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether somebody typed it, in whatever case, with or without its dash.
    pub(super) fn is(&self, typed: &str) -> bool {
        plain(&self.0).as_bytes().ct_eq(plain(typed).as_bytes()).into()
    }
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode(…)")
    }
}

fn plain(code: &str) -> String {
    let readable = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    code.chars().filter(char::is_ascii_alphanumeric).map(readable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_as_people_type_it() {
        let code = ClaimCode::draw(&Chance::from_seed(1));
        assert_eq!(code.as_str().len(), 11);
        assert!(code.is(code.as_str()) && code.is(&code.as_str().to_lowercase().replace('-', " ")));
        assert!(!code.is("") && !code.is(&code.as_str()[1..]));
        assert!(ClaimCode("O0I1L-00000".to_owned()).is("0o1l1 ooooo"));
    }
}
