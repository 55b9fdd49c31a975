//! A client, and the hands of its driver and its server: what was sent is decoded, what is told is rendered as text.

use std::collections::VecDeque;

use zoa_client_core::Action;
use zoa_client_core::Client;
use zoa_client_core::ClientConfig;
use zoa_client_core::ConnectString;
use zoa_client_core::ConnectionId;
use zoa_client_core::Entropy;
use zoa_client_core::Event;
use zoa_client_core::Notice;
use zoa_client_core::Outcome;
use zoa_client_core::Submission;
use zoa_client_core::SubmitError;
use zoa_client_core::WatcherId;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::WatchedEvent;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_event;
use zoa_proto::encode_reply;
use zoa_proto::request::Delete;
use zoa_proto::request::Exists;
use zoa_proto::request::GetData;

pub(crate) const TIMEOUT_MS: u64 = 9_000;

pub(crate) fn config(hosts: &str) -> ClientConfig {
    let mut config = ClientConfig::new(ConnectString::parse(hosts).expect("a connect string"));
    config.session_timeout_ms = 9_000;
    config.shuffles_hosts = false;
    config
}

pub(crate) fn delete(path: &str) -> Request<'_> {
    let version = Version::ANY;
    Request::Delete(Delete { path, version })
}

pub(crate) fn read(path: &str, watch: bool) -> Request<'_> {
    Request::GetData(GetData { path, watch })
}

pub(crate) fn exists(path: &str) -> Request<'_> {
    Request::Exists(Exists { path, watch: true })
}

pub(crate) fn found() -> Reply<'static> {
    let (data, stat) = (Some(&b"data"[..]), Stat::default());
    Reply::Data { data, stat }
}

pub(crate) struct Script {
    pub(crate) client: Client<u32>,
    pub(crate) now_ms: u64,
    pub(crate) connection: ConnectionId,
    /// What the client has written since the last look.
    written: Vec<u8>,
    pub(crate) actions: VecDeque<Action>,
}

impl Script {
    pub(crate) fn new(config: ClientConfig) -> Self {
        let entropy = Entropy {
            hash_key: [1, 2],
            seed: 7,
        };
        Self {
            client: Client::new(config, entropy, 0),
            now_ms: 0,
            connection: ConnectionId(0),
            written: Vec::new(),
            actions: VecDeque::new(),
        }
    }

    /// A client with one server and a session.
    pub(crate) fn connected() -> Self {
        Self::connected_with(config("127.0.0.1"))
    }

    pub(crate) fn connected_with(config: ClientConfig) -> Self {
        let mut script = Self::new(config);
        script.connect();
        script.grant();
        assert_eq!(script.events(), ["connected 0x7 9000 new"]);
        script
    }

    /// Lets time pass until the client connects, and connects it; what it said before is left to be looked at.
    pub(crate) fn connect(&mut self) {
        for _ in 0..100 {
            self.poll_actions();
            while let Some(action) = self.actions.pop_front() {
                if let Action::Connect { connection, .. } = action {
                    self.connection = connection;
                    self.client.handle_connected(self.now_ms, connection);
                    return;
                }
            }
            let due_ms = self.client.poll_timeout().expect("it goes on trying");
            self.pass_to(due_ms);
        }
        panic!("the client does not connect");
    }

    /// The client's connect request.
    pub(crate) fn asked(&mut self) -> (SessionId, Zxid, Vec<u8>) {
        let bytes = self.take_written();
        let request = ConnectRequest::decode(&bytes[4..]).expect("a connect request");
        (
            request.session,
            request.last_zxid_seen,
            request.password.to_vec(),
        )
    }

    /// Grants session 7.
    pub(crate) fn grant(&mut self) {
        self.grant_as(7, TIMEOUT_MS, false);
    }

    pub(crate) fn grant_as(&mut self, session: i64, timeout_ms: u64, read_only: bool) {
        self.asked();
        self.answer(session, timeout_ms, read_only);
    }

    /// Grants session 7 to a client whose connect request was looked at.
    pub(crate) fn grant_asked(&mut self) {
        self.answer(7, TIMEOUT_MS, false);
    }

    fn answer(&mut self, session: i64, timeout_ms: u64, read_only: bool) {
        let mut bytes = Vec::new();
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms: i32::try_from(timeout_ms).expect("a timeout"),
            session: SessionId(session),
            password: b"0123456789abcdef",
            read_only: Some(read_only),
        };
        response.encode_frame(&mut bytes).expect("a short frame");
        self.receive(&bytes);
    }

    /// Lets the server close the connection and the client come back to its session.
    pub(crate) fn reattach(&mut self) {
        let connection = self.connection;
        self.client
            .handle_disconnected(self.now_ms, connection, None);
        self.events();
        self.connect();
        self.grant();
    }

    pub(crate) fn pass_to(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.client.handle_timeout(self.now_ms);
    }

    /// Lets time pass to what is due next.
    pub(crate) fn pass(&mut self) {
        let due_ms = self.client.poll_timeout().expect("something is due");
        self.pass_to(due_ms);
    }

    pub(crate) fn poll_actions(&mut self) {
        while let Some(action) = self.client.poll_action() {
            self.actions.push_back(action);
        }
    }

    pub(crate) fn submit(&mut self, tag: u32, request: Request<'_>) {
        let submitted = self.client.submit(self.now_ms, request.into(), tag);
        submitted.expect("it is taken");
    }

    pub(crate) fn refused(&mut self, request: Request<'_>) -> SubmitError {
        let refused = self.client.submit(self.now_ms, request.into(), 99);
        let refused = refused.expect_err("it is refused");
        assert_eq!(refused.tag, 99);
        refused.error
    }

    /// Submits a request that asks for a watch, its watcher numbered like its tag.
    pub(crate) fn watch(&mut self, tag: u32, request: Request<'_>) {
        let submission = Submission {
            request,
            watcher: Some(WatcherId(tag.into())),
            outside_chroot: false,
        };
        self.client
            .submit(self.now_ms, submission, tag)
            .expect("it is taken");
    }

    pub(crate) fn take_written(&mut self) -> Vec<u8> {
        while let Some(transmit) = self.client.poll_transmit() {
            self.written.extend_from_slice(transmit.bytes);
            let (connection, len) = (transmit.connection, transmit.bytes.len());
            self.client.handle_transmitted(self.now_ms, connection, len);
        }
        std::mem::take(&mut self.written)
    }

    /// What the client sent, as text: `xid: request`.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        let bytes = self.take_written();
        let mut rest = bytes.as_slice();
        let mut sent = Vec::new();
        while let Some((prefix, after)) = rest.split_first_chunk::<4>() {
            let len = usize::try_from(i32::from_be_bytes(*prefix)).expect("a length");
            let (frame, next) = after.split_at(len);
            let (header, body) = RequestHeader::decode(frame).expect("a header");
            let op = header.op().expect("an opcode");
            let request = Request::decode(op, body).expect("a request");
            sent.push(format!("{}: {request:?}", header.xid.0));
            rest = next;
        }
        sent
    }

    pub(crate) fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spare = self.client.receive_buffer();
            let len = spare.len().min(bytes.len());
            if len == 0 {
                // No room: whole frames, or a broken one, wait to be polled.
                return;
            }
            spare[..len].copy_from_slice(&bytes[..len]);
            self.client
                .handle_received(self.now_ms, self.connection, len);
            bytes = &bytes[len..];
        }
    }

    pub(crate) fn reply(&mut self, xid: i32, zxid: u64, result: Result<Reply<'_>, ErrorCode>) {
        let header = ReplyHeader {
            xid: Xid(xid),
            zxid: Zxid(zxid),
            error: result.err(),
        };
        let mut bytes = Vec::new();
        encode_reply(&mut bytes, header, |writer| {
            if let Ok(reply) = result {
                reply.encode(writer);
            }
        });
        self.receive(&bytes);
    }

    pub(crate) fn reply_header(&mut self, xid: Xid, zxid: u64, error: Option<ErrorCode>) {
        let mut bytes = Vec::new();
        let zxid = Zxid(zxid);
        encode_reply(&mut bytes, ReplyHeader { xid, zxid, error }, |_| {});
        self.receive(&bytes);
    }

    pub(crate) fn event(&mut self, kind: EventKind, path: &str, zxid: u64) {
        let mut bytes = Vec::new();
        let zxid = Zxid(zxid);
        encode_event(&mut bytes, &WatchedEvent { kind, path, zxid });
        self.receive(&bytes);
    }

    /// What the client tells, as text.
    pub(crate) fn events(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = self.client.poll_event() {
            events.push(render(&event));
        }
        events
    }
}

fn render(event: &Event<'_, u32>) -> String {
    use zoa_client_core::SessionEvent as S;
    match event {
        Event::Session(S::Connected {
            session,
            timeout_ms,
            read_only,
            is_new,
        }) => {
            let read_only = if *read_only { " read-only" } else { "" };
            let is_new = if *is_new { " new" } else { "" };
            format!("connected {session} {timeout_ms}{read_only}{is_new}")
        }
        Event::Session(S::Suspended(error)) => format!("suspended: {error}"),
        Event::Session(other) => format!("{other:?}"),
        Event::Outcome { tag, outcome } => match outcome {
            Outcome::Done {
                result: Ok(reply), ..
            } => {
                let reply = format!("{reply:?}");
                let name = reply.split([' ', '{']).next().unwrap_or_default();
                match reply.find("path: ") {
                    Some(at) => format!(
                        "{tag}: {name} {}",
                        reply[at..].split(',').next().unwrap_or_default()
                    ),
                    None => format!("{tag}: {name}"),
                }
            }
            Outcome::Done {
                result: Err(code), ..
            } => format!("{tag}: {}", code.name()),
            Outcome::NotApplied(reason) => format!("{tag}: not applied: {reason}"),
            Outcome::Unknown(reason) => format!("{tag}: unknown: {reason}"),
        },
        Event::Watch(fired) => {
            let watchers: Vec<u64> = fired.watchers.iter().map(|watcher| watcher.0).collect();
            format!("{:?} {} {watchers:?}", fired.kind, fired.path)
        }
        Event::WatchGone(gone) => {
            let watchers: Vec<u64> = gone.watchers.iter().map(|watcher| watcher.0).collect();
            let why = if gone.is_asked_for { "" } else { " unasked" };
            format!("{:?} {} {watchers:?}{why}", gone.event, gone.path)
        }
        Event::Notice(Notice::AttemptFailed { host, error, .. }) => format!("{host}: {error}"),
    }
}
