//! The task of one connection: it waits for whatever comes next and lets the session decide what that means.
//!
//! Reading goes on while verdicts are outstanding, up to the receive maximum; then the client is not read from until
//! one comes. Publishes are handed to the intake one after another and their verdicts answered in the same order.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use log::warn;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio::time::sleep_until;

use crate::bus::stopped;
use crate::clock;
use crate::mqtt::broker::Broker;
use crate::mqtt::codec;
use crate::mqtt::deadlines::Deadlines;
use crate::mqtt::deadlines::Leaving;
use crate::mqtt::ending::Ending;
use crate::mqtt::envelope::Envelope;
use crate::mqtt::frame;
use crate::mqtt::handover::Handover;
use crate::mqtt::handover::Progress;
use crate::mqtt::packet::Reply;
use crate::mqtt::seats::Seat;
use crate::mqtt::session::Errand;
use crate::mqtt::session::Session;
use crate::mqtt::session::Unanswerable;
use crate::mqtt::slots::Borrowed;
use crate::mqtt::wire::Wire;
use crate::registry::Identity;
use crate::registry::Snapshot;
use crate::sessions::Attached;
use crate::sessions::Outgoing;
use crate::sessions::Reading;
use crate::store::Writes;

/// A timer that is not armed sleeps this long.
const NEVER: Duration = Duration::from_secs(24 * 3_600);

/// Bytes of replies above which a client is not read from until it took some.
const OUTPUT_BYTES: usize = 64 * 1_024;

/// Promised replies above which a client is not read from until one was sent.
const PROMISED: usize = 64;

/// See the module.
pub(super) struct Connection<S> {
    pub(super) wire: Wire<S>,
    pub(super) session: Session,
    pub(super) slot: Borrowed,
    pub(super) seat: Seat,
    pub(super) identity: Identity,
    pub(super) registry: watch::Receiver<Arc<Snapshot>>,
    pub(super) broker: Arc<Broker>,
    pub(super) handover: Handover,
    /// Replies that may be sent once their write is on the disk.
    pub(super) promised: Writes<Reply>,
    /// Kept messages that are being read.
    pub(super) reading: Option<Reading>,
    pub(super) deadlines: Deadlines,
    /// What came from the router and the session has not seen yet.
    pub(super) arrivals: VecDeque<Envelope>,
    /// Bytes that the next packet lacks.
    pub(super) missing: usize,
    /// The client will send no more.
    pub(super) is_at_end: bool,
}

/// A session that is over.
pub(super) struct Ended<S> {
    /// Why.
    pub(super) ending: Ending,
    seat: Seat,
    /// `None` when the client takes nothing more.
    wire: Option<Wire<S>>,
}

impl<S: AsyncRead + AsyncWrite> Ended<S> {
    /// Lets others have the session, then closes the socket: a client that sees the end may come back at once.
    pub(super) async fn close(self) {
        drop(self.seat);
        if let Some(wire) = self.wire {
            wire.close().await;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Send> Connection<S> {
    /// Runs the session until its connection ends, and says farewell. The session is over then, but nobody else gets
    /// it before the returned [`Ended`] is dropped or closed.
    pub(super) async fn run(mut self, stop: &mut watch::Receiver<bool>) -> Ended<S> {
        let ending = self.serve(stop).await;
        let Self { mut wire, session, slot, seat, .. } = self;
        if ending == Ending::Lagging {
            warn!(session:% = seat.key(); "an MQTT client is too slow for what it subscribed to");
        }
        debug!(session:% = seat.key(); "MQTT session ended: {ending}");
        if let Some(reason) = ending.farewell() {
            session.reply(Reply::Disconnect { reason }, &mut wire.output.bytes);
        }
        // The session hears nothing more before its slot goes back.
        drop(session);
        drop(slot);
        let is_broken = matches!(ending, Ending::Stuck | Ending::Lost);
        let wire = if !is_broken && wire.flush().await { Some(wire) } else { None };
        Ended { ending, seat, wire }
    }

    async fn serve(&mut self, stop: &mut watch::Receiver<bool>) -> Ending {
        let mut timer = std::pin::pin!(sleep_until(now() + NEVER));
        loop {
            if let Err(ending) = self.advance() {
                return ending;
            }
            self.arm(timer.as_mut());
            let may_read = self.may_read();
            tokio::select! {
                read = self.wire.input.read(self.missing), if may_read => match read {
                    Ok(1..) => self.heard(),
                    Ok(0) | Err(_) => self.is_at_end = true,
                },
                written = self.wire.output.write(), if !self.wire.output.is_done() => match written {
                    Ok(()) => self.deadlines.took_output(),
                    Err(_) => return Ending::Lost,
                },
                progress = self.handover.progress() => self.answer(progress),
                taken = self.slot.take(&mut self.arrivals) => if taken.is_err() {
                    return Ending::RouterLost;
                },
                (reply, written) = self.promised.next() => match written {
                    Ok(()) => self.session.reply(reply, &mut self.wire.output.bytes),
                    Err(_) => return Ending::StoreFull,
                },
                read = read_kept(&mut self.reading) => match read {
                    Some(read) => self.session.expect_kept(read),
                    None => return Ending::StoreFull,
                },
                () = woken(self.session.lasting()) => {}
                () = self.seat.claimed() => return Ending::TakenOver,
                changed = changed(&mut self.registry) => if let Err(ending) = self.still_admitted(&changed) {
                    return ending;
                },
                () = stopped(stop), if self.deadlines.leaving().is_none() => {
                    self.session.membership().leave();
                    self.leave(Ending::Stopping, self.broker.settings.stop_timeout, true);
                }
                () = timer.as_mut() => if let Some(ending) = self.deadlines.expired(now()) {
                    return ending;
                },
            }
        }
    }

    /// Does all that needs no waiting.
    fn advance(&mut self) -> Result<(), Ending> {
        while self.may_go_on() && self.decode_next()? {}
        self.session.expect(&mut self.arrivals)?;
        match self.deadlines.leaving() {
            Some(leaving) if leaving.may_be_early && self.handover.is_decided() => return Err(leaving.ending),
            Some(_) => {}
            // What came before the end is handed in; nobody is left to hear the answers.
            None if self.is_at_end && self.may_go_on() => return Err(Ending::Lost),
            // Nothing overtakes a promised reply: what a subscription brings comes after its SUBACK.
            None if !self.promised.is_empty() => {}
            None => {
                self.session.deliver(clock::now(), &mut self.wire.output.bytes);
                if self.reading.is_none() {
                    self.reading = self.session.take_kept();
                }
            }
        }
        self.deadlines.has_output(!self.wire.output.is_done(), now());
        if !self.may_read() {
            // It is the client who waits.
            self.deadlines.heard(now());
        }
        Ok(())
    }

    /// Whether packets may be decoded.
    fn may_go_on(&self) -> bool {
        self.deadlines.leaving().is_none()
            && self.handover.has_room()
            && self.promised.len() < PROMISED
            && self.wire.output.bytes.len() < OUTPUT_BYTES
    }

    fn may_read(&self) -> bool {
        !self.is_at_end && self.may_go_on()
    }

    /// Decodes one packet and lets the session answer it; false when none is complete.
    fn decode_next(&mut self) -> Result<bool, Ending> {
        let version = self.session.version();
        let input = &mut self.wire.input.bytes;
        self.missing = 0;
        let Some(header) = frame::header(input, version, self.broker.limits_of(&self.identity))? else {
            return Ok(false);
        };
        if input.len() < header.total_bytes {
            self.missing = header.total_bytes - input.len();
            return Ok(false);
        }
        let packet = codec::decode(version, header, input.split_to(header.total_bytes))?;
        let is_taken = match self.session.receive(packet, clock::now(), &mut self.wire.output.bytes)? {
            Some(Errand::HandIn(hand_in)) => self.handover.hand_in(hand_in),
            Some(Errand::Record(written, reply)) => {
                self.promised.begin(written, reply);
                Ok(())
            }
            None => Ok(()),
        };
        if is_taken.is_err() {
            self.answer(Progress::IntakeGone);
        }
        Ok(true)
    }

    /// Answers a publish whose verdict came, and those behind it whose verdicts are there, too.
    fn answer(&mut self, progress: Progress) {
        let mut decided = match progress {
            Progress::HandedIn => return,
            Progress::Decided(ticket, verdict) => Some((ticket, verdict)),
            Progress::IntakeGone => return self.leave(Ending::Stopping, Duration::ZERO, true),
        };
        while let Some((ticket, verdict)) = decided {
            match self.session.decide(ticket, verdict, &mut self.wire.output.bytes) {
                Ok(()) => {}
                Err(Unanswerable::Full) => self.leave(Ending::StoreFull, self.broker.settings.full_pause, false),
                Err(Unanswerable::Stopping) => self.leave(Ending::Stopping, self.broker.settings.stop_timeout, true),
            }
            decided = self.handover.decided();
        }
    }

    /// Reads nothing more and ends after a while, or as soon as nothing is outstanding.
    fn leave(&mut self, ending: Ending, after: Duration, may_be_early: bool) {
        self.deadlines.leave(Leaving { ending, at: now() + after, may_be_early });
    }

    fn heard(&mut self) {
        let now = clock::now();
        self.deadlines.heard(Instant::now());
        if let Identity::Device(device) = &self.identity {
            self.broker.presence.heard(device.id, now.wall);
        }
    }

    /// Looks again at who the client is.
    fn still_admitted(&mut self, registry: &Snapshot) -> Result<(), Ending> {
        if !registry.still_admits(&self.identity, clock::now().wall) {
            return Err(Ending::Revoked);
        }
        if let Identity::Device(device) = &mut self.identity {
            if let Some(changed) = registry.devices.get(&device.id) {
                *device = Arc::clone(changed);
            }
        }
        self.session.membership().change(&self.identity);
        Ok(())
    }

    /// Sets the timer if it would ring too late. It may ring too early: then nothing has expired.
    fn arm(&self, timer: Pin<&mut Sleep>) {
        let is_over = timer.is_elapsed();
        match self.deadlines.next() {
            Some(deadline) if is_over || deadline < timer.deadline() => timer.reset(deadline),
            None if is_over => timer.reset(now() + NEVER),
            _ => {}
        }
    }
}

/// Waits for kept messages that are being read; for ever if none are. None if the disk refuses. Cancel safe.
async fn read_kept(reading: &mut Option<Reading>) -> Option<Vec<Outgoing>> {
    let Some(under_way) = reading else { return std::future::pending().await };
    let read = under_way.await;
    *reading = None;
    match read {
        Ok(Ok(read)) => Some(read),
        Ok(Err(cause)) => {
            warn!("what waits for a lasting MQTT session cannot be read: {cause}");
            None
        }
        Err(_) => None,
    }
}

/// Waits until something may wait for the session. Cancel safe.
async fn woken(lasting: Option<&Attached>) {
    match lasting {
        Some(lasting) => lasting.woken().await,
        None => std::future::pending().await,
    }
}

/// Waits for the next state of the registry. Cancel safe.
async fn changed(registry: &mut watch::Receiver<Arc<Snapshot>>) -> Arc<Snapshot> {
    if registry.changed().await.is_err() {
        // Nobody can change it any more.
        std::future::pending::<()>().await;
    }
    Arc::clone(&registry.borrow_and_update())
}

/// This moment, on tokio's clock.
pub(super) fn now() -> Instant {
    Instant::now()
}
