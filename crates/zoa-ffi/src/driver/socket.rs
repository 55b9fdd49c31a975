//! A TCP socket that never blocks, with or without TLS on it.
//!
//! It knows whether it was last full or empty, so that who waits knows what for. Invariant: it is close-on-exec, and a peer that is
//! gone is an error and not a signal.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::net::AddressFamily;
use rustix::net::RecvFlags;
use rustix::net::SendFlags;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::sockopt;

use super::tls::Encryption;

/// What reading came to.
#[derive(Debug)]
pub(super) enum Received {
    Nothing,
    /// `is_all` when the socket had no more at that moment.
    Bytes {
        len: usize,
        is_all: bool,
    },
    End,
    Error(io::Error),
}

/// A socket on its way to a server, or connected to one.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    encryption: Option<Encryption>,
    is_connecting: bool,
    is_full: bool,
}

impl Socket {
    /// Starts to connect.
    pub(super) fn connect(address: SocketAddr, encryption: Option<Encryption>) -> io::Result<Self> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        // Requests are small and each is waited for.
        sockopt::set_tcp_nodelay(&fd, true)?;
        match rustix::net::connect(&fd, &address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => Ok(Self {
                fd,
                encryption,
                is_connecting: true,
                is_full: false,
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it is connected, and encrypted if it is to be; `None` while that is open.
    pub(super) fn poll_connected(&mut self) -> Option<io::Result<()>> {
        if self.is_connecting {
            match self.poll_open()? {
                Ok(()) => self.is_connecting = false,
                Err(error) => return Some(Err(error)),
            }
        }
        let Some(encryption) = &mut self.encryption else {
            return Some(Ok(()));
        };
        match encryption.shake_hands(self.fd.as_fd()) {
            Ok(true) => Some(Ok(())),
            Ok(false) => self.flush().err().map(Err),
            Err(error) => Some(Err(error)),
        }
    }

    fn poll_open(&self) -> Option<io::Result<()>> {
        let mut waiting = [PollFd::new(&self.fd, PollFlags::OUT)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match rustix::event::poll(&mut waiting, Some(&now)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error.into())),
        }
        Some(match sockopt::socket_error(&self.fd) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) | Err(error) => Err(error.into()),
        })
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        let room = buffer.len();
        if let Some(encryption) = &mut self.encryption {
            return match encryption.receive(self.fd.as_fd(), buffer) {
                Ok(0) => Received::End,
                Ok(len) => Received::Bytes { len, is_all: false },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::Nothing,
                Err(error) => Received::Error(error),
            };
        }
        match rustix::net::recv(&self.fd, buffer, RecvFlags::empty()) {
            Ok((_, 0)) => Received::End,
            Ok((_, len)) => Received::Bytes {
                len,
                is_all: len < room,
            },
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Received::Nothing,
            Err(error) => Received::Error(error.into()),
        }
    }

    /// How many of the bytes it took; 0 when it is full.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(encryption) = &mut self.encryption {
            let len = encryption.encrypt(bytes)?;
            self.flush()?;
            return Ok(len);
        }
        match rustix::net::send(&self.fd, bytes, SendFlags::NOSIGNAL) {
            Ok(len) => {
                self.is_full = len < bytes.len();
                Ok(len)
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {
                self.is_full = true;
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends what is encrypted and was left.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if let Some(encryption) = &mut self.encryption {
            self.is_full = encryption.flush(self.fd.as_fd())?;
        }
        Ok(())
    }

    /// Whether it speaks TLS and is not connected yet, but the socket is.
    pub(super) const fn is_shaking_hands(&self) -> bool {
        self.encryption.is_some() && !self.is_connecting
    }

    /// Whether bytes are here of which the socket tells nothing any more.
    pub(super) fn has_more(&self) -> bool {
        self.encryption.as_ref().is_some_and(Encryption::has_more)
    }

    pub(super) const fn is_waiting_to_write(&self) -> bool {
        self.is_connecting || self.is_full
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
