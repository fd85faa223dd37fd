//! The cookie by which a browser that is logged in is known again. It holds an access token.
//!
//! Scripts cannot read it, and it is not sent with what another site makes a browser post. Over HTTPS it has another
//! name, since a browser keeps a cookie of HTTPS from being replaced over HTTP.

use std::time::Duration;

use crate::http::Request;

/// Its names: over HTTPS, where the prefix says that no other host set it (RFC 6265bis, 4.1.3.2), and over HTTP.
const SECURE: &str = "__Host-farhook";
const PLAIN: &str = "farhook";

/// The session's token in a request.
pub fn of(request: &Request) -> Option<&str> {
    request.cookie(name(request.is_https))
}

/// The header that keeps a token so long in a browser.
pub fn kept(token: &str, keep: Duration, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    let name = name(is_https);
    format!("{name}={token}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", keep.as_secs())
}

/// The header that takes it away.
pub fn ended(is_https: bool) -> String {
    kept("", Duration::ZERO, is_https)
}

fn name(is_https: bool) -> &'static str {
    if is_https { SECURE } else { PLAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_keeps_it_from_scripts_and_other_sites() {
        let day = Duration::from_secs(86_400);
        assert_eq!(kept("abc", day, false), "farhook=abc; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax");
        assert_eq!(ended(true), "__Host-farhook=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
    }
}
