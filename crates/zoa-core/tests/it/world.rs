//! A server and its clients in one thread: bytes go in, proposals wait until the test commits them.

use core::net::Ipv4Addr;
use core::net::SocketAddr;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use zoa_core::Committed;
use zoa_core::Connection;
use zoa_core::ContainerRules;
use zoa_core::Core;
use zoa_core::CoreConfig;
use zoa_core::Facts;
use zoa_core::Gauges;
use zoa_core::Moment;
use zoa_core::Progress;
use zoa_core::Proposals;
use zoa_core::SessionRules;
use zoa_core::SuperDigest;
use zoa_core::Turn;
use zoa_core::WordList;
use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::CreateFlags;
use zoa_proto::EventKind;
use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::WatchedEvent;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_request;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;
use zoa_proto::request;
use zoa_tree::HashKey;
use zoa_tree::Identities;
use zoa_tree::Owner;
use zoa_tree::Settings;
use zoa_tree::Tree;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

/// The server, its replication standing still until [`World::commit`].
pub(crate) struct World {
    pub(crate) core: Arc<Core>,
    pub(crate) now: Moment,
    proposed: VecDeque<Bytes>,
    /// Everything committed so far, as the log has it.
    log: Vec<Committed>,
    index: u64,
    random: u8,
}

/// One connection and what it has received.
pub(crate) struct Client {
    pub(crate) connection: Connection,
    received: Vec<u8>,
    next_xid: i32,
    pub(crate) ended: bool,
}

/// One message from the server, simplified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    Reply {
        xid: i32,
        zxid: Zxid,
        error: i32,
        body: Vec<u8>,
    },
    Event {
        kind: EventKind,
        path: String,
        zxid: Zxid,
    },
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut CoreConfig)) -> Self {
        let mut config = config();
        change(&mut config);
        let now = Moment {
            mono_ms: 1_000,
            wall_ms: 1_700_000_000_000,
        };
        let tree = Tree::new(HashKey([1, 2]));
        Self {
            core: Core::new(config, tree, now),
            now,
            proposed: VecDeque::new(),
            log: Vec::new(),
            index: 0,
            random: 0,
        }
    }

    /// A raw connection that has sent nothing.
    pub(crate) fn dial(&self) -> Client {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        let connection = self
            .core
            .accept(peer, self.now)
            .expect("the server takes it on");
        Client {
            connection,
            received: Vec::new(),
            next_xid: 1,
            ended: false,
        }
    }

    /// A connection with a session of its own.
    pub(crate) fn connect(&mut self) -> Client {
        let mut client = self.dial();
        let response = self.attach(&mut client, SessionId::NONE, &[0; 16]);
        assert!(response.timeout_ms > 0, "a new session is opened");
        client
    }

    /// The same server after a restart without a snapshot: its log is replayed, no connection is left.
    pub(crate) fn after_a_restart(&self) -> Self {
        let reborn = Self {
            now: self.now,
            log: self.log.clone(),
            index: self.index,
            ..Self::new()
        };
        reborn
            .core
            .handle_committed(reborn.now, &reborn.log)
            .expect("the core reads what it wrote");
        reborn
    }

    /// Asks for a new session; nothing is committed yet.
    pub(crate) fn send_connect(&mut self, client: &mut Client) {
        self.send_attach(client, SessionId::NONE, &[0; 16]);
    }

    /// Attaches and returns timeout, id and password of the answer.
    pub(crate) fn attach(
        &mut self,
        client: &mut Client,
        session: SessionId,
        password: &[u8],
    ) -> Attached {
        self.send_attach(client, session, password);
        self.commit_all();
        self.wake(client);
        let frame = client
            .take_frame()
            .expect("an answer to the connect request");
        let response = ConnectResponse::decode(&frame).expect("well-formed");
        Attached {
            timeout_ms: response.timeout_ms,
            session: response.session,
            password: response.password.to_vec(),
        }
    }

    fn send_attach(&mut self, client: &mut Client, session: SessionId, password: &[u8]) {
        self.send_attach_as(client, (session, password), false);
    }

    /// Asks to be attached, and says whether a server that only reads will do.
    pub(crate) fn send_attach_as(
        &mut self,
        client: &mut Client,
        (session, password): (SessionId, &[u8]),
        read_only: bool,
    ) {
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 10_000,
            session,
            password,
            read_only: Some(read_only),
        };
        let mut bytes = Vec::new();
        request.encode_frame(&mut bytes).expect("short");
        self.send(client, &bytes);
    }

    /// Gives bytes to the connection and collects what it sends.
    pub(crate) fn send(&mut self, client: &mut Client, bytes: &[u8]) -> Progress {
        let progress = self.send_unflushed(client, bytes);
        client.flush();
        progress
    }

    /// Gives bytes to the connection, whose output nobody looks at yet.
    pub(crate) fn send_unflushed(&mut self, client: &mut Client, bytes: &[u8]) -> Progress {
        let mut proposals = Proposals::default();
        let random = &mut self.random;
        let mut fill = |bytes: &mut [u8]| {
            for byte in bytes {
                *random = random.wrapping_mul(5).wrapping_add(1);
                *byte = *random;
            }
        };
        let mut turn = Turn {
            now: self.now,
            random: &mut fill,
            proposals: &mut proposals,
        };
        let progress = client.connection.handle_input(bytes, &mut turn);
        self.proposed.extend(proposals.take());
        progress
    }

    pub(crate) fn wake(&mut self, client: &mut Client) -> Progress {
        self.send(client, &[])
    }

    /// Sends one request; returns its xid.
    pub(crate) fn request(&mut self, client: &mut Client, request: &Request<'_>) -> i32 {
        let xid = client.next_xid;
        client.next_xid += 1;
        let mut bytes = Vec::new();
        encode_request(&mut bytes, Xid(xid), request).expect("short");
        self.send(client, &bytes);
        xid
    }

    /// The ensemble has these servers.
    pub(crate) fn found(&mut self, lines: &str) {
        let mut bytes = Vec::new();
        let txn = Txn {
            session: SessionId::NONE,
            owner: Owner {
                server: PeerId(1),
                connection: 0,
            },
            xid: Xid(0),
            time_ms: self.now.wall_ms,
            settings: Settings::NONE,
            identities: Identities::NONE,
            op: TxnOp::FoundMembers { lines },
        };
        txn.encode(&mut bytes);
        self.proposed.push_back(Bytes::from(bytes));
        self.commit_all();
    }

    /// Commits the oldest proposals.
    pub(crate) fn commit(&mut self, count: usize) {
        let committed = self.take_committed(count);
        self.core
            .handle_committed(self.now, &committed)
            .expect("the core reads what it wrote");
    }

    /// The oldest proposals, for a test that lets a thread of its own apply them.
    pub(crate) fn take_committed(&mut self, count: usize) -> Vec<Committed> {
        let mut committed = Vec::new();
        for bytes in self.proposed.drain(..count) {
            self.index += 1;
            committed.push(Committed {
                term: 1,
                index: self.index,
                bytes,
                is_change: false,
            });
        }
        self.log.extend(committed.iter().cloned());
        committed
    }

    pub(crate) fn commit_all(&mut self) {
        self.commit(self.proposed.len());
    }

    pub(crate) fn proposed_count(&self) -> usize {
        self.proposed.len()
    }

    /// What was proposed never comes true.
    pub(crate) fn lose_proposed(&mut self) {
        self.proposed.clear();
    }

    /// Bytes of all that waits to be committed.
    pub(crate) fn proposed_bytes(&self) -> usize {
        self.proposed.iter().map(Bytes::len).sum()
    }

    /// Time passes; expiries are proposed and committed.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.pass_with_a_slow_disk(ms);
        self.commit_all();
    }

    /// Time passes; expiries are proposed, and nothing is committed.
    pub(crate) fn pass_with_a_slow_disk(&mut self, ms: u64) {
        let mut left_ms = ms;
        while left_ms > 0 {
            // As the driver's clock does: a longer step is a standstill.
            let step_ms = left_ms.min(50);
            left_ms -= step_ms;
            self.now.mono_ms += step_ms;
            self.now.wall_ms += i64::try_from(step_ms).expect("small");
            let mut proposals = Proposals::default();
            self.core.handle_tick(self.now, &mut proposals);
            self.proposed.extend(proposals.take());
        }
    }

    /// Sends a write and commits it; returns its reply.
    pub(crate) fn write(&mut self, client: &mut Client, request: &Request<'_>) -> Received {
        let xid = self.request(client, request);
        self.commit_all();
        client.flush();
        client.reply(xid)
    }

    pub(crate) fn create(&mut self, client: &mut Client, path: &str, flags: i32) -> Received {
        let mut scratch = Vec::new();
        let acl = AclList::collect_into([AclRef::OPEN], &mut scratch);
        let create = request::Create {
            path,
            data: Some(b"data"),
            acl,
            flags: CreateFlags(flags),
        };
        self.write(client, &Request::Create(create))
    }
}

/// What a connect response said.
pub(crate) struct Attached {
    pub(crate) timeout_ms: i32,
    pub(crate) session: SessionId,
    pub(crate) password: Vec<u8>,
}

impl Client {
    /// Takes everything the connection wants to send.
    pub(crate) fn flush(&mut self) {
        loop {
            let output = self.connection.output(None);
            self.ended |= output.is_last;
            let len = output.bytes.len();
            self.received.extend_from_slice(output.bytes);
            self.connection.handle_sent(len);
            if len == 0 {
                return;
            }
        }
    }

    pub(crate) fn take_frame(&mut self) -> Option<Vec<u8>> {
        self.flush();
        let limits = FrameLimits {
            frame_len_max: 1 << 30,
        };
        let (frame, end) =
            next_frame(&self.received, limits).expect("the server frames correctly")?;
        let frame = frame.to_vec();
        self.received.drain(..end);
        Some(frame)
    }

    /// Everything received so far, in order.
    pub(crate) fn take_all(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.take_frame())
            .map(|frame| parse(&frame))
            .collect()
    }

    pub(crate) fn take_text(&mut self) -> String {
        self.flush();
        String::from_utf8(std::mem::take(&mut self.received)).expect("text")
    }

    /// The next message, which must be the reply to `xid`.
    pub(crate) fn reply(&mut self, xid: i32) -> Received {
        let frame = self.take_frame().expect("a reply");
        let received = parse(&frame);
        assert!(
            matches!(&received, Received::Reply { xid: got, .. } if *got == xid),
            "{received:?} is not for {xid}"
        );
        received
    }
}

impl Received {
    pub(crate) fn error(&self) -> i32 {
        match self {
            Self::Reply { error, .. } => *error,
            Self::Event { .. } => panic!("an event has no error: {self:?}"),
        }
    }
}

fn parse(frame: &[u8]) -> Received {
    let (header, body) = ReplyHeader::decode(frame).expect("well-formed");
    if header.xid == Xid::NOTIFICATION {
        let event = WatchedEvent::decode(header, body).expect("well-formed");
        return Received::Event {
            kind: event.kind,
            path: event.path.to_owned(),
            zxid: event.zxid,
        };
    }
    let error = header.error.map_or(0, |error| error.to_wire());
    Received::Reply {
        xid: header.xid.0,
        zxid: header.zxid,
        error,
        body: body.to_vec(),
    }
}

pub(crate) fn get_data(path: &str, watch: bool) -> Request<'_> {
    Request::GetData(request::GetData { path, watch })
}

pub(crate) fn set_data<'a>(path: &'a str, data: &'a [u8]) -> Request<'a> {
    Request::SetData(request::SetData {
        path,
        data: Some(data),
        version: zoa_proto::Version::ANY,
    })
}

pub(crate) fn raw(op: OpCode, xid: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = i32::try_from(body.len() + 8)
        .expect("short")
        .to_be_bytes()
        .to_vec();
    bytes.extend_from_slice(&xid.to_be_bytes());
    bytes.extend_from_slice(&op.to_wire().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn config() -> CoreConfig {
    CoreConfig {
        server: PeerId(1),
        tick_ms: 1_000,
        session_timeout_ms_min: 2_000,
        session_timeout_ms_max: 20_000,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 0,
        settings: Settings::NONE,
        super_digest: Some(SuperDigest("super:D/InIHSb7yEEbrWz8b9l71RjZJU=".to_owned())),
        words: WordList::All,
        facts: Facts {
            version: "3.9.5-zoarium-test".to_owned(),
            built_on: String::new(),
            configuration: vec![("clientPort".to_owned(), "2181".to_owned())],
            environment: Vec::new(),
            gauges: Box::new(Gauges::default),
        },
        sessions: SessionRules::default(),
        containers: ContainerRules::default(),
        hash_key: HashKey([3, 4]),
        first_connection: 1,
    }
}
