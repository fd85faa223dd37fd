//! A user with one of everything, for tests of what separates users.

use serde_json::Value;
use serde_json::json;

use crate::account::Account;
use crate::account::Product;
use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::web_routes::WebRoute;

/// See the module.
pub struct Household {
    pub account: Account,
    pub device: Device,
    pub product: Product,
    pub hook: String,
    pub products_hook: String,
    pub secret: String,
    pub token: String,
    pub client: String,
}

impl Household {
    /// What it is called is not like what is another's.
    pub async fn new(gateway: &Gateway, name: &str, url: &str) -> Self {
        let account = Account::new(gateway, name).await;
        let device = account.device(gateway, "kitchen").await;
        let noted = account.tell("PUT", "/v1/devices/kitchen", &json!({ "notes": format!("{name}-notes") })).await;
        assert_eq!(noted.status, 200, "{noted:?}");
        let product = account.product(gateway, &format!("{name}-product")).await;
        gateway.json(&["product", "add", &product.slug, "kitchen", "--user", name]).await;
        let hook = json!({
            "event": "temp", "url": url, "name": format!("{name}-hook"), "body": "{{PARTICLE_DEVICE_ID}}",
        });
        let made = async |path: &str, body: &Value, key: &str| {
            let answer = account.tell("POST", path, body).await;
            assert!(answer.status < 300, "{path}: {answer:?}");
            let told = answer.json();
            told.pointer(key).and_then(Value::as_str).unwrap_or_else(|| panic!("{key} of {told}")).to_owned()
        };
        let own_hook = made("/v1/webhooks", &hook, "/id").await;
        let products_hook = made(&format!("/v1/products/{}/webhooks", product.slug), &hook, "/id").await;
        let secret = format!("{}_SECRET", name.to_uppercase());
        let named = json!({ "secret": { "name": secret, "value": format!("{name}-value") } });
        made("/v1/secrets", &named, "/secret/name").await;
        let client = made("/v1/clients", &json!({ "name": format!("{name}-client") }), "/client/id").await;
        let token = gateway.json(&["token", "list", "--user", name]).await[0]["id"].as_str().unwrap().to_owned();
        Self { account, device, product, hook: own_hook, products_hook, secret, token, client }
    }

    /// An address with things of theirs in place of its placeholders; what they do not have is `1`.
    pub fn path_of(&self, route: &WebRoute) -> String {
        route.filled(|placeholder| match placeholder {
            "device" | "product" | "hook" | "secret" | "token" | "client" | "user" => {
                self.things(placeholder)[0].to_owned()
            }
            _ => "1".to_owned(),
        })
    }

    /// What a placeholder can stand for that is theirs.
    pub fn things(&self, placeholder: &str) -> Vec<&str> {
        match placeholder {
            "device" => vec![&self.device.id],
            "product" => vec![&self.product.slug, &self.product.id],
            "hook" => vec![&self.hook, &self.products_hook],
            "secret" => vec![&self.secret],
            "token" => vec![&self.token],
            "client" => vec![&self.client],
            "user" => vec![&self.account.name],
            other => panic!("there is a placeholder {other:?} that this test does not know"),
        }
    }

    /// Everything that is theirs, as they see it.
    pub async fn all(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for path in [
            "/v1/user",
            "/v1/devices",
            "/v1/webhooks",
            "/v1/products",
            "/v1/secrets",
            "/v1/access_tokens",
            "/v1/clients",
            &format!("/v1/devices/{}", self.device.id),
            &format!("/v1/webhooks/{}", self.hook),
            &format!("/v1/secrets/{}", self.secret),
            &format!("/v1/products/{}", self.product.slug),
            &format!("/v1/products/{}/devices", self.product.slug),
            &format!("/v1/products/{}/webhooks", self.product.slug),
        ] {
            let answer = self.account.ask("GET", path).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            all.push(answer.json());
        }
        all
    }

    /// Words that nobody else may read.
    pub fn words(&self) -> Vec<String> {
        let names = ["notes", "product", "hook", "client", "value"].map(|what| format!("{}-{what}", self.account.name));
        let ids = [&self.device.id, &self.hook, &self.products_hook, &self.client, &self.token, &self.secret];
        names.into_iter().chain(ids.into_iter().cloned()).collect()
    }
}
