//! Tells the program when it was built, and makes the parts of all pages ready: compressed, and named by what is in
//! them.
//!
//! `FARHOOK_BUILT_AT_S` is in seconds since 1970. `SOURCE_DATE_EPOCH` decides where it is set, so that the same source
//! makes the same program. Source: reproducible-builds.org, specification of that name.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::Digest;
use sha2::Sha256;

/// Folders with parts of all pages.
const STATIC: [&str; 2] = ["src/web/static", "src/web/static/vendor"];

/// Bytes of the hash in a part's address: enough that no two contents share one.
const HASH_BYTES: usize = 8;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let given = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.trim().parse::<u64>().ok());
    println!("cargo:rustc-env=FARHOOK_BUILT_AT_S={}", given.unwrap_or_else(now));

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    let mut list = String::from("[\n");
    for folder in STATIC {
        println!("cargo:rerun-if-changed={folder}");
        for file in parts_in(Path::new(folder)) {
            prepare(&file, &out, &mut list);
        }
    }
    list.push(']');
    fs::write(out.join("assets.rs"), list).expect("the build folder can be written");
}

#[expect(clippy::disallowed_methods, reason = "a build has no clock of ours to ask")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What pages use, in order, so that the same source makes the same program.
fn parts_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is part of the source");
    let files = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut parts: Vec<_> = files.filter(|file| content_type(file).is_some()).collect();
    parts.sort();
    parts
}

/// Compresses a part, and lists it as an `Asset`.
fn prepare(file: &Path, out: &Path, list: &mut String) {
    let content = fs::read(file).expect("the file can be read");
    let name = file.file_name().and_then(|name| name.to_str()).expect("parts have plain names");
    let mut hash = String::new();
    for byte in &Sha256::digest(&content)[..HASH_BYTES] {
        write!(hash, "{byte:02x}").expect("a text takes everything");
    }
    let gzipped = out.join(format!("{name}.gz"));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&content).expect("memory takes everything");
    fs::write(&gzipped, encoder.finish().expect("memory takes everything")).expect("the build folder can be written");
    let kind = content_type(file).expect("only parts are prepared");
    let gzipped = gzipped.to_str().expect("the build folder has a plain name");
    let address = format!("/static/{hash}/{name}");
    writeln!(
        list,
        "Asset {{ name: {name:?}, address: {address:?}, content_type: {kind:?}, gzipped: include_bytes!({gzipped:?}) }},"
    )
    .expect("a text takes everything");
}

fn content_type(file: &Path) -> Option<&'static str> {
    match file.extension()?.to_str()? {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}
