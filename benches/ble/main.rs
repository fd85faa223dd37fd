//! How many adverts one core decodes: `cargo bench --bench ble`.
//!
//! A million random ones, of which most get past the first checks of a decoder. That none of them panics is shown on the
//! way.

#![expect(clippy::print_stdout, reason = "a bench reports on stdout")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

#[allow(unreachable_pub, reason = "nothing is outside of a bench")]
#[path = "../../tests/ble/adverts.rs"]
mod adverts;

use std::time::Duration;
use std::time::Instant;

use farhook::ble::decode;

use crate::adverts::Random;

const ADVERTS: u32 = 1_000_000;
/// Made before they are measured.
const AT_ONCE: u32 = 1_000;

fn main() {
    let mut random = Random::new(2);
    let (mut took, mut readings) = (Duration::ZERO, 0);
    for _ in 0..ADVERTS / AT_ONCE {
        let adverts: Vec<_> = (0..AT_ONCE).map(|_| random.advert()).collect();
        let start = Instant::now();
        for (advert, key, mut state) in adverts {
            readings += u32::from(decode::decode(&advert, key.as_ref(), &mut state).is_ok());
        }
        took += start.elapsed();
    }
    let per_second = f64::from(ADVERTS) / took.as_secs_f64();
    println!("{ADVERTS} adverts, of which {readings} gave a reading: {per_second:.0} a second on one core");
}
