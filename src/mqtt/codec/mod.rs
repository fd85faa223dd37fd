//! Packets to bytes and back: the safe side of rumqttd's codecs. Pure.
//!
//! Bytes reach rumqttd only as one whole packet whose header `frame` has passed, so "more bytes needed" is an error
//! here. What rumqttd does not check (packet ids, reserved flags, NUL in texts, a reason code without properties) is
//! checked before or after it. DISCONNECT is written here, because rumqttd writes one byte too many, and PUBLISH is read
//! and written here.

mod cursor;
mod decode;
mod encode;
mod properties;
mod publish;
mod reasons;
#[cfg(test)]
mod tests;

pub(super) use decode::Greeting;
pub(super) use decode::decode;
pub(super) use decode::decode_connect;
pub(super) use decode::greet;
pub(super) use encode::encode;
pub(super) use properties::write_lasting;
pub(super) use publish::encode_delivery;
