//! The far end of attempts in tests: a web server of a few lines, on this machine.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What a request is answered with.
pub(crate) enum Reply {
    /// These bytes, and the end of the connection.
    Whole(String),
    /// These bytes, and then silence until the caller hangs up.
    Stalled(String),
}

/// A web server that answers each request by a function and shows what it was sent.
pub(crate) struct Responder {
    pub(crate) requests: mpsc::UnboundedReceiver<String>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Responder {
    pub(crate) fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(silent_port(), answer)
    }

    /// Answers on a port at which nobody listened so far.
    pub(crate) fn on(port: TcpSocket, answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = port.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(serve(listener, Arc::new(answer), seen));
        Self { requests, address, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A port of this machine that is taken, so that nobody else gets it, but refuses connections.
pub(crate) fn silent_port() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    socket
}

/// A whole answer with a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Whole(format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"))
}

/// What the daemon does before the first request: clients need it for TLS.
pub(crate) fn provide_crypto() {
    // Another test may have done it before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

type AnswerBy = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

async fn serve(listener: TcpListener, answer: AnswerBy, seen: mpsc::UnboundedSender<String>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(respond(stream, Arc::clone(&answer), seen.clone()));
    }
}

async fn respond(mut stream: TcpStream, answer: AnswerBy, seen: mpsc::UnboundedSender<String>) {
    let mut request = Vec::new();
    while !is_complete(&request) {
        if stream.read_buf(&mut request).await.is_ok_and(|bytes| bytes > 0) {
            continue;
        }
        return;
    }
    let request = String::from_utf8(request).unwrap();
    let reply = answer(&request);
    let _ = seen.send(request);
    let (Reply::Whole(bytes) | Reply::Stalled(bytes)) = &reply;
    let _ = stream.write_all(bytes.as_bytes()).await;
    if matches!(reply, Reply::Stalled(_)) {
        let _ = stream.read_buf(&mut Vec::new()).await;
    }
}

/// Whether head and body are there.
fn is_complete(request: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(request) else { return false };
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    body.len() >= length.unwrap_or(0)
}
