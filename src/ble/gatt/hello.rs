//! The hello of a connection: both sides prove that they know the link's key, and neither tells it.
//!
//! ```text
//!  gateway ── HELLO: its nonce ─────────────────────────────> device
//!  gateway <─ HELLO: its nonce, proof of both nonces ──────── device    `second` checks it
//!  gateway ── HELLO: proof of both nonces ──────────────────> device    now the device knows who that is
//! ```
//! Each nonce is new for each connection, so nothing that was heard before can be said again; the two proofs begin
//! with other words, so that neither can be sent back as the other.

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::model::LinkKey;

/// The version of the protocol that is spoken.
pub const PROTO: u8 = 1;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 16;

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 32;

/// Bytes of a device's hello.
const ANSWER_BYTES: usize = 1 + NONCE_BYTES + PROOF_BYTES;

/// Random bytes that are used for one connection.
pub type Nonce = [u8; NONCE_BYTES];

/// What only somebody with the link's key can reckon.
pub type Proof = [u8; PROOF_BYTES];

/// Why the hello of a device is not taken. The connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHello {
    /// It speaks another version.
    #[error("the device speaks version {0} of the protocol, this gateway {PROTO}")]
    Proto(u8),
    /// It is too short or too long.
    #[error("the hello of a device has {ANSWER_BYTES} bytes, this one has {0}")]
    Length(usize),
    /// It has another key, or is not the device at all.
    #[error("its proof is wrong: the device has another key")]
    Proof,
}

/// The body of the gateway's first HELLO, with a nonce of the caller's randomness.
pub fn first(nonce: &Nonce) -> Vec<u8> {
    [&[PROTO], nonce.as_slice()].concat()
}

/// The body of the gateway's second HELLO, if the device's answer to the first one proves that it has the key.
///
/// # Errors
/// Why it does not.
pub fn second(key: &LinkKey, nonce: &Nonce, answer: &[u8]) -> Result<Vec<u8>, BadHello> {
    match answer.first() {
        Some(&proto) if proto != PROTO => return Err(BadHello::Proto(proto)),
        _ if answer.len() != ANSWER_BYTES => return Err(BadHello::Length(answer.len())),
        _ => {}
    }
    let (device_nonce, proof) = answer[1..].split_at(NONCE_BYTES);
    let device_nonce = device_nonce.try_into().expect("the length was checked");
    if !bool::from(device_proof(key, nonce, device_nonce).ct_eq(proof)) {
        return Err(BadHello::Proof);
    }
    Ok([&[PROTO], gateway_proof(key, nonce, device_nonce).as_slice()].concat())
}

/// What a device proves itself with.
pub fn device_proof(key: &LinkKey, gateway_nonce: &Nonce, device_nonce: &Nonce) -> Proof {
    proof(key, b"farhook device", gateway_nonce, device_nonce)
}

/// What a gateway proves itself with.
pub fn gateway_proof(key: &LinkKey, gateway_nonce: &Nonce, device_nonce: &Nonce) -> Proof {
    proof(key, b"farhook gateway", device_nonce, gateway_nonce)
}

fn proof(key: &LinkKey, who: &[u8], other_nonce: &Nonce, own_nonce: &Nonce) -> Proof {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    for part in [who, other_nonce, own_nonce] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::hex;

    const GATEWAY: Nonce = *b"gateway's nonce.";
    const DEVICE: Nonce = *b"a device's nonce";

    fn key() -> LinkKey {
        LinkKey::of_text("not-a-real-key")
    }

    fn answer() -> Vec<u8> {
        [&[1], DEVICE.as_slice(), &device_proof(&key(), &GATEWAY, &DEVICE)].concat()
    }

    /// The proofs are reckoned with Python, for the first one
    /// `hmac.new(K, b"farhook device" + b"gateway's nonce." + b"a device's nonce", "sha256").hexdigest()`.
    #[test]
    fn both_sides_prove_what_the_protocol_says() {
        assert_eq!(first(&GATEWAY), b"\x01gateway's nonce.");
        assert_eq!(hex(&answer()[17..]), "b65c895893514f1222e4bc4a721bff5fa71bac64b00afaf36c2e61a1223df34e");
        let second = second(&key(), &GATEWAY, &answer()).unwrap();
        assert_eq!(second.len(), 33);
        assert_eq!(hex(&second), "0115b2afa68d62ef9a310c407dfcb26d6af4a47efc052473feb75cdc980273f47f");
    }

    #[test]
    fn another_key_nonce_version_or_length_is_no_hello() {
        let answer = answer();
        assert_eq!(second(&LinkKey::of_text("another"), &GATEWAY, &answer), Err(BadHello::Proof));
        assert_eq!(second(&key(), &DEVICE, &answer), Err(BadHello::Proof));
        assert_eq!(second(&key(), &GATEWAY, &[&[2], &answer[1..]].concat()), Err(BadHello::Proto(2)));
        assert_eq!(second(&key(), &GATEWAY, &answer[..48]), Err(BadHello::Length(48)));
        assert_eq!(second(&key(), &GATEWAY, &[&answer[..], &[0]].concat()), Err(BadHello::Length(50)));
        assert_eq!(second(&key(), &GATEWAY, b""), Err(BadHello::Length(0)));
    }

    #[test]
    fn the_gateways_own_proof_is_none_of_a_device() {
        let reflected = [&[1], GATEWAY.as_slice(), &gateway_proof(&key(), &GATEWAY, &GATEWAY)].concat();
        assert_eq!(second(&key(), &GATEWAY, &reflected), Err(BadHello::Proof));
    }

    proptest! {
        #[test]
        fn a_changed_byte_makes_it_wrong(at in 0_usize..49, change in 1_u8..) {
            let mut answer = answer();
            answer[at] ^= change;
            prop_assert!(second(&key(), &GATEWAY, &answer).is_err());
        }

        #[test]
        fn random_bytes_are_no_hello(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(second(&key(), &GATEWAY, &bytes).is_err());
        }
    }
}
