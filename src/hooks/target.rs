//! Where a hook's requests go. The templates of an address may fill its path and query; its scheme, user, host and port
//! are fixed in the definition, or the rendered host is one that the definition lists. A device that could choose the
//! host could send requests into the network that the gateway stands in.

use serde_json::Value;
use url::Host;
use url::Url;

use crate::hooks::fields::Fields;
use crate::hooks::fields::wrong_type;
use crate::hooks::problem::Flaw;
use crate::hooks::problem::Path;
use crate::hooks::rendering::FieldError;
use crate::hooks::rendering::Rendering;
use crate::hooks::template::Template;

const URL: Path<'static> = Path::Root("url");

/// Hosts that one hook may list.
const ALLOWED_HOSTS: usize = 64;

/// The address of a hook.
#[derive(Debug, Clone)]
pub(super) struct Target {
    template: Template,
    /// What every rendered address must share with this one; none if an event may choose it from `allowed`.
    fixed: Option<Url>,
    allowed: Option<Vec<AllowedHost>>,
}

/// A host that a templated address may name, with the only port it may have; none is the scheme's own.
#[derive(Debug, Clone)]
struct AllowedHost {
    host: String,
    port: Option<u16>,
}

/// Why an address cannot be used for this event.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A template failed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// What the templates make is no address.
    #[error("url: this event makes no web address: {0}")]
    Address(#[source] url::ParseError),
    /// What the templates make is not fetched over HTTP.
    #[error("url: this event makes an address that does not begin with http:// or https://")]
    Scheme,
    /// The event would choose the host.
    #[error("url: this event leads to another host than the hook's own")]
    Host,
}

impl TargetError {
    /// The field's path.
    pub fn field(&self) -> &str {
        match self {
            Self::Field(error) => error.field(),
            Self::Address(_) | Self::Scheme | Self::Host => "url",
        }
    }
}

impl Target {
    /// Reads `url` and `allowed_hosts`.
    pub(super) fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let allowed = allowed_hosts(fields);
        let Some((_, text)) = fields.text(&["url"]) else {
            // A wrong type was reported while reading.
            if fields.value(&["url"]).is_none_or(|(_, value)| value.is_string()) {
                fields.report(&URL, Flaw::Missing);
            }
            return None;
        };
        let template = fields.compile(&URL, text)?;
        let fixed = match fixed_authority(text) {
            Some(fixed) => Some(parse_fixed(fixed, fields)?),
            None if allowed.is_some() => None,
            None => {
                // Without a template in it, the trouble is the address and not who chooses it.
                let flaw = match Url::parse(text) {
                    Err(error) if !text.contains("{{") => Flaw::Address(error),
                    Ok(_) if !text.contains("{{") => Flaw::Scheme,
                    _ => Flaw::TemplatedHost,
                };
                fields.report(&URL, flaw);
                return None;
            }
        };
        let target = Self { template, fixed, allowed };
        if target.fixed.as_ref().is_some_and(|url| !target.allows(url)) {
            fields.report(&URL, Flaw::HostNotAllowed);
            return None;
        }
        Some(target)
    }

    /// The address for one event; a fragment is cut off, as it is never sent.
    pub(super) fn render(&self, rendering: &mut Rendering<'_>) -> Result<Url, TargetError> {
        let text = rendering.text(&self.template, &URL)?;
        let mut url = Url::parse(&text).map_err(TargetError::Address)?;
        if !is_web(&url) {
            return Err(TargetError::Scheme);
        }
        if self.fixed.as_ref().is_some_and(|fixed| !is_same_authority(fixed, &url)) || !self.allows(&url) {
            return Err(TargetError::Host);
        }
        url.set_fragment(None);
        Ok(url)
    }

    pub(super) fn template(&self) -> &Template {
        &self.template
    }

    /// Scheme, host and port of all its requests; none if events choose the host.
    pub(super) fn fixed_origin(&self) -> Option<String> {
        self.fixed.as_ref().map(|url| url.origin().ascii_serialization())
    }

    /// The one host of all requests; none if events choose it.
    pub(super) fn fixed_host(&self) -> Option<&str> {
        self.fixed.as_ref()?.host_str()
    }

    fn allows(&self, url: &Url) -> bool {
        let names = |allowed: &AllowedHost| {
            let port = if allowed.port.is_some() { url.port_or_known_default() } else { url.port() };
            url.host_str() == Some(&allowed.host) && port == allowed.port
        };
        self.allowed.as_ref().is_none_or(|list| list.iter().any(names))
    }
}

/// The beginning of an address up to the end of its host and port, if no template reaches into it.
fn fixed_authority(text: &str) -> Option<&str> {
    let scheme_end = text.find("://")? + "://".len();
    let authority = text[scheme_end..].find(['/', '?', '#', '\\']).map_or(text.len(), |end| scheme_end + end);
    Some(&text[..authority]).filter(|fixed| !fixed.contains("{{"))
}

fn parse_fixed(text: &str, fields: &mut Fields<'_>) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) if is_web(&url) => return Some(url),
        Ok(_) => fields.report(&URL, Flaw::Scheme),
        Err(error) => fields.report(&URL, Flaw::Address(error)),
    }
    None
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

fn is_same_authority(fixed: &Url, url: &Url) -> bool {
    let parts = |url: &Url| (url.scheme().to_owned(), url.authority().to_owned());
    parts(fixed) == parts(url)
}

fn allowed_hosts(fields: &mut Fields<'_>) -> Option<Vec<AllowedHost>> {
    let (name, value) = fields.value(&["allowed_hosts"])?;
    let path = Path::Root(name);
    let Value::Array(given) = value else {
        fields.report(&path, wrong_type("an array of hosts", value));
        return None;
    };
    if given.len() > ALLOWED_HOSTS {
        fields.report(&path, Flaw::TooMany { most: ALLOWED_HOSTS, unit: "hosts" });
        return None;
    }
    let mut hosts = Vec::with_capacity(given.len());
    for (at, host) in given.iter().enumerate() {
        match host.as_str().and_then(allowed_host) {
            Some(host) => hosts.push(host),
            None => fields.report(&Path::Index(&path, at), Flaw::Host),
        }
    }
    Some(hosts)
}

fn allowed_host(text: &str) -> Option<AllowedHost> {
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address has colons of its own, but inside brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (text, None),
    };
    Some(AllowedHost { host: Host::parse(host).ok()?.to_string(), port })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::hooks::template::Variables;

    fn parse(hook: &Value) -> Result<Target, Vec<String>> {
        let mut fields = Fields::new(hook.as_object().unwrap());
        let target = Target::parse(&mut fields);
        let problems: Vec<_> = fields.into_problems().iter().map(ToString::to_string).collect();
        if problems.is_empty() { Ok(target.unwrap()) } else { Err(problems) }
    }

    fn rendered(hook: &Value, x: &str) -> Result<String, TargetError> {
        let variables = variables(x);
        parse(hook).unwrap().render(&mut Rendering::new(&variables)).map(Into::into)
    }

    fn variables(x: &str) -> Variables {
        Variables::new(json!({"x": x}).as_object().unwrap())
    }

    fn refused(url: &str) -> String {
        parse(&json!({"url": url})).unwrap_err().join("; ")
    }

    #[test]
    fn the_path_and_the_query_may_be_templated() {
        let hook = json!({"url": "http://a.example/{{{x}}}?y={{{x}}}"});
        assert_eq!(rendered(&hook, "foo").unwrap(), "http://a.example/foo?y=foo");
        assert_eq!(rendered(&hook, "a b/ü").unwrap(), "http://a.example/a%20b/%C3%BC?y=a%20b/%C3%BC");
        assert_eq!(rendered(&hook, "x#y").unwrap(), "http://a.example/x");
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        assert_eq!(parse(&json!({})).unwrap_err(), ["url is required"]);
        assert_eq!(refused(""), "url is required");
        assert_eq!(refused("a.example/x"), "url is no web address: relative URL without a base");
        assert_eq!(refused("http:///x"), "url is no web address: empty host");
        assert_eq!(refused("ftp://a.example/"), "url must begin with http:// or https://");
        assert_eq!(refused("mailto:a@a.example"), "url must begin with http:// or https://");
        assert_eq!(refused("http://a.example:99999/"), "url is no web address: invalid port number");
    }

    #[test]
    fn a_templated_host_needs_a_list_of_hosts() {
        for url in ["{{x}}", "http://{{x}}/", "http://a.example{{x}}", "http://a.example:{{x}}/", "{{x}}://a.example/"]
        {
            assert!(refused(url).starts_with("url must have a fixed scheme and host"), "{url}");
        }
    }

    #[test]
    fn a_listed_host_is_reached_and_no_other() {
        let hook = json!({"url": "http://{{{x}}}/", "allowed_hosts": ["A.example", "b.example:8080", "[::1]", "d.example:80"]});
        assert_eq!(rendered(&hook, "a.example").unwrap(), "http://a.example/");
        assert_eq!(rendered(&hook, "b.example:8080").unwrap(), "http://b.example:8080/");
        assert_eq!(rendered(&hook, "[::1]").unwrap(), "http://[::1]/");
        assert_eq!(rendered(&hook, "d.example").unwrap(), "http://d.example/");
        for x in ["c.example", "b.example", "a.example:8080", "a.example@c.example", "c.example/a.example"] {
            assert!(matches!(rendered(&hook, x), Err(TargetError::Host)), "{x}");
        }
        let outside = json!({"url": "http://c.example/", "allowed_hosts": ["a.example"]});
        assert_eq!(parse(&outside).unwrap_err(), ["url goes to a host that allowed_hosts does not name"]);
        let bad = json!({"url": "http://{{x}}/", "allowed_hosts": ["a.example", 5, "a b", "a:b"]});
        assert_eq!(parse(&bad).unwrap_err().len(), 3);
    }

    proptest! {
        #[test]
        fn no_event_value_can_change_scheme_user_host_or_port(
            x in r"[@:/\\?#.%a-c\t\n {}\[\]]{0,24}|\PC{0,24}",
            shape in prop::sample::select(vec![
                "https://u:p@a.example:8443/{{{x}}}",
                "https://u:p@a.example:8443\\{{{x}}}",
                "https://u:p@a.example:8443?{{{x}}}",
                "https://u:p@a.example:8443/p{{{x}}}/{{x}}?q={{{x}}}#{{{x}}}",
            ]),
        ) {
            let variables = variables(&x);
            let target = parse(&json!({"url": shape})).unwrap();
            let url = target.render(&mut Rendering::new(&variables)).unwrap();
            prop_assert_eq!(url.scheme(), "https");
            prop_assert_eq!(url.authority(), "u:p@a.example:8443");
        }

        #[test]
        fn no_event_value_reaches_a_host_that_is_not_listed(x in r"[@:/\\?#.%ab\t exmpl]{0,24}") {
            let hook = json!({"url": "http://{{{x}}}a.example/", "allowed_hosts": ["a.example"]});
            let variables = variables(&x);
            if let Ok(url) = parse(&hook).unwrap().render(&mut Rendering::new(&variables)) {
                prop_assert_eq!((url.host_str(), url.port()), (Some("a.example"), None));
            }
        }
    }
}
