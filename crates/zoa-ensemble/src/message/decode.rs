//! Bytes to a typed frame.

use bytes::Buf;
use bytes::Bytes;
use zoa_log::ClusterId;
use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_tree::Touch;

use super::Forward;
use super::Leading;
use super::PeerMessage;
use super::PeerMessageError;
use super::StreamPlace;
use super::kind;
use crate::config::Founders;
use crate::limits::FORWARD_COUNT_MAX;
use crate::limits::FRAME_LEN_MAX;
use crate::limits::HELLO_LINE_LEN_MAX;
use crate::limits::TOUCHES_PER_FRAME_MAX;

/// Terms and indexes above it are no correct server's (`zoa_raft::limits`).
const NUMBER_MAX: u64 = zoa_raft::limits::TERM_OR_INDEX_MAX;

impl PeerMessage {
    /// Reads a frame from all of these bytes. Its parts share their memory.
    ///
    /// # Errors
    /// When no correct server writes such a frame. A message of the replication is judged by the replication.
    pub fn decode(frame: Bytes) -> Result<Self, PeerMessageError> {
        if frame.len() > FRAME_LEN_MAX {
            return Err(PeerMessageError::Field("length"));
        }
        let kind = *frame.first().ok_or(PeerMessageError::Truncated)?;
        if kind < kind::FORWARD {
            return Ok(Self::Raft(frame));
        }
        let mut reader = Reader(frame);
        reader.u8()?;
        let message = match kind {
            kind::FORWARD => Self::Forward(Forward {
                place: reader.place()?,
                proposals: reader.proposals()?,
            }),
            kind::FORWARD_REFUSED => Self::ForwardRefused(reader.place()?),
            kind::TOUCHES => Self::Touches {
                number: reader.number("number")?,
                touches: reader.touches()?,
            },
            kind::LEADING => Self::Leading(Leading {
                term: reader.term()?,
                commit: reader.number("commit")?,
                touches: reader.number("touches")?,
                elected_behind: (reader.number("index")?, reader.number("term")?),
                is_handing: reader.bool()?,
            }),
            kind::HANDING => Self::Handing {
                term: reader.term()?,
            },
            kind::HELD => Self::Held {
                term: reader.term()?,
            },
            kind::SUCCESSION => Self::Succession {
                term: reader.term()?,
                last: reader.number("last")?,
            },
            kind::PREPARE => Self::Prepare {
                cluster: reader.cluster()?,
                founders: reader.founders()?,
            },
            kind::LEADER_AT => Self::LeaderAt {
                leader: reader.peer()?,
                line: reader.line()?,
            },
            unknown => return Err(PeerMessageError::UnknownKind(unknown)),
        };
        if reader.0.has_remaining() {
            return Err(PeerMessageError::TrailingBytes);
        }
        Ok(message)
    }
}

struct Reader(Bytes);

impl Reader {
    fn u8(&mut self) -> Result<u8, PeerMessageError> {
        self.0.try_get_u8().map_err(|_| PeerMessageError::Truncated)
    }

    fn u32(&mut self) -> Result<u32, PeerMessageError> {
        self.0
            .try_get_u32()
            .map_err(|_| PeerMessageError::Truncated)
    }

    fn bool(&mut self) -> Result<bool, PeerMessageError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(PeerMessageError::Field("bool")),
        }
    }

    fn number(&mut self, name: &'static str) -> Result<u64, PeerMessageError> {
        let number = self
            .0
            .try_get_u64()
            .map_err(|_| PeerMessageError::Truncated)?;
        if number > NUMBER_MAX {
            return Err(PeerMessageError::Field(name));
        }
        Ok(number)
    }

    fn term(&mut self) -> Result<u64, PeerMessageError> {
        match self.number("term")? {
            0 => Err(PeerMessageError::Field("term")),
            term => Ok(term),
        }
    }

    fn place(&mut self) -> Result<StreamPlace, PeerMessageError> {
        Ok(StreamPlace {
            term: self.term()?,
            stream: self.number("stream")?,
            seq: self.number("seq")?,
        })
    }

    /// How many of something follow; `len` is what each takes at least, so that a count cannot lie by much.
    fn count(&mut self, max: usize, len: usize) -> Result<usize, PeerMessageError> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if count > max {
            return Err(PeerMessageError::Field("count"));
        }
        if count.saturating_mul(len) > self.0.remaining() {
            return Err(PeerMessageError::Truncated);
        }
        Ok(count)
    }

    fn proposals(&mut self) -> Result<Vec<Bytes>, PeerMessageError> {
        let count = self.count(FORWARD_COUNT_MAX, 4)?;
        if count == 0 {
            return Err(PeerMessageError::Field("count"));
        }
        let mut proposals = Vec::with_capacity(count);
        for _ in 0..count {
            let len = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
            if len == 0 {
                return Err(PeerMessageError::Field("proposal"));
            }
            if len > self.0.remaining() {
                return Err(PeerMessageError::Truncated);
            }
            proposals.push(self.0.split_to(len));
        }
        Ok(proposals)
    }

    fn touches(&mut self) -> Result<Vec<Touch>, PeerMessageError> {
        let count = self.count(TOUCHES_PER_FRAME_MAX, 12)?;
        let mut touches = Vec::with_capacity(count);
        for _ in 0..count {
            let session = self.0.try_get_i64();
            let session = session.map_err(|_| PeerMessageError::Truncated)?;
            touches.push(Touch {
                session: SessionId(session),
                age_ms: self.u32()?,
            });
        }
        Ok(touches)
    }

    fn cluster(&mut self) -> Result<ClusterId, PeerMessageError> {
        let mut cluster = [0; 16];
        let read = self.0.try_copy_to_slice(&mut cluster);
        read.map_err(|_| PeerMessageError::Truncated)?;
        if cluster == [0; 16] {
            return Err(PeerMessageError::Field("cluster"));
        }
        Ok(ClusterId(cluster))
    }

    fn founders(&mut self) -> Result<Founders, PeerMessageError> {
        Ok(Founders {
            participants: self.peers()?,
            observers: self.peers()?,
        })
    }

    fn peer(&mut self) -> Result<PeerId, PeerMessageError> {
        match self.u8()? {
            0 => Err(PeerMessageError::Field("peer")),
            id => Ok(PeerId(id)),
        }
    }

    fn line(&mut self) -> Result<String, PeerMessageError> {
        let len = self.count(HELLO_LINE_LEN_MAX, 1)?;
        let line = self.0.split_to(len);
        let line = str::from_utf8(&line).map_err(|_| PeerMessageError::Field("line"))?;
        Ok(line.to_owned())
    }

    fn peers(&mut self) -> Result<Vec<PeerId>, PeerMessageError> {
        let count = self.count(usize::from(u8::MAX), 1)?;
        let mut peers: Vec<PeerId> = Vec::with_capacity(count);
        for _ in 0..count {
            let peer = PeerId(self.u8()?);
            if peers.last().copied().unwrap_or_default() >= peer {
                return Err(PeerMessageError::Field("founders"));
            }
            peers.push(peer);
        }
        Ok(peers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::FORWARD_LEN_MAX;

    const PLACE: StreamPlace = StreamPlace {
        term: 3,
        stream: 4,
        seq: 5,
    };

    fn forward(count: usize) -> PeerMessage {
        PeerMessage::Forward(Forward {
            place: PLACE,
            proposals: vec![Bytes::from_static(b"txn"); count],
        })
    }

    fn touches(count: usize) -> PeerMessage {
        let touch = Touch {
            session: SessionId(-7),
            age_ms: 12,
        };
        PeerMessage::Touches {
            number: 8,
            touches: vec![touch; count],
        }
    }

    fn leader_at(len: usize) -> PeerMessage {
        PeerMessage::LeaderAt {
            leader: PeerId(5),
            line: "l".repeat(len),
        }
    }

    #[test]
    fn a_line_beyond_hello_line_len_max_is_refused() {
        let longest = leader_at(HELLO_LINE_LEN_MAX);
        assert_eq!(PeerMessage::decode(longest.encode()), Ok(longest));
        let longer = PeerMessage::decode(leader_at(HELLO_LINE_LEN_MAX + 1).encode());
        assert_eq!(longer, Err(PeerMessageError::Field("count")));
    }

    #[test]
    fn frames_come_through_and_no_part_of_one_does() {
        let founders = Founders {
            participants: vec![PeerId(1), PeerId(255)],
            observers: vec![],
        };
        let leading = Leading {
            term: 1,
            commit: 2,
            touches: 3,
            elected_behind: (4, 1),
            is_handing: true,
        };
        let prepare = PeerMessage::Prepare {
            cluster: ClusterId([1; 16]),
            founders,
        };
        for message in [
            forward(3),
            PeerMessage::ForwardRefused(PLACE),
            touches(2),
            PeerMessage::Leading(leading),
            prepare,
            PeerMessage::Handing { term: 1 },
            PeerMessage::Held { term: 1 },
            PeerMessage::Succession { term: 1, last: 9 },
            leader_at(17),
        ] {
            let frame = message.encode();
            assert_eq!(PeerMessage::decode(frame.clone()), Ok(message));
            for len in 0..frame.len() {
                let part = PeerMessage::decode(frame.slice(..len));
                assert_eq!(part, Err(PeerMessageError::Truncated), "{len} bytes");
            }
            let longer = Bytes::from([&frame, &b"x"[..]].concat());
            let refused = PeerMessage::decode(longer);
            assert_eq!(refused, Err(PeerMessageError::TrailingBytes));
        }
    }

    #[test]
    fn a_message_of_the_replication_is_handed_over_as_it_is() {
        let message = Bytes::from_static(&[1, 99, 0]);
        let frame = PeerMessage::Raft(message.clone()).encode();
        assert_eq!(frame.as_ptr(), message.as_ptr());
        assert_eq!(
            PeerMessage::decode(frame),
            Ok(PeerMessage::Raft(message.clone()))
        );
        let unknown = PeerMessage::decode(Bytes::from_static(&[200]));
        assert_eq!(unknown, Err(PeerMessageError::UnknownKind(200)));
        assert_eq!(
            PeerMessage::decode(Bytes::new()),
            Err(PeerMessageError::Truncated)
        );
    }

    #[test]
    fn no_more_than_forward_count_max_and_touches_per_frame_max_are_read() {
        let read = |message: PeerMessage| PeerMessage::decode(message.encode()).is_ok();
        assert!(read(forward(FORWARD_COUNT_MAX)) && read(touches(TOUCHES_PER_FRAME_MAX)));
        assert!(!read(forward(FORWARD_COUNT_MAX + 1)) && !read(touches(TOUCHES_PER_FRAME_MAX + 1)));
        assert!(!read(forward(0)));
    }

    #[test]
    fn a_frame_beyond_frame_len_max_is_refused_and_the_longest_of_ours_is_within() {
        let of = |len: usize| Forward {
            place: PLACE,
            proposals: vec![Bytes::from(vec![1; len])],
        };
        let longest = PeerMessage::Forward(of(zoa_log::limits::ENTRY_LEN_MAX)).encode();
        assert!(longest.len() <= FRAME_LEN_MAX && FORWARD_LEN_MAX <= FRAME_LEN_MAX);
        assert!(PeerMessage::decode(longest).is_ok());
        let longer = PeerMessage::Forward(of(FRAME_LEN_MAX)).encode();
        assert_eq!(
            PeerMessage::decode(longer),
            Err(PeerMessageError::Field("length"))
        );
    }

    proptest! {
        // Goal: no bytes make the reader panic, and there is one way to write what it accepts.
        #[test]
        fn any_bytes_are_refused_or_read_as_what_they_say(kind in 15u8..26, rest in proptest::collection::vec(any::<u8>(), 0..80)) {
            let frame = Bytes::from([vec![kind], rest].concat());
            if let Ok(message) = PeerMessage::decode(frame.clone()) {
                prop_assert_eq!(message.encode(), frame);
            }
        }

        // Goal: as above, for frames that are nearly right.
        #[test]
        fn a_changed_byte_is_refused_or_read_as_what_it_says(at in 0usize..70, value: u8) {
            for message in [forward(2), touches(2), PeerMessage::ForwardRefused(PLACE), leader_at(9)] {
                let mut bytes = message.encode().to_vec();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
                let frame = Bytes::from(bytes);
                if let Ok(message) = PeerMessage::decode(frame.clone()) {
                    prop_assert_eq!(message.encode(), frame);
                }
            }
        }
    }

    #[test]
    fn numbers_and_ids_that_cannot_be_are_refused() {
        let place = |term, seq| PeerMessage::ForwardRefused(StreamPlace { term, seq, ..PLACE });
        let read = |message: PeerMessage| PeerMessage::decode(message.encode());
        assert_eq!(read(place(0, 1)), Err(PeerMessageError::Field("term")));
        assert_eq!(
            read(place(1, u64::MAX)),
            Err(PeerMessageError::Field("seq"))
        );
        let prepare = |cluster, ids: &[u8]| PeerMessage::Prepare {
            cluster: ClusterId([cluster; 16]),
            founders: Founders {
                participants: ids.iter().map(|id| PeerId(*id)).collect(),
                observers: Vec::new(),
            },
        };
        assert_eq!(
            read(prepare(0, &[1])),
            Err(PeerMessageError::Field("cluster"))
        );
        for ids in [&[0][..], &[2, 1], &[1, 1]] {
            let refused = read(prepare(1, ids));
            assert_eq!(refused, Err(PeerMessageError::Field("founders")));
        }
    }
}
