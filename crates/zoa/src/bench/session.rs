//! A session over one blocking connection: what a workload needs before and after it measures.
//!
//! One request at a time, each waited for. Nothing measured goes through it, but for the first read
//! after a start.

use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::ToSocketAddrs as _;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::ConnectResponse;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::OpCode;
use zoa_proto::PathList;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Xid;
use zoa_proto::encode_request;
use zoa_proto::jute::Reader;
use zoa_proto::request::Create;
use zoa_proto::request::Delete;
use zoa_proto::request::Exists;
use zoa_proto::request::GetChildren;
use zoa_proto::request::GetData;
use zoa_proto::request::Sync;

use crate::bench::line::new_session;

/// The most operations put into one multi.
pub(crate) const MULTI_OPS_MAX: usize = 100;
/// The most bytes of data put into one multi, well below the frame limit of 1 MiB.
const MULTI_BYTES_MAX: usize = 768 * 1024;
/// Bytes that an operation takes in a multi beside its data, at most.
const MULTI_OP_OVERHEAD: usize = 256;

/// The session timeout to ask for unless told otherwise, in milliseconds.
const TIMEOUT_MS: i32 = 30_000;

/// How many operations with this much data go into one multi.
pub(crate) fn multi_ops(value_bytes: usize) -> usize {
    (MULTI_BYTES_MAX / (value_bytes + MULTI_OP_OVERHEAD)).clamp(1, MULTI_OPS_MAX)
}

/// A create of a persistent znode that everybody may do everything with; `acl_scratch` holds its
/// ACL.
pub(crate) fn create<'a>(path: &'a str, data: &'a [u8], acl: AclList<'a>) -> Create<'a> {
    create_of(CreateMode::Persistent, path, data, acl)
}

/// The same of a znode of any kind.
pub(crate) fn create_of<'a>(
    mode: CreateMode,
    path: &'a str,
    data: &'a [u8],
    acl: AclList<'a>,
) -> Create<'a> {
    Create {
        path,
        data: Some(data),
        acl,
        flags: mode.into(),
    }
}

/// The ACL of all znodes here: everything to everybody.
pub(crate) fn open_acl(scratch: &mut Vec<u8>) -> AclList<'_> {
    AclList::collect_into([AclRef::OPEN], scratch)
}

/// Fails if an operation of a multi failed.
pub(crate) fn check_multi(body: &[u8]) -> Result<()> {
    // A failed multi has errors for all of its operations: the first one's result tells.
    let mut reader = Reader::new(body);
    let (kind, error) = (reader.int()?, reader.boolean().and_then(|_| reader.int())?);
    if kind != OpCode::Error.to_wire() {
        return Ok(());
    }
    bail!("the server refused a multi: {}", error_name(error));
}

fn error_name(wire: i32) -> String {
    ErrorCode::from_wire(wire)
        .map_or_else(|| format!("error {wire}"), |code| code.name().to_owned())
}

/// The addresses that `host:port` stands for.
pub(crate) fn resolve(server: &str) -> Result<Vec<SocketAddr>> {
    let addresses = server.to_socket_addrs();
    let addresses: Vec<_> = addresses
        .with_context(|| format!("--server {server:?} is not a host:port that can be looked up"))?
        .collect();
    if addresses.is_empty() {
        bail!("--server {server:?} has no address");
    }
    Ok(addresses)
}

/// One address for each of the servers named, separated by commas: the first that grants a session.
pub(crate) fn answering(servers: &str, patience: Duration) -> Result<Vec<SocketAddr>> {
    let first = |server: &str| {
        let session = Session::open(&resolve(server)?, patience)?;
        let address = session.address();
        session.close();
        Ok(address)
    };
    servers.split(',').map(first).collect()
}

/// An established session.
pub(crate) struct Session {
    stream: TcpStream,
    address: SocketAddr,
    timeout: Duration,
    xid_last: i32,
    buffer: Vec<u8>,
}

impl Session {
    /// A new session on the first of the addresses that takes one; no step may take longer than
    /// `patience`.
    pub(crate) fn open(addresses: &[SocketAddr], patience: Duration) -> Result<Self> {
        Self::open_for(addresses, patience, TIMEOUT_MS)
    }

    /// The same with a session timeout of its own, in milliseconds.
    pub(crate) fn open_for(
        addresses: &[SocketAddr],
        patience: Duration,
        timeout_ms: i32,
    ) -> Result<Self> {
        let mut failure = None;
        for &address in addresses {
            match Self::open_at(address, patience, timeout_ms) {
                Ok(session) => return Ok(session),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => bail!("there is no address to connect to"),
        }
    }

    fn open_at(address: SocketAddr, patience: Duration, timeout_ms: i32) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, patience)
            .with_context(|| format!("cannot reach a server at {address}"))?;
        stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
        stream
            .set_read_timeout(Some(patience))
            .context("cannot set a timeout")?;
        stream
            .set_write_timeout(Some(patience))
            .context("cannot set a timeout")?;
        let mut session = Self {
            stream,
            address,
            timeout: Duration::ZERO,
            xid_last: 0,
            buffer: Vec::new(),
        };
        session
            .greet(timeout_ms)
            .with_context(|| format!("the server at {address} granted no session"))?;
        Ok(session)
    }

    fn greet(&mut self, timeout_ms: i32) -> Result<()> {
        self.buffer.clear();
        new_session(timeout_ms).encode_frame(&mut self.buffer)?;
        self.stream.write_all(&self.buffer)?;
        let frame = self.read_frame()?;
        let response = ConnectResponse::decode(&frame)?;
        if response.is_rejected() {
            bail!("the session was refused");
        }
        self.timeout = Duration::from_millis(u64::try_from(response.timeout_ms).unwrap_or(0));
        Ok(())
    }

    /// The timeout that the server granted.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The address that answered.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends one request and waits for its reply: the error, or the body.
    pub(crate) fn call(&mut self, request: &Request<'_>) -> Result<Result<Vec<u8>, ErrorCode>> {
        self.xid_last += 1;
        self.buffer.clear();
        encode_request(&mut self.buffer, Xid(self.xid_last), request)?;
        self.stream
            .write_all(&self.buffer)
            .context("cannot send to the server")?;
        let mut frame = self.read_frame().context("the server did not answer")?;
        let (header, _) = ReplyHeader::decode(&frame)?;
        if header.xid.0 != self.xid_last {
            bail!(
                "the server answered xid {} where {} was due",
                header.xid.0,
                self.xid_last
            );
        }
        frame.drain(..ReplyHeader::LEN);
        Ok(header.error.map_or(Ok(frame), Err))
    }

    /// The same, where an error is a failure of the bench.
    pub(crate) fn must(&mut self, request: &Request<'_>) -> Result<Vec<u8>> {
        let what = request.op();
        self.call(request)?
            .map_err(|error| anyhow::anyhow!("the server answered {what:?} with {}", error.name()))
    }

    /// Creates a persistent znode.
    pub(crate) fn create(&mut self, path: &str, data: &[u8]) -> Result<()> {
        let mut scratch = Vec::new();
        let acl = open_acl(&mut scratch);
        self.must(&Request::Create(create(path, data, acl)))
            .with_context(|| format!("cannot create {path}"))?;
        Ok(())
    }

    /// Creates znodes with the same data, a hundred or so at a time.
    pub(crate) fn create_all(&mut self, paths: &[String], data: &[u8]) -> Result<()> {
        let (mut acl_scratch, mut scratch) = (Vec::new(), Vec::new());
        let acl = open_acl(&mut acl_scratch);
        for paths in paths.chunks(multi_ops(data.len())) {
            let creates = paths
                .iter()
                .map(|path| MultiOp::Create(create(path, data, acl)));
            self.multi(MultiOps::collect_into(creates, &mut scratch))?;
        }
        Ok(())
    }

    /// Deletes a znode and all below it.
    pub(crate) fn delete_all(&mut self, path: &str) -> Result<()> {
        let body = self.must(&Request::GetChildren(GetChildren { path, watch: false }))?;
        let names: PathList<'_> = Reader::new(&body).vector()?;
        let children: Vec<_> = names.iter().map(|name| format!("{path}/{name}")).collect();
        let mut scratch = Vec::new();
        for paths in children.chunks(MULTI_OPS_MAX) {
            let deletes = paths.iter().map(|path| {
                MultiOp::Delete(Delete {
                    path,
                    version: Version::ANY,
                })
            });
            let request = Request::Multi(MultiOps::collect_into(deletes, &mut scratch));
            let all_leaves = self.must(&request).and_then(|body| check_multi(&body));
            if all_leaves.is_err() {
                paths.iter().try_for_each(|path| self.delete_all(path))?;
            }
        }
        self.must(&Request::Delete(Delete {
            path,
            version: Version::ANY,
        }))?;
        Ok(())
    }

    /// Creates an ephemeral znode.
    pub(crate) fn create_ephemeral(&mut self, path: &str) -> Result<()> {
        let mut scratch = Vec::new();
        let request = create_of(CreateMode::Ephemeral, path, b"", open_acl(&mut scratch));
        self.must(&Request::Create(request))
            .with_context(|| format!("cannot create {path}"))?;
        Ok(())
    }

    /// What a znode is like, if it is there.
    pub(crate) fn stat(&mut self, path: &str) -> Result<Option<Stat>> {
        let request = Request::Exists(Exists { path, watch: false });
        match self.call(&request)? {
            Ok(body) => Ok(Some(Stat::decode(&mut Reader::new(&body))?)),
            Err(ErrorCode::NoNode) => Ok(None),
            Err(error) => bail!("the server answered exists {path} with {}", error.name()),
        }
    }

    /// Reads a znode's data and throws them away.
    pub(crate) fn read(&mut self, path: &str) -> Result<()> {
        self.must(&Request::GetData(GetData { path, watch: false }))?;
        Ok(())
    }

    /// Waits until this server has all that was written before.
    pub(crate) fn sync(&mut self, path: &str) -> Result<()> {
        self.must(&Request::Sync(Sync { path }))?;
        Ok(())
    }

    /// Says goodbye; a server that does not answer is no trouble by now.
    pub(crate) fn close(mut self) {
        let _ = self.call(&Request::CloseSession);
    }

    fn multi(&mut self, ops: MultiOps<'_>) -> Result<()> {
        let body = self.must(&Request::Multi(ops))?;
        check_multi(&body)
    }

    fn read_frame(&mut self) -> Result<Vec<u8>> {
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix)?;
        let len =
            usize::try_from(i32::from_be_bytes(prefix)).context("a frame of negative length")?;
        let mut frame = vec![0; len];
        self.stream.read_exact(&mut frame)?;
        Ok(frame)
    }
}
