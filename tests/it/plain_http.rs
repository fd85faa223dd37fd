//! HTTP as it is on the wire, for requests that no decent client sends.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::gateway::PATIENCE;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Their names are in lower case.
    pub headers: Vec<(String, String)>,
    /// Empty if it is no text.
    pub body: String,
    /// The same as it came, if it came in one piece.
    pub content: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request over a connection of its own.
pub async fn send(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: impl AsRef<[u8]>,
) -> Answer {
    send_over(TcpStream::connect(at).await.unwrap(), method, path, headers, body).await
}

/// Sends a request over this connection, which ends with the answer.
pub async fn send_over(
    stream: TcpStream,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: impl AsRef<[u8]>,
) -> Answer {
    let talk = async {
        let mut stream = begin(stream, method, path, headers, body.as_ref()).await;
        let (status, headers) = head(&mut stream).await;
        let mut answer = Answer { status, headers, body: String::new(), content: Vec::new() };
        match answer.header("content-length").map(|length| length.parse().unwrap()) {
            Some(length) => {
                let mut bytes = vec![0; length];
                stream.read_exact(&mut bytes).await.unwrap();
                answer.body = String::from_utf8(bytes.clone()).unwrap_or_default();
                answer.content = bytes;
            }
            None => while chunk(&mut stream, &mut answer.body).await.is_some_and(|length| length > 0) {},
        }
        answer
    };
    timeout(PATIENCE, talk).await.unwrap_or_else(|_| panic!("{method} {path} is not answered"))
}

/// An event stream.
pub struct Stream {
    reader: BufReader<TcpStream>,
    heard: String,
}

impl Stream {
    /// Opens it, which must succeed.
    pub async fn open(at: SocketAddr, path: &str, token: &str) -> Self {
        Self::open_with(at, path, &[("authorization", format!("Bearer {token}"))]).await
    }

    /// The same with other headers.
    pub async fn open_with(at: SocketAddr, path: &str, headers: &[(&str, String)]) -> Self {
        let opening = async {
            let stream = TcpStream::connect(at).await.unwrap();
            let mut reader = begin(stream, "GET", path, headers, &[]).await;
            let (status, headers) = head(&mut reader).await;
            assert_eq!(status, 200, "{path}");
            let kind = headers.iter().find(|(name, _)| name == "content-type");
            assert!(kind.is_some_and(|(_, kind)| kind.starts_with("text/event-stream")), "{headers:?}");
            Self { reader, heard: String::new() }
        };
        timeout(PATIENCE, opening).await.expect("the stream opens")
    }

    /// The next piece, as it was written.
    pub async fn piece(&mut self) -> String {
        let mut piece = String::new();
        let read = chunk(&mut self.reader, &mut piece);
        let length = timeout(PATIENCE, read).await.expect("there is a sign of life");
        assert!(length.is_some_and(|length| length > 0), "the stream ended");
        piece
    }

    /// What still comes until the stream is over, which must end as a body ends and not break off.
    pub async fn rest(mut self) -> String {
        let ended = loop {
            let read = chunk(&mut self.reader, &mut self.heard);
            match timeout(PATIENCE, read).await.expect("the stream ends") {
                Some(1..) => {}
                ended => break ended,
            }
        };
        assert_eq!(ended, Some(0), "it breaks off after {:?}", self.heard);
        self.heard
    }

    /// The next event: its name and its data.
    pub async fn event(&mut self) -> (String, Value) {
        let (_, name, data) = self.event_with_id().await;
        (name, data)
    }

    /// The next event: its id, its name and its data.
    pub async fn event_with_id(&mut self) -> (String, String, Value) {
        loop {
            while let Some((block, rest)) = self.heard.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.heard = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
                if let (Some(name), Some(data)) = (field("event: "), field("data: ")) {
                    return (field("id: ").unwrap_or_default(), name, serde_json::from_str(&data).unwrap());
                }
            }
            let piece = self.piece().await;
            self.heard.push_str(&piece);
        }
    }
}

async fn begin(
    mut stream: TcpStream,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &[u8],
) -> BufReader<TcpStream> {
    let at = stream.peer_addr().unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.extend(["host: ", &at.to_string(), "\r\n"]);
    }
    for (name, value) in headers {
        head.extend([*name, ": ", value.as_str(), "\r\n"]);
    }
    if !body.is_empty() {
        let length = body.len().to_string();
        head.extend(["content-length: ", &length, "\r\n"]);
    }
    stream.write_all(&[head.as_bytes(), b"\r\n", body].concat()).await.unwrap();
    BufReader::new(stream)
}

async fn head(stream: &mut BufReader<TcpStream>) -> (u16, Vec<(String, String)>) {
    let first = line(stream).await.unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{first:?} is no answer"));
    let mut headers = Vec::new();
    loop {
        let header = line(stream).await.unwrap_or_default();
        let Some((name, value)) = header.split_once(':') else { return (status, headers) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Adds the next chunk to `body` and gives its length, 0 for the last. `None` if the answer breaks off, or has neither
/// chunks nor a length and so no body.
async fn chunk(stream: &mut BufReader<TcpStream>, body: &mut String) -> Option<usize> {
    let length = usize::from_str_radix(&line(stream).await?, 16).ok()?;
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.ok()?;
    line(stream).await?;
    body.push_str(std::str::from_utf8(&bytes).expect("no character is cut in two"));
    Some(length)
}

/// `None` when the connection breaks.
async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.strip_suffix('\n').map(|line| line.trim_end_matches('\r').to_owned())
}
