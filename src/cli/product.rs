//! `farhook product …`: fleets of devices that share hooks.

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::pairs;
use crate::cli::print::table;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a product
    Create {
        /// Its name; its slug, for addresses, is made of it
        name: String,
        /// What it is
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// List all products
    List,
    /// Show one product
    Show {
        /// Its number or slug
        product: String,
    },
    /// Change a product's name, or what is said about it; its slug stays
    Edit {
        /// Its number or slug
        product: String,
        /// Its new name
        #[arg(long, required_unless_present = "description")]
        name: Option<String>,
        /// What it is; nothing takes the description away
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Delete a product and its hooks; its devices stay
    Delete {
        /// Its number or slug
        product: String,
    },
    /// Put devices into a product: then the product's hooks fire for them, too
    Add {
        /// The product's number or slug
        product: String,
        /// The devices' names or ids
        #[arg(required = true, value_name = "DEVICE")]
        devices: Vec<String>,
    },
    /// Take a device out of a product
    Remove {
        /// The product's number or slug
        product: String,
        /// The device's name or id
        device: String,
    },
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (Request, fn(&Value) -> String) = match self {
            Self::Create { name, description } => (Request::ProductCreate { name, description }, one),
            Self::List => (Request::ProductList, list),
            Self::Show { product } => (Request::ProductShow { product }, one),
            Self::Edit { product, name, description } => (Request::ProductEdit { product, name, description }, one),
            Self::Delete { product } => (Request::ProductDelete { product }, deleted),
            Self::Add { product, devices } => (Request::ProductAddAll { product, devices }, moved),
            Self::Remove { product, device } => (Request::ProductRemove { product, device }, moved),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

fn one(product: &Value) -> String {
    let line = |name| match field(product, name) {
        told if told.is_empty() => (name, "-".to_owned()),
        told => (name, told),
    };
    pairs(&["id", "slug", "name", "description", "devices", "hooks"].map(line))
}

fn list(products: &Value) -> String {
    let products = products.as_array().map(Vec::as_slice).unwrap_or_default();
    if products.is_empty() {
        return "There are no products. Create one with `farhook product create NAME`.".to_owned();
    }
    let row = |product: &Value| ["id", "slug", "name", "devices", "hooks"].map(|part| field(product, part)).to_vec();
    table(&["ID", "SLUG", "NAME", "DEVICES", "HOOKS"], &products.iter().map(row).collect::<Vec<_>>())
}

fn deleted(product: &Value) -> String {
    format!("Product {} ({}) is deleted, with its hooks.", field(product, "name"), field(product, "id"))
}

fn moved(devices: &Value) -> String {
    let line = |device: &Value| match &device["product"] {
        Value::Null => format!("Device {} is in no product now.", field(device, "name")),
        product => format!("Device {} is in product {product} now.", field(device, "name")),
    };
    devices.as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn products_are_told_in_lines_and_tables() {
        let product =
            json!({ "id": 1001, "slug": "green", "name": "Green", "description": "", "devices": 2, "hooks": 1 });
        assert!(one(&product).starts_with("id           1001\nslug         green"), "{}", one(&product));
        let listed = "ID    SLUG   NAME   DEVICES  HOOKS\n1001  green  Green  2        1";
        assert_eq!(list(&json!([product])), listed);
        assert_eq!(moved(&json!([{ "name": "a", "product": 1001 }])), "Device a is in product 1001 now.");
        assert_eq!(moved(&json!([{ "name": "a", "product": null }])), "Device a is in no product now.");
    }
}
