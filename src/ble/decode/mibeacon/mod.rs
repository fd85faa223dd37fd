//! Xiaomi's `MiBeacon` 2 to 5: plain, encrypted, and encrypted the old way.
//!
//! A frame says what it has (frame control), from which product and the how manieth it is, maybe the sender's address
//! and its capabilities, and then objects. Versions 4 and 5 seal the objects with a tag; 2 and 3 encrypt them without
//! one, so a wrong key shows only in what comes out.
//! Source: <https://iot.mi.com/new/doc/accesses/direct-access/embedded-development/ble/ble-mibeacon>, and
//! xiaomi-ble 1.21 for what is not written there, read 2026-11.

mod buttons;
mod locks;
mod objects;
mod products;
mod scales;

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Counter;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state;
use crate::ble::decode::state::State;

const SERVICE: u16 = 0xfe95;
/// Frame control, product, frame counter.
const HEADER_BYTES: usize = 5;
/// Three more bytes of the counter, and the tag.
const TRAILER_BYTES: usize = 7;
/// Three random bytes and a check sum that nobody checks.
const OLD_TRAILER_BYTES: usize = 4;

const IS_ENCRYPTED: u16 = 1 << 3;
const HAS_ADDRESS: u16 = 1 << 4;
const HAS_CAPABILITY: u16 = 1 << 5;
const HAS_OBJECT: u16 = 1 << 6;
const IS_MESH: u16 = 1 << 7;
/// In the capability: another byte follows.
const HAS_IO: u8 = 1 << 5;

pub(super) fn decode(advert: &Advert, key: Option<&BindKey>, state: &mut State) -> Option<Result<Reading, Refusal>> {
    advert.service(SERVICE).map(|data| frame(advert, data, key, state))
}

fn frame(advert: &Advert, data: &[u8], key: Option<&BindKey>, state: &mut State) -> Result<Reading, Refusal> {
    let header = Bytes(data);
    let (control, product) = header.u16_le(0).zip(header.u16_le(2)).ok_or(Refusal::Truncated)?;
    let frame_counter = header.u8(4).ok_or(Refusal::Truncated)?;
    let version = control >> 12;
    if control & IS_MESH != 0 {
        return Err(Refusal::Unsupported("it belongs to a Bluetooth mesh"));
    }
    if version < 2 {
        return Err(Refusal::Unsupported("it is of a MiBeacon version before 2"));
    }
    let mut rest = data.get(HEADER_BYTES..).ok_or(Refusal::Truncated)?;
    if control & HAS_ADDRESS != 0 {
        let (sent, behind) = rest.split_at_checked(6).ok_or(Refusal::Truncated)?;
        if sent != advert.address.on_air() {
            return Err(Refusal::OtherAddress);
        }
        rest = behind;
    }
    let model = products::model(product).ok_or(Refusal::UnknownProduct(product))?;
    if control & HAS_CAPABILITY != 0 {
        let (&capability, behind) = rest.split_first().ok_or(Refusal::Truncated)?;
        rest = behind;
        if capability & HAS_IO != 0 {
            rest = rest.get(1..).ok_or(Refusal::Truncated)?;
        }
    }
    let mut draft = Draft::replacing("mibeacon");
    draft.model(model);
    draft.counter(Counter::byte(frame_counter));
    if control & HAS_OBJECT == 0 {
        if products::is_scale(model) {
            draft.flag(Property::Stabilized, false);
        }
        return draft.finish();
    }
    if control & IS_ENCRYPTED == 0 {
        objects::all(rest, model, &mut draft);
    } else if version >= 4 {
        let opened = open(advert, data, rest, key, state, &mut draft)?;
        objects::all(&opened, model, &mut draft);
    } else {
        let opened = open_old(advert, data, rest, key)?;
        if !objects::are_whole(&opened) {
            return Err(Refusal::WrongKey);
        }
        objects::all(&opened, model, &mut draft);
    }
    draft.finish()
}

/// Versions 4 and 5: the nonce is address, product, frame counter and the rest of the counter.
fn open(
    advert: &Advert,
    data: &[u8],
    rest: &[u8],
    key: Option<&BindKey>,
    state: &mut State,
    draft: &mut Draft,
) -> Result<Vec<u8>, Refusal> {
    let end = rest.len().checked_sub(TRAILER_BYTES).filter(|end| *end > 0).ok_or(Refusal::Truncated)?;
    let key = BindKey::long(key)?;
    let (sealed, trailer) = rest.split_at(end);
    let product_and_frame: [u8; 3] = Bytes(data).array(2).ok_or(Refusal::Truncated)?;
    let more: [u8; 3] = Bytes(trailer).array(0).ok_or(Refusal::Truncated)?;
    let tag: [u8; 4] = Bytes(trailer).array(3).ok_or(Refusal::Truncated)?;
    let nonce = [advert.address.on_air().as_slice(), &product_and_frame, &more].concat();
    let opened = bind_key::open(key, &nonce, &[0x11], sealed, tag)?;
    let counter = u32::from_le_bytes([product_and_frame[2], more[0], more[1], more[2]]);
    state::advance(&mut state.mibeacon, counter)?;
    draft.authenticated();
    draft.counter(Counter::new(counter, 32));
    Ok(opened)
}

/// Versions 2 and 3: the nonce is the header, three random bytes and five of the address.
fn open_old(advert: &Advert, data: &[u8], rest: &[u8], key: Option<&BindKey>) -> Result<Vec<u8>, Refusal> {
    let end = rest.len().checked_sub(OLD_TRAILER_BYTES).filter(|end| *end > 2).ok_or(Refusal::Truncated)?;
    let key = BindKey::filled(key)?;
    let (sealed, trailer) = rest.split_at(end);
    let header: [u8; 5] = Bytes(data).array(0).ok_or(Refusal::Truncated)?;
    let random: [u8; 3] = Bytes(trailer).array(0).ok_or(Refusal::Truncated)?;
    let mut nonce = [0; 13];
    nonce[..5].copy_from_slice(&header);
    nonce[5..8].copy_from_slice(&random);
    nonce[8..].copy_from_slice(&advert.address.on_air()[..5]);
    Ok(bind_key::open_unchecked(&key, nonce, sealed))
}

#[cfg(test)]
mod tests;
