//! Where the socket is, and getting hold of it from both sides.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use tokio::net::UnixListener;
use tokio::net::UnixStream;

/// The socket's name in the daemon's data folder or runtime folder.
const NAME: &str = "ctl.sock";

/// Bytes that the kernel takes for a socket's path, its closing zero left out. Source: unix(7).
const PATH_BYTES: usize = 107;

/// Why the daemon has no socket.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {path}", path = path.display())]
pub struct SocketError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The daemon's socket. Its file goes with it.
#[derive(Debug)]
pub struct Socket {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Listens in `folder`, in place of what a daemon that was killed left there. Whoever calls holds the lock of the
    /// data folder, so no other daemon listens there.
    ///
    /// # Errors
    /// As `bind`.
    pub fn listen(folder: &Path) -> Result<Self, SocketError> {
        let path = folder.join(NAME);
        match bind(&path) {
            Ok(listener) => Ok(Self { listener, path }),
            Err(source) => Err(SocketError { path, source }),
        }
    }

    /// The socket's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Connects to the daemon whose socket is in `folder`.
///
/// # Errors
/// As `connect`.
pub async fn connect(folder: &Path) -> io::Result<UnixStream> {
    let path = folder.join(NAME);
    if fits(&path) {
        return UnixStream::connect(&path).await;
    }
    let folder = fs::File::open(folder)?;
    UnixStream::connect(detour(&folder)).await
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Err(error) = fs::remove_file(path) {
        if error.kind() != io::ErrorKind::NotFound {
            return Err(error);
        }
    }
    let listener = if fits(path) {
        UnixListener::bind(path)?
    } else {
        let folder = fs::File::open(path.parent().unwrap_or(Path::new("/")))?;
        UnixListener::bind(detour(&folder))?
    };
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// A short path to the socket in a folder whose own path is too long.
fn detour(folder: &fs::File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()))
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= PATH_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_path_is_no_obstacle() {
        let data = tempfile::tempdir().unwrap();
        let deep = data.path().join("x".repeat(120));
        for folder in [data.path(), &deep] {
            fs::create_dir_all(folder).unwrap();
            let socket = Socket::listen(folder).unwrap();
            let (connected, accepted) = tokio::join!(connect(folder), socket.listener.accept());
            connected.unwrap();
            accepted.unwrap();
            drop(socket);
            assert!(!folder.join(NAME).exists());
        }
    }

    #[tokio::test]
    async fn what_a_killed_daemon_left_is_replaced() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(NAME), b"").unwrap();
        let socket = Socket::listen(data.path()).unwrap();
        assert_eq!(fs::metadata(socket.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
