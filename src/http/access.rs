//! Who is calling: the token in `Authorization: Bearer`, in the query or in a form. Filters only extract it; the handler
//! asks the registry.

use warp::Filter;

use crate::registry::Identity;
use crate::registry::Snapshot;

/// What a caller shows of who it is.
#[derive(Debug, Clone, Default)]
pub struct Credentials(Option<String>);

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAccess {
    /// It shows no token.
    Missing,
    /// It shows one that is nobody's.
    Invalid,
    /// It is somebody who may not do this.
    Forbidden,
}

impl Credentials {
    /// Takes a token from elsewhere if there is none yet.
    #[must_use]
    pub fn or(self, token: Option<String>) -> Self {
        Self(self.0.or(token))
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// When there is none, or it is nobody's.
    pub fn identify(&self, registry: &Snapshot) -> Result<Identity, NoAccess> {
        let token = self.0.as_deref().ok_or(NoAccess::Missing)?;
        registry.bearer(token).ok_or(NoAccess::Invalid)
    }

    /// As [`Self::identify`], for what only users may do.
    ///
    /// # Errors
    /// When it is no user's token.
    pub fn identify_user(&self, registry: &Snapshot) -> Result<(), NoAccess> {
        match self.identify(registry)? {
            Identity::Observer(_) => Ok(()),
            Identity::Device(_) => Err(NoAccess::Forbidden),
        }
    }
}

/// The credentials of a request. Never rejects.
pub fn credentials() -> impl Filter<Extract = (Credentials,), Error = std::convert::Infallible> + Clone {
    let header = warp::header::optional::<String>("authorization").or(warp::any().map(|| None)).unify();
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    header.and(query).map(|header: Option<String>, query: String| {
        let bearer = header.as_deref().and_then(|header| {
            let (scheme, token) = header.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        let in_query = url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "access_token")
            .map(|(_, token)| token.into_owned());
        Credentials(bearer).or(in_query)
    })
}
