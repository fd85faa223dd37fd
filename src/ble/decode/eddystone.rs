//! Google's Eddystone: an id, an address on the web, how the beacon itself is, and an id that changes.
//! Source: <https://github.com/google/eddystone/blob/master/protocol-specification.md> and the files beside it, read
//! 2026-11.

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bind_key::to_hex;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

const SERVICE: u16 = 0xfeaa;

/// A beacon that does not know its temperature says so.
const NO_TEMPERATURE: i16 = i16::MIN;
/// A beacon without battery has this voltage.
const NO_BATTERY: u16 = 0;

const SCHEMES: [&str; 4] = ["http://www.", "https://www.", "http://", "https://"];
/// What single bytes stand for in an address: with a slash first, then without.
const ENDINGS: [&str; 14] = [
    ".com/", ".org/", ".edu/", ".net/", ".info/", ".biz/", ".gov/", ".com", ".org", ".edu", ".net", ".info", ".biz",
    ".gov",
];

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    advert.service(SERVICE).map(|data| frame(Bytes(data)))
}

fn frame(data: Bytes<'_>) -> Result<Reading, Refusal> {
    let mut draft = Draft::new("eddystone");
    let done = match data.u8(0).ok_or(Refusal::Truncated)? {
        0x00 => uid(data, &mut draft),
        0x10 => return url(data, draft),
        0x20 => match data.u8(1).ok_or(Refusal::Truncated)? {
            0x00 => telemetry(data, &mut draft),
            0x01 => return Err(Refusal::Unsupported("encrypted Eddystone-TLM is not read")),
            version => return Err(Refusal::UnknownKind { what: "Eddystone-TLM", code: version }),
        },
        0x30 => ephemeral(data, &mut draft),
        kind => return Err(Refusal::UnknownKind { what: "Eddystone's frame", code: kind }),
    };
    done.ok_or(Refusal::Truncated)?;
    draft.finish()
}

fn uid(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    draft.model("UID");
    draft.whole(Property::TxPower, data.i8(1)?);
    draft.text(Property::Namespace, to_hex(data.slice(2, 10)?));
    draft.text(Property::Instance, to_hex(data.slice(12, 6)?));
    Some(())
}

fn url(data: Bytes<'_>, mut draft: Draft) -> Result<Reading, Refusal> {
    draft.model("URL");
    let [_, power, scheme, rest @ ..] = data.0 else { return Err(Refusal::Truncated) };
    let scheme = SCHEMES.get(usize::from(*scheme)).ok_or(Refusal::Damaged("an address has one of four schemes"))?;
    let mut url = (*scheme).to_owned();
    for byte in rest {
        match byte {
            0x21..=0x7e => url.push(char::from(*byte)),
            byte => url.push_str(
                ENDINGS.get(usize::from(*byte)).ok_or(Refusal::Damaged("an address has only printable characters"))?,
            ),
        }
    }
    draft.whole(Property::TxPower, i8::from_be_bytes([*power]));
    draft.text(Property::Url, url);
    draft.finish()
}

fn telemetry(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    draft.model("TLM");
    let (millivolts, temperature) = (data.u16_be(2)?, data.i16_be(4)?);
    if millivolts != NO_BATTERY {
        draft.scaled(Property::Voltage, millivolts, 3);
    }
    if temperature != NO_TEMPERATURE {
        draft.float(Property::Temperature, f64::from(temperature) / 256.0);
    }
    draft.whole(Property::AdvertCount, data.u32_be(6)?);
    draft.scaled(Property::Uptime, data.u32_be(10)?, 1);
    Some(())
}

fn ephemeral(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    draft.model("EID");
    draft.whole(Property::TxPower, data.i8(1)?);
    draft.text((Property::Instance, Part::Named("ephemeral")), to_hex(data.slice(2, 8)?));
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::decode::testing::reading;
    use crate::ble::decode::testing::service;
    use crate::ble::decode::testing::values;

    #[test]
    fn an_id_is_read_with_its_reserved_bytes_and_without() {
        let expected = json!({ "tx_power": -18, "namespace": "00112233445566778899", "instance": "aabbccddeeff" });
        for hex in ["00ee00112233445566778899aabbccddeeff0000", "00ee00112233445566778899aabbccddeeff"] {
            assert_eq!(values(&service(SERVICE, hex)), expected);
        }
    }

    #[test]
    fn an_address_is_written_out() {
        let expected = json!({ "tx_power": 4, "url": "https://example.org/a.info" });
        assert_eq!(values(&service(SERVICE, "1004036578616d706c6501610b")), expected);
        for hex in ["100404", "10040320", "1004037f", "1004030e"] {
            assert!(matches!(reading(&service(SERVICE, hex)), Err(Refusal::Damaged(_))), "{hex}");
        }
    }

    #[test]
    fn telemetry_is_read_without_what_the_beacon_does_not_know() {
        let expected = json!({ "voltage": 2.95, "temperature": -1.5, "advert_count": 258, "uptime": 6553.6 });
        assert_eq!(values(&service(SERVICE, "20000b86fe800000010200010000")), expected);
        let expected = json!({ "advert_count": 1, "uptime": 0 });
        assert_eq!(values(&service(SERVICE, "2000000080000000000100000000")), expected);
    }

    #[test]
    fn an_id_that_changes_is_told_apart() {
        let expected = json!({ "tx_power": 0, "instance_ephemeral": "0011223344556677" });
        assert_eq!(values(&service(SERVICE, "30000011223344556677")), expected);
    }

    #[test]
    fn what_is_sealed_unknown_or_cut_is_told() {
        assert!(matches!(reading(&service(SERVICE, "2001000000000000000000000000")), Err(Refusal::Unsupported(_))));
        assert!(matches!(reading(&service(SERVICE, "4000")), Err(Refusal::UnknownKind { .. })));
        for hex in ["", "00", "10", "20", "2000", "00ee0011", "30000011"] {
            assert_eq!(reading(&service(SERVICE, hex)), Err(Refusal::Truncated), "{hex}");
        }
    }
}
