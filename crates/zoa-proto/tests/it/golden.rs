//! Goal: every frame captured from the original server and its client is read, and written again
//! byte for byte.
//!
//! Method: each `testdata/golden/*.hex` is decoded as its first line says and encoded; nothing may
//! differ, be left over, or be skipped. A request that we refuse must be one that the original
//! answered with MARSHALLINGERROR, and the other way round; those are in the capture too.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::WatchedEvent;
use zoa_proto::Xid;
use zoa_proto::encode_event;
use zoa_proto::encode_reply;
use zoa_proto::encode_request;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;

/// The fewest frames there must be; an empty folder would pass everything.
const FRAMES_MIN: usize = 180;

/// One captured frame.
struct Golden {
    name: String,
    direction: String,
    op: String,
    bytes: Vec<u8>,
}

impl Golden {
    /// Reads `# direction=... op=...`, then hex over any number of lines.
    fn parse(name: String, text: &str) -> Self {
        let (first, hex) = text.split_once('\n').expect("a first line");
        let mut words = first
            .strip_prefix("# ")
            .expect("a comment")
            .split_whitespace();
        let mut word = |key: &str| {
            let word = words.next().and_then(|word| word.strip_prefix(key));
            word.unwrap_or_else(|| panic!("{name}: no {key} in {first}"))
                .to_owned()
        };
        let (direction, op) = (word("direction="), word("op="));
        let digits: Vec<u8> = hex
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        assert!(digits.len().is_multiple_of(2), "{name}: half a byte");
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{name}: {pair} is not hex"))
        };
        let bytes = digits.chunks_exact(2).map(byte).collect();
        Self {
            name,
            direction,
            op,
            bytes,
        }
    }

    /// The frame without its length.
    fn frame(&self) -> &[u8] {
        let (frame, consumed) = next_frame(&self.bytes, FrameLimits::default())
            .expect("in the limit")
            .expect("whole");
        assert_eq!(consumed, self.bytes.len(), "{}: one frame", self.name);
        frame
    }

    /// The operation by its name; `None` for `unknown`.
    fn op(&self) -> Option<OpCode> {
        let op = OpCode::ALL.iter().copied().find(|op| op.name() == self.op);
        assert!(
            op.is_some() || self.op == "unknown",
            "{}: no operation {}",
            self.name,
            self.op
        );
        op
    }

    /// Decodes and encodes; `None` for a request that is refused.
    fn through(&self) -> Option<Vec<u8>> {
        let mut encoded = Vec::new();
        match self.direction.as_str() {
            "connect-request" => {
                let request = ConnectRequest::decode(self.frame()).expect("decodes");
                request.encode_frame(&mut encoded).expect("short");
            }
            "connect-response" => {
                let response = ConnectResponse::decode(self.frame()).expect("decodes");
                response.encode_frame(&mut encoded).expect("short");
            }
            "event" => {
                assert_eq!(self.op(), Some(OpCode::Notification));
                let (header, body) = ReplyHeader::decode(self.frame()).expect("a header");
                assert_eq!((header.xid, header.error), (Xid::NOTIFICATION, None));
                encode_event(
                    &mut encoded,
                    &WatchedEvent::decode(header, body).expect("decodes"),
                );
            }
            "request" => {
                let (header, body) = RequestHeader::decode(self.frame()).expect("a header");
                assert_eq!(header.op(), self.op(), "{}", self.name);
                match header.op() {
                    None => return Some(self.bytes.clone()),
                    Some(op) => {
                        let request = Request::decode(op, body).ok()?;
                        encode_request(&mut encoded, header.xid, &request).expect("short");
                    }
                }
            }
            "reply" => {
                let (header, body) = ReplyHeader::decode(self.frame()).expect("a header");
                let reply = if header.error.is_none() {
                    let op = self.op().expect("an unknown operation does not succeed");
                    Reply::decode(op, body).expect("decodes")
                } else {
                    assert_eq!(body, b"", "{}: a body behind an error", self.name);
                    Reply::Empty
                };
                encode_reply(&mut encoded, header, |writer| reply.encode(writer));
            }
            other => panic!("{}: no direction {other}", self.name),
        }
        Some(encoded)
    }
}

fn all() -> Vec<Golden> {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/golden"));
    let mut frames = Vec::new();
    for entry in fs::read_dir(dir).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("ASCII")
            .to_owned();
        match name.as_str() {
            "README.md" => {}
            _ if name.ends_with(".hex") => {
                let text = fs::read_to_string(&path).expect("readable");
                frames.push(Golden::parse(name, &text));
            }
            _ => panic!("{name}: what is this?"),
        }
    }
    frames.sort_by(|one, other| one.name.cmp(&other.name));
    frames
}

#[test]
fn every_captured_frame_comes_out_as_it_went_in() {
    let frames = all();
    assert!(frames.len() >= FRAMES_MIN, "only {} frames", frames.len());
    let mut refused = BTreeSet::new();
    for golden in &frames {
        match golden.through() {
            Some(encoded) => assert_eq!(encoded, golden.bytes, "{}", golden.name),
            None => {
                let (header, _) = RequestHeader::decode(golden.frame()).expect("a header");
                refused.insert((header.xid, golden.op.clone()));
            }
        }
    }
    let refused_by_original: BTreeSet<_> = frames
        .iter()
        .filter(|golden| golden.direction == "reply")
        .filter_map(|golden| {
            let (header, _) = ReplyHeader::decode(golden.frame()).ok()?;
            let is_refused = header.error == Some(ErrorCode::MarshallingError);
            is_refused.then(|| (header.xid, golden.op.clone()))
        })
        .collect();
    assert_eq!(refused, refused_by_original);
    assert!(!refused.is_empty());
}

#[test]
fn the_captured_frames_cover_the_protocol() {
    let frames = all();
    let kinds = |direction: &str| -> BTreeSet<String> {
        let of = frames.iter().filter(|golden| golden.direction == direction);
        of.map(|golden| golden.op.clone()).collect()
    };
    let client: BTreeSet<String> = OpCode::ALL
        .iter()
        .filter(|op| op.is_client_request())
        .map(|op| op.name().to_owned())
        .collect();
    let missing: Vec<_> = client.difference(&kinds("request")).cloned().collect();
    assert!(missing.is_empty(), "no request of {missing:?}");
    let missing: Vec<_> = client.difference(&kinds("reply")).cloned().collect();
    assert!(missing.is_empty(), "no reply to {missing:?}");
    let events: BTreeSet<_> = frames
        .iter()
        .filter(|golden| golden.direction == "event")
        .map(|golden| golden.frame()[16..20].to_vec())
        .collect();
    assert_eq!(events.len(), 4, "all four kinds of event");
}
