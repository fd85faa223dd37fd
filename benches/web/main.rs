//! What the web port costs: `cargo bench --bench web`.
//!
//! With the real daemon, prints beside the machine:
//!
//! * 200 event streams: resident memory before and after they are open, and after the events; latency of ten events a
//!   second, from the publish to the arrival at each stream, and at the last of them;
//! * lists of 50 devices that are read in a second;
//! * how long each page takes with 200 integrations and 1,000 devices.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports on stdout and may end by panicking")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/machine.rs"]
mod machine;
mod pages;
mod reads;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/server.rs"]
mod server;
mod streams;

use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

use crate::daemon::Daemon;
use crate::server::Server;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        machine::print();
        let server = Server::start();
        let mut daemon = Daemon::start(server.port());
        let token = daemon.token();
        streams::measure(&daemon, &token).await;
        reads::measure(&daemon, &token).await;
        daemon.stop();
        let mut daemon = Daemon::start(server.port());
        pages::measure(&daemon).await;
        daemon.stop();
    });
}

/// The head of an answer, its body skipped if its length is said.
async fn head(stream: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).await.unwrap() > 0, "the connection is over");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    head
}
