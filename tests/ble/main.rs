//! The decoders of adverts on what others have recorded, on random bytes, and through the real command.
//!
//! The recorded adverts lie beside the checkout. Without them the test says so and passes.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod adverts;
mod command;
mod names;
mod recorded;

use farhook::ble::decode;

use crate::adverts::Random;

/// An unoptimised build decodes them in a few seconds.
const ADVERTS: u32 = 1_000_000;

#[test]
fn random_adverts_never_panic_and_some_are_read() {
    let mut random = Random::new(1);
    let mut readings = 0;
    for _ in 0..ADVERTS {
        let (advert, key, mut state) = random.advert();
        readings += u32::from(decode::decode(&advert, key.as_ref(), &mut state).is_ok());
    }
    assert!(readings > ADVERTS / 20, "only {readings} of {ADVERTS} got past the first checks");
}
