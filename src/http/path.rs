//! Which endpoint a request is for: its method, and a path with placeholders.
//!
//! `/v1/devices/:device/events/*prefix` takes one segment as `device`, and all that follow, none included, as `prefix`.
//! Segments are percent-decoded after the path was cut: a `%2F` is part of a name, as Particle's clients mean it.

use percent_encoding::percent_decode_str;
use warp::Filter;
use warp::Rejection;
use warp::filters::path::FullPath;
use warp::http::Method;

use crate::http::Route;

/// What the placeholders of a path stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    pattern: &'static str,
    values: Vec<(&'static str, String)>,
}

/// A path is known, but not with that method.
#[derive(Debug)]
pub(super) struct WrongMethod;

impl warp::reject::Reject for WrongMethod {}

impl Params {
    /// What a placeholder stands for; none if the path that was taken does not have it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the path that was taken has a fixed segment of that name.
    pub fn names(&self, segment: &str) -> bool {
        self.pattern.split('/').any(|part| part == segment)
    }
}

/// Takes requests of that method to one of the paths.
pub(super) fn at(
    method: Method,
    paths: &'static [&'static str],
) -> impl Filter<Extract = (Params,), Error = Rejection> + Clone {
    warp::path::full().and(warp::method()).and_then(move |path: FullPath, asked: Method| {
        let params = paths.iter().find_map(|pattern| matched(pattern, path.as_str()));
        let taken = match params {
            None => Err(warp::reject::not_found()),
            Some(_) if asked != method => Err(warp::reject::custom(WrongMethod)),
            Some(params) => Ok(params),
        };
        std::future::ready(taken)
    })
}

/// A route that takes nothing whose path begins with one of these segments.
pub fn outside(roots: &'static [&'static str], route: Route) -> Route {
    let is_outside = warp::path::full().and_then(move |path: FullPath| {
        let first = path.as_str().trim_start_matches('/').split('/').next().unwrap_or_default();
        std::future::ready(if roots.contains(&first) { Err(warp::reject::not_found()) } else { Ok(()) })
    });
    is_outside.untuple_one().and(route).boxed()
}

/// What a path's segments are, if it has the pattern's form.
fn matched(pattern: &'static str, path: &str) -> Option<Params> {
    // Clients put their paths behind an address that may end in a slash.
    let mut segments = path.strip_prefix('/')?.trim_start_matches('/').split('/');
    let mut params = Params { pattern, values: Vec::new() };
    for wanted in pattern.strip_prefix('/')?.split('/') {
        if let Some(name) = wanted.strip_prefix('*') {
            let rest: Vec<String> = segments.map(decoded).collect::<Option<_>>()?;
            params.values.push((name, rest.join("/")));
            return Some(params);
        }
        let segment = segments.next()?;
        match wanted.strip_prefix(':') {
            Some(_) if segment.is_empty() => return None,
            Some(name) => params.values.push((name, decoded(segment)?)),
            None if wanted == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(params)
}

fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_take_one_segment_each() {
        let found = |path| matched("/v1/devices/:device/:variable", path);
        let params = found("/v1/devices/my%20node/temp").unwrap();
        assert_eq!((params.get("device"), params.get("variable")), (Some("my node"), Some("temp")));
        assert_eq!(params.get("prefix"), None);
        assert!(found("//v1/devices/a/b").is_some());
        assert_eq!(found("/v1/devices/a%2Fb/c").unwrap().get("device"), Some("a/b"));
        for other in ["/v1/devices/a", "/v1/devices/a/b/c", "/v1/devices//b", "/v1/hooks/a/b", "v1/devices/a/b", ""] {
            assert_eq!(found(other), None, "{other}");
        }
        assert_eq!(found("/v1/devices/%ff/b"), None, "no UTF-8");
    }

    #[test]
    fn the_rest_of_a_path_may_have_any_number_of_segments() {
        let found = |path| matched("/v1/events/*prefix", path).map(|params| params.get("prefix").unwrap().to_owned());
        assert_eq!(found("/v1/events"), Some(String::new()));
        assert_eq!(found("/v1/events/temp%2F"), Some("temp/".to_owned()));
        assert_eq!(found("/v1/events/temp/kitchen/"), Some("temp/kitchen/".to_owned()));
        assert_eq!(found("/v1/eventsx"), None);
    }
}
