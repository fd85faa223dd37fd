//! A gateway, made of farhook's codecs, and a board that it is connected with.

use farhook::ble::gatt::error;
use farhook::ble::gatt::error::Code;
use farhook::ble::gatt::frame;
use farhook::ble::gatt::frame::Assembler;
use farhook::ble::gatt::frame::Kind;
use farhook::ble::gatt::frame::Message;
use farhook::ble::gatt::hello;
use farhook::model::LinkKey;

use crate::board::Board;
use crate::board::Said;
use crate::board::State;

/// The smallest MTU, and the one that most boards take.
pub const MTUS: [u16; 2] = [23, 247];

pub const KEY: &str = "not-a-real-key";
pub const NONCE: &[u8; 16] = b"gateway's nonce.";

pub struct Peer {
    pub board: Board,
    pub mtu: u16,
    assembler: Assembler,
    /// What the board said to its own program since this was last looked at.
    pub told: Vec<Said>,
}

impl Peer {
    /// A board that a gateway has connected to and subscribed at time 0. None if there is no compiler.
    pub fn subscribed(mtu: u16) -> Option<Self> {
        let board = Board::start(KEY, 7)?;
        let mut peer = Self { board, mtu, assembler: Assembler::default(), told: Vec::new() };
        peer.subscribe(0);
        Some(peer)
    }

    /// The same, after the hello.
    pub fn ready(mtu: u16) -> Option<Self> {
        let mut peer = Self::subscribed(mtu)?;
        peer.greet(0);
        Some(peer)
    }

    pub fn subscribe(&mut self, now_ms: u32) {
        self.assembler = Assembler::default();
        assert_eq!(self.board.say(&format!("subscribed {} {now_ms}", self.mtu)), []);
    }

    pub fn greet(&mut self, now_ms: u32) {
        self.give(&message(Kind::Hello, 1, &hello::first(NONCE)), now_ms);
        let answers = self.run(now_ms);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].kind, Kind::Hello);
        let second = hello::second(&LinkKey::of_text(KEY), NONCE, &answers[0].body).unwrap();
        self.give(&message(Kind::Hello, 2, &second), now_ms);
        assert_eq!(self.board.status.state, State::Ready);
    }

    /// Writes a message to the board.
    pub fn give(&mut self, message: &Message, now_ms: u32) {
        for frame in self.cut(message) {
            self.give_frame(&frame, now_ms);
        }
    }

    pub fn give_frame(&mut self, frame: &[u8], now_ms: u32) {
        let said = self.board.frame(frame, now_ms);
        self.told.extend(said);
    }

    pub fn cut(&self, message: &Message) -> Vec<Vec<u8>> {
        frame::frames(message, usize::from(self.mtu) - 3)
    }

    /// The messages that the board sends now.
    pub fn run(&mut self, now_ms: u32) -> Vec<Message> {
        let frames = self.frames(now_ms);
        frames.iter().filter_map(|frame| self.assembler.take(frame, now_ms.into()).unwrap()).collect()
    }

    /// The frames that the board sends now.
    pub fn frames(&mut self, now_ms: u32) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for said in self.board.run(now_ms) {
            match said {
                Said::Frame(frame) => {
                    assert!(frame.len() <= usize::from(self.mtu) - 3);
                    frames.push(frame);
                }
                other => self.told.push(other),
            }
        }
        frames
    }

    pub fn told(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.told)
    }
}

pub fn message(kind: Kind, id: u8, body: &[u8]) -> Message {
    Message { kind, id, body: body.to_vec() }
}

pub fn ack(id: u8) -> Message {
    message(Kind::Ack, id, b"")
}

pub fn error(id: u8, code: Code) -> Message {
    message(Kind::Error, id, &error::body(code, "why"))
}
