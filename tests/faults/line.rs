//! The line to the internet, and the ways in which it goes.
//!
//! ```text
//!   gateway             router              target
//!   eth0 ───────────── lan0   wan0 ──────── eth0     lo
//!   10.77.1.2     10.77.1.1   10.77.2.1     10.77.2.2  10.77.3.1, .2, … servers
//! ```

use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;

use tokio::runtime;
use tokio::sync::oneshot;

use crate::namespace::Namespace;
use crate::receiver::Answer;
use crate::receiver::Closed;
use crate::receiver::Receiver;

/// What the gateway must be allowed to reach.
pub const ALLOW: &str = "[egress]\nallow = [\"10.77.3.0/24\"]";

/// Three machines in a row.
pub struct Line {
    gateway: Namespace,
    router: Namespace,
    target: Namespace,
}

/// Servers at the far end; they run until this is dropped.
pub struct Servers {
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl Line {
    /// A line that works, to `servers` addresses.
    pub fn new(servers: u8) -> Self {
        let line = Self { gateway: Namespace::new(), router: Namespace::new(), target: Namespace::new() };
        line.gateway.connect("eth0", &line.router, "lan0");
        line.target.connect("eth0", &line.router, "wan0");
        line.router.ip("address add 10.77.1.1/24 dev lan0");
        line.router.ip("link set lan0 up");
        line.router.ip("address add 10.77.2.1/24 dev wan0");
        line.router.ip("link set wan0 up");
        line.router.forward();
        line.target.ip("address add 10.77.2.2/24 dev eth0");
        line.target.ip("link set eth0 up");
        line.target.ip("route add 10.77.1.0/24 via 10.77.2.1");
        for server in 0..servers {
            line.target.ip(&format!("address add {}/32 dev lo", address(server)));
        }
        line.gateway.ip("address add 10.77.1.2/24 dev eth0");
        line.plug_in();
        line.restore();
        line
    }

    /// Does `work` on the gateway's machine, with a runtime of its own.
    pub fn on_gateway(&self, work: impl AsyncFnOnce(&Self) + Send) {
        self.gateway.run(|| runtime().block_on(work(self)));
    }

    /// Starts the servers, which answer everything with 200.
    pub fn serve(&self, servers: u8) -> (Servers, Vec<Receiver>) {
        let (stop, stopped) = oneshot::channel();
        let (sender, started) = mpsc::channel();
        let target = self.target.again();
        let running = thread::spawn(move || {
            target.run(|| {
                runtime().block_on(async {
                    for server in 0..servers {
                        sender.send(Closed::at(address(server)).open(|_| Answer::status(200))).unwrap();
                    }
                    drop(sender);
                    // Told to stop, or the test is gone.
                    let _ = stopped.await;
                });
            });
        });
        (Servers { stop: Some(stop), running: Some(running) }, started.iter().collect())
    }

    /// From here on packets to the servers vanish in the router, and nobody is told.
    pub fn cut(&self) {
        self.router.ip("route replace blackhole 10.77.3.0/24");
    }

    pub fn restore(&self) {
        self.router.ip("route replace 10.77.3.0/24 via 10.77.2.2");
    }

    /// The gateway's own cable is out: its interface is down and it has no route any more.
    pub fn pull_out(&self) {
        self.gateway.ip("link set eth0 down");
    }

    pub fn plug_in(&self) {
        self.gateway.ip("link set eth0 up");
        self.gateway.ip("route replace default via 10.77.1.1");
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.running.take().map(JoinHandle::join);
    }
}

fn address(server: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 3, server + 1)
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
