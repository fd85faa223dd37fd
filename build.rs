//! Tells the program when it was built, as `FARHOOK_BUILT_AT_S`, in seconds since 1970. `SOURCE_DATE_EPOCH` decides where
//! it is set, so that the same source makes the same program. Source: reproducible-builds.org, specification of that name.

use std::env;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let given = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.trim().parse::<u64>().ok());
    println!("cargo:rustc-env=FARHOOK_BUILT_AT_S={}", given.unwrap_or_else(now));
}

#[expect(clippy::disallowed_methods, reason = "a build has no clock of ours to ask")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
