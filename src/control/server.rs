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
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Duration;
use tokio::time::timeout;

use crate::bus::stopped;
use crate::control::Parts;
use crate::control::Socket;
use crate::control::protocol::REQUEST_BYTES;
use crate::control::protocol::Reply;
use crate::control::protocol::Request;
use crate::control::shown;

/// Callers at once; more wait to be accepted.
const CALLERS: usize = 32;

/// Seconds that a caller has to send its request and to take the reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves callers until `stop` is set; streams end then, too.
pub async fn serve(socket: Socket, parts: Parts, mut stop: watch::Receiver<bool>) {
    let parts = Arc::new(parts);
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
}

async fn hear(mut stream: UnixStream, parts: &Parts) {
    let reply = match stream.peer_cred() {
        Ok(caller) if is_trusted(caller.uid()) => match timeout(PATIENCE, read(&mut stream)).await {
            Ok(Ok(Request::Events { prefix })) => return tail(stream, parts, &prefix).await,
            Ok(Ok(request)) => parts.answer(request).await,
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

async fn read(stream: &mut UnixStream) -> Result<Request, String> {
    let mut line = String::new();
    let mut limited = BufReader::new(stream).take(REQUEST_BYTES);
    limited.read_line(&mut line).await.map_err(|error| format!("the request cannot be read: {error}"))?;
    if !line.ends_with('\n') {
        return Err(format!("a request is one line of at most {REQUEST_BYTES} bytes"));
    }
    serde_json::from_str(&line).map_err(|error| format!("the request cannot be understood: {error}"))
}

/// Shows events until the caller hangs up. A caller that is too slow is told that it missed some.
async fn tail(mut stream: UnixStream, parts: &Parts, prefix: &str) {
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
                Ok(event) if event.name.as_str().starts_with(prefix) => Reply::Done(shown::event(&event)),
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
