//! From adverts to readings: every format that is known, as a function of bytes.
//!
//! [`decode`] asks one decoder after the other. A decoder gets the advert, the bind key if there is one, and the little
//! [`State`] that its format needs. It gives nothing if the advert is not of its format, else a [`Reading`] or a
//! [`Refusal`]. Nothing here waits, keeps anything or panics, whatever the bytes are.
//!
//! A format is one file with a function like those below, its `mod` line, and its line in `FORMATS`.

mod atc;
pub mod bind_key;
mod bthome;
mod bytes;
mod eddystone;
mod govee;
mod hhcc;
mod ibeacon;
mod inkbird;
mod mibeacon;
mod miscale;
mod mopeka;
mod property;
mod reading;
mod refusal;
mod ruuvi;
mod state;
mod switchbot;
mod thermobeacon;

pub use bind_key::BindKey;
pub use property::Kind;
pub use property::Property;
pub use reading::Counter;
pub use reading::Datum;
pub use reading::Key;
pub use reading::Part;
pub use reading::Reading;
pub use reading::Value;
pub use refusal::Refusal;
pub use state::State;

use crate::ble::advert::Advert;

/// What a decoder is: none if the advert is not of its format.
type Decoder = fn(&Advert, Option<&BindKey>, &mut State) -> Option<Result<Reading, Refusal>>;

/// The formats, in the order in which they are asked. Those that are told by a weak mark come late: what a vendor sends
/// as an iBeacon beside its values is no reading of its own.
const FORMATS: [Decoder; 13] = [
    bthome::decode,
    mibeacon::decode,
    atc::decode,
    hhcc::decode,
    miscale::decode,
    ruuvi::decode,
    govee::decode,
    inkbird::decode,
    switchbot::decode,
    thermobeacon::decode,
    mopeka::decode,
    eddystone::decode,
    ibeacon::decode,
];

/// Makes a reading of an advert.
///
/// `state` is what the adverts of this address have told before, and is brought up to date.
///
/// # Errors
/// Why there is no reading: of the first format that takes the advert for its own, if none makes anything of it.
pub fn decode(advert: &Advert, key: Option<&BindKey>, state: &mut State) -> Result<Reading, Refusal> {
    let mut refusal = Refusal::UnknownFormat;
    for decoder in FORMATS {
        match decoder(advert, key, state) {
            Some(Ok(reading)) => return Ok(reading),
            Some(Err(reason)) if refusal == Refusal::UnknownFormat => refusal = reason,
            Some(Err(_)) | None => {}
        }
    }
    Err(refusal)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
