//! A conversation over the service of farhook: frames, a hello, acknowledgements both ways.

use crate::ble::gatt::conversation::Act;
use crate::ble::gatt::conversation::Conversation;
use crate::ble::gatt::conversation::Refused;
use crate::ble::gatt::conversation::Ticket;
use crate::ble::gatt::conversation::Told;
use crate::ble::gatt::error;
use crate::ble::gatt::error::Code;
use crate::ble::gatt::frame;
use crate::ble::gatt::frame::Assembler;
use crate::ble::gatt::frame::Kind;
use crate::ble::gatt::frame::Message;
use crate::ble::gatt::hello;
use crate::ble::gatt::hello::BadHello;
use crate::ble::gatt::hello::Nonce;
use crate::ble::gatt::publish;
use crate::ble::gatt::response;
use crate::model::LinkKey;

/// How long the hello may take. Ours.
const HELLO_MS: u64 = 10_000;

/// Silence of the device after which it counts as gone; it says something every 30 s. Ours.
const SILENCE_MS: u64 = 90_000;

/// After that time a RESPONSE that is not acknowledged is written again. Ours.
const AGAIN_MS: u64 = 5_000;

/// And after that, from the first time on, the connection ends. Ours.
const GIVE_UP_MS: u64 = 10_000;

/// See the module.
pub struct Framed {
    key: LinkKey,
    nonce: Nonce,
    room: usize,
    assembler: Assembler,
    is_proven: bool,
    begun_ms: u64,
    heard_ms: u64,
    telling: Option<Telling>,
}

/// A RESPONSE that is not acknowledged yet.
struct Telling {
    message: Message,
    /// When it was written the first time; none if that is not over.
    since_ms: Option<u64>,
    is_repeated: bool,
}

impl Framed {
    /// Both sides know `key`, the gateway says `nonce`, and a write has room for so many bytes.
    pub fn new(key: LinkKey, nonce: Nonce, room: usize) -> Self {
        let assembler = Assembler::default();
        Self { key, nonce, room, assembler, is_proven: false, begun_ms: 0, heard_ms: 0, telling: None }
    }

    fn write(&self, kind: Kind, id: u8, body: Vec<u8>) -> Act {
        self.write_message(&Message { kind, id, body })
    }

    fn write_message(&self, message: &Message) -> Act {
        Act::Write(frame::frames(message, self.room))
    }

    fn refuse(&self, id: u8, code: Code, text: &str) -> Act {
        self.write(Kind::Error, id, error::body(code, text))
    }

    fn message(&mut self, message: &Message) -> Vec<Act> {
        let id = message.id;
        match message.kind {
            Kind::Ack => self.taken(id, None),
            Kind::Error => self.refused(id, &message.body),
            Kind::Hello if !self.is_proven => self.hello(message),
            _ if !self.is_proven => vec![self.refuse(id, Code::NotAuthenticated, "the hello comes first")],
            Kind::Ping => vec![self.write(Kind::Ack, id, Vec::new())],
            Kind::Publish => match publish::read(&message.body) {
                Ok(published) => {
                    vec![Act::Publish(Some(Ticket { id, crc: frame::crc(&message.body) }), published)]
                }
                Err(bad) => vec![self.refuse(id, Code::BadMessage, &bad.to_string())],
            },
            Kind::Hello => vec![self.refuse(id, Code::Unsupported, "the hello of this connection is over")],
            Kind::Response => vec![self.refuse(id, Code::Unsupported, "only the gateway sends a RESPONSE")],
        }
    }

    fn hello(&mut self, message: &Message) -> Vec<Act> {
        match hello::second(&self.key, &self.nonce, &message.body) {
            Ok(second) => {
                self.is_proven = true;
                vec![self.write(Kind::Hello, 2, second), Act::Greeted]
            }
            Err(bad) => {
                let code = match bad {
                    BadHello::Proto(_) => Code::Unsupported,
                    BadHello::Length(_) | BadHello::Proof => Code::NotAuthenticated,
                };
                vec![self.refuse(message.id, code, &bad.to_string()), Act::End(bad.to_string())]
            }
        }
    }

    fn taken(&mut self, id: u8, refusal: Option<String>) -> Vec<Act> {
        match self.telling.take_if(|telling| telling.message.id == id) {
            Some(_) => vec![Act::Delivered(refusal)],
            None => Vec::new(),
        }
    }

    /// The device takes no message so. If its frames were broken or it is busy, it is repeated in time.
    fn refused(&mut self, id: u8, body: &[u8]) -> Vec<Act> {
        match error::read(body) {
            (Some(Code::BadFrame | Code::Busy), _) => Vec::new(),
            (_, text) => self.taken(id, Some(text)),
        }
    }
}

impl Conversation for Framed {
    fn begin(&mut self, now_ms: u64) -> Vec<Act> {
        (self.begun_ms, self.heard_ms) = (now_ms, now_ms);
        vec![self.write(Kind::Hello, 1, hello::first(&self.nonce))]
    }

    fn heard(&mut self, bytes: &[u8], now_ms: u64) -> Vec<Act> {
        self.heard_ms = now_ms;
        match self.assembler.take(bytes, now_ms) {
            Ok(Some(message)) => self.message(&message),
            Ok(None) => Vec::new(),
            Err(bad) => bad.answer().map(|answer| self.write_message(&answer)).into_iter().collect(),
        }
    }

    fn verdict(&mut self, ticket: Option<Ticket>, verdict: &Result<(), Refused>) -> Vec<Act> {
        let Some(Ticket { id, .. }) = ticket else { return Vec::new() };
        vec![match verdict {
            Ok(()) => self.write(Kind::Ack, id, Vec::new()),
            Err(Refused { is_for_now, text }) => {
                self.refuse(id, if *is_for_now { Code::Busy } else { Code::BadMessage }, text)
            }
        }]
    }

    fn tell(&mut self, told: &Told) -> Vec<Act> {
        let body = response::body(&told.name, told.data.as_bytes());
        let message = Message { kind: Kind::Response, id: told.id, body };
        let act = self.write_message(&message);
        self.telling = Some(Telling { message, since_ms: None, is_repeated: false });
        vec![act]
    }

    fn written(&mut self, now_ms: u64) {
        if let Some(telling) = &mut self.telling {
            telling.since_ms.get_or_insert(now_ms);
        }
    }

    fn due_ms(&self) -> Option<u64> {
        let greeting = (!self.is_proven).then_some(self.begun_ms + HELLO_MS);
        let telling = self
            .telling
            .as_ref()
            .and_then(|telling| Some(telling.since_ms? + if telling.is_repeated { GIVE_UP_MS } else { AGAIN_MS }));
        let silence = Some(self.heard_ms + SILENCE_MS);
        [greeting, telling, silence, self.assembler.due_ms()].into_iter().flatten().min()
    }

    fn due(&mut self, now_ms: u64) -> Vec<Act> {
        if !self.is_proven && now_ms >= self.begun_ms + HELLO_MS {
            let text = format!("no hello within {} s", HELLO_MS / 1_000);
            return vec![self.refuse(0, Code::NotAuthenticated, &text), Act::End(text)];
        }
        if now_ms >= self.heard_ms + SILENCE_MS {
            return vec![Act::End(format!("nothing was heard of it for {} s", SILENCE_MS / 1_000))];
        }
        let mut acts = Vec::new();
        let bad = self.assembler.expired(now_ms).and_then(|bad| bad.answer());
        acts.extend(bad.map(|answer| self.write_message(&answer)));
        if let Some(Telling { message, since_ms: Some(since_ms), is_repeated }) = &mut self.telling {
            if *is_repeated && now_ms >= *since_ms + GIVE_UP_MS {
                acts.push(Act::End(format!("it did not acknowledge within {} s", GIVE_UP_MS / 1_000)));
            } else if !*is_repeated && now_ms >= *since_ms + AGAIN_MS {
                *is_repeated = true;
                acts.push(Act::Write(frame::frames(message, self.room)));
            }
        }
        acts
    }
}

#[cfg(test)]
mod tests;
