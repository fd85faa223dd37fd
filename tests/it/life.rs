//! The daemon's life: start, reload, stop, and what gets in the way.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::gateway::farhook;
use crate::gateway::stderr;
use crate::receiver::Answer;
use crate::receiver::Receiver;

#[tokio::test]
async fn a_second_start_on_the_same_data_is_refused_naming_folder_and_process() {
    let gateway = Gateway::start().await;
    let data = gateway.data();
    let mut second = farhook();
    second.arg("run").arg("--data").arg(&data).arg("--config").arg(gateway.config_file());

    let output = timeout(PATIENCE, second.output()).await.expect("it ends").unwrap();

    let reason = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{reason}");
    assert!(reason.contains(data.to_str().unwrap()), "{reason}");
    assert!(reason.contains(&gateway.process_id().to_string()), "{reason}");
    gateway.json(&["status"]).await;
}

#[tokio::test]
async fn an_unknown_key_stops_the_start_with_file_line_and_the_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("farhook.toml");
    fs::write(&file, "[mqtt]\nlisten = \"127.0.0.1:0\"\n\n[limits]\nhost_per_minut = 3\n").unwrap();
    let (data, expected) = (folder.path().join("data"), format!("{}:5", file.display()));

    let mut run = farhook();
    run.arg("run").arg("--data").arg(&data).arg("--config").arg(&file);
    let mut check = farhook();
    check.arg("check-config").arg(&file);
    for command in [&mut run, &mut check] {
        let output = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
        let reason = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{reason}");
        for part in [expected.as_str(), "limits.host_per_minut", "limits.host_per_minute\""] {
            assert!(reason.contains(part), "{part}: {reason}");
        }
    }
    assert!(!data.exists(), "nothing was begun");
}

#[tokio::test]
async fn a_file_of_conf_d_is_read_over_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("farhook.toml");
    fs::write(&file, "[limits]\nhost_per_minute = 3\n").unwrap();
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    fs::write(folder.path().join("conf.d/50-mine.toml"), "[limits]\nhost_per_minute = -1\n").unwrap();

    let output = timeout(PATIENCE, farhook().arg("check-config").arg(&file).output()).await.unwrap().unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("conf.d/50-mine.toml:2"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_delivery_that_hangs_does_not_keep_the_daemon_and_is_made_again() {
    let mut gateway = Gateway::start().await;
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let mut receiver =
        Receiver::with(move |_| if mended.load(Ordering::SeqCst) { Answer::ok("at last") } else { Answer::Silence });
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" })).await;
    gateway.login(&device).await.publish("temp", "72").await;
    let first = receiver.next().await;

    gateway.stop().await;
    is_mended.store(true, Ordering::SeqCst);
    gateway.start_again().await;

    let second = receiver.next().await;
    assert_eq!((second.body.as_str(), second.header("webhook-id")), ("72", first.header("webhook-id")));
    gateway.wait_for_queue("waiting", 0).await;
}

#[tokio::test]
async fn what_is_under_way_at_the_stop_is_finished_and_not_made_twice() {
    let mut gateway = Gateway::start().await;
    let leave = Arc::new(tokio::sync::Notify::new());
    let given = Arc::clone(&leave);
    let mut receiver = Receiver::with(move |_| Answer::After(Arc::clone(&given)));
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    gateway.login(&device).await.publish("temp", "72").await;
    receiver.next().await;

    gateway.signal(nix::sys::signal::Signal::SIGTERM);
    gateway.wait_for_log("stopping").await;
    leave.notify_one();
    gateway.ended().await;
    gateway.start_again().await;

    gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn the_parts_of_a_response_that_wait_for_their_turn_are_told_before_the_stop() {
    let mut gateway = Gateway::start().await;
    let answer: String = ('a'..='j').flat_map(|letter| [letter; 512]).collect();
    let whole = answer.clone();
    let receiver = Receiver::with(move |_| Answer::ok(&answer));
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-response/#").await;
    client.publish("temp", "72").await;
    let mut heard = client.hear().await.data;

    let hearing = async {
        for part in 1..10 {
            let message = client.hear_on(&format!("hook-response/temp/{part}")).await;
            heard.push_str(&message.data);
        }
        // Now the client closes its side, as it is asked to.
        drop(client);
    };
    tokio::join!(hearing, gateway.stop());

    assert_eq!(heard, whole);
}

#[tokio::test]
async fn a_reload_with_a_mistake_changes_nothing_and_is_told() {
    let mut gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let mut receiver = Receiver::start();
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;

    fs::write(gateway.config_file(), "[egress]\nalow = []\n").unwrap();
    gateway.signal(nix::sys::signal::Signal::SIGHUP);
    gateway.wait_for_log("egress.allow").await;
    gateway.login(&device).await.publish("temp", "72").await;
    receiver.next().await;

    // Without its range the target is out of reach.
    gateway.reload(Setup::bare()).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-error/#").await;
    client.publish("temp", "73").await;
    assert!(client.hear().await.data.contains("hooks may not reach"));
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn whoever_watches_over_the_gateway_gets_an_answer() {
    let gateway = Gateway::start().await;
    for (path, status) in [("/healthz", "200"), ("/readyz", "200"), ("/nothing", "404")] {
        let answer = gateway.get(path).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    }
}

#[tokio::test]
async fn everybody_who_is_connected_is_let_go_at_the_stop() {
    let mut gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let mut client = gateway.login(&device).await;
    client.subscribe("#").await;
    let mut tail = gateway.command(&["events"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let idle = TcpStream::connect(gateway.http).await.unwrap();

    gateway.stop().await;

    client.wait_for_end().await;
    assert!(timeout(PATIENCE, tail.wait()).await.expect("it ends").is_ok());
    drop(idle);
    assert!(!gateway.data().join("ctl.sock").exists());
    let reason = gateway.refused(&["status"], "").await;
    assert!(reason.contains("no gateway found"), "{reason}");
}
