//! Goal: what is encoded decodes to the same, for every request, reply, event and handshake, and
//! a frame cut anywhere is an error or, where the protocol says so, a shorter message.

use proptest::prelude::*;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::DecodeError;
use zoa_proto::MultiOps;
use zoa_proto::MultiResults;
use zoa_proto::OpCode;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::WatchedEvent;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_event;
use zoa_proto::encode_reply;
use zoa_proto::encode_request;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;
use zoa_proto::jute::Writer;

use crate::messages;

/// The only frame in these bytes.
fn only_frame(bytes: &[u8]) -> &[u8] {
    let (frame, consumed) = next_frame(bytes, FrameLimits::default())
        .expect("in the limit")
        .expect("whole");
    assert_eq!(consumed, bytes.len());
    frame
}

/// Every cut of `body` must fail to decode for want of bytes.
fn check_cuts(body: &[u8], decode: impl Fn(&[u8]) -> Result<(), DecodeError>) {
    for end in 0..body.len() {
        match decode(&body[..end]) {
            Err(DecodeError::Truncated { .. } | DecodeError::CountBeyondFrame { .. }) => {}
            other => panic!("cut to {end} of {}: {other:?}", body.len()),
        }
    }
}

/// One request there and back, cut anywhere, and with bytes behind it that are not ours to know.
fn check_request(request: &Request<'_>, xid: i32) {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, Xid(xid), request).expect("short");
    let (header, body) = RequestHeader::decode(only_frame(&bytes)).expect("a header");
    assert_eq!(header.xid, Xid(xid));
    assert_eq!(header.op(), Some(request.op()));
    assert_eq!(Request::decode(request.op(), body).as_ref(), Ok(request));
    check_cuts(body, |cut| Request::decode(request.op(), cut).map(|_| ()));
    let longer = [body, b"later"].concat();
    assert_eq!(Request::decode(request.op(), &longer).as_ref(), Ok(request));
}

#[test]
fn every_request_comes_back() {
    for op in messages::client_ops() {
        let config = ProptestConfig {
            cases: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let outcome = runner.run(
            &(messages::request_of(op), any::<i32>()),
            |(request, xid)| {
                check_request(&request, xid);
                Ok(())
            },
        );
        outcome.unwrap_or_else(|failure| panic!("{op:?}: {failure}"));
    }
}

#[test]
fn every_reply_comes_back() {
    let mut tried = 0;
    for op in OpCode::ALL.iter().copied() {
        let Some(replies) = messages::reply_to(op) else {
            assert_eq!(Reply::decode(op, &[]), Err(DecodeError::NoReply(op)));
            continue;
        };
        tried += 1;
        let config = ProptestConfig {
            cases: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let outcome = runner.run(&replies, |reply| {
            let header = ReplyHeader {
                xid: Xid(1),
                zxid: Zxid(2),
                error: None,
            };
            let mut bytes = Vec::new();
            encode_reply(&mut bytes, header, |writer| reply.encode(writer));
            let (header_again, body) = ReplyHeader::decode(only_frame(&bytes)).expect("a header");
            assert_eq!(header_again, header);
            assert_eq!(Reply::decode(op, body), Ok(reply));
            check_cuts(body, |cut| Reply::decode(op, cut).map(|_| ()));
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{op:?}: {failure}"));
    }
    assert_eq!(tried, OpCode::ALL.len() - 4);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_in_a_row_come_apart_again(
        requests in prop::collection::vec(messages::any_request(), 0..6),
        replies in prop::collection::vec(messages::any_reply(), 0..6),
    ) {
        let mut bytes = Vec::new();
        for request in &requests {
            encode_request(&mut bytes, Xid(7), request).expect("short");
        }
        for (_, reply) in &replies {
            let header = ReplyHeader { xid: Xid(7), zxid: Zxid::ZERO, error: None };
            encode_reply(&mut bytes, header, |writer| reply.encode(writer));
        }
        let mut rest = bytes.as_slice();
        let mut frames = Vec::new();
        while let Some((frame, consumed)) = next_frame(rest, FrameLimits::default()).expect("short") {
            frames.push(frame);
            rest = &rest[consumed..];
        }
        prop_assert!(rest.is_empty());
        prop_assert_eq!(frames.len(), requests.len() + replies.len());
        let (first, second) = frames.split_at(requests.len());
        for (frame, request) in first.iter().zip(&requests) {
            let (header, body) = RequestHeader::decode(frame).expect("a header");
            prop_assert_eq!(Request::decode(header.op().expect("known"), body), Ok(*request));
        }
        for (frame, (op, reply)) in second.iter().zip(&replies) {
            let (_, body) = ReplyHeader::decode(frame).expect("a header");
            prop_assert_eq!(Reply::decode(*op, body), Ok(*reply));
        }
    }

    #[test]
    fn a_multi_yields_the_operations_it_was_made_of(ops in messages::write_ops()) {
        let mut scratch = vec![1, 2, 3];
        let multi = MultiOps::collect_into(ops.iter().copied(), &mut scratch);
        prop_assert_eq!(multi.len(), ops.len());
        prop_assert_eq!(multi.is_empty(), ops.is_empty());
        prop_assert_eq!(multi.iter().len(), ops.len());
        prop_assert_eq!(multi.into_iter().collect::<Vec<_>>(), ops);
    }

    #[test]
    fn a_multi_read_yields_the_operations_it_was_made_of(ops in messages::read_ops()) {
        let mut scratch = Vec::new();
        let multi = MultiOps::collect_into(ops.iter().copied(), &mut scratch);
        let mut bytes = Vec::new();
        Request::MultiRead(multi).encode(&mut Writer::new(&mut bytes));
        let Ok(Request::MultiRead(decoded)) = Request::decode(OpCode::MultiRead, &bytes) else {
            panic!("it was encoded as one");
        };
        prop_assert_eq!(decoded.iter().collect::<Vec<_>>(), ops);
    }

    #[test]
    fn results_come_back_in_order(results in messages::results()) {
        let mut scratch = Vec::new();
        let multi = MultiResults::collect_into(results.iter().copied(), &mut scratch);
        let mut bytes = Vec::new();
        Reply::Multi(multi).encode(&mut Writer::new(&mut bytes));
        let Ok(Reply::Multi(decoded)) = Reply::decode(OpCode::Multi, &bytes) else {
            panic!("it was encoded as one");
        };
        prop_assert_eq!(decoded.len(), results.len());
        prop_assert_eq!(decoded.is_empty(), results.is_empty());
        prop_assert_eq!(decoded.into_iter().collect::<Vec<_>>(), results);
    }

    #[test]
    fn every_event_comes_back(event in messages::event()) {
        let mut bytes = Vec::new();
        encode_event(&mut bytes, &event);
        let (header, body) = ReplyHeader::decode(only_frame(&bytes)).expect("a header");
        prop_assert_eq!(header.xid, Xid::NOTIFICATION);
        prop_assert_eq!(header.error, None);
        prop_assert_eq!(WatchedEvent::decode(header, body), Ok(event));
        check_cuts(body, |cut| WatchedEvent::decode(header, cut).map(|_| ()));
    }

    #[test]
    fn every_reply_header_comes_back(header in messages::reply_header()) {
        let mut bytes = Vec::new();
        header.encode(&mut Writer::new(&mut bytes));
        prop_assert_eq!(bytes.len(), ReplyHeader::LEN);
        prop_assert_eq!(ReplyHeader::decode(&bytes), Ok((header, &[][..])));
        check_cuts(&bytes, |cut| ReplyHeader::decode(cut).map(|_| ()));
    }

    #[test]
    fn every_connect_request_comes_back(request in messages::connect_request()) {
        let mut bytes = Vec::new();
        request.encode_frame(&mut bytes).expect("short");
        let frame = only_frame(&bytes);
        prop_assert_eq!(ConnectRequest::decode(frame), Ok(request));
        // Without its last byte it is what an old client sends.
        let old = &frame[..frame.len() - usize::from(request.read_only.is_some())];
        prop_assert_eq!(
            ConnectRequest::decode(old),
            Ok(ConnectRequest { read_only: None, ..request })
        );
        check_cuts(old, |cut| ConnectRequest::decode(cut).map(|_| ()));
    }

    #[test]
    fn every_connect_response_comes_back(response in messages::connect_response()) {
        let mut bytes = Vec::new();
        response.encode_frame(&mut bytes).expect("short");
        let frame = only_frame(&bytes);
        prop_assert_eq!(ConnectResponse::decode(frame), Ok(response));
        prop_assert_eq!(response.is_rejected(), response.timeout_ms <= 0);
        let old = &frame[..frame.len() - usize::from(response.read_only.is_some())];
        check_cuts(old, |cut| ConnectResponse::decode(cut).map(|_| ()));
    }
}
