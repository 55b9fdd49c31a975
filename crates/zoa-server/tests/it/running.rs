//! A server in this process, on a free port, over a folder of its own; and a client that speaks bytes.

use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use zoa_core::ContainerRules;
use zoa_core::CoreConfig;
use zoa_core::Facts;
use zoa_core::Gauges;
use zoa_core::SessionRules;
use zoa_core::WordList;
use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::CreateFlags;
use zoa_proto::PeerId;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_request;
use zoa_proto::frame::FrameLimits;
use zoa_proto::request;
use zoa_server::Options;
use zoa_server::ServeError;
use zoa_server::Server;
use zoa_server::SnapshotRule;
use zoa_tree::HashKey;
use zoa_tree::Settings;

/// A folder that goes away with the test.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("zoa-server-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

pub(crate) fn options(folder: &Folder) -> Options {
    Options {
        data_dir: folder.path().to_owned(),
        log_dir: folder.path().to_owned(),
        client_addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        secure_client: None,
        backlog: 1024,
        snapshots: SnapshotRule::default(),
        retain: Some(3),
        workers: 2,
        keep_alive: false,
        may_found: true,
        slow_sync: Duration::from_secs(1),
        view: Arc::default(),
        ensemble: None,
    }
}

pub(crate) fn config() -> CoreConfig {
    static FIRST: AtomicU64 = AtomicU64::new(1);
    CoreConfig {
        server: PeerId(1),
        tick_ms: 100,
        session_timeout_ms_min: 200,
        session_timeout_ms_max: 20_000,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 0,
        settings: Settings::NONE,
        super_digest: None,
        words: WordList::All,
        facts: Facts {
            version: "3.9.5-zoarium-test".to_owned(),
            built_on: String::new(),
            configuration: Vec::new(),
            environment: Vec::new(),
            gauges: Box::new(Gauges::default),
        },
        sessions: SessionRules::default(),
        containers: ContainerRules::default(),
        hash_key: HashKey([5, 6]),
        first_connection: FIRST.fetch_add(1_000_000, Ordering::Relaxed),
    }
}

pub(crate) fn start(folder: &Folder) -> Server {
    Server::start(&options(folder), config()).expect("the server starts")
}

pub(crate) fn start_error(folder: &Folder) -> ServeError {
    Server::start(&options(folder), config()).expect_err("the server must not start")
}

/// A client that waits for each answer.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    pub(crate) session: SessionId,
    pub(crate) password: Vec<u8>,
    next_xid: i32,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::attach(address, SessionId::NONE, &[0; 16]).expect("a new session")
    }

    /// `None` when the session is not taken back.
    pub(crate) fn attach(address: SocketAddr, session: SessionId, password: &[u8]) -> Option<Self> {
        let mut socket = dial(address);
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 10_000,
            session,
            password,
            read_only: Some(false),
        };
        let mut bytes = Vec::new();
        request.encode_frame(&mut bytes).expect("short");
        socket.write_all(&bytes).expect("sent");
        let frame = read_frame(&mut socket).expect("an answer");
        let response = ConnectResponse::decode(&frame).expect("well-formed");
        (!response.is_rejected()).then(|| Self {
            session: response.session,
            password: response.password.to_vec(),
            socket,
            next_xid: 1,
        })
    }

    /// Sends a request and gives its reply to `look`: the error code, 0 for none, and the body.
    pub(crate) fn ask(&mut self, request: &Request<'_>) -> (i32, Vec<u8>) {
        let xid = Xid(self.next_xid);
        self.next_xid += 1;
        let mut bytes = Vec::new();
        encode_request(&mut bytes, xid, request).expect("short");
        self.socket.write_all(&bytes).expect("sent");
        loop {
            let frame = read_frame(&mut self.socket).expect("a reply");
            let (header, body) = ReplyHeader::decode(&frame).expect("well-formed");
            if header.xid == xid {
                return (
                    header.error.map_or(0, |error| error.to_wire()),
                    body.to_vec(),
                );
            }
        }
    }

    pub(crate) fn create(&mut self, path: &str, data: &[u8], flags: i32) -> i32 {
        let mut scratch = Vec::new();
        let acl = AclList::collect_into([AclRef::OPEN], &mut scratch);
        let create = request::Create {
            path,
            data: Some(data),
            acl,
            flags: CreateFlags(flags),
        };
        self.ask(&Request::Create(create)).0
    }

    /// The error code of a create, 0 for none; `None` when the connection is over.
    pub(crate) fn try_create(&mut self, path: &str) -> Option<i32> {
        let mut scratch = Vec::new();
        let acl = AclList::collect_into([AclRef::OPEN], &mut scratch);
        let create = request::Create {
            path,
            data: Some(b""),
            acl,
            flags: CreateFlags(0),
        };
        let mut bytes = Vec::new();
        encode_request(&mut bytes, Xid(self.next_xid), &Request::Create(create)).expect("short");
        self.next_xid += 1;
        self.socket.write_all(&bytes).ok()?;
        let frame = read_frame(&mut self.socket)?;
        let (header, _) = ReplyHeader::decode(&frame).expect("well-formed");
        Some(header.error.map_or(0, |error| error.to_wire()))
    }

    pub(crate) fn set(&mut self, path: &str, data: &[u8]) -> i32 {
        let version = zoa_proto::Version::ANY;
        self.ask(&Request::SetData(request::SetData {
            path,
            data: Some(data),
            version,
        }))
        .0
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Vec<u8>, i32> {
        let request = Request::GetData(request::GetData { path, watch: false });
        let (error, body) = self.ask(&request);
        if error != 0 {
            return Err(error);
        }
        match Reply::decode(request.op(), &body).expect("well-formed") {
            Reply::Data { data, .. } => Ok(data.unwrap_or_default().to_vec()),
            other => panic!("{other:?} answers no getData"),
        }
    }
}

pub(crate) fn dial(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("the server listens");
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout may be set");
    socket
}

/// The next frame, or `None` at the end of the connection.
pub(crate) fn read_frame(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut len = [0; 4];
    socket.read_exact(&mut len).ok()?;
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(len)).expect("a length")];
    socket.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// Whether the server ends the connection.
pub(crate) fn is_closed(socket: &mut TcpStream) -> bool {
    let mut byte = [0; 1];
    match socket.read(&mut byte) {
        Ok(len) => len == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// Waits until it is so.
pub(crate) fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::yield_now();
    }
}
