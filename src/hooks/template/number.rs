//! Prints a number as JavaScript does. Called when a template prints JSON data.

/// The decimal form of a finite number: the shortest digits that give the same number again, in powers of ten from
/// 1e21 on and below 1e-6.
/// Source: <https://tc39.es/ecma262/#sec-numeric-types-number-tostring>, read 2026-11.
pub(super) fn print(number: f64) -> String {
    if number == 0.0 {
        // Minus zero, too.
        return "0".to_owned();
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let scientific = shortest(number.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("this is how Rust prints such a number");
    let exponent: i32 = exponent.parse().expect("this is how Rust prints an exponent");
    let digits = mantissa.replace('.', "");
    format!("{sign}{}", place_point(&digits, exponent))
}

/// The fewest digits that give the number again, as `d.dde-5`. If two texts are equally near, JavaScript takes the one
/// that ends with an even digit, and Rust does so only when it is told how many digits to print.
fn shortest(number: f64) -> String {
    let shortest = format!("{number:e}");
    let decimals = shortest.find('e').map_or(0, |digits| digits.saturating_sub(2));
    let nearest = format!("{number:.decimals$e}");
    if nearest.parse() == Ok(number) { nearest } else { shortest }
}

/// Writes the number d.ddd × 10^exponent.
fn place_point(digits: &str, exponent: i32) -> String {
    match usize::try_from(exponent) {
        Ok(places) if places >= 21 => powers_of_ten(digits, exponent),
        Ok(places) if digits.len() <= places + 1 => format!("{digits:0<width$}", width = places + 1),
        Ok(places) => format!("{}.{}", &digits[..=places], &digits[places + 1..]),
        Err(_) if exponent < -6 => powers_of_ten(digits, exponent),
        Err(_) => format!("0.{}{digits}", &"00000"[..exponent.unsigned_abs() as usize - 1]),
    }
}

fn powers_of_ten(digits: &str, exponent: i32) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}e{exponent:+}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_looks_as_in_javascript() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-5.0, "-5"),
            (21.10, "21.1"),
            (1234.0, "1234"),
            (100.0, "100"),
            (0.1, "0.1"),
            (0.000_001, "0.000001"),
            (0.000_001_5, "0.0000015"),
            (1e-7, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (-1.25e-9, "-1.25e-9"),
            (1e20, "100000000000000000000"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e21, "1e+21"),
            (1.5e21, "1.5e+21"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (7_448_304_437_334_554.0 / 8.0, "931038054666819.2"),
            (7_448_304_437_334_558.0 / 8.0, "931038054666819.8"),
        ];

        for (number, expected) in cases {
            assert_eq!(print(number), expected);
        }
    }
}
