//! The webhook's server: it notes each request and answers as it was told to.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::gateway::PATIENCE;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Their names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub enum Answer {
    Status(u16, Vec<(&'static str, String)>, String),
    /// Nothing, while the connection stays open.
    Silence,
    /// A body that never ends.
    Endless,
    /// Nothing until this is notified, and then a plain "ok".
    After(Arc<Notify>),
}

impl Answer {
    pub fn ok(body: &str) -> Self {
        Self::Status(200, Vec::new(), body.to_owned())
    }

    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new(), String::new())
    }
}

type Script = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// A server that runs until it is dropped.
pub struct Receiver {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Request>,
    serving: JoinHandle<()>,
}

/// An address at which connections are refused, until somebody listens there.
pub struct Closed(TcpSocket);

impl Closed {
    pub fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST)
    }

    /// At a free port of this address.
    pub fn at(address: Ipv4Addr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        Self(socket)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.0.local_addr().unwrap())
    }

    pub fn open(self, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Receiver {
        Receiver::serve(self.0.listen(128).unwrap(), None, Arc::new(script))
    }
}

impl Receiver {
    /// Answers everything with "ok".
    pub fn start() -> Self {
        Self::with(|_| Answer::ok("ok"))
    }

    /// Answers as `script` says.
    pub fn with(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Closed::new().open(script)
    }

    /// Answers as `script` says, where somebody listens already.
    pub fn on(listener: std::net::TcpListener, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        listener.set_nonblocking(true).unwrap();
        Self::serve(TcpListener::from_std(listener).unwrap(), None, Arc::new(script))
    }

    /// The same over TLS.
    pub fn with_tls(acceptor: TlsAcceptor) -> Self {
        Self::serve(Closed::new().0.listen(128).unwrap(), Some(acceptor), Arc::new(|_| Answer::ok("ok")))
    }

    fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            // All connections end with this task.
            let mut connections = JoinSet::new();
            loop {
                let stream = listener.accept().await.unwrap().0;
                connections.spawn(welcome(stream, tls.clone(), sender.clone(), Arc::clone(&script)));
            }
        });
        Self { address, requests, serving }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn next(&mut self) -> Request {
        self.next_within(PATIENCE).await
    }

    pub async fn next_within(&mut self, patience: Duration) -> Request {
        let request = timeout(patience, self.requests.recv()).await.expect("a request comes in time");
        request.expect("the receiver runs")
    }

    /// The bodies of the next requests.
    pub async fn bodies(&mut self, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            bodies.push(self.next().await.body);
        }
        bodies
    }

    /// A request that came and that nobody asked for.
    pub fn unexpected(&mut self) -> Option<Request> {
        self.requests.try_recv().ok()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn welcome(stream: TcpStream, tls: Option<TlsAcceptor>, sender: mpsc::UnboundedSender<Request>, script: Script) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => drop(converse(stream, sender, script).await),
        // Who does not trust the certificate goes away.
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(stream, sender, script).await;
            }
        }
    }
}

/// One connection, with as many requests as come over it.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    sender: mpsc::UnboundedSender<Request>,
    script: Script,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read(&mut stream).await?;
        let answer = script(&request);
        sender.send(request).ok()?;
        match answer {
            Answer::Status(status, headers, body) => write(&mut stream, status, &headers, &body).await?,
            Answer::Silence => std::future::pending().await,
            Answer::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.ok()?;
                let chunk = [b"400\r\n".as_slice(), &[b'x'; 1024], b"\r\n"].concat();
                loop {
                    stream.write_all(&chunk).await.ok()?;
                }
            }
            Answer::After(leave) => {
                leave.notified().await;
                write(&mut stream, 200, &[], "ok").await?;
            }
        }
    }
}

async fn read(stream: &mut BufReader<impl AsyncRead + Unpin>) -> Option<Request> {
    let line = read_line(stream).await?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let header = read_line(stream).await?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(Ok(0), |(_, length)| length.parse());
    let mut body = vec![0; length.unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { method, path, headers, body: String::from_utf8(body).unwrap(), at: Instant::now() })
}

async fn read_line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.strip_suffix("\r\n").map(str::to_owned)
}

async fn write(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    status: u16,
    headers: &[(&'static str, String)],
    body: &str,
) -> Option<()> {
    let mut head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.extend([name, ": ", value.as_str(), "\r\n"]);
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.ok()
}
