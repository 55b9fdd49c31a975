//! `zoa bench floor`: a server that does nothing but what every server of this protocol must.
//!
//! Handshake, frames, one lock, a canned reply of 100 bytes: what it takes is the kernel's, the
//! runtime's and the framing's share, and no real server can be below it. It stores nothing, keeps
//! no sessions and delivers no events; a stock client would be misled by it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use anyhow::Result;
use parking_lot::RwLock;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::OpCode;
use zoa_proto::ReplyHeader;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::Zxid;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::encode_frame;
use zoa_proto::frame::next_frame;

/// Threads of the runtime.
const WORKERS: usize = 2;
/// Bytes of the canned value.
const VALUE_LEN: usize = 100;
/// Bytes of a stat.
const STAT_LEN: usize = 68;
/// Room for requests of one connection, to begin with.
const BUFFER_LEN: usize = 4096;

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

async fn accept(listener: TcpListener) -> Result<()> {
    let value = Arc::new(RwLock::new(vec![0x78_u8; VALUE_LEN]));
    loop {
        let (stream, _) = listener
            .accept()
            .await
            .context("cannot accept connections")?;
        let value = Arc::clone(&value);
        #[allow(
            clippy::disallowed_methods,
            reason = "one task a connection, which ends with the connection"
        )]
        tokio::spawn(async move {
            // The end of a connection, however it comes about, is nobody's concern here.
            let _ = converse(stream, &value).await;
        });
    }
}

async fn converse(mut stream: TcpStream, value: &RwLock<Vec<u8>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = Conversation {
        value,
        greeted: false,
        closing: false,
    };
    let mut incoming: Vec<u8> = Vec::with_capacity(BUFFER_LEN);
    let mut outgoing = Vec::with_capacity(BUFFER_LEN);
    while !connection.closing && stream.read_buf(&mut incoming).await? != 0 {
        let mut consumed = 0;
        let rest = |consumed| incoming.get(consumed..).unwrap_or_default();
        while let Some((frame, taken)) = next_frame(rest(consumed), FrameLimits::default())? {
            connection.answer(frame, &mut outgoing)?;
            consumed += taken;
        }
        incoming.drain(..consumed);
        stream.write_all(&outgoing).await?;
        outgoing.clear();
    }
    Ok(())
}

/// One connection's state: hardly any.
struct Conversation<'v> {
    value: &'v RwLock<Vec<u8>>,
    greeted: bool,
    closing: bool,
}

impl Conversation<'_> {
    fn answer(&mut self, frame: &[u8], outgoing: &mut Vec<u8>) -> Result<()> {
        if !self.greeted {
            self.greeted = true;
            return greet(frame, outgoing);
        }
        let (request, _) = RequestHeader::decode(frame)?;
        let reply = ReplyHeader {
            xid: request.xid,
            zxid: Zxid::ZERO,
            error: None,
        };
        let op = request.op();
        encode_frame(outgoing, |writer| {
            reply.encode(writer);
            match op {
                Some(OpCode::Ping | OpCode::CloseSession) => {}
                // Nobody has children here.
                Some(OpCode::GetChildren | OpCode::GetChildren2) => writer.int(0),
                _ => {
                    writer.buffer(Some(self.value.read().as_slice()));
                    writer.raw(&[0; STAT_LEN]);
                }
            }
        })?;
        self.closing = op == Some(OpCode::CloseSession);
        Ok(())
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
