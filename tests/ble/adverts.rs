//! Random adverts that get past the first checks of a decoder: labels and lengths are often those of a format. The same
//! seed gives the same adverts.

use farhook::ble::advert::Address;
use farhook::ble::advert::Advert;
use farhook::ble::advert::long;
use farhook::ble::decode::BindKey;
use farhook::ble::decode::State;

const SERVICES: [u16; 13] =
    [0xfcd2, 0x181c, 0x181e, 0xfe95, 0x181a, 0xfd50, 0x181d, 0x181b, 0xfd3d, 0x0d00, 0xfeaa, 0xfff0, 0xfee5];
const COMPANIES: [u16; 14] =
    [0x0499, 0xec88, 0x0001, 0x8801, 0x8803, 0xf861, 9289, 12884, 0x0969, 0x0059, 0x0010, 0x0030, 0x004c, 0x2730];
const NAMES: [&str; 14] = [
    "GVH5075_0000",
    "GVH5106_0000",
    "GV5140AAAA",
    "GV5112AAAA",
    "GV51210000",
    "H5184",
    "H5198",
    "sps",
    "tps",
    "xBBQ",
    "ITH-11-B",
    "ink@iam-t2",
    "SBHT-003C",
    "",
];
const PROBE_SERVICES: [u16; 5] = [0x8151, 0x8451, 0x9851, 0x5550, 0xfff0];
/// What formats begin with.
const BEGINNINGS: [&[u8]; 16] = [
    &[0x40],
    &[0x41],
    &[0x40, 0x50, 0x5b, 0x05],
    &[0x48, 0x50, 0x5b, 0x05],
    &[0x40, 0x50, 0x39, 0x0e, 0x00],
    &[0x48, 0x30, 0xb6, 0x03],
    &[0x03],
    &[0x05],
    &[0x06],
    &[0xe1],
    &[0x02, 0x15],
    &[0x10, 0x00],
    &[0x20, 0x00],
    b"T",
    b"d",
    &[0x03, 0xff, 0x7f],
];

/// xorshift64*. Source: Vigna, An experimental exploration of Marsaglia's xorshift generators, scrambled, 2016.
pub(crate) struct Random(u64);

impl Random {
    /// Of a seed that is not 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// An advert, a key at times, and what somebody may have heard before.
    pub(crate) fn advert(&mut self) -> (Advert, Option<BindKey>, State) {
        let address = Address::from_bytes(std::array::from_fn(|_| self.byte()));
        let mut advert = Advert { address, ..Advert::default() };
        for _ in 0..self.below(3) {
            advert.service_data.insert(long(self.one_of(&SERVICES)), self.data());
        }
        for _ in 0..self.below(3) {
            let company = if self.below(8) == 0 {
                u16::from_le_bytes([self.byte(), self.byte()])
            } else {
                self.one_of(&COMPANIES)
            };
            advert.manufacturer_data.insert(company, self.data());
        }
        for _ in 0..self.below(3) {
            let services = if self.below(2) == 0 { SERVICES.as_slice() } else { &PROBE_SERVICES };
            advert.service_uuids.push(long(self.one_of(services)));
        }
        advert.name = (self.below(2) == 0).then(|| self.one_of(&NAMES).to_owned());
        let key = match self.below(8) {
            0 => Some(BindKey::Long([7; 16])),
            1 => Some(BindKey::Short([7; 12])),
            _ => None,
        };
        let code = [self.byte().into(), u32::from_be_bytes([1, 0x10, 0xb9, 0x40]), 0x0010_53b0];
        let switchbot = (self.below(4) == 0).then(|| self.one_of(&code));
        (advert, key, State { switchbot, ..State::default() })
    }

    fn data(&mut self) -> Vec<u8> {
        let mut data = if self.below(3) == 0 { Vec::new() } else { self.one_of(&BEGINNINGS).to_vec() };
        let length = self.below(30);
        data.extend((0..length).map(|_| self.byte()));
        data
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn below(&mut self, end: usize) -> usize {
        (usize::from(self.byte()) * end) >> 8
    }

    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
    }
}
