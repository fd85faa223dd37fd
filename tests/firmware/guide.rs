//! `docs/bluetooth-firmware.md`: what it reckons is what the gateway reckons.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use farhook::ble::gatt::frame;
use farhook::ble::gatt::frame::Kind;
use farhook::ble::gatt::frame::Message;
use farhook::ble::gatt::hello;
use farhook::ble::gatt::response;
use farhook::model::LinkKey;
use farhook::model::hex;

use crate::board;
use crate::peer::KEY;
use crate::peer::MTUS;
use crate::peer::NONCE;
use crate::peer::ack;
use crate::peer::message;

fn guide() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bluetooth-firmware.md")).unwrap()
}

/// The frames of a message as the guide writes them.
fn written(message: &Message, mtu: u16) -> String {
    let mut text = String::new();
    for frame in frame::frames(message, usize::from(mtu) - 3) {
        let bytes: Vec<String> = frame.iter().map(|byte| hex(&[*byte])).collect();
        writeln!(text, "    {}", bytes.join(" ")).unwrap();
    }
    text
}

#[test]
fn the_hello_of_the_guide_is_the_gateways() {
    let guide = guide();
    let key = LinkKey::of_text(KEY);
    let device = hello::device_proof(&key, NONCE, board::NONCE);
    let gateway = hello::gateway_proof(&key, NONCE, board::NONCE);
    for number in [key.bytes().as_slice(), NONCE, board::NONCE, &device, &gateway] {
        assert!(guide.contains(&format!("`{}`", hex(number))), "{}", hex(number));
    }
    let answer = [&[1], board::NONCE.as_slice(), &device].concat();
    let second = hello::second(&key, NONCE, &answer).unwrap();
    for hello in [
        message(Kind::Hello, 1, &hello::first(NONCE)),
        message(Kind::Hello, 0, &answer),
        message(Kind::Hello, 2, &second),
    ] {
        assert!(guide.contains(&format!("\n\n{}\n", written(&hello, 23))), "{}", written(&hello, 23));
    }
}

#[test]
fn the_frames_of_the_guide_are_the_gateways() {
    let guide = guide();
    let publish = message(Kind::Publish, 1, br#"{"t":"temp","d":21.5}"#);
    for text in [written(&publish, MTUS[0]), written(&publish, MTUS[1]), written(&ack(1), MTUS[0])] {
        assert!(guide.contains(&format!("\n\n{text}\n")), "{text}");
    }
    let full = message(Kind::Response, 1, &response::body("hook-response/temp/0", &[0; 512]));
    let frames = MTUS.map(|mtu| frame::frames(&full, usize::from(mtu) - 3).len());
    assert_eq!(frames, [32, 3]);
    assert!(guide.contains("is 32 frames") && guide.contains("a full response three"));
}
