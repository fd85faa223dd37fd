//! The web service of the demo: an HTTP/1.1 server for one request after the other, that says what it got and answers
//! as `ThingSpeak` does, with the number of the entry.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// Bytes of the longest request.
const REQUEST_BYTES: u64 = 64 * 1024;

/// Requests that may wait to be shown.
const WAITING: usize = 16;

/// For one request to come in full.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// Method, path and version.
    pub(super) line: String,
    /// Names in lower case, and values.
    pub(super) headers: Vec<(String, String)>,
    /// The body as text.
    pub(super) body: String,
}

/// The running server. It ends when this is dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    requests: mpsc::Receiver<Received>,
    serving: AbortHandle,
}

impl Receiver {
    /// Listens on a port of this machine alone.
    ///
    /// # Errors
    /// As `bind`.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, requests) = mpsc::channel(WAITING);
        let serving = tokio::spawn(serve(listener, sender)).abort_handle();
        Ok(Self { address, requests, serving })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request; none if the server broke.
    pub(super) async fn next(&mut self) -> Option<Received> {
        self.requests.recv().await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Received {
    /// For scripts.
    pub(super) fn json(&self) -> Value {
        let headers: serde_json::Map<_, _> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({ "line": self.line, "headers": headers, "body": self.body })
    }
}

async fn serve(listener: TcpListener, requests: mpsc::Sender<Received>) {
    let mut entry = 0;
    while let Ok((stream, _)) = listener.accept().await {
        let mut stream = BufReader::new(stream);
        // Whoever sends no request gets no answer; the demo waits for one that comes.
        if let Ok(Ok(received)) = timeout(PATIENCE, read(&mut stream)).await {
            entry += 1;
            let _ = answer(&mut stream, entry).await;
            if requests.send(received).await.is_err() {
                return;
            }
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Received> {
    let mut stream = stream.take(REQUEST_BYTES);
    let line = read_line(&mut stream).await?;
    let mut headers: Vec<(String, String)> = Vec::new();
    loop {
        let header = read_line(&mut stream).await?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, length)| length);
    let length: u64 = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
    let mut body = Vec::new();
    if stream.take(length).read_to_end(&mut body).await? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Received { line, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

async fn read_line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    line.strip_suffix("\r\n").map(ToOwned::to_owned).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

async fn answer(stream: &mut BufReader<TcpStream>, entry: u32) -> io::Result<()> {
    let body = entry.to_string();
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(receiver: &Receiver, request: &str) -> String {
        let mut stream = TcpStream::connect(receiver.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn each_request_is_shown_and_gets_the_number_of_its_entry() {
        let mut receiver = Receiver::start().await.unwrap();
        let text = "POST /update HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1";
        assert!(sent(&receiver, text).await.ends_with("\r\n\r\n1"));
        assert!(sent(&receiver, text).await.ends_with("\r\n\r\n2"));
        let request = receiver.next().await.unwrap();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![header("host", "a"), header("content-length", "3")];
        assert_eq!(request, Received { line: "POST /update HTTP/1.1".to_owned(), headers, body: "a=1".to_owned() });
    }

    #[tokio::test]
    async fn what_is_no_request_gets_no_answer_and_ends_nothing() {
        let receiver = Receiver::start().await.unwrap();
        for request in ["", "x", "GET / HTTP/1.1\r\nbad\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\na"] {
            assert_eq!(sent(&receiver, request).await, "", "{request:?}");
        }
        assert!(sent(&receiver, "GET / HTTP/1.1\r\n\r\n").await.ends_with("\r\n\r\n1"));
    }
}
