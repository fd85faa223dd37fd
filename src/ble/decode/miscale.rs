//! Xiaomi's scales that send no `MiBeacon`: the first one, and the one that also measures the body's resistance.
//! Source: xiaomi-ble 1.21 and Bluetooth SIG, Weight Scale Service 1.0, read 2026-11.

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

/// "Weight scale".
const FIRST: u16 = 0x181d;
/// "Body composition".
const SECOND: u16 = 0x181b;

/// A pound and a jin, in kg.
const POUND_KG: f64 = 0.453_592_37;
const JIN_KG: f64 = 0.5;

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    let of_length = |service, length| advert.service(service).filter(|data: &&[u8]| data.len() == length).map(Bytes);
    let draft = match (of_length(FIRST, 10), of_length(SECOND, 13)) {
        (Some(data), _) => first(data),
        (None, Some(data)) => second(data),
        (None, None) => return None,
    };
    Some(draft.ok_or(Refusal::Truncated).and_then(Draft::finish))
}

fn first(data: Bytes<'_>) -> Option<Draft> {
    let control = data.u8(0)?;
    let mass = Mass {
        raw: data.u16_le(1)?,
        is_in_pounds: control & 1 << 0 != 0,
        is_in_jin: control & 1 << 4 != 0,
        is_stable: control & 1 << 5 != 0,
        is_removed: control & 1 << 7 != 0,
    };
    let mut draft = Draft::new("miscale");
    draft.model("XMTZC01HM/XMTZC04HM");
    mass.put(&mut draft);
    Some(draft)
}

fn second(data: Bytes<'_>) -> Option<Draft> {
    let (unit, control) = (data.u8(0)?, data.u8(1)?);
    let mass = Mass {
        raw: data.u16_le(11)?,
        is_in_pounds: unit & 1 << 0 != 0,
        is_in_jin: control & 1 << 6 != 0,
        is_stable: control & 1 << 5 != 0,
        is_removed: control & 1 << 7 != 0,
    };
    let mut draft = Draft::new("miscale");
    draft.model("XMTZC02HM/XMTZC05HM/NUN4049CN");
    let has_impedance = control & 1 << 1 != 0;
    if mass.put(&mut draft) && has_impedance {
        draft.whole(Property::Impedance, data.u16_le(9)?);
    }
    Some(draft)
}

/// A weight in the unit that the scale shows.
#[expect(clippy::struct_excessive_bools, reason = "that is how a scale says it")]
struct Mass {
    raw: u16,
    is_in_pounds: bool,
    is_in_jin: bool,
    is_stable: bool,
    is_removed: bool,
}

impl Mass {
    /// Puts it down in kg. Whether it is final.
    fn put(&self, draft: &mut Draft) -> bool {
        let raw = f64::from(self.raw);
        let kg = match (self.is_in_jin, self.is_in_pounds) {
            (false, false) => raw / 200.0,
            (_, true) => raw / 100.0 * POUND_KG,
            (true, false) => raw / 100.0 * JIN_KG,
        };
        let is_final = self.is_stable && !self.is_removed && self.raw > 0;
        draft.float(Property::MassNonStabilized, kg);
        if is_final {
            draft.float(Property::Mass, kg);
        }
        draft.flag(Property::Stabilized, is_final);
        is_final
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::decode::testing::service;
    use crate::ble::decode::testing::values;

    #[test]
    fn a_weight_is_kilograms_whatever_the_scale_shows() {
        // Steps of 5 g, hundredths of a pound, hundredths of a jin.
        for (hex, kg) in
            [("22a041e507040b101301", 84.0), ("23102700000000000000", 45.36), ("32102700000000000000", 50.0)]
        {
            let read = values(&service(FIRST, hex));
            assert_eq!(read["mass"].as_f64(), Some(kg), "{hex}");
            assert_eq!((&read["mass_non_stabilized"], &read["stabilized"]), (&read["mass"], &json!(true)));
        }
    }

    #[test]
    fn a_weight_that_is_taken_away_is_not_final() {
        let expected = json!({ "mass_non_stabilized": 84.24, "stabilized": false });
        assert_eq!(values(&service(FIRST, "a2d041e507040b101301")), expected);
    }

    #[test]
    fn the_second_scale_measures_resistance_when_the_weight_is_final() {
        let expected = json!({ "mass_non_stabilized": 50, "mass": 50, "impedance": 500, "stabilized": true });
        assert_eq!(values(&service(SECOND, "022200000000000000f4011027")), expected);
        let expected = json!({ "mass_non_stabilized": 50, "stabilized": false });
        assert_eq!(values(&service(SECOND, "020200000000000000f4011027")), expected);
    }
}
