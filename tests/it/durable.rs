//! What is on the disk before it is acknowledged, as the kernel sees it.

use serde_json::json;

use nix::sys::stat::Mode;

use crate::gateway::Setup;
use crate::mqtt::Packet;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::tools;

/// What the trace is searched for.
const KEPT: &str = "an-event-that-a-hook-wants";
const FREE: &str = "an-event-that-no-hook-wants";
const KEPT_ID: u16 = 0x1234;
const FREE_ID: u16 = 0x4321;

#[tokio::test]
async fn an_fdatasync_lies_between_a_stored_event_and_its_acknowledgement_and_costs_nobody_else() {
    if tools::is_missing("strace", "strace") {
        return;
    }
    // The end of the pipe is the end of the trace.
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("trace");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let file = pipe.clone();
    let trace = tokio::task::spawn_blocking(move || std::fs::read_to_string(file).unwrap());
    let calls = "trace=fdatasync,fsync,sync_file_range,read,recvfrom,sendto,sendmsg,write,writev";
    let strace = ["strace", "-D", "-f", "-x", "-yy", "-s", "400", "-e", calls, "-o", pipe.to_str().unwrap()];
    let mut gateway = Setup::new().under(&strace).start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "kept", "url": receiver.url("/") })).await;
    let mut client = gateway.login(&device).await;

    for (topic, data, id) in [("free", FREE, FREE_ID), ("kept", KEPT, KEPT_ID)] {
        client.send_publish(topic, id, data, false).await.unwrap();
        assert!(matches!(client.packet().await, Some(Packet::PubAck(acked)) if acked == id));
    }
    receiver.next().await;
    gateway.stop().await;

    let trace = trace.await.unwrap();
    let trace: Vec<&str> = trace.lines().collect();
    assert_eq!(syncs_before_acknowledgement(&trace, FREE, FREE_ID), 0);
    assert!(syncs_before_acknowledgement(&trace, KEPT, KEPT_ID) > 0, "acknowledged before it was on the disk");
}

/// How often the queue's file was synced, start to end, between the read of the PUBLISH and the write of its PUBACK.
fn syncs_before_acknowledgement(trace: &[&str], data: &str, packet_id: u16) -> usize {
    let [high, low] = packet_id.to_be_bytes();
    let puback = format!(r#""\x40\x02\x{high:02x}\x{low:02x}"#);
    let data: Vec<String> = data.bytes().map(|byte| format!(r"\x{byte:02x}")).collect();
    let data = data.concat();
    let read = trace.iter().position(|line| line.contains(&data) && !line.contains("write"));
    let read = read.expect("the PUBLISH is read from a socket");
    let between = &trace[read + 1..];
    let written = between.iter().position(|line| line.contains(&puback)).expect("the PUBACK is written");
    let between = &between[..written];
    let begun =
        between.iter().enumerate().filter(|(_, line)| line.contains("fdatasync(") && line.contains("/queue/db"));
    begun.filter(|(at, line)| ended_well(line, &between[at + 1..])).count()
}

/// Whether a call that begins on this line returned 0, there or on a later line of its thread.
fn ended_well(line: &str, after: &[&str]) -> bool {
    if !line.ends_with("<unfinished ...>") {
        return line.ends_with("= 0");
    }
    let thread = line.split(' ').next().unwrap();
    let is_end = |line: &&&str| line.split(' ').next() == Some(thread) && line.contains("fdatasync resumed");
    after.iter().find(is_end).is_some_and(|line| line.ends_with("= 0"))
}
