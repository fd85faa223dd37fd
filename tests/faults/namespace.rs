//! A network of its own, without a name: it is gone when nobody lives in it and the test has let go of it, however the
//! test ends.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::thread;

use nix::sched::CloneFlags;

/// A network namespace, in which only loopback is up.
pub struct Namespace(File);

impl Namespace {
    pub fn new() -> Self {
        let unshare = || {
            nix::sched::unshare(CloneFlags::CLONE_NEWNET).unwrap();
            Self(File::open("/proc/thread-self/ns/net").unwrap())
        };
        let namespace = thread::spawn(unshare).join().unwrap();
        namespace.ip("link set lo up");
        namespace
    }

    /// Another hold on the same namespace.
    pub fn again(&self) -> Self {
        Self(self.0.try_clone().unwrap())
    }

    /// Does `work` on a thread that lives here: its sockets and the processes that it starts are here, too.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let live = || {
            nix::sched::setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(live).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs the `ip` of iproute2.
    pub fn ip(&self, command: &str) {
        let output = self.run(|| Command::new("ip").args(command.split(' ')).output().unwrap());
        assert!(output.status.success(), "ip {command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Lets packets through from one interface to another.
    pub fn forward(&self) {
        self.run(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
    }

    /// Lays a cable: the interface `here` of this namespace, and `there` of the other.
    pub fn connect(&self, here: &str, other: &Self, there: &str) {
        let other = format!("/proc/{}/fd/{}", std::process::id(), other.0.as_raw_fd());
        self.ip(&format!("link add {here} type veth peer name {there} netns {other}"));
    }
}
