//! One-time passwords of an authenticator app: TOTP, RFC 6238. Pure.
//!
//! They depend on the wall clock: while a gateway without a battery for its clock has not been told the time, none is
//! right.

use subtle::ConstantTimeEq;
use totp_rs::Algorithm;
use totp_rs::TOTP;

use crate::model::WallTime;
use crate::registry::OtpSecret;
use crate::registry::UserName;

/// What authenticator apps expect. Source: Google Authenticator's key URI format, read 2026-11.
const DIGITS: usize = 6;
const STEP_S: u64 = 30;

/// Steps that the user's clock may be away from ours, to each side (RFC 6238, 5.2, recommends one).
const SKEW: u64 = 1;

/// The secret as people type it into an app: base 32.
pub fn secret_text(secret: &OtpSecret) -> String {
    totp(secret).get_secret_base32()
}

/// The address that an app reads from a QR code.
pub fn address(secret: &OtpSecret, user: &UserName) -> String {
    let name = percent_encoding::utf8_percent_encode(user.as_str(), percent_encoding::NON_ALPHANUMERIC);
    format!("otpauth://totp/farhook:{name}?secret={}&issuer=farhook", secret_text(secret))
}

/// The time step whose password this is, if it is of now or close by.
pub(super) fn step_of(secret: &OtpSecret, otp: &str, now: WallTime) -> Option<u64> {
    let now_s = u64::try_from(now.as_millis()).ok()? / 1_000;
    let (now_step, totp) = (now_s / STEP_S, totp(secret));
    let typed: String = otp.chars().filter(|c| !c.is_whitespace()).collect();
    let is_of = |step: &u64| totp.generate(step * STEP_S).as_bytes().ct_eq(typed.as_bytes()).into();
    (now_step.saturating_sub(SKEW)..=now_step + SKEW).find(is_of)
}

fn totp(secret: &OtpSecret) -> TOTP {
    let skew = u8::try_from(SKEW).expect("it is small");
    TOTP::new(Algorithm::SHA1, DIGITS, skew, STEP_S, secret.as_bytes().to_vec()).expect("the parameters are sound")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238's own vectors.
    const SECRET: OtpSecret = OtpSecret::from_random(*b"12345678901234567890");

    fn at(seconds: i64) -> WallTime {
        WallTime::from_millis(seconds * 1_000)
    }

    /// RFC 6238, appendix B, cut to six digits as apps do.
    #[test]
    fn the_passwords_are_those_of_the_standard() {
        for (seconds, otp) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            assert_eq!(step_of(&SECRET, otp, at(seconds)), Some(seconds.unsigned_abs() / 30), "{otp}");
        }
    }

    #[test]
    fn a_clock_may_be_half_a_minute_wrong_and_not_more() {
        assert_eq!(step_of(&SECRET, "287 082", at(59 + 30)), Some(1));
        assert_eq!(step_of(&SECRET, "287082", at(59 + 61)), None);
        assert_eq!(step_of(&SECRET, "", at(59)), None);
    }

    #[test]
    fn an_app_can_read_the_address() {
        let user = UserName::try_from("me@example.com".to_owned()).unwrap();
        assert_eq!(
            address(&SECRET, &user),
            "otpauth://totp/farhook:me%40example%2Ecom?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=farhook"
        );
    }
}
