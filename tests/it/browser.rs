//! A browser without script: keeps its cookies, reads pages, fills in forms, and goes where it is sent.

use std::net::SocketAddr;

use crate::account::PASSWORD;
use crate::gateway::Gateway;
use crate::plain_http;
use crate::plain_http::Answer;

/// How often a browser lets itself be sent on.
const MOST_HOPS: usize = 5;

/// How forms are sent without files.
const FORM: &str = "application/x-www-form-urlencoded";

/// Stands between the fields of a form with a file.
const BOUNDARY: &str = "----here0begins0the0next";

/// Somebody at a browser.
pub struct Browser {
    at: SocketAddr,
    cookies: Vec<(String, String)>,
}

/// A page that a browser shows.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    /// Where it is, after the browser was sent on.
    pub path: String,
    pub html: String,
}

impl Browser {
    /// Nobody is logged in.
    pub fn new(gateway: &Gateway) -> Self {
        Self { at: gateway.http, cookies: Vec::new() }
    }

    /// Claims a gateway that has no owner, with the password of the tests.
    pub async fn claiming(gateway: &Gateway, name: &str) -> Self {
        let code = gateway.json(&["claim"]).await["code"].as_str().unwrap().to_owned();
        let mut browser = Self::new(gateway);
        let fields = [("code", code.as_str()), ("name", name), ("password", PASSWORD), ("password_again", PASSWORD)];
        let page = browser.send("/claim", &fields).await;
        assert_eq!((page.status, page.path.as_str()), (200, "/"), "{}", page.html);
        browser
    }

    /// Logs in as somebody with the password of the tests.
    pub async fn login(gateway: &Gateway, name: &str) -> Self {
        let mut browser = Self::new(gateway);
        let page = browser.send("/login", &[("name", name), ("password", PASSWORD), ("next", "/")]).await;
        assert_eq!((page.status, page.path.as_str()), (200, "/"), "{}", page.html);
        browser
    }

    /// The cookies that it keeps, as it sends them.
    pub fn cookie(&self) -> String {
        let pairs = self.cookies.iter().filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Opens a page, which must be there.
    pub async fn open(&mut self, path: &str) -> Page {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.html);
        page
    }

    /// What is at that path, whatever it is.
    pub async fn get(&mut self, path: &str) -> Page {
        let answer = self.get_only(path).await;
        self.follow(path, answer).await
    }

    /// What is at that path, without going where it leads.
    pub async fn get_only(&mut self, path: &str) -> Answer {
        self.ask("GET", path, Vec::new(), &[]).await
    }

    /// Fills in the form of a page that posts to `action`, sends it, and goes where that leads.
    pub async fn fill_in(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let token = page.form_token(action).to_owned();
        self.send(action, &[&[("form_token", token.as_str())], fields].concat()).await
    }

    /// Sends a form as it is, and goes where that leads.
    pub async fn send(&mut self, action: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.send_only(action, fields).await;
        self.follow(action, answer).await
    }

    /// Sends a form as it is, and goes nowhere.
    pub async fn send_only(&mut self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post(action, FORM, form.as_bytes()).await
    }

    /// Fills in the form of a page as [`Self::fill_in`], with a file.
    pub async fn upload(&mut self, page: &Page, action: &str, fields: &[(&str, &str)], file: &[u8]) -> Page {
        let mut body = Vec::new();
        for (name, value) in [&[("form_token", page.form_token(action))], fields].concat() {
            let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(head.into_bytes());
        }
        let head = "content-disposition: form-data; name=\"file\"; filename=\"a.tar.gz\"\r\n\r\n";
        body.extend(format!("--{BOUNDARY}\r\n{head}").into_bytes());
        body.extend(file);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let answer = self.post(action, &format!("multipart/form-data; boundary={BOUNDARY}"), &body).await;
        self.follow(action, answer).await
    }

    async fn post(&mut self, action: &str, kind: &str, body: &[u8]) -> Answer {
        let headers = vec![("content-type", kind.to_owned()), ("origin", format!("http://{}", self.at))];
        self.ask("POST", action, headers, body).await
    }

    async fn follow(&mut self, path: &str, mut answer: Answer) -> Page {
        let mut path = path.to_owned();
        for _ in 0..MOST_HOPS {
            match answer.header("location") {
                Some(location) if answer.status == 303 => path = location.to_owned(),
                _ => return Page { status: answer.status, path, html: answer.body },
            }
            answer = self.get_only(&path).await;
        }
        panic!("it is sent on and on, now to {path}");
    }

    async fn ask(&mut self, method: &str, path: &str, mut headers: Vec<(&'static str, String)>, body: &[u8]) -> Answer {
        if !self.cookies.is_empty() {
            headers.push(("cookie", self.cookie()));
        }
        let answer = plain_http::send(self.at, method, path, &headers, body).await;
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.unwrap_or_else(|| panic!("{cookie} is no cookie"));
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }
}

impl Page {
    /// Whether people read that on it, or it stands in its source.
    pub fn has(&self, text: &str) -> bool {
        self.html.contains(text)
    }

    /// What stands between the first `before` and the next `after`.
    pub fn between(&self, before: &str, after: &str) -> &str {
        let rest = self.html.split_once(before).map(|(_, rest)| rest);
        let found = rest.and_then(|rest| rest.split_once(after)).map(|(found, _)| found);
        found.unwrap_or_else(|| panic!("{before:?} … {after:?} is not on {}", self.html))
    }

    /// What is shown this once.
    pub fn secret(&self) -> &str {
        self.between("<code id=\"once\">", "</code>")
    }

    /// The token of the form that posts to `action`.
    fn form_token(&self, action: &str) -> &str {
        let forms = self.html.split("<form ").skip(1);
        let is_meant = |form: &&str| {
            // Templates escape the slashes of what is not written in them.
            let opening = form.split('>').next().unwrap_or_default().replace("&#x2f;", "/");
            // Where on the page it leads is no part of the path.
            let leads = ["\"", "#"].map(|end| format!("action=\"{action}{end}"));
            opening.contains("method=\"post\"") && leads.iter().any(|action| opening.contains(action))
        };
        let form = forms.filter_map(|form| form.split("</form>").next()).find(is_meant);
        let form = form.unwrap_or_else(|| panic!("there is no form for {action} on {}", self.html));
        let token = form.split_once("name=\"form_token\" value=\"").and_then(|(_, rest)| rest.split('"').next());
        token.unwrap_or_else(|| panic!("the form for {action} has no token"))
    }
}
