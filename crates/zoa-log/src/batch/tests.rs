//! The batch format is as `docs/formats/log.md` says, and hostile bytes are only refused.

use proptest::prelude::*;

use super::*;

const SALT: [u8; 16] = *b"0123456789abcdef";

fn state() -> State {
    State {
        hard_state: HardState {
            term: 0x11,
            vote: 0x12,
            commit: 0x13,
        },
        purged: LogId {
            index: LogIndex(0x14),
            term: 0x15,
        },
        first_live: 0x16,
    }
}

fn place() -> Place {
    Place {
        incarnation: 0x21,
        sequence: 0x22,
        offset: 0x3000,
    }
}

fn entries() -> [Entry; 2] {
    let entry = |index, kind, data: &'static [u8]| Entry {
        index: LogIndex(index),
        term: 0x11,
        kind,
        data: data.into(),
    };
    [
        entry(0x31, EntryKind::Normal, b"abc"),
        entry(0x32, EntryKind::Config, b""),
    ]
}

fn sealed(entries: &[Entry]) -> BlockBuf {
    let mut buf = BlockBuf::with_capacity(BLOCK_LEN);
    begin(&mut buf);
    for entry in entries {
        push_entry(&mut buf, entry);
    }
    let first = entries.first().map_or(LogIndex(0), |entry| entry.index);
    seal(
        &mut buf,
        Salt::new(&SALT),
        place(),
        state(),
        (first, u32_of(entries.len())),
    );
    buf
}

/// Goal: a log written by any later version of this code is read by this one, and the other way round.
#[test]
fn the_bytes_are_those_of_the_documented_format() {
    let buf = sealed(&entries());
    let mut expected = Vec::new();
    expected.extend_from_slice(b"ZOABATCH");
    expected.extend_from_slice(&1_u32.to_le_bytes());
    expected.extend_from_slice(&[0; 4]);
    for number in [
        0x21_u64, 0x22, 0x3000, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x31,
    ] {
        expected.extend_from_slice(&number.to_le_bytes());
    }
    let mut body = vec![
        3, 0, 0, 0, 1, 0, 0, 0, 0x11, 0, 0, 0, 0, 0, 0, 0, b'a', b'b', b'c',
    ];
    body.extend_from_slice(&[0, 0, 0, 0, 2, 0, 0, 0, 0x11, 0, 0, 0, 0, 0, 0, 0]);
    let salt = crc32c::crc32c(&SALT);
    for number in [2, 35, crc32c::crc32c_append(salt, &body)] {
        expected.extend_from_slice(&number.to_le_bytes());
    }
    expected.resize(HEADER_LEN, 0);
    let crc = crc32c::crc32c_append(salt, &expected[16..]);
    expected[12..16].copy_from_slice(&crc.to_le_bytes());
    expected.extend_from_slice(&body);
    expected.resize(BLOCK_LEN, 0);
    assert!(
        buf.as_slice() == expected,
        "{:02x?}",
        &buf.as_slice()[..HEADER_LEN + 35]
    );
}

#[test]
fn what_is_encoded_is_decoded() {
    let buf = sealed(&entries());
    let salt = Salt::new(&SALT);
    let header = Header::decode(buf.as_slice(), 0x3000, salt).expect("it is whole");
    assert_eq!(
        (header.place, header.state, header.blocks()),
        (place(), state(), 1)
    );
    let body = header.body(buf.as_slice(), salt).expect("it is whole");
    let mut terms = Vec::new();
    assert_eq!(header.check_entries(body, |term| terms.push(term)), Ok(()));
    assert_eq!(terms, [0x11, 0x11]);
    let decoded: Vec<_> = header.entries(Bytes::copy_from_slice(body)).collect();
    assert_eq!(decoded, entries());
}

#[test]
fn a_header_is_believed_only_in_its_place_and_with_its_salt() {
    let buf = sealed(&[]);
    let salt = Salt::new(&SALT);
    assert!(Header::decode(buf.as_slice(), 0x3000, salt).is_some());
    assert!(Header::decode(buf.as_slice(), 0x4000, salt).is_none());
    assert!(Header::decode(buf.as_slice(), 0x3000, Salt::new(&[0; 16])).is_none());
    assert!(Header::decode(&buf.as_slice()[..HEADER_LEN - 1], 0x3000, salt).is_none());
    assert_eq!(format!("{salt:?}"), "Salt(secret)");
}

/// Goal: even a body under valid checksums cannot make decoding panic or lie about its length.
#[test]
fn any_body_is_accepted_whole_or_refused() {
    let bodies = (
        prop::collection::vec(any::<u8>(), 0..200),
        any::<u64>(),
        0_u32..5,
        0_usize..3,
    );
    proptest!(|((mut body, first, count, entries) in bodies)| {
        // Some bodies begin with sound entries, so that the check gets beyond the first.
        let mut sound = Vec::new();
        for _ in 0..entries {
            sound.extend_from_slice(&[2, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 8, 9]);
        }
        body.splice(0..0, sound);
        let header = Header {
            place: place(),
            state: state(),
            first_index: LogIndex(first),
            count,
            body_len: u32_of(body.len()),
            body_crc: 0,
        };
        let mut seen = 0;
        if header.check_entries(&body, |_| seen += 1).is_ok() {
            let decoded: Vec<_> = header.entries(Bytes::from(body.clone())).collect();
            prop_assert_eq!(decoded.len(), usize_of(count.into()));
            let len: usize = decoded.iter().map(|entry| ENTRY_HEADER_LEN + entry.data.len()).sum();
            prop_assert_eq!(len, body.len());
        }
        prop_assert!(seen <= count);
    });
}
