//! An event's data is text. Bytes that are none become a `data:` URL, as Particle's cloud shows binary data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The text for the bytes that were published.
pub(super) fn to_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_bytes_become_a_data_url() {
        assert_eq!(to_text("21.5 °C".as_bytes()), "21.5 °C");
        assert_eq!(to_text(b""), "");
        assert_eq!(to_text(&[0xff, 0x00]), "data:application/octet-stream;base64,/wA=");
    }
}
