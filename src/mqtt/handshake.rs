//! From the first byte to a known identity: reading CONNECT and deciding whether it is let in.

use tokio::io::AsyncRead;

use crate::model::WallTime;
use crate::mqtt::codec;
use crate::mqtt::codec::Greeting;
use crate::mqtt::frame;
use crate::mqtt::frame::Limits;
use crate::mqtt::frame::kind;
use crate::mqtt::packet::Connect;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Version;
use crate::mqtt::packet::Violation;
use crate::mqtt::wire::Inlet;
use crate::registry::Identity;
use crate::registry::Snapshot;

/// Bytes of a client id; the standard asks for 23 at least.
const CLIENT_ID_BYTES: usize = 256;

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// Closed without an answer: it is not MQTT, it is broken, or the client went away.
    #[error("no MQTT connection was asked for")]
    Unanswered,
    /// The CONNACK says why.
    #[error("refused as {reason:?}")]
    Answered {
        /// In the form of this version.
        version: Version,
        /// Why.
        reason: Reason,
    },
}

/// Reads the CONNECT. The caller limits the time.
pub(super) async fn read_connect<S: AsyncRead>(
    input: &mut Inlet<S>,
    limits: Limits,
) -> Result<(Version, Connect), Refused> {
    let header = loop {
        let header = frame::header(&input.bytes, Version::V4, limits).map_err(|_| Refused::Unanswered)?;
        if header.is_some_and(|header| header.kind != kind::CONNECT) {
            return Err(Refused::Unanswered);
        }
        let missing = match header {
            Some(header) if input.bytes.len() >= header.total_bytes => break header,
            Some(header) => header.total_bytes - input.bytes.len(),
            None => 0,
        };
        if !matches!(input.read(missing).await, Ok(1..)) {
            return Err(Refused::Unanswered);
        }
    };
    let packet = input.bytes.split_to(header.total_bytes);
    let version = match codec::greet(&packet, header) {
        Ok(Greeting::Spoken(version)) => version,
        Ok(Greeting::Unspoken(version)) => {
            return Err(Refused::Answered { version, reason: Reason::UnsupportedVersion });
        }
        Err(_) => return Err(Refused::Unanswered),
    };
    match codec::decode_connect(version, packet) {
        Ok(connect) => Ok((version, connect)),
        Err(Violation(reason)) if version == Version::V5 => Err(Refused::Answered { version, reason }),
        Err(_) => Err(Refused::Unanswered),
    }
}

/// Who the client is, if it is let in.
///
/// # Errors
/// The reason for its CONNACK.
pub(super) fn admit(
    version: Version,
    connect: &Connect,
    registry: &Snapshot,
    now: WallTime,
) -> Result<Identity, Reason> {
    if connect.has_authentication_method {
        return Err(Reason::BadAuthenticationMethod);
    }
    let (name, secret) = connect.login.as_ref().ok_or(Reason::NotAuthorized)?;
    let identity = registry.login(name, secret, now).ok_or(Reason::BadLogin)?;
    if connect.client_id.len() > CLIENT_ID_BYTES {
        return Err(Reason::ClientIdInvalid);
    }
    if version == Version::V4 && connect.client_id.is_empty() && !connect.clean {
        return Err(Reason::ClientIdInvalid);
    }
    Ok(identity)
}
