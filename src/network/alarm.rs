//! The kernel's word that something about links, addresses or routes changed. What it was is not read: whoever is woken
//! looks for himself. Source: rtnetlink(7).

use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::AddressFamily;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::NetlinkAddr;
use nix::sys::socket::SockFlag;
use nix::sys::socket::SockProtocol;
use nix::sys::socket::SockType;
use nix::sys::socket::bind;
use nix::sys::socket::recv;
use nix::sys::socket::socket;
use tokio::io::unix::AsyncFd;

/// What the kernel is to tell.
const GROUPS: u32 = (libc::RTMGRP_LINK
    | libc::RTMGRP_IPV4_IFADDR
    | libc::RTMGRP_IPV4_ROUTE
    | libc::RTMGRP_IPV6_IFADDR
    | libc::RTMGRP_IPV6_ROUTE)
    .unsigned_abs();

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Heard {
    Nothing,
    Something,
    /// More than the socket holds; some of it is lost.
    TooMuch,
}

/// Rings when something changed.
#[derive(Debug)]
pub(super) struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        #[expect(deprecated, reason = "what replaces it is unsafe; a descriptor that is owned is what it asks for")]
        let socket = AsyncFd::new(socket)?;
        Ok(Self(socket))
    }

    /// Waits until something is heard. Dropping the future loses nothing.
    pub(super) async fn rings(&self) -> io::Result<Heard> {
        loop {
            let mut ready = self.0.readable().await?;
            let heard = self.listen()?;
            // Everything was taken: the next message makes it readable again.
            ready.clear_ready();
            if heard > Heard::Nothing {
                return Ok(heard);
            }
        }
    }

    /// Takes what there is without waiting.
    pub(super) fn listen(&self) -> io::Result<Heard> {
        let mut heard = Heard::Nothing;
        let mut message = [0; 4_096];
        loop {
            match recv(self.0.as_raw_fd(), &mut message, MsgFlags::empty()) {
                Ok(_) => heard = heard.max(Heard::Something),
                Err(Errno::ENOBUFS) => heard = Heard::TooMuch,
                Err(Errno::EAGAIN) => return Ok(heard),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
