//! What is said over a Bluetooth connection, without the connection: bytes in, words out, and back. Nothing here does
//! I/O or reads the time, and no bytes make it panic.
//!
//! ```text
//!  farhook service     notification ──> frame::Assembler ──> Message ─┬─ PUBLISH ──> publish::read ──> an event
//!  (framed mode)                                                      ├─ HELLO ────> hello::second
//!                                                                     ├─ ACK, PING
//!                                                                     └─ ERROR ────> error::read
//!                      write <──────── frame::frames <── Message <────── hello, response::body, error::body, ACK
//!
//!  Nordic UART         notification ──> lines::Lines ──> a line ────────────────────> publish::read ──> an event
//!  (line mode)         write <──────── lines::pieces <── data of a response
//! ```
//! `docs/bluetooth-firmware.md` tells the same to those who write firmware.

pub mod error;
pub mod frame;
pub mod hello;
pub mod lines;
pub mod publish;
pub mod response;
