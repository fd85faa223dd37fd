//! A user of the gateway, with a password and a token, and what belongs to them.

use std::net::SocketAddr;

use serde_json::Value;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::plain_http;
use crate::plain_http::Answer;
use crate::plain_http::Stream;

/// With everything that a form has to encode.
pub const PASSWORD: &str = "a s3cret & 100 % mine+é";

/// See the module.
pub struct Account {
    pub name: String,
    pub token: String,
    at: SocketAddr,
}

impl Account {
    /// A new user with a token.
    pub async fn new(gateway: &Gateway, name: &str) -> Self {
        gateway.json_with(&["user", "add", name, "--password-stdin"], PASSWORD).await;
        let token = gateway.json(&["token", "create", "--user", name]).await;
        let token = token["token"].as_str().unwrap().to_owned();
        Self { name: name.to_owned(), token, at: gateway.http }
    }

    /// Whoever has this token.
    pub fn holding(gateway: &Gateway, token: &str) -> Self {
        Self { name: String::new(), token: token.to_owned(), at: gateway.http }
    }

    /// A device of this user.
    pub async fn device(&self, gateway: &Gateway, name: &str) -> Device {
        let added = gateway.json(&["device", "add", name, "--user", &self.name]).await;
        let part = |part: &str| added[part].as_str().unwrap().to_owned();
        Device { id: part("id"), name: part("name"), key: part("key") }
    }

    /// A product of this user, as clients name it.
    pub async fn product(&self, gateway: &Gateway, name: &str) -> Product {
        let created = gateway.json(&["product", "create", name, "--user", &self.name]).await;
        let slug = created["slug"].as_str().unwrap().to_owned();
        Product { id: created["id"].to_string(), slug }
    }

    /// What a request without a body is answered with.
    pub async fn ask(&self, method: &str, path: &str) -> Answer {
        plain_http::send(self.at, method, path, &[self.authorization()], "").await
    }

    /// The same with a JSON body.
    pub async fn tell(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [self.authorization(), ("content-type", "application/json".to_owned())];
        plain_http::send(self.at, method, path, &headers, &body.to_string()).await
    }

    /// The same with a form, already encoded.
    pub async fn tell_form(&self, method: &str, path: &str, form: &str) -> Answer {
        let headers = [self.authorization(), ("content-type", "application/x-www-form-urlencoded".to_owned())];
        plain_http::send(self.at, method, path, &headers, form).await
    }

    /// Publishes an event, which must be taken.
    pub async fn publish(&self, event: &Value) {
        let answer = self.tell("POST", "/v1/devices/events", event).await;
        assert_eq!((answer.status, &answer.json()["ok"]), (200, &Value::Bool(true)), "{answer:?}");
    }

    /// An open event stream.
    pub async fn stream(&self, path: &str) -> Stream {
        Stream::open(self.at, path, &self.token).await
    }

    fn authorization(&self) -> (&'static str, String) {
        ("authorization", format!("Bearer {}", self.token))
    }
}

/// See [`Account::product`].
pub struct Product {
    pub id: String,
    pub slug: String,
}

/// What an authenticator app shows now that was told this secret.
pub fn one_time_password(secret: &str) -> String {
    let secret = totp_rs::Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
    totp_rs::TOTP::new_unchecked(totp_rs::Algorithm::SHA1, 6, 1, 30, secret).generate_current().unwrap()
}
