//! Entry points of the fuzz targets, beside the code they exercise.
//!
//! Each takes any bytes, must not panic for a fault of the bytes, and asserts what holds after
//! decoding. They are not tests of meaning: golden and derived bytes in `tests/it` are.
//!
//! Post-conditions: what decodes can be encoded; that decodes to an equal message and encodes to
//! the same bytes again; a vector yields as many items as it says; a frame is never longer than
//! its limit and never taken from beyond the buffer.

use crate::acl::AclList;
use crate::connect::ConnectRequest;
use crate::connect::ConnectResponse;
use crate::decode_error::DecodeError;
use crate::event::EventKind;
use crate::event::WatchedEvent;
use crate::event::encode_event;
use crate::four_letter::FourLetterWord;
use crate::four_letter::Opening;
use crate::frame::FrameLimits;
use crate::frame::frame_len;
use crate::frame::next_frame;
use crate::header::ReplyHeader;
use crate::header::RequestHeader;
use crate::ids::Xid;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::limits::FRAME_PREFIX_LEN;
use crate::multi::MultiOps;
use crate::op_code::OpCode;
use crate::path::Path;
use crate::reply::Reply;
use crate::reply::encode_reply;
use crate::request::Request;
use crate::request::encode_request;
use crate::vector::Vector;
use crate::vector::VectorItem;
use crate::zxid::Zxid;

/// What a client sends after the handshake: frames, each with a header and a request.
pub fn client_frame(bytes: &[u8]) {
    // Low enough that the fuzzer finds its way above it.
    let limits = FrameLimits {
        frame_len_max: 4096,
    };
    let mut rest = bytes;
    while let Ok(Some((frame, consumed))) = next_frame(rest, limits) {
        assert!(frame.len() <= limits.frame_len_max);
        assert_eq!(consumed, FRAME_PREFIX_LEN + frame.len());
        if let Ok((header, body)) = RequestHeader::decode(frame) {
            assert_eq!(
                header.op().map_or(header.op_wire, OpCode::to_wire),
                header.op_wire
            );
            if let Some(op) = header.op() {
                request(header.xid, op, body);
            }
        }
        rest = rest
            .get(consumed..)
            .expect("a frame ends within the buffer");
    }
    if let Ok(Some(len)) = frame_len(rest, limits) {
        assert!(
            len <= limits.frame_len_max,
            "waits for what it would refuse"
        );
        assert!(rest.len() < FRAME_PREFIX_LEN + len, "waits for what it has");
    }
}

/// One request, as the program's own client would send it.
fn request(xid: Xid, op: OpCode, body: &[u8]) {
    let Ok(request) = Request::decode(op, body) else {
        return;
    };
    assert_eq!(request.op(), op);
    walk_request(&request);
    let mut encoded = Vec::new();
    encode_request(&mut encoded, xid, &request).expect("no longer than a few frames");
    let frame = whole_frame(&encoded);
    let (header, body) = RequestHeader::decode(frame).expect("a header was written");
    assert_eq!((header.xid, header.op()), (xid, Some(op)));
    let again = Request::decode(op, body).expect("what was decoded encodes decodably");
    assert_eq!(again, request);
    let mut encoded_again = Vec::new();
    encode_request(&mut encoded_again, xid, &again).expect("as long as before");
    assert_eq!(encoded_again, encoded);
}

/// Walks whatever a request holds to its end.
fn walk_request(request: &Request<'_>) {
    match request {
        Request::Create(create) | Request::Create2(create) | Request::CreateContainer(create) => {
            walk(create.acl);
            assert_path(create.path);
        }
        Request::CreateTtl(create) => walk(create.acl),
        Request::SetAcl(set) => walk(set.acl),
        Request::SetWatches(set) => {
            walk(set.data_watches);
            walk(set.exist_watches);
            walk(set.child_watches);
        }
        Request::SetWatches2(set) => {
            walk(set.persistent_watches);
            walk(set.persistent_recursive_watches);
        }
        Request::Multi(ops) | Request::MultiRead(ops) => assert_multi(*ops),
        _ => {}
    }
}

/// A vector yields as many items as it says, all of them from inside its bytes.
fn walk<K: VectorItem>(vector: Vector<'_, K>) {
    assert_eq!(vector.iter().count(), vector.len());
    assert!(vector.len().saturating_mul(K::LEN_MIN) <= vector.bytes().len());
}

/// A legal path can be taken apart and put together again.
fn assert_path(text: &str) {
    if let Ok(sequential) = Path::parse_sequential(text) {
        let full = sequential.with_number(7);
        let path = Path::parse(&full).expect("a number makes it legal");
        assert_eq!(path.parent(), Some(sequential.parent()));
    }
    if let Ok(path) = Path::parse(text) {
        let joined: String = path.components().flat_map(|name| ["/", name]).collect();
        assert!(joined == text || (path.is_root() && joined.is_empty()));
        assert_eq!(path.parent().is_none(), path.is_root());
        assert_eq!(
            path.components().next_back().unwrap_or_default(),
            path.name()
        );
        assert!(Path::parse_sequential(text).is_ok());
    }
}

/// The operations of a multi are of its kind, and their vectors whole.
fn assert_multi(ops: MultiOps<'_>) {
    assert_eq!(ops.iter().count(), ops.len());
    let reads = |op: &OpCode| matches!(op, OpCode::GetData | OpCode::GetChildren);
    let read_count = ops.iter().filter(|op| reads(&op.op())).count();
    assert!(
        read_count == 0 || read_count == ops.len(),
        "reads and writes mixed"
    );
}

/// The first frame of a client, without its length.
pub fn connect_request(bytes: &[u8]) {
    let Ok(request) = ConnectRequest::decode(bytes) else {
        return;
    };
    assert!(request.password.len() <= bytes.len());
    assert!(request.last_zxid_seen.to_wire() >= 0);
    let mut encoded = Vec::new();
    request
        .encode_frame(&mut encoded)
        .expect("no longer than a frame");
    let frame = whole_frame(&encoded);
    assert!(frame.len() <= bytes.len());
    assert_eq!(ConnectRequest::decode(frame), Ok(request));
}

/// What a server sends. The first byte chooses: the reply to one of the operations, an event, or
/// a connect response; the rest is its body.
pub fn reply(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else {
        return;
    };
    match OpCode::ALL.get(usize::from(*choice)) {
        Some(OpCode::Notification) => event(body),
        Some(OpCode::CreateSession) => connect_response(body),
        Some(op) => reply_to(*op, body),
        None => reply_header(body),
    }
}

/// The reply to one operation.
fn reply_to(op: OpCode, body: &[u8]) {
    let Ok(reply) = Reply::decode(op, body) else {
        return;
    };
    match reply {
        Reply::Acl { acl, .. } => walk::<crate::acl::Acls>(acl),
        Reply::Children(children) | Reply::ChildrenAndStat { children, .. } => walk(children),
        Reply::WhoAmI(identities) => walk(identities),
        Reply::Multi(results) => assert_eq!(results.iter().count(), results.len()),
        _ => {}
    }
    let header = ReplyHeader {
        xid: Xid(1),
        zxid: Zxid(2),
        error: None,
    };
    let mut encoded = Vec::new();
    encode_reply(&mut encoded, header, |writer| reply.encode(writer));
    let (header_again, body) = ReplyHeader::decode(whole_frame(&encoded)).expect("was written");
    assert_eq!(header_again, header);
    assert_eq!(Reply::decode(op, body), Ok(reply));
}

/// A watch event's body.
fn event(body: &[u8]) {
    let header = ReplyHeader {
        xid: Xid::NOTIFICATION,
        zxid: Zxid::NONE,
        error: None,
    };
    let Ok(event) = WatchedEvent::decode(header, body) else {
        return;
    };
    assert!(EventKind::ALL.contains(&event.kind));
    let mut encoded = Vec::new();
    encode_event(&mut encoded, &event);
    let (header, body) = ReplyHeader::decode(whole_frame(&encoded)).expect("was written");
    assert_eq!(WatchedEvent::decode(header, body), Ok(event));
}

/// The first frame of a server.
fn connect_response(body: &[u8]) {
    let Ok(response) = ConnectResponse::decode(body) else {
        return;
    };
    let mut encoded = Vec::new();
    response
        .encode_frame(&mut encoded)
        .expect("no longer than a frame");
    assert_eq!(ConnectResponse::decode(whole_frame(&encoded)), Ok(response));
}

/// A frame with a reply's header.
fn reply_header(frame: &[u8]) {
    if let Ok((header, body)) = ReplyHeader::decode(frame) {
        let mut encoded = Vec::new();
        header.encode(&mut Writer::new(&mut encoded));
        assert_eq!(encoded.len(), ReplyHeader::LEN);
        assert_eq!(frame.get(..encoded.len()), Some(encoded.as_slice()));
        assert_eq!(body.len(), frame.len() - ReplyHeader::LEN);
    }
}

/// The body of a multi (first byte even) or a multiRead (odd).
pub fn multi(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else {
        return;
    };
    let op = match choice % 2 {
        0 => OpCode::Multi,
        _ => OpCode::MultiRead,
    };
    request(Xid(1), op, body);
    // What one kind takes, the other refuses, but for the empty one.
    let other = match op {
        OpCode::Multi => OpCode::MultiRead,
        _ => OpCode::Multi,
    };
    if let Ok(Request::Multi(ops) | Request::MultiRead(ops)) = Request::decode(op, body) {
        let taken = Request::decode(other, body);
        assert_eq!(taken.is_ok(), ops.is_empty());
        assert!(ops.is_empty() || matches!(taken, Err(DecodeError::UnknownMultiOp(_))));
    }
}

/// The first bytes of a connection.
pub fn four_letter(bytes: &[u8]) {
    let opening = Opening::of(bytes);
    assert_eq!(opening == Opening::Incomplete, bytes.len() < 4);
    match opening {
        Opening::Word(word) => {
            assert!(bytes.starts_with(&word.to_bytes()));
            assert!(FourLetterWord::ALL.contains(&word));
        }
        Opening::Frame => {
            let first = bytes.first_chunk::<4>().expect("it was complete");
            assert_eq!(FourLetterWord::from_bytes(*first), None);
        }
        Opening::TlsHello => assert!(bytes.starts_with(&[0x16, 0x03])),
        Opening::Incomplete => {}
    }
    // More bytes do not change what the first ones said.
    if let Some(first) = bytes.first_chunk::<4>() {
        assert_eq!(Opening::of(first), opening);
    }
    // Nothing but a frame passes for one under the usual limit.
    if !matches!(opening, Opening::Frame | Opening::Incomplete) {
        assert!(next_frame(bytes, FrameLimits::default()).is_err());
    }
}

/// An ACL and a path, on their own: the two parts of a request that are judged further.
pub fn acl_and_path(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let Ok(path) = reader.ustring() else { return };
    assert_path(path);
    let acl: Result<AclList<'_>, DecodeError> = reader.vector();
    if let Ok(acl) = acl {
        walk(acl);
        let mut scratch = Vec::new();
        let again = AclList::collect_into(acl.iter(), &mut scratch);
        assert!(again.iter().eq(acl.iter()));
    }
}

/// The one frame in these bytes, to their end.
fn whole_frame(encoded: &[u8]) -> &[u8] {
    let limits = FrameLimits {
        frame_len_max: usize::MAX,
    };
    let (frame, consumed) = next_frame(encoded, limits)
        .expect("a frame was written")
        .expect("a whole frame was written");
    assert_eq!(consumed, encoded.len());
    frame
}

#[cfg(test)]
mod tests;
