//! The headers of a request.

use std::fmt;

use warp::http::HeaderMap;

/// See the module.
pub struct Head(HeaderMap);

impl fmt::Debug for Head {
    /// Not what is in it: there are tokens and cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").finish_non_exhaustive()
    }
}

impl Head {
    pub(super) fn new(headers: HeaderMap) -> Self {
        Self(headers)
    }

    /// A header that is text; the first one of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    /// A cookie of that name (RFC 6265, 5.4).
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.0.get_all("cookie").into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}
