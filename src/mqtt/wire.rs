//! The bytes of one connection, over anything that reads and writes: what came in and is not decoded yet, what is to
//! go out and is not written yet.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::io::ReadHalf;
use tokio::io::WriteHalf;
use tokio::time::timeout;

/// Bytes that a read has room for at least.
const READ_BYTES: usize = 2 * 1_024;

/// Bytes of buffer that an idle connection may keep.
const KEPT_BYTES: usize = 16 * 1_024;

/// How long a connection that is being closed is given to take its last bytes, and then to close its side.
const LAST_WRITE: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Wire<S> {
    pub(super) input: Inlet<S>,
    pub(super) output: Outlet<S>,
}

/// The half that reads.
#[derive(Debug)]
pub(super) struct Inlet<S> {
    half: ReadHalf<S>,
    /// What came and is not decoded yet.
    pub(super) bytes: BytesMut,
}

/// The half that writes.
#[derive(Debug)]
pub(super) struct Outlet<S> {
    half: WriteHalf<S>,
    /// What is not written yet.
    pub(super) bytes: BytesMut,
    is_unflushed: bool,
}

impl<S: AsyncRead + AsyncWrite> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            input: Inlet { half: reader, bytes: BytesMut::new() },
            output: Outlet { half: writer, bytes: BytesMut::new(), is_unflushed: false },
        }
    }

    /// Writes what is left, for a short time. False if the client did not take it.
    pub(super) async fn flush(&mut self) -> bool {
        let rest = async {
            while !self.output.is_done() {
                self.output.write().await?;
            }
            Ok::<_, io::Error>(())
        };
        matches!(timeout(LAST_WRITE, rest).await, Ok(Ok(())))
    }

    /// Closes the connection.
    ///
    /// What the client still sends is read and dropped for a moment: closing over unread bytes would reset the
    /// connection, and the client might never see why.
    pub(super) async fn close(mut self) {
        let both_sides = async {
            self.output.half.shutdown().await?;
            loop {
                self.input.bytes.clear();
                if self.input.read(0).await? == 0 {
                    return Ok::<_, io::Error>(());
                }
            }
        };
        // A client that broke off is as gone as one that closed.
        let _ = timeout(LINGER, both_sides).await;
    }
}

impl<S: AsyncRead> Inlet<S> {
    /// Reads what is there, with room for `missing` bytes; 0 at the end of the stream. Cancel safe.
    pub(super) async fn read(&mut self, missing: usize) -> io::Result<usize> {
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES {
            self.bytes = BytesMut::new();
        }
        self.bytes.reserve(missing.max(READ_BYTES));
        self.half.read_buf(&mut self.bytes).await
    }
}

impl<S: AsyncWrite> Outlet<S> {
    /// Whether all was written and flushed.
    pub(super) fn is_done(&self) -> bool {
        self.bytes.is_empty() && !self.is_unflushed
    }

    /// Writes as much as is taken, and flushes after the last byte. Cancel safe.
    pub(super) async fn write(&mut self) -> io::Result<()> {
        if !self.bytes.is_empty() {
            if self.half.write_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.is_unflushed = true;
        }
        if self.bytes.is_empty() {
            self.half.flush().await?;
            self.is_unflushed = false;
            if self.bytes.capacity() > KEPT_BYTES {
                self.bytes = BytesMut::new();
            }
        }
        Ok(())
    }
}
