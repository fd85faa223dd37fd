//! Who is calling: the token in `Authorization: Bearer`, in the query or in a form, or a name and a password in
//! `Authorization: Basic`. Filters only extract it; the handler asks the registry.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::Hidden;
use crate::model::WallTime;
use crate::registry::Identity;
use crate::registry::NoProof;
use crate::registry::Snapshot;
use crate::registry::Token;

/// What a caller shows of who it is.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    token: Option<Hidden>,
    login: Option<(String, Hidden)>,
}

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAccess {
    /// It shows no token.
    Missing,
    /// It shows one that is nobody's.
    Invalid,
    /// It shows one that held once.
    Expired,
    /// It is somebody who may not do this.
    Forbidden,
}

impl Credentials {
    /// What stands in an `Authorization` header. What is neither `Bearer` nor `Basic` counts as nothing.
    pub(super) fn in_header(header: Option<&str>) -> Self {
        let Some((scheme, rest)) = header.and_then(|header| header.split_once(' ')) else { return Self::default() };
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self { token: Some(Hidden::new(rest.to_owned())), login: None };
        }
        let decoded = STANDARD.decode(rest).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let login = text.as_deref().and_then(|text| text.split_once(':'));
        let login = login.map(|(name, secret)| (name.to_owned(), Hidden::new(secret.to_owned())));
        Self { token: None, login }
    }

    /// Takes a token from elsewhere if there is none yet.
    #[must_use]
    pub fn or(self, token: Option<&str>) -> Self {
        Self { token: self.token.or_else(|| token.map(|token| Hidden::new(token.to_owned()))), ..self }
    }

    /// Whether there is a token, somebody's or not.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The name and the secret of `Basic`.
    pub fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|(name, secret)| (name.as_str(), secret.reveal()))
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// When there is none, or it is nobody's.
    pub fn identify(&self, registry: &Snapshot, now: WallTime) -> Result<Identity, NoAccess> {
        let token = self.token.as_ref().ok_or(NoAccess::Missing)?;
        registry.bearer(token.reveal(), now).map_err(|no_proof| match no_proof {
            NoProof::Unknown => NoAccess::Invalid,
            NoProof::Expired => NoAccess::Expired,
        })
    }

    /// As [`Self::identify`], for what only users may do.
    ///
    /// # Errors
    /// Also when it is a device's key.
    pub fn identify_user(&self, registry: &Snapshot, now: WallTime) -> Result<Token, NoAccess> {
        match self.identify(registry, now)? {
            Identity::Observer(token) => Ok(token),
            Identity::Device(_) => Err(NoAccess::Forbidden),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_holds_a_token_or_a_login() {
        let of = |header| Credentials::in_header(Some(header));
        assert_eq!(of("Bearer abc").token.as_ref().map(Hidden::reveal), Some("abc"));
        assert_eq!(of("bearer  abc ").token.as_ref().map(Hidden::reveal), Some("abc"));
        assert_eq!(of("Basic cGFydGljbGU6YTpi").login(), Some(("particle", "a:b")));
        for nothing in ["", "Bearer", "Basic !", "Basic cGFydGljbGU=", "Digest abc"] {
            let found = of(nothing);
            assert!(found.token.is_none() && found.login.is_none(), "{nothing}");
        }
    }
}
