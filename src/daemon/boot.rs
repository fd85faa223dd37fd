//! Which boot of the machine this is: times since the boot mean nothing in another one.

use log::warn;

const FILE: &str = "/proc/sys/kernel/random/boot_id";

/// The kernel's id of this boot; zeros if it has none, which no stored time matches by chance for long.
pub(super) fn id() -> [u8; 16] {
    match std::fs::read_to_string(FILE).map(|text| parse(&text)) {
        Ok(Some(id)) => id,
        Ok(None) => [0; 16],
        Err(error) => {
            warn!("this boot cannot be told from others: {FILE}: {error}");
            [0; 16]
        }
    }
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32).map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_id_is_read_as_the_kernel_writes_it() {
        let id = parse("01020304-0506-0708-090a-0b0c0d0e0f10\n").unwrap();
        assert_eq!(id, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        assert_eq!(parse(""), None);
        assert_eq!(parse("+1020304-0506-0708-090a-0b0c0d0e0f1"), None);
    }
}
