//! Govee's buttons, contacts, and sensors of motion, vibration, pressure and presence.
//!
//! Most of them encrypt with a key that stands in the advert, so it proves nothing about the sender.

use aes::Aes128;
use aes::cipher::BlockCipherDecrypt;
use aes::cipher::KeyInit;

use crate::ble::advert::Advert;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::govee::H5127;
use crate::ble::decode::govee::draft;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Counter;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;

const SEALED_BYTES: usize = 24;

pub(super) fn decode(advert: &Advert, company: u16, sent: &[u8]) -> Option<Result<Reading, Refusal>> {
    if sent.len() == SEALED_BYTES {
        return sealed(advert, Bytes(sent));
    }
    // Many of Govee's other things have these ids, too.
    let is_presence = matches!(sent, [0xec, 0x00, 0x01 | 0x02, 0x01, _, _]);
    if is_presence && (advert.name().contains("H5127") || H5127.contains(&company)) {
        let mut draft = draft("H5127");
        draft.flag(Property::Occupancy, sent[4] == 1);
        draft.flag(Property::Motion, sent[5] == 0x11);
        return Some(draft.finish());
    }
    None
}

/// Two bytes of the address, the time in milliseconds, 16 encrypted bytes and their check sum.
fn sealed(advert: &Advert, data: Bytes<'_>) -> Option<Result<Reading, Refusal>> {
    let (time, body) = data.array::<4>(2).zip(data.array::<16>(6))?;
    if data.u16_be(22)? != check_sum(&body) {
        // Others send 24 bytes as well.
        return None;
    }
    let opened = opened(time, body);
    let named = |model| advert.name().contains(model);
    let model = match opened[2] {
        _ if named("GV5121") => "H5121",
        _ if named("GV5122") => "H5122",
        _ if named("GV5123") => "H5123",
        _ if named("GV5124") => "H5124",
        _ if named("GV5125") => "H5125",
        _ if named("GV5126") => "H5126",
        _ if named("GV5130") => "H5130",
        2 => "H5123",
        3 => "H5121",
        8 => "H5122",
        9 => "H5124",
        10 => "H5125",
        11 => "H5126",
        13 => "H5130",
        kind => return Some(Err(Refusal::UnknownKind { what: "Govee's kind", code: kind })),
    };
    let mut draft = draft(model);
    // It begins anew with each restart, but no two readings have the same.
    draft.counter(Counter::new(u32::from_be_bytes(time), 32));
    draft.whole(Property::Battery, opened[4]);
    happened(model, opened[5], &mut draft);
    Some(draft.finish())
}

fn happened(model: &str, code: u8, draft: &mut Draft) {
    match model {
        "H5121" if code == 1 => draft.flag(Property::Motion, true),
        "H5124" if code == 1 => draft.flag(Property::Vibration, true),
        "H5121" | "H5124" => {}
        "H5123" => draft.flag(Property::Window, code == 2),
        "H5130" => {
            if code & 0x10 != 0 {
                draft.text((Property::Button, Part::Number(0)), "press");
            }
            if code != 0x10 {
                draft.flag(Property::Presence, code & 0x01 != 0);
            }
        }
        _ => draft.text((Property::Button, Part::Number(code)), "press"),
    }
}

/// AES with everything the wrong way round, and the time for a key.
fn opened(time: [u8; 4], mut body: [u8; 16]) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&time);
    key.reverse();
    body.reverse();
    let mut block = body.into();
    Aes128::new(&key.into()).decrypt_block(&mut block);
    let mut opened: [u8; 16] = block.into();
    opened.reverse();
    opened
}

/// CRC-16 with the polynomial of CCITT.
fn check_sum(data: &[u8]) -> u16 {
    data.iter().fold(0x1d0f, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a device with these bytes would send.
    pub(in crate::ble::decode::govee) fn sealed_hex(time: [u8; 4], opened: [u8; 16]) -> String {
        use aes::cipher::BlockCipherEncrypt as _;
        let (mut key, mut body) = ([0; 16], opened);
        key[..4].copy_from_slice(&time);
        key.reverse();
        body.reverse();
        let mut block = body.into();
        Aes128::new(&key.into()).encrypt_block(&mut block);
        let mut body: [u8; 16] = block.into();
        body.reverse();
        let check_sum = check_sum(&body).to_be_bytes();
        crate::ble::decode::bind_key::to_hex(&[&[0x33, 0x22], time.as_slice(), &body, &check_sum].concat())
    }

    #[test]
    fn the_check_sum_is_that_of_the_standard() {
        // The check value of CRC-16/SPI-FUJITSU, which has this polynomial and this beginning.
        assert_eq!(check_sum(b"123456789"), 0xe5cc);
    }
}
