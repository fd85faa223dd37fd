//! A text as a picture for a telephone's camera (QR code, ISO/IEC 18004). Pure.

use std::fmt::Write;

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
    /// The dark parts of its rows, as the `d` of an SVG path.
    path: String,
}

impl Qr {
    /// The code of a text; none if the text is too long for one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QrCode::new(text).ok()?;
        let (width, colors) = (code.width(), code.to_colors());
        let mut path = String::new();
        for (y, row) in colors.chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, next| one == next) {
                if run[0] == Color::Dark {
                    let length = run.len();
                    write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET)
                        .expect("a text takes everything");
                }
                x += run.len();
            }
        }
        Some(Self { side: width + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_corners_are_where_a_camera_looks_for_them() {
        let qr = Qr::of("otpauth://totp/farhook:me?secret=GEZDGNBVGY3TQOJQ&issuer=farhook").unwrap();
        let last = qr.side - QUIET - 7;
        for (x, y) in [(4, 4), (last, 4), (4, last), (4, 10), (last, 10), (4, last + 6)] {
            assert!(qr.path.contains(&format!("M{x} {y}h7v1h-7z")), "{x} {y}");
        }
        assert!(!qr.path.contains("M3 ") && !qr.path.contains(&format!("M{} ", last + 7)));
        assert!(Qr::of(&"x".repeat(3_000)).is_none());
    }
}
