//! `SwitchBot`'s things. Which one it is, its service data says: in the first byte, or in the last four. The values are
//! there or in the manufacturer data, which is sent more often and does not say which device it is: then what an advert
//! before has said counts.
//! Source: <https://github.com/OpenWonderLabs/SwitchBotAPI-BLE> and pySwitchbot 3.1, read 2026-11.

mod models;
mod movers;
mod powered;
mod sensors;

use uuid::Uuid;

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Counter;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;
use crate::ble::decode::switchbot::models::Model;

/// Its own service, and the one that old devices have.
const SERVICES: [u16; 2] = [0xfd3d, 0x0d00];
/// Its own company id, and those of the chips of old devices.
const COMPANY: u16 = 0x0969;
const OLD_COMPANIES: [u16; 2] = [0x02e5, 0x0059];
/// The service of what old devices are connected for: with a chip's company id it shows who they are.
const OWN: Uuid = Uuid::from_u128(0xcba2_0d00_224d_11e6_9fb8_0002_a5d5_c51b);

/// Both halves of what a device sends. A half that was not heard is empty.
#[derive(Debug, Clone, Copy)]
struct Sent<'a> {
    service: Bytes<'a>,
    company: Bytes<'a>,
}

impl<'a> Sent<'a> {
    /// The service data, if there are so many bytes.
    fn service(&self, least: usize) -> Option<&'a [u8]> {
        Some(self.service.0).filter(|data| data.len() >= least)
    }

    /// The manufacturer data, if there are so many bytes. The first six are the address.
    fn company(&self, least: usize) -> Option<&'a [u8]> {
        Some(self.company.0).filter(|data| data.len() >= least)
    }
}

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, state: &mut State) -> Option<Result<Reading, Refusal>> {
    let service = SERVICES.iter().find_map(|id| advert.service(*id)).unwrap_or_default();
    let company = [COMPANY].iter().chain(&OLD_COMPANIES).find_map(|id| advert.manufacturer(*id)).unwrap_or_default();
    let is_its_own = !service.is_empty() || advert.manufacturer_data.contains_key(&COMPANY);
    if !is_its_own && state.switchbot.is_none() && !advert.service_uuids.contains(&OWN) {
        return None;
    }
    let told = models::in_first_byte(service).or_else(|| models::in_last_bytes(service));
    state.switchbot = told.or(state.switchbot);
    let Some(model) = state.switchbot.and_then(models::model) else {
        let unknown = "which SwitchBot it is says only another advert, or it is one that is not known";
        return Some(Err(Refusal::Unsupported(unknown)));
    };
    Some(read(model, Sent { service: Bytes(service), company: Bytes(company) }))
}

fn read(model: Model, sent: Sent<'_>) -> Result<Reading, Refusal> {
    let mut draft = Draft::new("switchbot");
    draft.model(model.name);
    if let Some(sequence) = sent.company.u8(6).filter(|_| model.has_sequence) {
        draft.counter(Counter::byte(sequence));
    }
    // One half alone is often too little, and so is a half that was cut.
    (model.read)(sent, &mut draft).ok_or(Refusal::Unsupported("what it tells stands in another of its adverts"))?;
    draft.finish()
}

/// Puts down the low seven bits of a byte, which are a share.
fn share(property: Property, byte: u8, draft: &mut Draft) {
    draft.whole(property, byte & 0x7f);
}

/// The battery stands in the third byte of the service data of most devices.
fn battery(sent: Sent<'_>, draft: &mut Draft) {
    if let Some(data) = sent.service(3) {
        share(Property::Battery, data[2], draft);
    }
}

#[cfg(test)]
mod tests;
