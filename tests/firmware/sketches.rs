//! The two complete programs compile against declarations of what they use of other libraries.
//!
//! This holds them to the link as it is, and to themselves. It does not prove that the declarations in `stubs/` are
//! those of the libraries.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::board::examples;
use crate::board::tests;
use crate::tools;

#[test]
fn the_sketch_for_esp32_compiles() {
    if tools::is_missing("c++", "build-essential") {
        return;
    }
    // The libraries' own headers leave names of parameters unused.
    let flags = ["-std=gnu++17", "-Wno-unused-parameter", "-x", "c++"];
    assert_compiles("c++", &flags, "stubs/arduino", "esp32-nimble/esp32-nimble.ino");
}

#[test]
fn the_application_for_nrf_compiles() {
    if tools::is_missing("cc", "build-essential") {
        return;
    }
    assert_compiles("cc", &["-std=gnu17"], "stubs/zephyr", "zephyr-nrf/src/main.c");
    let files = fs::read_to_string(examples().join("zephyr-nrf/CMakeLists.txt")).unwrap();
    assert!(files.contains("src/main.c ../farhook_link.c"));
}

/// In both, the service is that of the protocol.
#[test]
fn the_uuids_are_those_of_the_guide() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bluetooth-firmware.md");
    let guide = fs::read_to_string(guide).unwrap();
    let header = fs::read_to_string(examples().join("farhook_link.h")).unwrap();
    for number in 1..=4 {
        let uuid = format!("b1e5000{number}-6a2f-4c5e-9f0d-7c1d5a9e0c01");
        assert!(guide.contains(&uuid) && header.contains(&format!("\"{uuid}\"")), "{uuid}");
    }
    let zephyr = fs::read_to_string(examples().join("zephyr-nrf/src/main.c")).unwrap();
    assert!(zephyr.contains("BT_UUID_128_ENCODE(0xb1e50000 + (n), 0x6a2f, 0x4c5e, 0x9f0d, 0x7c1d5a9e0c01)"));
}

fn assert_compiles(compiler: &str, flags: &[&str], stubs: &str, source: &str) {
    let mut command = Command::new(compiler);
    command.args(["-fsyntax-only", "-Wall", "-Wextra", "-Werror"]).args(flags);
    command.arg("-I").arg(examples()).arg("-I").arg(tests().join(stubs)).arg(examples().join(source));
    assert!(command.status().unwrap().success());
}
