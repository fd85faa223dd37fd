//! What a RESPONSE carries: one event that is for the device, by name and data.

use crate::model::split_at_most;

/// The body of a RESPONSE: the length of the name, the name, the data. Of a name over 255 bytes, the beginning.
pub fn body(name: &str, data: &[u8]) -> Vec<u8> {
    let name = split_at_most(name, usize::from(u8::MAX)).0;
    let length = u8::try_from(name.len()).expect("it was cut");
    [&[length], name.as_bytes(), data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_name_comes_first() {
        assert_eq!(body("hook-response/temp/0", b"21.5"), b"\x14hook-response/temp/021.5");
        assert_eq!(body("", b""), b"\x00");
    }

    #[test]
    fn a_name_is_cut_where_its_length_fits_a_byte() {
        assert_eq!(body(&"x".repeat(256), b"y"), [b"\xff", "x".repeat(255).as_bytes(), b"y"].concat());
    }
}
