//! The unix socket through which the command line talks to the daemon: one JSON line asks, JSON lines answer.
//!
//! Only root and the daemon's own user may speak: the kernel says who is calling. The web port hands over the same
//! requests of users with a token, who may do less. Requests are short, one for each
//! connection, and nothing that a caller sends can block or stop the daemon.

mod accounts;
mod answer;
mod backup;
mod clerk;
mod deliveries;
mod devices;
mod hooks;
mod places;
mod remote;
mod sensors;
mod server;
mod sessions;
mod shown;
mod socket;
mod sources;

pub use answer::Parts;
pub use server::serve;
pub use socket::Socket;
pub use socket::SocketError;
pub use socket::connect;
