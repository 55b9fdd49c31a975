//! A server of threads and scripts: it does to each connection what the test says, in bytes.

use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::time::Duration;

use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_reply;

/// One connection of a client.
pub(crate) struct Peer(TcpStream);

impl Peer {
    /// The next frame, without its length; `None` at the end.
    pub(crate) fn read_frame(&mut self) -> Option<Vec<u8>> {
        let mut len = [0; 4];
        self.0.read_exact(&mut len).ok()?;
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(len)).ok()?];
        self.0.read_exact(&mut frame).ok()?;
        Some(frame)
    }

    /// The xid of the next request that is no ping; `None` at the end.
    pub(crate) fn read_xid(&mut self) -> Option<Xid> {
        loop {
            let frame = self.read_frame()?;
            let xid = Xid(i32::from_be_bytes(frame.first_chunk().copied()?));
            if xid != Xid::PING {
                return Some(xid);
            }
        }
    }

    /// Writes bytes; the client may be gone already.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).ok();
    }

    /// Whether the client asks whether this server takes writes, instead of shaking hands.
    pub(crate) fn is_probe(&self) -> bool {
        let mut word = [0; 4];
        self.0
            .peek(&mut word)
            .is_ok_and(|len| word.starts_with(b"isro") && len == 4)
    }

    /// Reads the handshake and grants a session.
    pub(crate) fn shake_hands(&mut self, read_only: bool) {
        self.read_frame();
        self.write(&granted(read_only));
    }

    /// Answers a getData.
    pub(crate) fn reply_data(&mut self, xid: Xid, data: &[u8]) {
        self.write(&data_reply(xid, data));
    }

    /// Waits until the client has closed the connection.
    pub(crate) fn read_to_end(&mut self) {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).ok();
    }
}

/// The answer to a handshake.
pub(crate) fn granted(read_only: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let response = ConnectResponse {
        protocol_version: 0,
        timeout_ms: 10_000,
        session: SessionId(7),
        password: &[9; 16],
        read_only: Some(read_only),
    };
    response.encode_frame(&mut bytes).expect("short");
    bytes
}

pub(crate) fn data_reply(xid: Xid, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = ReplyHeader {
        xid,
        zxid: Zxid(5),
        error: None,
    };
    let body = Reply::Data {
        data: Some(data),
        stat: zoa_proto::Stat::default(),
    };
    encode_reply(&mut bytes, header, |writer| body.encode(writer));
    bytes
}

pub(crate) fn error_reply(xid: Xid, error: ErrorCode) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = ReplyHeader {
        xid,
        zxid: Zxid(5),
        error: Some(error),
    };
    encode_reply(&mut bytes, header, |_| {});
    bytes
}

/// Starts a server that plays `script` on each connection, one after another, and closes it then.
pub(crate) fn serve(mut script: impl FnMut(&mut Peer) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    // It ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .expect("a timeout may be set");
            script(&mut Peer(stream));
        }
    });
    address
}

/// A port at which nobody listens.
pub(crate) fn silent_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}
