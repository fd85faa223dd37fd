//! What some tests need beside farhook.

use std::path::Path;

/// Whether `program` is missing, so that the test has to be skipped, with the reason said. In CI that is a failure.
pub fn is_missing(program: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file());
    !is_there && skip(&format!("{program} is missing, apt install {package}"))
}

/// Whether the test may not do what only root may. The same.
pub fn is_not_root() -> bool {
    !nix::unistd::Uid::effective().is_root() && skip("only root can do this")
}

/// Whether the device file `path` is missing. The same.
pub fn is_no_device(path: &str) -> bool {
    !Path::new(path).exists() && skip(&format!("there is no {path}"))
}

/// Says that a test is skipped, and why. In CI that is a failure.
pub fn skip(reason: &str) -> bool {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
    eprintln!("skipped: {reason}");
    true
}
