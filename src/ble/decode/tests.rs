//! What holds for all decoders.

use super::*;
use crate::ble::decode::testing::company;
use crate::ble::decode::testing::reading;
use crate::ble::decode::testing::service;

#[test]
fn an_advert_of_nobody_known_is_refused_in_words() {
    assert_eq!(reading(&Advert::default()).unwrap_err().to_string(), "no known format");
    assert_eq!(reading(&company(0xffff, "0011")).unwrap_err(), Refusal::UnknownFormat);
}

#[test]
fn a_second_format_is_asked_when_the_first_makes_nothing_of_it() {
    let mut advert = service(0xfcd2, "40fe");
    advert.manufacturer_data = company(0x004c, "02150112233445566778899aabbccddeeff00102ffffc5").manufacturer_data;
    assert_eq!(reading(&advert).unwrap().format, "ibeacon");
    advert.manufacturer_data.clear();
    assert_eq!(reading(&advert), Err(Refusal::Empty));
}
