//! One TCP connection to a server, seen frame by frame.
//!
//! Not a client: it answers no pings and reconnects never. Invariant: `read` returns within its time, and
//! what it returns tells a closed connection from a silent one.

use crate::wire::ConnectRequest;
use crate::wire::ConnectResponse;
use crate::wire::frame;
use crate::wire::request;
use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpStream;
use std::time::Duration;

/// What came, or did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A frame, without its length.
    Frame(Vec<u8>),
    /// The server closed the connection.
    Closed,
    /// Nothing came in the time given.
    Silent,
}

/// A connection and the bytes read ahead of need.
pub(crate) struct Link {
    stream: TcpStream,
    pending: Vec<u8>,
    taken: usize,
}

impl Link {
    pub(crate) fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            pending: Vec::new(),
            taken: 0,
        })
    }

    /// Sends bytes as they are. An error means that the server has closed.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one request.
    pub(crate) fn send(&mut self, xid: i32, op: i32, body: &[u8]) -> io::Result<()> {
        self.send_raw(&frame(&request(xid, op, body)))
    }

    /// Opens or attaches a session.
    pub(crate) fn handshake(&mut self, request: &ConnectRequest, within: Duration) -> Incoming {
        match self.send_raw(&frame(&request.encode())) {
            Ok(()) => self.read(within),
            Err(_) => Incoming::Closed,
        }
    }

    /// Opens a session, or says what came instead.
    pub(crate) fn open_session(
        &mut self,
        request: &ConnectRequest,
        within: Duration,
    ) -> io::Result<ConnectResponse> {
        let answer = self.handshake(request, within);
        match &answer {
            Incoming::Frame(frame) => {
                ConnectResponse::read(frame).filter(|response| response.session != 0)
            }
            Incoming::Closed | Incoming::Silent => None,
        }
        .ok_or_else(|| io::Error::other(format!("no session was opened: {answer:?}")))
    }

    /// The next frame, waited for at most `within`.
    pub(crate) fn read(&mut self, within: Duration) -> Incoming {
        if self.stream.set_read_timeout(Some(within)).is_err() {
            return Incoming::Closed;
        }
        loop {
            if let Some(frame) = self.take_frame() {
                return Incoming::Frame(frame);
            }
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Incoming::Closed,
                Ok(len) => self
                    .pending
                    .extend_from_slice(chunk.get(..len).unwrap_or_default()),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Incoming::Silent;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Incoming::Closed,
            }
        }
    }

    fn take_frame(&mut self) -> Option<Vec<u8>> {
        let waiting = self.pending.get(self.taken..)?;
        let (len, rest) = waiting.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let frame = rest.get(..len)?.to_vec();
        self.taken += 4 + len;
        if self.taken == self.pending.len() {
            self.pending.clear();
            self.taken = 0;
        }
        Some(frame)
    }

    /// Ends the connection at once, both ways.
    pub(crate) fn shut(&self) {
        // A socket that the server has already closed cannot be shut again: nothing is lost.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
