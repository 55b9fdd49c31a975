//! Goal: a frame is judged by its length alone and at once, both ends of the limit included, and
//! what cannot be framed is not half written.

use zoa_proto::ErrorCode;
use zoa_proto::FourLetterWord;
use zoa_proto::Opening;
use zoa_proto::ReplyHeader;
use zoa_proto::RequestHeader;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_reply;
use zoa_proto::frame::FrameError;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::encode_frame;
use zoa_proto::frame::frame_len;
use zoa_proto::frame::next_frame;
use zoa_proto::limits::FRAME_LEN_CEILING;
use zoa_proto::limits::FRAME_LEN_MAX;
use zoa_proto::limits::FRAME_PREFIX_LEN;
use zoa_proto::limits::SESSION_PASSWORD_LEN;
use zoa_proto::reply::encode_reply_header;

/// The prefix of a frame that claims this length.
fn prefix(len: i64) -> [u8; 4] {
    i32::try_from(len).expect("fits").to_be_bytes()
}

#[test]
fn a_frame_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let limits = FrameLimits::default();
    assert_eq!(limits.frame_len_max, FRAME_LEN_MAX);
    assert_eq!(FRAME_LEN_MAX, 1_048_575);
    let mut buf = prefix(1_048_575).to_vec();
    buf.resize(FRAME_PREFIX_LEN + FRAME_LEN_MAX, 7);
    buf.push(8);
    let (frame, consumed) = next_frame(&buf, limits)
        .expect("in the limit")
        .expect("whole");
    assert_eq!((frame.len(), consumed), (FRAME_LEN_MAX, buf.len() - 1));
    let refused = FrameError::TooLong {
        len: 1_048_576,
        len_max: FRAME_LEN_MAX,
    };
    // Not one byte of the body is needed to refuse it.
    assert_eq!(next_frame(&prefix(1_048_576), limits), Err(refused));
    assert_eq!(
        refused.to_string(),
        "frame of 1048576 bytes, at most 1048575 are allowed"
    );
}

#[test]
fn a_negative_length_is_refused_whatever_the_limit() {
    for len in [-1, -2, i64::from(i32::MIN)] {
        for frame_len_max in [0, FRAME_LEN_MAX, usize::MAX] {
            let prefix = prefix(len);
            let refused = next_frame(&prefix, FrameLimits { frame_len_max });
            assert!(
                matches!(refused, Err(FrameError::NegativeLength(_))),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn an_unfinished_frame_waits_and_says_for_how_much() {
    let mut whole = Vec::new();
    encode_frame(&mut whole, |writer| writer.raw(b"hello")).expect("short");
    whole.extend_from_slice(b"next");
    for end in 0..9 {
        assert_eq!(next_frame(&whole[..end], FrameLimits::default()), Ok(None));
        let len = frame_len(&whole[..end], FrameLimits::default());
        assert_eq!(len, Ok((end >= 4).then_some(5)));
    }
    assert_eq!(
        next_frame(&whole, FrameLimits::default()),
        Ok(Some((&b"hello"[..], 9)))
    );
}

#[test]
fn an_empty_frame_is_a_frame_without_a_header() {
    let limits = FrameLimits { frame_len_max: 0 };
    assert_eq!(next_frame(&prefix(0), limits), Ok(Some((&[][..], 4))));
    assert!(RequestHeader::decode(&[]).is_err());
}

#[test]
fn a_reply_is_appended_to_what_waits_in_the_buffer() {
    let mut buf = b"waiting".to_vec();
    let header = ReplyHeader {
        xid: Xid(1),
        zxid: Zxid(2),
        error: None,
    };
    encode_reply(&mut buf, header, |writer| writer.ustring("/a"));
    assert!(buf.starts_with(b"waiting\0\0\0\x16\0\0\0\x01"));
    assert_eq!(buf.len(), 7 + 4 + 16 + 6);
}

#[test]
fn a_failed_reply_has_no_body() {
    let mut buf = Vec::new();
    let header = ReplyHeader {
        xid: Xid(1),
        zxid: Zxid(2),
        error: Some(ErrorCode::NoNode),
    };
    encode_reply(&mut buf, header, |_| panic!("a body was asked for"));
    assert_eq!(buf.len(), 4 + 16);
    assert_eq!(ReplyHeader::decode(&buf[4..]), Ok((header, &[][..])));
}

#[test]
fn a_reply_in_pieces_starts_like_one_in_a_piece() {
    let header = ReplyHeader {
        xid: Xid(1),
        zxid: Zxid(2),
        error: None,
    };
    let mut whole = Vec::new();
    encode_reply(&mut whole, header, |writer| writer.raw(b"body"));
    let mut pieces = Vec::new();
    assert!(encode_reply_header(&mut pieces, header, 4));
    pieces.extend_from_slice(b"body");
    assert_eq!(pieces, whole);
}

#[test]
fn a_reply_beyond_what_a_length_can_say_is_an_error_instead() {
    let header = ReplyHeader {
        xid: Xid(1),
        zxid: Zxid(2),
        error: None,
    };
    let body_len_max = FRAME_LEN_CEILING - ReplyHeader::LEN;
    let mut buf = Vec::new();
    assert!(encode_reply_header(&mut buf, header, body_len_max));
    assert!(buf.starts_with(&i32::MAX.to_be_bytes()));
    buf.clear();
    assert!(!encode_reply_header(&mut buf, header, body_len_max + 1));
    let error = Some(ErrorCode::MarshallingError);
    let (frame, _) = next_frame(&buf, FrameLimits::default())
        .expect("short")
        .expect("whole");
    assert_eq!(
        ReplyHeader::decode(frame),
        Ok((ReplyHeader { error, ..header }, &[][..]))
    );
}

#[test]
fn a_connection_opens_with_a_word_a_hello_or_a_frame() {
    assert_eq!(Opening::of(b"ruok"), Opening::Word(FourLetterWord::Ruok));
    assert_eq!(
        Opening::of(b"stmk12345678"),
        Opening::Word(FourLetterWord::Stmk)
    );
    assert_eq!(
        Opening::of(b"\xff\xf4\xff\xfd"),
        Opening::Word(FourLetterWord::TelnetClose)
    );
    assert_eq!(Opening::of(b"\x16\x03\x01\x02\0"), Opening::TlsHello);
    assert_eq!(Opening::of(&prefix(45)), Opening::Frame);
    // Refused as frames, by their length.
    for refused in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"ruoK",
        b"\x16\x04\x01\x02",
        b"\x16\x03\x05\x02",
    ] {
        assert_eq!(Opening::of(refused), Opening::Frame);
        assert!(next_frame(refused, FrameLimits::default()).is_err());
    }
    for short in [&b""[..], b"r", b"ruo"] {
        assert_eq!(Opening::of(short), Opening::Incomplete);
    }
}

#[test]
fn a_session_password_has_16_bytes() {
    assert_eq!(SESSION_PASSWORD_LEN, 16);
    let rejected = zoa_proto::ConnectResponse::rejected(None);
    assert_eq!(rejected.password, [0; SESSION_PASSWORD_LEN]);
}
