//! `zoa bench floor`: a server that does nothing but what every server of this protocol must.
//!
//! Handshake, frames, one lock, a canned reply of 100 bytes: what it takes is the kernel's, the
//! runtime's and the framing's share, and no real server can be below it. It stores nothing and keeps
//! no sessions; who reads with a watch hears of the next write, whatever was written: one write to
//! each socket. A stock client would be misled by it.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use anyhow::Result;
use parking_lot::Mutex;
use parking_lot::RwLock;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::EventKind;
use zoa_proto::OpCode;
use zoa_proto::ReplyHeader;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::WatchedEvent;
use zoa_proto::Zxid;
use zoa_proto::encode_event;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::encode_frame;
use zoa_proto::frame::next_frame;

/// Threads of the runtime.
const WORKERS: usize = 2;
/// Bytes of the canned value.
const VALUE_LEN: usize = 100;
/// Bytes of a stat.
const STAT_LEN: usize = 68;

/// Room for the requests that one read may bring; a busy connection has its own way up from there.
const BUFFER_LEN: usize = 1024;

/// Options of `zoa bench floor`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FloorArgs {
    /// Port to listen on, on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 2180)]
    pub(crate) port: u16,
}

/// Serves until the process ends; `ready` hears the port.
pub(crate) fn serve(args: FloorArgs, ready: impl FnOnce(u16)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_io()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await;
        let listener =
            listener.with_context(|| format!("cannot listen on 127.0.0.1:{}", args.port))?;
        ready(
            listener
                .local_addr()
                .context("cannot tell the port")?
                .port(),
        );
        accept(listener).await
    })
}

/// What all connections share.
struct Shared {
    value: RwLock<Vec<u8>>,
    /// The connections that wait for a write.
    watchers: Mutex<Vec<Arc<OwnedWriteHalf>>>,
}

async fn accept(listener: TcpListener) -> Result<()> {
    let shared = Arc::new(Shared {
        value: RwLock::new(vec![0x78_u8; VALUE_LEN]),
        watchers: Mutex::new(Vec::new()),
    });
    loop {
        let (stream, _) = listener
            .accept()
            .await
            .context("cannot accept connections")?;
        let shared = Arc::clone(&shared);
        #[expect(
            clippy::disallowed_methods,
            reason = "one task a connection, which ends with the connection"
        )]
        tokio::spawn(async move {
            // The end of a connection, however it comes about, is nobody's concern here.
            let _ = converse(stream, &shared).await;
        });
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut stream, sink) = stream.into_split();
    let mut connection = Conversation {
        shared,
        sink: Arc::new(sink),
        greeted: false,
        closing: false,
    };
    let mut incoming: Vec<u8> = Vec::with_capacity(BUFFER_LEN);
    let mut outgoing = Vec::new();
    while !connection.closing && stream.read_buf(&mut incoming).await? != 0 {
        let mut consumed = 0;
        let rest = |consumed| incoming.get(consumed..).unwrap_or_default();
        while let Some((frame, taken)) = next_frame(rest(consumed), FrameLimits::default())? {
            connection.answer(frame, &mut outgoing)?;
            consumed += taken;
        }
        incoming.drain(..consumed);
        write_all(&connection.sink, &outgoing).await?;
        outgoing.clear();
    }
    Ok(())
}

async fn write_all(sink: &OwnedWriteHalf, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match sink.try_write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => sink.writable().await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// One connection's state: hardly any.
struct Conversation<'s> {
    shared: &'s Shared,
    sink: Arc<OwnedWriteHalf>,
    greeted: bool,
    closing: bool,
}

impl Conversation<'_> {
    fn answer(&mut self, frame: &[u8], outgoing: &mut Vec<u8>) -> Result<()> {
        if !self.greeted {
            self.greeted = true;
            return greet(frame, outgoing);
        }
        let (request, body) = RequestHeader::decode(frame)?;
        let op = request.op();
        match op {
            // The last field of getData says whether a watch is wanted.
            Some(OpCode::GetData) if body.last() == Some(&1) => {
                self.shared.watchers.lock().push(Arc::clone(&self.sink));
            }
            Some(OpCode::SetData) => self.fire(),
            _ => {}
        }
        let reply = ReplyHeader {
            xid: request.xid,
            zxid: Zxid::ZERO,
            error: None,
        };
        encode_frame(outgoing, |writer| {
            reply.encode(writer);
            match op {
                Some(OpCode::Ping | OpCode::CloseSession) => {}
                // Nobody has children here.
                Some(OpCode::GetChildren | OpCode::GetChildren2) => writer.int(0),
                _ => {
                    writer.buffer(Some(self.shared.value.read().as_slice()));
                    writer.raw(&[0; STAT_LEN]);
                }
            }
        })?;
        self.closing = op == Some(OpCode::CloseSession);
        Ok(())
    }

    /// Sends an event to all who wait. A socket too full for so few bytes goes without.
    fn fire(&self) {
        let watchers = std::mem::take(&mut *self.shared.watchers.lock());
        if watchers.is_empty() {
            return;
        }
        let mut event = Vec::new();
        encode_event(
            &mut event,
            &WatchedEvent {
                kind: EventKind::NodeDataChanged,
                path: "/",
                zxid: Zxid::ZERO,
            },
        );
        for watcher in watchers {
            let _ = watcher.try_write(&event);
        }
    }
}

fn greet(frame: &[u8], outgoing: &mut Vec<u8>) -> Result<()> {
    let request = ConnectRequest::decode(frame)?;
    let response = ConnectResponse {
        protocol_version: 0,
        timeout_ms: request.timeout_ms,
        session: SessionId(1),
        password: &[0; 16],
        read_only: request.read_only,
    };
    response.encode_frame(outgoing)?;
    Ok(())
}
