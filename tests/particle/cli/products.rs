//! `particle product device`.

use std::fs;

use serde_json::Value;

use crate::account::Account;
use crate::gateway::Gateway;
use crate::node;
use crate::particle::Particle;

#[tokio::test]
async fn devices_are_put_into_a_product_listed_there_and_taken_out() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let (kitchen, cellar) = (account.device(&gateway, "kitchen").await, account.device(&gateway, "cellar").await);
    let product = account.product(&gateway, "Weather stations").await;
    let particle = Particle::logged_in(&gateway, &account);
    let device = ["product", "device"];
    let told = async |args: &[&str]| particle.does(&[&device, args].concat()).await;

    let said = told(&["add", &product.id, &kitchen.id]).await;
    assert!(said.contains("Success!") && said.contains(&format!("  {}", kitchen.id)), "{said}");
    fs::write(particle.path("ids.txt"), format!("{}\r\n{}\r\n", cellar.id.to_uppercase(), "0".repeat(24))).unwrap();
    let said = told(&["add", &product.slug, "--file", "ids.txt"]).await;
    assert!(said.contains(&format!("Skipped Invalid IDs:\n  {}", "0".repeat(24))), "{said}");

    let listed = told(&["list", &product.slug]).await;
    for id in [&kitchen.id, &cellar.id] {
        assert!(listed.contains(&format!("[{id}] (Product {}) is offline", product.id)), "{listed}");
    }
    let one = told(&["list", &product.id, &kitchen.id]).await;
    assert!(one.contains("kitchen") && !one.contains("cellar"), "{one}");
    let found: Value = serde_json::from_str(&told(&["list", &product.id, "--name", "cell", "--json"]).await).unwrap();
    assert_eq!((found["data"].as_array().unwrap().len(), &found["data"][0]["id"]), (1, &cellar.id.clone().into()));

    let said = told(&["remove", &product.id, &cellar.id]).await;
    assert!(said.contains(&format!("Success! Removed device {} from product", cellar.id)), "{said}");
    assert!(!told(&["list", &product.id]).await.contains("cellar"));
    assert!(particle.does(&["list"]).await.contains(&format!("cellar [{}] (Linux)", cellar.id)), "it is still there");
    assert!(!particle.fails(&["product", "device", "list", "none"]).await.contains("kitchen"));
}
