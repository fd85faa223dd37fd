//! The bytes in the binary messages of a WebSocket, as one stream. Where a message begins and ends means nothing: a packet may be in
//! several, and several in one. Pings are answered, and a close is the end.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use futures_util::Sink;
use futures_util::Stream as _;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Bytes of a message, and of a frame, that a client may send: they are kept until they are whole. Ours; four events of
/// full size have room.
const MESSAGE_BYTES: usize = 64 << 10;

/// Bytes of a message that is sent. Ours.
const SENT_BYTES: usize = 16 << 10;

/// Bytes that are read at once. Ours; most packets are shorter.
const READ_BYTES: usize = 4 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct Stream<S> {
    socket: WebSocketStream<S>,
    /// What came and is not taken yet.
    rest: Bytes,
    is_at_end: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Of a connection on which the agreement was made, at this end of it.
    pub(super) async fn new(stream: S) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(4 * SENT_BYTES)
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        Self { socket, rest: Bytes::new(), is_at_end: false }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.rest.is_empty() && !this.is_at_end {
            match ready!(Pin::new(&mut this.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => this.rest = bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                // Text ends it, as the standard wants it. Source: MQTT 5, MQTT-6.0.0-1.
                Some(Ok(Message::Text(_) | Message::Frame(_))) => {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                Some(Ok(Message::Close(_))) | None => this.is_at_end = true,
                Some(Err(error)) => return Poll::Ready(Err(as_io(error))),
            }
        }
        let taken = this.rest.split_to(this.rest.len().min(room.remaining()));
        room.put_slice(&taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.get_mut().socket);
        // Not before the message before it is out.
        ready!(socket.as_mut().poll_ready(context)).map_err(as_io)?;
        let sent = &bytes[..bytes.len().min(SENT_BYTES)];
        socket.start_send(Message::Binary(Bytes::copy_from_slice(sent))).map_err(as_io)?;
        Poll::Ready(Ok(sent.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context).map_err(as_io)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.get_mut().socket).poll_close(context)) {
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(as_io(error))),
        }
    }
}

fn as_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::SinkExt;
    use futures_util::StreamExt;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::io::DuplexStream;

    use super::*;

    /// Both ends of one; that of the client has no bounds.
    async fn pair(room: usize) -> (WebSocketStream<DuplexStream>, Stream<DuplexStream>) {
        let (near, far) = tokio::io::duplex(room);
        (WebSocketStream::from_raw_socket(near, Role::Client, None).await, Stream::new(far).await)
    }

    #[tokio::test]
    async fn messages_are_one_stream_wherever_they_are_cut() {
        let (mut client, mut stream) = pair(1 << 20).await;
        for part in ["ab", "", "cdef", "g"] {
            client.send(Message::binary(part.as_bytes().to_vec())).await.unwrap();
            client.send(Message::Ping(Bytes::from_static(b"there?"))).await.unwrap();
        }
        client.close(None).await.unwrap();
        let mut first = [0; 3];
        stream.read_exact(&mut first).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!((&first, rest.as_slice()), (b"abc", b"defg".as_slice()));
    }

    #[tokio::test]
    async fn what_is_written_comes_whole_in_messages_of_a_bounded_size() {
        let (mut client, mut stream) = pair(1_000).await;
        let sent = vec![7; 3 * SENT_BYTES + 5];
        let writing = async {
            stream.write_all(&sent).await.unwrap();
            stream.flush().await.unwrap();
            stream.shutdown().await.unwrap();
        };
        let reading = async {
            let mut heard = Vec::new();
            while let Some(Ok(Message::Binary(bytes))) = client.next().await {
                assert!(bytes.len() <= SENT_BYTES);
                heard.extend(bytes);
            }
            heard
        };
        assert_eq!(tokio::join!(writing, reading).1, sent);
    }

    #[tokio::test]
    async fn a_ping_is_answered_while_nothing_is_said() {
        let (mut client, mut stream) = pair(1_000).await;
        client.send(Message::Ping(Bytes::from_static(b"there?"))).await.unwrap();
        let mut byte = [0];
        tokio::select! {
            _ = stream.read(&mut byte) => panic!("nothing was said"),
            answer = client.next() => assert_eq!(answer.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"there?"))),
        }
    }

    #[tokio::test]
    async fn text_and_messages_that_are_too_long_are_errors() {
        for message in [Message::text("hello"), Message::binary(vec![0; MESSAGE_BYTES + 1])] {
            let (mut client, mut stream) = pair(1 << 20).await;
            client.send(message).await.unwrap();
            assert!(stream.read(&mut [0; 10]).await.is_err());
        }
        let (mut client, mut stream) = pair(1 << 20).await;
        client.send(Message::binary(vec![0; MESSAGE_BYTES])).await.unwrap();
        assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 10);
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_lets_little_pile_up() {
        let (_client, mut stream) = pair(1_000).await;
        let mut taken = 0;
        while let Some(Ok(bytes)) = futures_util::FutureExt::now_or_never(stream.write(&vec![0; 4 * SENT_BYTES])) {
            taken += bytes;
        }
        assert!(taken <= 2 * SENT_BYTES, "{taken}");
    }
}
