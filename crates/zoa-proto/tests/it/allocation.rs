//! Goal: decoding allocates nothing, whatever the bytes say, and a reply costs no more than the
//! growth of its buffer (G-22).
//!
//! Method: a counting allocator stands under this test program; only the measured closure counts.

use std::hint::black_box;

use allocation_counter::measure;
use proptest::prelude::*;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::OpCode;
use zoa_proto::Path;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::Stat;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_reply;
use zoa_proto::encode_request;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;
use zoa_proto::request::GetData;

use crate::messages;

/// How many allocations `run` makes.
fn allocations(run: impl FnOnce()) -> u64 {
    measure(run).count_total
}

/// Decodes and walks all there is.
fn walk(op: OpCode, body: &[u8]) {
    let count = match Request::decode(op, body) {
        Ok(Request::Create(create)) => create.acl.iter().count(),
        Ok(Request::SetWatches2(set)) => set.data_watches.iter().count(),
        Ok(Request::Multi(ops) | Request::MultiRead(ops)) => ops.iter().count(),
        Ok(request) => usize::from(Path::parse(request.op().name()).is_ok()),
        Err(_) => 0,
    };
    black_box(count);
    match Reply::decode(op, body) {
        Ok(Reply::Children(children)) => black_box(children.iter().count()),
        Ok(Reply::Multi(results)) => black_box(results.iter().count()),
        Ok(_) | Err(_) => 0,
    };
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(vec![1]))), 1);
}

#[test]
fn a_read_and_its_reply_allocate_nothing_once_the_buffer_has_grown() {
    let mut input = Vec::new();
    let read = Request::GetData(GetData {
        path: "/app/config/key",
        watch: false,
    });
    encode_request(&mut input, Xid(1), &read).expect("short");
    let mut output = Vec::with_capacity(1024);
    let data = [7; 100];
    let count = allocations(|| {
        let (frame, _) = next_frame(&input, FrameLimits::default())
            .expect("in the limit")
            .expect("whole");
        let (header, body) = RequestHeader::decode(frame).expect("a header");
        let request = Request::decode(header.op().expect("known"), body).expect("a request");
        assert_eq!(request, read);
        let reply = ReplyHeader {
            xid: header.xid,
            zxid: Zxid(9),
            error: None,
        };
        encode_reply(&mut output, reply, |writer| {
            writer.buffer(Some(&data));
            Stat::default().encode(writer);
        });
    });
    assert_eq!(count, 0);
    assert_eq!(output.len(), 4 + 16 + 4 + 100 + 68);
}

#[test]
fn claims_of_2_31_items_allocate_nothing() {
    let mut body = vec![0; 8];
    body.extend_from_slice(&i32::MAX.to_be_bytes());
    body.resize(1_000, 0);
    for op in OpCode::ALL {
        assert_eq!(allocations(|| walk(*op, &body)), 0, "{op:?}");
        assert_eq!(allocations(|| walk(*op, &body[8..])), 0, "{op:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decoding_any_bytes_allocates_nothing(
        op in prop::sample::select(OpCode::ALL),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert_eq!(allocations(|| walk(op, &body)), 0);
        prop_assert_eq!(allocations(|| _ = black_box(ConnectRequest::decode(&body))), 0);
        prop_assert_eq!(allocations(|| _ = black_box(ConnectResponse::decode(&body))), 0);
        prop_assert_eq!(allocations(|| _ = black_box(ReplyHeader::decode(&body))), 0);
    }

    #[test]
    fn decoding_any_request_allocates_nothing(request in messages::any_request()) {
        let mut encoded = Vec::new();
        encode_request(&mut encoded, Xid(1), &request).expect("short");
        prop_assert_eq!(allocations(|| walk(request.op(), &encoded[12..])), 0);
    }
}
