//! Parts of all pages: styles and scripts, embedded, compressed at build time (`build.rs`), named by their content, so
//! that browsers keep them for ever.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use warp::Filter;

use crate::http;
use crate::http::BodyRoom;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::http::Route;

/// One of them.
struct Asset {
    name: &'static str,
    address: &'static str,
    content_type: &'static str,
    gzipped: &'static [u8],
}

static ASSETS: &[Asset] = &include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Where a part is, by its file's name.
pub(super) fn address(name: &str) -> Option<&'static str> {
    ASSETS.iter().find(|asset| asset.name == name).map(|asset| asset.address)
}

/// The parts, for everybody.
pub(super) fn routes(room: &BodyRoom) -> Vec<Route> {
    let at = |address: &'static str| -> &'static [&'static str] { Box::leak(Box::new([address])) };
    let route = |asset: &'static Asset| {
        let asked = http::request(Method::GET, at(asset.address), 0, room.clone());
        asked.map(move |request: Request| answer(asset, &request)).boxed()
    };
    ASSETS.iter().map(route).collect()
}

fn answer(asset: &'static Asset, request: &Request) -> Response {
    let takes_gzip = request.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip"));
    if takes_gzip {
        return http::part(asset.content_type, true, Bytes::from_static(asset.gzipped));
    }
    let mut content = Vec::new();
    GzDecoder::new(asset.gzipped).read_to_end(&mut content).expect("it was compressed at build time");
    http::part(asset.content_type, false, content.into())
}
