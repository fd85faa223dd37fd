//! Govee's thermometers for meat: probes, and the alarms that are set for them.

use crate::ble::advert::Advert;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::govee::draft;
use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;

/// Where the first probe's values begin in most models.
const FIRST: usize = 8;
/// Which two of four probes an advert is about, in two bits of this byte.
const WHICH: usize = 6;

/// A model: its length, its service, the company ids that it takes, how it is read.
struct Model {
    name: &'static str,
    length: usize,
    service: u16,
    companies: &'static [u16],
    read: fn(Bytes<'_>, &mut Draft) -> Option<()>,
}

const MODELS: [Model; 7] = [
    Model {
        name: "H5181",
        length: 14,
        service: 0x8151,
        companies: &[0xf861, 0x388a, 0xea42, 0xaaa2, 0xd14b],
        read: |data, draft| probe(1, FIRST, data, draft),
    },
    Model {
        name: "H5182",
        length: 17,
        service: 0x8251,
        companies: &[0x2730],
        read: |data, draft| pair(1, 5, data, draft),
    },
    Model {
        name: "H5183",
        length: 14,
        service: 0x8351,
        companies: &[0x67dd, 0xe02f, 0xf79f],
        read: |data, draft| probe(1, FIRST, data, draft),
    },
    Model {
        name: "H5184",
        length: 17,
        service: 0x8451,
        companies: &[0x1b36],
        read: |data, draft| pair(first_of_two(data)?, 5, data, draft),
    },
    Model {
        name: "H5185",
        length: 20,
        service: 0x8551,
        companies: &[0x4a32, 0x0332, 0x4c32],
        read: |data, draft| pair(1, 6, data, draft),
    },
    Model { name: "H5191", length: 20, service: 0x9151, companies: &[0xac63], read: meat_and_oven },
    Model { name: "H5198", length: 20, service: 0x9851, companies: &[0x3022], read: with_low_alarms },
];

/// The one that has only its service as a mark.
const H5055: u16 = 0x5550;
const H5055_BYTES: usize = 20;

pub(super) fn decode(advert: &Advert, company: u16, sent: &[u8]) -> Option<Result<Reading, Refusal>> {
    let data = Bytes(sent);
    let is_it = |model: &&Model| {
        let is_named = advert.name().contains(model.name) || model.companies.contains(&company);
        sent.len() == model.length && (is_named || advert.has_service(model.service))
    };
    let model = MODELS.iter().find(is_it);
    let (name, read): (_, fn(Bytes<'_>, &mut Draft) -> Option<()>) = match model {
        Some(model) => (model.name, model.read),
        None if sent.len() == H5055_BYTES && advert.has_service(H5055) => ("H5055", six_probes),
        None => return None,
    };
    let mut draft = draft(name);
    let unknown = Refusal::Unsupported("which probes it is about is not known");
    Some(read(data, &mut draft).ok_or(unknown).and_then(|()| draft.finish()))
}

/// Hundredths of a degree; a negative number stands for none, which Govee shows as 0.
fn hundredths(data: Bytes<'_>, at: usize) -> Option<i16> {
    data.i16_be(at).map(|number| number.max(0))
}

/// A probe and the alarm behind it.
fn probe(number: u8, at: usize, data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    let (temperature, alarm) = hundredths(data, at).zip(hundredths(data, at + 2))?;
    draft.scaled((P::Temperature, Part::Probe(number)), temperature, 2);
    draft.scaled((P::TemperatureAlarm, Part::Probe(number)), alarm, 2);
    Some(())
}

/// Two probes, the second one `apart` bytes behind the first.
fn pair(number: u8, apart: usize, data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    probe(number, FIRST, data, draft)?;
    probe(number + 1, FIRST + apart, data, draft)
}

/// Probes 1 and 2, or 3 and 4.
fn first_of_two(data: Bytes<'_>) -> Option<u8> {
    match data.u8(WHICH)? & 0x3f {
        1 => Some(1),
        2 => Some(3),
        _ => None,
    }
}

/// The second value is the air around the meat, without an alarm of its own.
fn meat_and_oven(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    probe(1, FIRST, data, draft)?;
    draft.scaled(P::Temperature, data.i16_be(FIRST + 6)?, 2);
    Some(())
}

fn with_low_alarms(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    let first = first_of_two(data)?;
    for (number, at) in [(first, FIRST), (first + 1, FIRST + 6)] {
        probe(number, at, data, draft)?;
        draft.scaled((P::LowTemperatureAlarm, Part::Probe(number)), hundredths(data, at + 4)?, 2);
    }
    Some(())
}

/// Whole degrees. Two bits say which two of six probes it is about, six others which of them are plugged in.
fn six_probes(data: Bytes<'_>, draft: &mut Draft) -> Option<()> {
    let bits = data.u8(3)?;
    let first = match bits >> 6 {
        0 => 1,
        1 => 3,
        2 => 5,
        _ => return None,
    };
    for (number, at) in [(first, 5), (first + 1, 12)] {
        if bits & 1 << (number - 1) == 0 {
            continue;
        }
        draft.whole((P::Temperature, Part::Probe(number)), data.i16_le(at)?);
        if let Some(alarm) = data.i16_le(at + 4).filter(|alarm| *alarm >= 0) {
            draft.whole((P::TemperatureAlarm, Part::Probe(number)), alarm);
        }
        if let Some(alarm) = data.i16_le(at + 2).filter(|alarm| *alarm >= 0) {
            draft.whole((P::LowTemperatureAlarm, Part::Probe(number)), alarm);
        }
    }
    draft.whole(P::Battery, data.u8(2)? & 0x7f);
    Some(())
}
