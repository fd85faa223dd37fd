//! Accepts callers, checks who they are, reads one request, writes the reply.

use std::sync::Arc;

use log::debug;
use log::warn;
use nix::unistd::Uid;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Duration;
use tokio::time::timeout;

use crate::bus::RemoteRequest;
use crate::bus::protocol::Asked;
use crate::bus::protocol::REQUEST_BYTES;
use crate::bus::protocol::RESTORE;
use crate::bus::protocol::RESTORE_BYTES;
use crate::bus::protocol::Reply;
use crate::bus::protocol::Request;
use crate::bus::stopped;
use crate::control::Parts;
use crate::control::Socket;
use crate::control::clerk::Asker;
use crate::control::remote;
use crate::control::shown;
use crate::model::Event;
use crate::model::UserId;

/// Callers at once; more wait to be accepted.
const CALLERS: usize = 32;

/// Seconds that a caller has to send its request and to take the reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves callers until `stop` is set; streams end then, too.
pub async fn serve(
    socket: Socket,
    remote_requests: mpsc::Receiver<RemoteRequest>,
    parts: Parts,
    mut stop: watch::Receiver<bool>,
) {
    let parts = Arc::new(parts);
    let serving_remote = tokio::spawn(remote::serve(remote_requests, Arc::clone(&parts), stop.clone()));
    let seats = Arc::new(Semaphore::new(CALLERS));
    let mut callers = JoinSet::new();
    loop {
        let seat = Arc::clone(&seats).acquire_owned().await.expect("the seats are never closed");
        let stream = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!("the command line cannot be heard: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (parts, mut stop) = (Arc::clone(&parts), stop.clone());
        callers.spawn(async move {
            let _seat = seat;
            tokio::select! {
                () = stopped(&mut stop) => {}
                () = hear(stream, &parts) => {}
            }
        });
        while callers.try_join_next().is_some() {}
    }
    while callers.join_next().await.is_some() {}
    let _ = serving_remote.await;
}

async fn hear(mut stream: UnixStream, parts: &Parts) {
    let reply = match stream.peer_cred() {
        Ok(caller) if is_trusted(caller.uid()) => match timeout(PATIENCE, read(&mut stream)).await {
            Ok(Ok(Asked { request: Request::Events { prefix }, user })) => match named(parts, user.as_deref()) {
                Ok(owner) => return tail(stream, parts, &prefix, owner).await,
                Err(reason) => Reply::Refused(reason),
            },
            Ok(Ok(asked)) => parts.answer(Asker::Local, asked).await,
            Ok(Err(reason)) => Reply::Refused(reason),
            Err(_) => Reply::Refused("no request came".to_owned()),
        },
        Ok(caller) => {
            Reply::Refused(format!("user {} may not talk to this gateway; be root or its user", caller.uid()))
        }
        Err(error) => Reply::Refused(format!("it cannot be seen who is calling: {error}")),
    };
    if let Err(error) = write(&mut stream, &reply).await {
        debug!("a caller did not take the reply: {error}");
    }
}

fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == Uid::effective().as_raw()
}

async fn read(stream: &mut UnixStream) -> Result<Asked, String> {
    let unreadable = |error: std::io::Error| format!("the request cannot be read: {error}");
    let mut stream = BufReader::new(stream);
    let is_restore = stream.fill_buf().await.map_err(unreadable)?.starts_with(RESTORE.as_bytes());
    let most_bytes = if is_restore { RESTORE_BYTES } else { REQUEST_BYTES };
    let mut line = String::new();
    stream.take(most_bytes).read_line(&mut line).await.map_err(unreadable)?;
    if !line.ends_with('\n') {
        return Err(format!("a request is one line of at most {most_bytes} bytes"));
    }
    let written = serde_json::from_str(&line);
    Asked::read(written.map_err(|error| format!("the request cannot be understood: {error}"))?)
}

/// The user whose events are meant; none for everybody's.
fn named(parts: &Parts, user: Option<&str>) -> Result<Option<UserId>, String> {
    let Some(name) = user else { return Ok(None) };
    let snapshot = parts.registry.snapshot();
    snapshot.user(name).map(|user| Some(user.id)).ok_or_else(|| format!("there is no user {name:?}"))
}

/// Shows events until the caller hangs up. A caller that is too slow is told that it missed some.
async fn tail(mut stream: UnixStream, parts: &Parts, prefix: &str, owner: Option<UserId>) {
    let is_shown =
        |event: &Event| event.name.as_str().starts_with(prefix) && owner.is_none_or(|owner| event.owner == owner);
    let mut watcher = parts.live.watch();
    // Word that the watching has begun: whoever publishes after it will be seen.
    if write(&mut stream, &Reply::Done(serde_json::Value::Null)).await.is_err() {
        return;
    }
    loop {
        let mut hung_up = [0; 1];
        let reply = tokio::select! {
            _ = stream.read(&mut hung_up) => return,
            event = watcher.recv() => match event {
                Ok(event) if is_shown(&event) => Reply::Done(shown::event(&event)),
                Ok(_) => continue,
                Err(RecvError::Lagged(missed)) => Reply::Refused(format!("{missed} events were missed")),
                Err(RecvError::Closed) => return,
            },
        };
        if write(&mut stream, &reply).await.is_err() {
            return;
        }
    }
}

async fn write(stream: &mut UnixStream, reply: &Reply) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    match timeout(PATIENCE, stream.write_all(&line)).await {
        Ok(written) => written,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests;
