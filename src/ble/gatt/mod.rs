//! What is said over a Bluetooth connection, without the connection: bytes in, words out, and back. Nothing here does
//! I/O or reads the time, and no bytes make it panic.
//!
//! ```text
//!  framed (farhook service)  notification ──> frame::Assembler ──> Message ─┬─ PUBLISH ──> publish::read ──> an event
//!                                                                           ├─ HELLO ────> hello::second
//!                                                                           ├─ ACK, PING
//!                                                                           └─ ERROR ────> error::read
//!                            write <──────── frame::frames <── Message <────── hello, response::body, error::body, ACK
//!
//!  lined (Nordic UART)       notification ──> lines::Lines ──> a line ────────────────────> publish::read ──> an event
//!                            write <──────── lines::pieces <── data of a response
//! ```
//! Both are a [`conversation`]. `docs/bluetooth-firmware.md` tells the same to those who write firmware.

pub mod conversation;
pub mod error;
pub mod frame;
pub mod framed;
pub mod hello;
pub mod lined;
pub mod lines;
pub mod publish;
pub mod response;
