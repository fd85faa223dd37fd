//! A stop: nothing more is read, what was handed in is answered, everybody is told.

use std::time::Duration;

use farhook::mqtt::Settings;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::client::Connect;
use crate::client::V4;
use crate::client::V5;
use crate::gateway::Gateway;
use crate::gateway::accepted;
use crate::gateway::login;
use crate::gateway::settings;

#[tokio::test]
async fn what_was_handed_in_is_acknowledged_before_the_farewell() {
    for level in [V4, V5] {
        let mut gateway = Gateway::start().await;
        let mut client = gateway.device(level, "kitchen").await;
        let mut idle = gateway.device(level, "cellar").await;
        client.publish(0x32, "a", 1, b"").await;
        let submission = gateway.submission().await;
        gateway.stop.send(true).unwrap();
        idle.expect_end(0x8B).await;
        // Not read any more.
        client.publish(0x32, "b", 2, b"").await;
        submission.verdict.send(Ok(accepted())).unwrap();
        client.expect(&[0x40, 2, 0, 1]).await;
        client.expect_end(0x8B).await;
        assert!(gateway.intake.as_mut().unwrap().try_recv().is_err());
        gateway.server.stopped().await;
        assert!(TcpStream::connect(gateway.at).await.is_err());
    }
}

#[tokio::test]
async fn a_verdict_that_does_not_come_is_not_waited_for_long() {
    let settings = Settings { stop_timeout: Duration::from_millis(200), ..settings() };
    let mut gateway = Gateway::start_with(settings).await;
    let mut client = gateway.device(V5, "kitchen").await;
    client.publish(0x32, "a", 1, b"").await;
    let _never_answered = gateway.submission().await;
    gateway.stop.send(true).unwrap();
    client.expect_end(0x8B).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_stop_publishes_no_wills_and_does_not_wait_for_who_logs_in() {
    let mut gateway = Gateway::start().await;
    let connect = Connect { will: Some(("gone".into(), String::new())), ..login(V5, "kitchen") };
    let mut client = Client::open(gateway.at, &connect).await;
    let mut undecided = Client::raw(gateway.at, V4).await;
    undecided.send(&[0x10]).await;
    let mut queue = gateway.intake.take().unwrap();
    let stopping = tokio::spawn(gateway.stop());
    client.expect_end(0x8B).await;
    assert_eq!(undecided.receive().await, None);
    stopping.await.unwrap();
    assert!(queue.try_recv().is_err());
}

#[tokio::test]
async fn dropping_the_sender_stops_too() {
    let gateway = Gateway::start().await;
    let mut client = gateway.device(V5, "kitchen").await;
    drop(gateway.stop);
    client.expect_end(0x8B).await;
    gateway.server.stopped().await;
}
