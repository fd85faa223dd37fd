//! What some tests need beside farhook.

use std::path::Path;

/// Whether `program` is missing, so that the test has to be skipped, with the reason said. In CI that is a failure.
pub fn is_missing(program: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file());
    if !is_there {
        skip(&format!("{program} is missing, apt install {package}"));
    }
    !is_there
}

/// Says why a test is skipped. In CI that is a failure.
pub fn skip(reason: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
    eprintln!("skipped: {reason}");
}
