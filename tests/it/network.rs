//! A network of its own for the daemon: routes that come and go, and a line that swallows packets.
//!
//! Only root may make one.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sched::CloneFlags;
use serde_json::json;
use tokio::process::Command;
use tokio::time::Instant;
use tokio::time::sleep;

use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::receiver::Request;
use crate::tools;

/// An address that is nobody's, so that no network of this machine holds it. Source: RFC 5737.
const FAR_AWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

#[tokio::test]
async fn what_waits_goes_out_within_5_s_when_a_line_that_swallowed_packets_is_back() {
    let Some(gateway) = gateway_with_a_network_of_its_own().await else { return };
    gateway.device("kitchen").await;
    let url = format!("http://{FAR_AWAY}/");
    gateway.hook(&json!({ "event": "temp", "url": url, "body": "{{PARTICLE_EVENT_VALUE}}" })).await;
    assert_state(&gateway, "offline").await;

    add_interface(&gateway).await;
    ip(&gateway, "address add 192.0.2.2/24 dev out").await;
    ip(&gateway, "route add default via 192.0.2.1").await;
    assert_state(&gateway, "unknown").await;
    for number in ["1", "2", "3"] {
        gateway.json(&["publish", "temp", number]).await;
    }
    assert_state(&gateway, "offline").await;
    // Long enough that a target which is silent alone would be left alone for longer than it may take here.
    sleep(Duration::from_secs(8)).await;

    ip(&gateway, "address add 192.0.2.9/32 dev out").await;
    let back = Instant::now();
    let mut receiver = receiver_in_the_network_of(&gateway, |_| Answer::status(200));
    assert_eq!(receiver.bodies(3).await, ["1", "2", "3"]);

    let took = back.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    assert_state(&gateway, "online").await;
    gateway.wait_for_queue("waiting", 0).await;
}

#[tokio::test]
async fn a_default_route_that_comes_and_goes_is_seen() {
    let Some(gateway) = gateway_with_a_network_of_its_own().await else { return };
    add_interface(&gateway).await;
    assert_state(&gateway, "offline").await;
    ip(&gateway, "route add unreachable default metric 4000").await;
    ip(&gateway, "-6 route add default dev out").await;
    assert_state(&gateway, "unknown").await;
    ip(&gateway, "-6 route del default dev out").await;
    assert_state(&gateway, "offline").await;
    ip(&gateway, "route add default dev out").await;
    assert_state(&gateway, "unknown").await;
    ip(&gateway, "link set out down").await;
    assert_state(&gateway, "offline").await;
    assert!(gateway.log().contains("the internet is offline: there is no default route"), "{}", gateway.log());
}

#[tokio::test]
async fn what_a_login_page_answered_waits_until_the_login_is_done() {
    let Some(gateway) = gateway_with_a_network_of_its_own().await else { return };
    ip(&gateway, "address add 192.0.2.9/32 dev lo").await;
    ip(&gateway, "route add default dev lo").await;
    let logged_in = Arc::new(AtomicBool::new(false));
    let login = Arc::clone(&logged_in);
    let mut receiver = receiver_in_the_network_of(&gateway, move |_| {
        if login.load(Ordering::SeqCst) {
            return Answer::status(200);
        }
        Answer::Status(302, vec![("location", "http://login.hotel.example/".to_owned())], String::new())
    });
    gateway.device("kitchen").await;
    let hook = gateway.hook(&json!({ "event": "temp", "url": format!("http://{FAR_AWAY}/") })).await;
    gateway.json(&["publish", "temp", "72"]).await;
    assert_state(&gateway, "captive").await;
    let shown = gateway.json(&["hook", "show", &hook]).await;
    assert_eq!((&shown["delivered"], &shown["failed"]), (&json!(0), &json!(0)), "{shown}");
    let outcome = shown["last_outcome"].as_str().unwrap();
    assert!(outcome.contains("redirects to login.hotel.example"), "{outcome}");

    logged_in.store(true, Ordering::SeqCst);

    assert_state(&gateway, "online").await;
    gateway.wait_for_queue("waiting", 0).await;
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["delivered"], 1);
    assert_eq!(receiver.next().await.json()["data"], "72");
}

/// None if it cannot be made here.
async fn gateway_with_a_network_of_its_own() -> Option<Gateway> {
    let needed = [("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2")];
    if needed.iter().any(|(program, package)| tools::is_missing(program, package)) {
        return None;
    }
    if tools::is_not_root() {
        return None;
    }
    let with_loopback = "ip link set lo up && exec \"$@\"";
    Some(Setup::new().under(&["unshare", "--net", "sh", "-c", with_loopback, "sh"]).start().await)
}

async fn ip(gateway: &Gateway, command: &str) {
    let network = format!("--net=/proc/{}/ns/net", gateway.process_id());
    let done = Command::new("nsenter").arg(network).arg("ip").args(command.split(' ')).output().await.unwrap();
    assert!(done.status.success(), "ip {command}: {}", String::from_utf8_lossy(&done.stderr));
}

/// What is sent to it is gone, without an error: its cable ends with somebody who takes nothing.
async fn add_interface(gateway: &Gateway) {
    ip(gateway, "link add out type veth peer name nobody").await;
    ip(gateway, "link set out arp off up").await;
    ip(gateway, "link set nobody arp off up").await;
}

async fn assert_state(gateway: &Gateway, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = gateway.json(&["status"]).await;
        if status["queue"]["state"] == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "it is never {wanted}: {status}");
    }
}

/// Listens far away: a socket stays in the network that it was made in.
fn receiver_in_the_network_of(
    gateway: &Gateway,
    script: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> Receiver {
    let network = std::fs::File::open(format!("/proc/{}/ns/net", gateway.process_id())).unwrap();
    let listening = std::thread::spawn(move || {
        nix::sched::setns(network, CloneFlags::CLONE_NEWNET).unwrap();
        std::net::TcpListener::bind(SocketAddr::from((FAR_AWAY, 80))).unwrap()
    });
    Receiver::on(listening.join().unwrap(), script)
}
