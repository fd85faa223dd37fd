//! A device with firmware as the tests play it. The test says what it does next; what the gateway does to it comes in
//! its order. It waits for nothing but that.

use std::collections::VecDeque;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Sha256;
use tokio::sync::mpsc;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use crate::bluez::Bluez;
use crate::bluez::Control;
use crate::bluez::Happened;
use crate::bluez::Offer;
use crate::bluez::Offered;
use crate::bluez::Sent;
use crate::frames;
use crate::frames::Assembler;
use crate::frames::Message;
use crate::gateway::PATIENCE;

pub const FARHOOK: &str = "b1e50001-6a2f-4c5e-9f0d-7c1d5a9e0c01";
pub const UART: &str = "6e400001-b5a3-f393-e0a9-e50e24dcca9e";
/// Where a device with a UART says something.
pub const UART_TX: &str = "6e400003-b5a3-f393-e0a9-e50e24dcca9e";

const FARHOOK_TX: &str = "b1e50002-6a2f-4c5e-9f0d-7c1d5a9e0c01";
const FARHOOK_RX: &str = "b1e50003-6a2f-4c5e-9f0d-7c1d5a9e0c01";
const FARHOOK_INFO: &str = "b1e50004-6a2f-4c5e-9f0d-7c1d5a9e0c01";
const UART_RX: &str = "6e400002-b5a3-f393-e0a9-e50e24dcca9e";

const WRITABLE: &[&str] = &["write-without-response", "write"];

const PROTO: u8 = 1;
const NONCE: [u8; 16] = *b"nonce of the dev";

/// A device with its firmware.
pub struct Peripheral {
    pub address: &'static str,
    offer: Offer,
    tx: &'static str,
    control: Option<Control>,
    told: UnboundedReceiver<Happened>,
    assembler: Assembler,
    /// Messages that came while another one was waited for.
    unread: VecDeque<Message>,
    /// What came of a line that has no end yet, and lines.
    text: Vec<u8>,
    next_id: u8,
}

impl Peripheral {
    /// With the service of farhook.
    pub fn framed(address: &'static str, mtu: u16) -> Self {
        let info = br#"{"proto":1,"id":"played","fw":"1.0"}"#.to_vec();
        let characteristics = vec![
            Offered { uuid: FARHOOK_TX, flags: &["notify"], value: Vec::new() },
            Offered { uuid: FARHOOK_RX, flags: WRITABLE, value: Vec::new() },
            Offered { uuid: FARHOOK_INFO, flags: &["read"], value: info },
        ];
        Self::new(address, mtu, FARHOOK, characteristics, FARHOOK_TX)
    }

    /// With the service of Nordic's UART.
    pub fn uart(address: &'static str, mtu: u16) -> Self {
        let characteristics = vec![
            Offered { uuid: UART_RX, flags: WRITABLE, value: Vec::new() },
            Offered { uuid: UART_TX, flags: &["notify"], value: Vec::new() },
        ];
        Self::new(address, mtu, UART, characteristics, UART_TX)
    }

    fn new(
        address: &'static str,
        mtu: u16,
        service: &'static str,
        characteristics: Vec<Offered>,
        tx: &'static str,
    ) -> Self {
        let (sender, told) = mpsc::unbounded_channel();
        let sent = Sent {
            address: address.into(),
            name: Some("played"),
            rssi: -55,
            manufacturer_data: vec![(0xffff, vec![1])],
            services: vec![service],
            ..Sent::default()
        };
        let maker = Offered { uuid: "00002a29-0000-1000-8000-00805f9b34fb", flags: &["read"], value: b"us".to_vec() };
        let services = vec![("0000180a-0000-1000-8000-00805f9b34fb", vec![maker]), (service, characteristics)];
        Self {
            address,
            offer: Offer { sent, mtu, services, told: UnboundedSender::clone(&sender) },
            tx,
            control: None,
            told,
            assembler: Assembler::default(),
            unread: VecDeque::new(),
            text: Vec::new(),
            next_id: 0,
        }
    }

    /// It sends nothing but who it is and what it can.
    pub fn quiet(mut self) -> Self {
        self.offer.sent.manufacturer_data.clear();
        self
    }

    /// It is near an adapter, and sends until somebody connects to it.
    pub fn come(&mut self, bluez: &Bluez) {
        self.control = Some(bluez.control());
        let offer = self.offer.clone();
        bluez.when(|service| service.come(offer));
    }

    /// What happens to it next.
    pub async fn happened(&mut self) -> Happened {
        let happened = timeout(PATIENCE, self.told.recv()).await;
        happened.unwrap_or_else(|_| panic!("nothing happens to {}", self.address)).expect("it keeps the other end")
    }

    /// What happened to it that nobody waited for.
    pub fn unexpected(&mut self) -> Option<Happened> {
        self.told.try_recv().ok()
    }

    /// Waits until this happens; what is written meanwhile is not looked at.
    pub async fn until(&mut self, wanted: &Happened) {
        while self.happened().await != *wanted {}
    }

    /// Waits until somebody is connected to it and hears it.
    pub async fn connected(&mut self) {
        self.until(&Happened::Connected).await;
        self.begin().await;
    }

    /// Somebody is connected to it; waits until it is heard.
    pub async fn begin(&mut self) {
        (self.assembler, self.text) = (Assembler::default(), Vec::new());
        self.unread.clear();
        self.until(&Happened::Subscribed).await;
    }

    /// Waits until the gateway is connected, and each proves to the other who it is.
    pub async fn taken_up(&mut self, key: &str) {
        self.connected().await;
        self.hello(key).await;
    }

    /// Each proves to the other who it is.
    pub async fn hello(&mut self, key: &str) {
        let theirs = self.introduce(key).await;
        let second = self.message(frames::HELLO).await.body;
        let proof = prove(key, &[b"farhook gateway", &NONCE, &theirs]);
        assert_eq!(second, [&[PROTO], proof.as_slice()].concat(), "it is not the device's own gateway");
    }

    /// It says who it is; what the gateway had it prove that by.
    pub async fn introduce(&mut self, key: &str) -> [u8; 16] {
        let hello = self.message(frames::HELLO).await.body;
        assert_eq!((hello[0], hello.len()), (PROTO, 17), "{hello:02x?}");
        let theirs: [u8; 16] = hello[1..].try_into().unwrap();
        let proof = prove(key, &[b"farhook device", &theirs, &NONCE]);
        self.say(frames::HELLO, &[&[PROTO], &NONCE[..], &proof].concat());
        theirs
    }

    /// The next message of a kind from the gateway.
    pub async fn message(&mut self, kind: u8) -> Message {
        if let Some(at) = self.unread.iter().position(|message| message.kind == kind) {
            return self.unread.remove(at).unwrap();
        }
        loop {
            match self.happened().await {
                Happened::Written(_, frame) => match self.take(&frame) {
                    Some(message) if message.kind == kind => return message,
                    Some(message) => self.unread.push_back(message),
                    None => {}
                },
                Happened::Disconnected => panic!("the link ends before a message of kind {kind}: {:?}", self.unread),
                Happened::Wanted | Happened::Connected | Happened::Subscribed => {}
            }
        }
    }

    /// Whether a message of that kind came already.
    pub fn has(&mut self, kind: u8) -> bool {
        while let Ok(happened) = self.told.try_recv() {
            if let Happened::Written(_, frame) = happened {
                let message = self.take(&frame);
                self.unread.extend(message);
            }
        }
        self.unread.iter().any(|message| message.kind == kind)
    }

    fn take(&mut self, frame: &[u8]) -> Option<Message> {
        let room = usize::from(self.offer.mtu) - 3;
        assert!(frame.len() <= room, "{} bytes are written where {room} fit", frame.len());
        self.assembler.take(frame)
    }

    /// Says a new message; its number.
    pub fn say(&mut self, kind: u8, body: &[u8]) -> u8 {
        self.next_id = self.next_id.wrapping_add(1);
        self.repeat(&Message::new(kind, self.next_id, body));
        self.next_id
    }

    /// Says a message, maybe once more.
    pub fn repeat(&mut self, message: &Message) {
        for frame in message.frames(self.offer.mtu) {
            assert!(self.notify(&frame), "nobody hears {message:?}");
        }
    }

    /// Says these bytes at once; whether anybody hears it.
    pub fn notify(&mut self, value: &[u8]) -> bool {
        let (address, tx, value) = (self.address, self.tx, value.to_vec());
        let control = self.control.as_ref().expect("it came near");
        control.when(move |service| service.notify(address, tx, &value)).unwrap_or_default()
    }

    /// How many bytes it can say at once.
    pub fn room(&self) -> usize {
        usize::from(self.offer.mtu) - 3
    }

    /// Publishes an event; the number of the message.
    pub fn publish(&mut self, body: &str) -> u8 {
        self.say(frames::PUBLISH, body.as_bytes())
    }

    /// What it published is taken.
    pub async fn acked(&mut self, id: u8) {
        let ack = self.message(frames::ACK).await;
        assert_eq!(ack, Message::new(frames::ACK, id, &[]));
    }

    /// The next event that is for it, which it takes.
    pub async fn response(&mut self) -> (String, String) {
        let message = self.message(frames::RESPONSE).await;
        self.repeat(&Message::new(frames::ACK, message.id, &[]));
        event(&message)
    }

    /// The next refusal: of which message, why, and its text.
    pub async fn refusal(&mut self) -> (u8, u8, String) {
        let message = self.message(frames::ERROR).await;
        let (code, text) = message.body.split_first().unwrap();
        (message.id, *code, String::from_utf8(text.to_vec()).unwrap())
    }

    /// Says text, in as many pieces as it takes.
    pub fn print(&mut self, text: &str) {
        for piece in text.as_bytes().chunks(self.room()) {
            assert!(self.notify(piece), "nobody hears {text:?}");
        }
    }

    /// The next line from the gateway, without its end.
    pub async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line = self.text.drain(..=end).take(end).collect();
                return String::from_utf8(line).unwrap();
            }
            match self.happened().await {
                Happened::Written(_, piece) => {
                    assert!(piece.len() <= self.room(), "{} bytes are written at once", piece.len());
                    self.text.extend(piece);
                }
                Happened::Disconnected => panic!("the link ends before a line; there is {:?}", self.text),
                Happened::Wanted | Happened::Connected | Happened::Subscribed => {}
            }
        }
    }
}

/// The name and data of a response.
pub fn event(message: &Message) -> (String, String) {
    let (length, rest) = message.body.split_first().unwrap();
    let (name, data) = rest.split_at(usize::from(*length));
    (String::from_utf8(name.to_vec()).unwrap(), String::from_utf8(data.to_vec()).unwrap())
}

/// What somebody who knows the key makes of these.
pub fn prove(key: &str, parts: &[&[u8]]) -> [u8; 32] {
    let kept = sum(key.as_bytes(), &[b"farhook link"]);
    sum(&kept, parts)
}

fn sum(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut sum = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        sum.update(part);
    }
    sum.finalize().into_bytes().into()
}
