//! A text as a picture for a telephone's camera (QR code, ISO/IEC 18004). Pure.

use qrcode::Color;
use qrcode::QrCode;
use serde::Serialize;

/// Light squares around the code. Source: ISO/IEC 18004, 9.1.
const QUIET: usize = 4;

/// A code as a square drawing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Qr {
    /// Units of a side.
    side: usize,
    /// The dark squares, as the `d` of an SVG path.
    path: String,
}

impl Qr {
    /// The code of a text; none if the text is too long for one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QrCode::new(text).ok()?;
        let (width, colors) = (code.width(), code.to_colors());
        let is_dark = |(_, color): &(usize, Color)| *color == Color::Dark;
        let square = |(at, _)| format!("M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
        let path = colors.into_iter().enumerate().filter(is_dark).map(square).collect();
        Some(Self { side: width + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_corners_are_where_a_camera_looks_for_them() {
        let qr = Qr::of("otpauth://totp/farhook:me?secret=GEZDGNBVGY3TQOJQ&issuer=farhook").unwrap();
        let has = |x: usize, y: usize| qr.path.contains(&format!("M{x} {y}h1v1h-1z"));
        let last = qr.side - 5;
        for (x, y) in [(4, 4), (last, 4), (4, last), (10, 10), (last - 6, 10)] {
            assert!(has(x, y), "{x} {y}");
        }
        assert!(!has(5, 5) && !has(3, 3) && !has(last, last + 1));
        assert!(Qr::of(&"x".repeat(3_000)).is_none());
    }
}
