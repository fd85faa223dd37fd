//! Finds the daemon, asks it, and reads what it says: through its socket, or over HTTP if somebody logged in. Every
//! command but `run`, `check-config`, `demo`, `manual`, `login`, `logout` and `hook preview` goes through here; nothing here
//! prints.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use anyhow::anyhow;
use anyhow::bail;
use nix::unistd::Uid;
use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::bus::protocol::Asked;
use crate::bus::protocol::REQUEST_BYTES;
use crate::bus::protocol::RESTORE;
use crate::bus::protocol::RESTORE_BYTES;
use crate::bus::protocol::Reply;
use crate::bus::protocol::Request;
use crate::cli::remote::Login;
use crate::cli::remote::RemoteTail;
use crate::control;

/// Where the system's daemon has its socket.
const SYSTEM: &str = "/run/farhook";

/// Where a daemon that was started in this folder keeps its data.
pub(super) const CHECKOUT: &str = "./farhook-data";

/// Bytes of the longest reply line: a thousand hooks, each with a large definition.
const REPLY_BYTES: u64 = 256 << 20;

/// For replies; what they wait for is at most a slow disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// For what waits for a target, the longest `delivery.timeout_s` and some, or for a sensor; for what goes through all that waits; and for
/// what a slow machine needs for a passphrase.
const LONG_PATIENCE: Duration = Duration::from_secs(330);

/// The daemon, wherever it is.
pub(super) struct Gateway {
    data: Option<PathBuf>,
    /// Whose things are meant.
    user: Option<String>,
}

/// What came on a stream of events.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// An event.
    Event(Value),
    /// Some events are missing here; says how many.
    Missed(String),
}

/// A stream of events.
pub(super) enum Tail {
    /// Through the socket.
    Here(BufReader<UnixStream>),
    /// Over HTTP.
    Remote(RemoteTail),
}

impl Gateway {
    /// The daemon whose data folder is `data`; without one, the gateway that somebody logged in to, the system's, else
    /// one that runs in this folder. `user` says whose things are meant.
    pub(super) fn at(data: Option<PathBuf>, user: Option<String>) -> Self {
        Self { data, user }
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// When no daemon is found, or why it refused.
    pub(super) async fn ask(&self, request: &Request) -> anyhow::Result<Value> {
        let patience = match request {
            Request::HookTest { .. }
            | Request::HookTry { .. }
            | Request::Waiting { .. }
            | Request::Cancel { .. }
            | Request::Replay { .. }
            | Request::Discard { .. }
            | Request::BleAdopt { .. }
            | Request::BleAdoptAll { .. }
            | Request::BleSet { bind_key: Some(_), .. }
            | Request::Backup { .. }
            | Request::Restore { .. } => LONG_PATIENCE,
            _ => PATIENCE,
        };
        let asked = Asked { request: request.clone(), user: self.user.clone() };
        if let Some(login) = self.login()? {
            return login.ask(&asked, patience).await;
        }
        let mut stream = BufReader::new(self.connect().await?);
        send(&mut stream, &asked).await?;
        let reply = timeout(patience, receive(&mut stream)).await;
        match reply.map_err(|_| anyhow!("the gateway gave no answer within {} s", patience.as_secs()))?? {
            Some(Reply::Done(value)) => Ok(value),
            Some(Reply::Refused(reason)) => Err(anyhow!(reason)),
            None => Err(anyhow!("the gateway ended before it answered")),
        }
    }

    /// Every event from now on whose name begins with `prefix`. Whatever is published after this returns will be heard.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn events(&self, prefix: String) -> anyhow::Result<Tail> {
        if let Some(login) = self.login()? {
            if self.user.is_some() {
                bail!("only at the gateway itself can somebody act for another user");
            }
            return login.events(&prefix).await.map(Tail::Remote);
        }
        let mut stream = BufReader::new(self.connect().await?);
        send(&mut stream, &Asked { request: Request::Events { prefix }, user: self.user.clone() }).await?;
        match receive(&mut stream).await? {
            Some(Reply::Done(_)) => Ok(Tail::Here(stream)),
            Some(Reply::Refused(reason)) => Err(anyhow!(reason)),
            None => Err(anyhow!("the gateway ended before it answered")),
        }
    }

    /// The gateway's host, if it is somewhere else.
    ///
    /// # Errors
    /// When the login that was kept cannot be read.
    pub(super) fn host(&self) -> anyhow::Result<Option<String>> {
        let url = self.login()?.and_then(|login| url::Url::parse(&login.url).ok());
        Ok(url.and_then(|url| url.host_str().map(str::to_owned)))
    }

    /// The login that counts: whoever names a folder means its daemon.
    fn login(&self) -> anyhow::Result<Option<Login>> {
        if self.data.is_some() { Ok(None) } else { Login::kept() }
    }

    async fn connect(&self) -> anyhow::Result<UnixStream> {
        if let Some(data) = &self.data {
            return control::connect(data).await.map_err(|error| {
                let folder = data.display();
                anyhow!("no gateway found in {folder}: {}; start one with: farhook run --data {folder}", why(&error))
            });
        }
        let system = match control::connect(Path::new(SYSTEM)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => why(&error),
        };
        let here = match control::connect(Path::new(CHECKOUT)).await {
            Ok(stream) if is_own(&stream)? => return Ok(stream),
            Ok(_) => "it is somebody else's, name it with --data if you trust it".to_owned(),
            Err(error) => why(&error),
        };
        bail!(
            "no gateway found: tried {SYSTEM} ({system}) and {CHECKOUT} ({here}); start one with `farhook run`, or \
             name its data folder with --data or FARHOOK_DATA"
        )
    }
}

impl Tail {
    /// The next event; none when the daemon ended.
    ///
    /// # Errors
    /// When the connection broke, or what came is no reply.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Heard>> {
        let stream = match self {
            Self::Here(stream) => stream,
            Self::Remote(tail) => return tail.next().await,
        };
        Ok(receive(stream).await?.map(|reply| match reply {
            Reply::Done(event) => Heard::Event(event),
            Reply::Refused(reason) => Heard::Missed(reason),
        }))
    }
}

async fn send(stream: &mut BufReader<UnixStream>, asked: &Asked) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(&asked.write()).context("the request cannot be written as JSON")?;
    line.push(b'\n');
    let most_bytes = if line.starts_with(RESTORE.as_bytes()) { RESTORE_BYTES } else { REQUEST_BYTES };
    if line.len() as u64 > most_bytes {
        bail!("the request has {} bytes, and may have {most_bytes}", line.len());
    }
    stream.write_all(&line).await.context("the gateway cannot be asked")
}

async fn receive(stream: &mut BufReader<UnixStream>) -> anyhow::Result<Option<Reply>> {
    let mut line = String::new();
    match stream.take(REPLY_BYTES).read_line(&mut line).await {
        Ok(0) => Ok(None),
        Ok(_) => serde_json::from_str(&line).map(Some).context("the gateway's answer cannot be understood"),
        // It hung up with something of ours unread.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
        Err(error) => Err(error).context("the gateway's answer cannot be read"),
    }
}

/// The folder of this name may be anybody's, in a folder like /tmp: a stranger there must not be told secrets.
fn is_own(stream: &UnixStream) -> anyhow::Result<bool> {
    let daemon = stream.peer_cred().context("it cannot be seen whose gateway this is")?;
    Ok(daemon.uid() == Uid::effective().as_raw())
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "nothing there".to_owned(),
        io::ErrorKind::ConnectionRefused => "the one that was there has ended".to_owned(),
        io::ErrorKind::PermissionDenied => "not allowed, try sudo".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::net::UnixListener;

    use super::*;

    /// A daemon that answers one caller with these lines, and what the caller asked.
    async fn asked(listener: &UnixListener, lines: &[&str]) -> String {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        let mut request = String::new();
        stream.read_line(&mut request).await.unwrap();
        for line in lines {
            stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        request
    }

    fn folder() -> (tempfile::TempDir, UnixListener, Gateway) {
        let data = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(data.path().join("ctl.sock")).unwrap();
        let gateway = Gateway::at(Some(data.path().to_owned()), None);
        (data, listener, gateway)
    }

    #[tokio::test]
    async fn the_daemon_is_asked_and_its_answer_returned() {
        let (_data, listener, gateway) = folder();
        let (request, answer) =
            tokio::join!(asked(&listener, &[r#"{"done":{"hooks":2}}"#]), gateway.ask(&Request::Status));
        assert_eq!(request, "{\"ask\":\"status\"}\n");
        assert_eq!(answer.unwrap(), json!({ "hooks": 2 }));
    }

    #[tokio::test]
    async fn a_refusal_is_an_error_with_the_reason() {
        let (_data, listener, gateway) = folder();
        let request = Request::DeviceAdd { name: "x".to_owned() };
        let (_, answer) = tokio::join!(asked(&listener, &[r#"{"refused":"no, because"}"#]), gateway.ask(&request));
        assert_eq!(answer.unwrap_err().to_string(), "no, because");
        let (_, answer) = tokio::join!(asked(&listener, &[]), gateway.ask(&request));
        assert_eq!(answer.unwrap_err().to_string(), "the gateway ended before it answered");
    }

    #[tokio::test]
    async fn a_stream_ends_with_the_daemon() {
        let (_data, listener, gateway) = folder();
        let lines = [r#"{"done":null}"#, r#"{"done":{"name":"temp"}}"#, r#"{"refused":"3 events were missed"}"#];
        let (request, tail) = tokio::join!(asked(&listener, &lines), gateway.events("te".to_owned()));
        assert_eq!(request, "{\"ask\":\"events\",\"prefix\":\"te\"}\n");
        let mut tail = tail.unwrap();
        assert_eq!(tail.next().await.unwrap(), Some(Heard::Event(json!({ "name": "temp" }))));
        assert_eq!(tail.next().await.unwrap(), Some(Heard::Missed("3 events were missed".to_owned())));
        assert_eq!(tail.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_missing_daemon_is_told_with_how_to_start_one() {
        let data = tempfile::tempdir().unwrap();
        let gateway = Gateway::at(Some(data.path().to_owned()), None);
        let error = gateway.ask(&Request::Status).await.unwrap_err().to_string();
        let folder = data.path().display();
        assert_eq!(
            error,
            format!("no gateway found in {folder}: nothing there; start one with: farhook run --data {folder}")
        );
    }
}
