//! `particle list`, `device`, `variable`, `function`, `nyan`.

use crate::account::Account;
use crate::gateway::Gateway;
use crate::node;
use crate::particle::Particle;
use crate::sensor::Sensor;

#[tokio::test]
async fn a_device_says_what_it_can_do_and_does_it() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let particle = Particle::logged_in(&gateway, &account);
    assert!(particle.does(&["list"]).await.contains("No devices found."));
    let (device, away) = (account.device(&gateway, "kitchen").await, account.device(&gateway, "cellar").await);
    let mut sensor = Sensor::start(&gateway, &device).await;

    let listed = particle.does(&["list"]).await;
    assert!(listed.contains(&format!("kitchen [{}] (Linux) is online", device.id)), "{listed}");
    assert!(listed.contains(&format!("cellar [{}] (Linux) is offline", away.id)), "{listed}");
    assert!(listed.contains("  Variables:\n    temp (double)\n  Functions:\n    int led (String args)"), "{listed}");
    let online = particle.does(&["list", "online"]).await;
    assert!(online.contains("kitchen") && !online.contains("cellar"), "{online}");
    assert!(particle.does(&["variable", "list"]).await.contains("    temp (double)"));
    assert!(particle.does(&["function", "list"]).await.contains("    int led (String args)"));

    assert_eq!(particle.does(&["variable", "get", "kitchen", "temp"]).await.trim(), "21.5");
    assert_eq!(particle.does(&["get", &device.id, "temp"]).await.trim(), "21.5");
    let said = particle.fails(&["variable", "get", "kitchen", "none"]).await;
    assert!(said.contains("Error: Variable not found"), "{said}");
    assert!(particle.fails(&["variable", "get", "cellar", "temp"]).await.contains("Error: Timed out."));
    assert_eq!(particle.does(&["function", "call", "kitchen", "led", "on"]).await.trim(), "1");
    assert_eq!(sensor.asked().await, ("led".to_owned(), "on".to_owned()));
    assert_eq!(particle.does(&["call", "kitchen", "led"]).await.trim(), "0");
    assert_eq!(sensor.asked().await, ("led".to_owned(), String::new()));
    let said = particle.fails(&["function", "call", "kitchen", "none"]).await;
    assert!(said.contains("Function call failed: Function `none` not found"), "{said}");
    assert!(particle.fails(&["function", "call", "cellar", "led"]).await.contains("Timed out."));

    particle.does(&["nyan", "kitchen"]).await;
    assert_eq!(sensor.asked().await, ("signal".to_owned(), "1".to_owned()));
    particle.does(&["nyan", "kitchen", "off"]).await;
    assert_eq!(sensor.asked().await, ("signal".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn a_device_is_renamed_released_and_claimed_again() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let other = Account::new(&gateway, "you@example.com").await;
    let (device, foreign) = (account.device(&gateway, "kitchen").await, other.device(&gateway, "garden").await);
    let particle = Particle::logged_in(&gateway, &account);
    let mut session = gateway.login(&device).await;

    let said = particle.does(&["device", "rename", "kitchen", "parlour"]).await;
    assert!(said.contains("Successfully renamed device kitchen to: parlour"), "{said}");
    assert!(particle.does(&["list"]).await.contains(&format!("parlour [{}]", device.id)));
    let said = particle.fails(&["device", "rename", "none", "parlour"]).await;
    assert!(said.contains("Failed to rename none: Permission Denied"), "{said}");

    assert!(particle.does(&["device", "remove", "parlour", "--yes"]).await.contains("Okay!"));
    session.wait_for_end().await;
    assert!(particle.does(&["list"]).await.contains("No devices found."));
    let said = particle.does(&["device", "add", &device.id.to_uppercase()]).await;
    assert!(said.contains("Successfully claimed device"), "{said}");
    assert!(particle.does(&["list"]).await.contains(&device.id));

    let said = particle.fails(&["device", "add", "1234"]).await;
    assert!(said.contains("Failed to claim device: device does not exist"), "{said}");
    let said = particle.fails(&["device", "add", &foreign.id]).await;
    assert!(!said.contains("Successfully"), "{said}");
    assert!(particle.fails(&["device", "remove", &foreign.id, "--yes"]).await.contains("Didn't remove the device"));
    assert!(!particle.does(&["list"]).await.contains(&foreign.id));
}
