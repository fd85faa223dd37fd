//! `BTHome` 1 and 2, plain and encrypted.
//! Source: <https://bthome.io/format/>, <https://bthome.io/v1/> and <https://bthome.io/encryption/>, read 2026-11.

mod objects;

use std::borrow::Cow;

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::reading::Counter;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state;
use crate::ble::decode::state::State;

/// Version 1 without encryption.
const V1: u16 = 0x181c;
/// Version 1 with it.
const V1_ENCRYPTED: u16 = 0x181e;
/// Version 2.
const V2: u16 = 0xfcd2;

/// Counter and tag at the end of what is encrypted.
const TRAILER_BYTES: usize = 8;

const IS_ENCRYPTED: u8 = 0b0000_0001;
const HAS_ADDRESS: u8 = 0b0000_0010;

/// What Shelly's sensors are called, by the name that they send.
/// Source: <https://shelly-api-docs.shelly.cloud/docs-ble/>, read 2026-11.
const MODELS: [(&str, &str); 10] = [
    ("SBBT-002C", "Shelly BLU Button1"),
    ("SBBT-102C", "Shelly BLU Button1 ZB"),
    ("SBDW-002C", "Shelly BLU Door/Window"),
    ("SBMO-003Z", "Shelly BLU Motion"),
    ("SBHT-003C", "Shelly BLU H&T"),
    ("SBHT-203C", "Shelly BLU H&T ZB"),
    ("SBHT-103C", "Shelly BLU H&T Display ZB"),
    ("SBBT-004CEU", "Shelly BLU Wall Switch 4"),
    ("SBBT-004CUS", "Shelly BLU RC Button 4"),
    ("SBTR-001AEU", "Shelly BLU TRV"),
];

pub(super) fn decode(advert: &Advert, key: Option<&BindKey>, state: &mut State) -> Option<Result<Reading, Refusal>> {
    if let Some(data) = advert.service(V2) {
        return Some(v2(advert, data, key, state));
    }
    if let Some(data) = advert.service(V1) {
        return Some(v1(advert, data, key));
    }
    advert.service(V1_ENCRYPTED).map(|data| v1_encrypted(advert, data, key, state))
}

fn v2(advert: &Advert, data: &[u8], key: Option<&BindKey>, state: &mut State) -> Result<Reading, Refusal> {
    let (&info, mut payload) = data.split_first().ok_or(Refusal::Truncated)?;
    let version = info >> 5;
    if version != 2 {
        return Err(Refusal::UnknownKind { what: "BTHome version", code: version });
    }
    let mut address = advert.address.bytes();
    if info & HAS_ADDRESS != 0 {
        let (sent, rest) = payload.split_at_checked(address.len()).ok_or(Refusal::Truncated)?;
        address.iter_mut().zip(sent.iter().rev()).for_each(|(to, from)| *to = *from);
        payload = rest;
    }
    let mut draft = draft(advert);
    if info & IS_ENCRYPTED == 0 {
        plain(key)?;
        objects::v2(payload, &mut draft);
    } else {
        let [low, high] = V2.to_le_bytes();
        let opened = open(payload, address, &[low, high, info], &[], key, state, &mut draft)?;
        objects::v2(&opened, &mut draft);
    }
    draft.finish()
}

fn v1(advert: &Advert, data: &[u8], key: Option<&BindKey>) -> Result<Reading, Refusal> {
    plain(key)?;
    let mut draft = draft(advert);
    objects::v1(data, &mut draft);
    draft.finish()
}

fn v1_encrypted(advert: &Advert, data: &[u8], key: Option<&BindKey>, state: &mut State) -> Result<Reading, Refusal> {
    let mut draft = draft(advert);
    let address = advert.address.bytes();
    let opened = open(data, address, &V1_ENCRYPTED.to_le_bytes(), &[0x11], key, state, &mut draft)?;
    objects::v1(&opened, &mut draft);
    draft.finish()
}

fn draft(advert: &Advert) -> Draft {
    let mut draft = Draft::new("bthome");
    if let Some((_, model)) = MODELS.iter().find(|(name, _)| *name == advert.name()) {
        draft.model(Cow::Borrowed(*model));
    }
    draft
}

/// Who has a bind key wants nothing that anybody could have sent.
fn plain(key: Option<&BindKey>) -> Result<(), Refusal> {
    if key.is_some() { Err(Refusal::NotEncrypted) } else { Ok(()) }
}

/// What is in an encrypted advert: cipher, counter, tag. The nonce is address, `label`, counter.
fn open(
    payload: &[u8],
    address: [u8; 6],
    label: &[u8],
    aad: &[u8],
    key: Option<&BindKey>,
    state: &mut State,
    draft: &mut Draft,
) -> Result<Vec<u8>, Refusal> {
    let key = BindKey::long(key)?;
    let end = payload.len().checked_sub(TRAILER_BYTES).filter(|end| *end > 0).ok_or(Refusal::Truncated)?;
    let (sealed, trailer) = payload.split_at(end);
    let trailer = Bytes(trailer);
    let (counter, tag): ([u8; 4], [u8; 4]) = trailer.array(0).zip(trailer.array(4)).ok_or(Refusal::Truncated)?;
    let nonce = [&address, label, &counter].concat();
    let opened = bind_key::open(key, &nonce, aad, sealed, tag)?;
    let counter = u32::from_le_bytes(counter);
    state::advance(&mut state.bthome, counter)?;
    draft.authenticated();
    draft.counter(Counter::new(counter, 32));
    Ok(opened)
}

#[cfg(test)]
mod tests;
