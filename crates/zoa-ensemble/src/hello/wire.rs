//! A hello as bytes: `docs/formats/peer.md`.
//!
//! Invariant: what is accepted is written again as the same bytes; nothing here reads further than a hello may be long.

use std::fmt;

use bytes::BufMut;
use zoa_log::ClusterId;
use zoa_proto::PeerId;

use super::Hello;
use super::HelloState;
use super::Purpose;
use crate::config::Founders;
use crate::limits::HELLO_LEN_MAX;
use crate::limits::HELLO_LINE_LEN_MAX;
use crate::node_id::NodeId;
use crate::versions::Versions;

/// What every hello begins with: no other protocol does.
const MAGIC: [u8; 6] = *b"zoapr\n";
/// The first version, and the oldest that is read. From the second on a hello says which rules its server knows.
const VERSION_FIRST: u16 = Versions::FIRST.peer;
/// The newest whose fields are all known here.
const VERSION_KNOWN: u16 = 3;

/// Why bytes are no hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HelloError {
    /// They do not begin like one.
    NoHello,
    /// The other server speaks another version.
    Version(u16),
    /// They end too early, or go on after their end.
    Length,
    /// A field has a value that it cannot have.
    Field(&'static str),
}

impl fmt::Display for HelloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHello => f.write_str("what came is not the hello of a server"),
            Self::Version(version) => write!(
                f,
                "the other server speaks version {version} of the peer protocol, which there is not: it is no server of this kind"
            ),
            Self::Length => f.write_str("the hello is too short or too long"),
            Self::Field(name) => write!(f, "the hello's field `{name}` has a value it cannot have"),
        }
    }
}

impl std::error::Error for HelloError {}

pub(super) fn encode(hello: &Hello) -> Vec<u8> {
    let mut buf = Vec::with_capacity(256);
    buf.put_slice(&MAGIC);
    buf.put_u16(hello.versions.peer);
    buf.put_u8(hello.me.0);
    buf.put_u8(hello.to.0);
    buf.put_u8(match hello.purpose {
        Purpose::Messages => 1,
        Purpose::Snapshot => 2,
    });
    buf.put_u8(u8::from(hello.initialize));
    put_state(hello.state, &mut buf);
    put_peers(&hello.founders.participants, &mut buf);
    put_peers(&hello.founders.observers, &mut buf);
    let line = Some(hello.line.as_bytes()).filter(|line| line.len() <= HELLO_LINE_LEN_MAX);
    let line = line.unwrap_or_default();
    buf.put_u16(u16::try_from(line.len()).expect("the limit on lines is far below 64 KiB"));
    buf.put_slice(line);
    if hello.versions.peer > VERSION_FIRST {
        buf.put_u32(hello.versions.semantics);
    }
    debug_assert!(buf.len() <= HELLO_LEN_MAX, "all parts are bounded");
    buf
}

fn put_state(state: HelloState, buf: &mut Vec<u8>) {
    let (kind, cluster, node, members_index) = match state {
        HelloState::Empty => (0, None, None, 0),
        HelloState::Prepared { cluster } => (1, Some(cluster), None, 0),
        HelloState::Joining { cluster, node } => (2, Some(cluster), Some(node), 0),
        HelloState::Member {
            cluster,
            node,
            members_index,
        } => (3, Some(cluster), Some(node), members_index),
    };
    buf.put_u8(kind);
    buf.put_slice(&cluster.unwrap_or(ClusterId([0; 16])).0);
    buf.put_u64(node.map_or(0, NodeId::raft));
    buf.put_u64(members_index);
}

fn put_peers(peers: &[PeerId], buf: &mut Vec<u8>) {
    buf.put_u8(u8::try_from(peers.len()).expect("ids of servers are one byte, and 0 is none"));
    peers.iter().for_each(|peer| buf.put_u8(peer.0));
}

pub(super) fn decode(bytes: &[u8]) -> Result<Hello, HelloError> {
    if bytes.len() > HELLO_LEN_MAX {
        return Err(HelloError::Length);
    }
    let mut reader = Reader(bytes);
    if reader.array() != Ok(MAGIC) {
        return Err(HelloError::NoHello);
    }
    let version = u16::from_be_bytes(reader.array()?);
    if version < VERSION_FIRST {
        return Err(HelloError::Version(version));
    }
    let me = reader.peer("me")?;
    let [to] = reader.array()?;
    let purpose = match reader.array()? {
        [1] => Purpose::Messages,
        [2] => Purpose::Snapshot,
        [_] => return Err(HelloError::Field("purpose")),
    };
    let initialize = match reader.array()? {
        [0] => false,
        [1] => true,
        [_] => return Err(HelloError::Field("initialize")),
    };
    let state = reader.state()?;
    let founders = Founders {
        participants: reader.peers()?,
        observers: reader.peers()?,
    };
    let line = reader.line()?;
    let semantics = reader.semantics(version)?;
    // What a later version has to say beyond this is for those who know it.
    if !reader.0.is_empty() && version <= VERSION_KNOWN {
        return Err(HelloError::Length);
    }
    Ok(Hello {
        me,
        to: PeerId(to),
        purpose,
        state,
        founders,
        initialize,
        line,
        versions: Versions {
            peer: version,
            semantics,
        },
    })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], HelloError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(HelloError::Length)?;
        self.0 = rest;
        Ok(*first)
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8], HelloError> {
        let (first, rest) = self.0.split_at_checked(len).ok_or(HelloError::Length)?;
        self.0 = rest;
        Ok(first)
    }

    fn peer(&mut self, name: &'static str) -> Result<PeerId, HelloError> {
        match self.array()? {
            [0] => Err(HelloError::Field(name)),
            [id] => Ok(PeerId(id)),
        }
    }

    /// Rising ids, so that there is one way to write them.
    fn peers(&mut self) -> Result<Vec<PeerId>, HelloError> {
        let [count] = self.array()?;
        let ids = self.slice(usize::from(count))?;
        let rising = ids.iter().zip(ids.iter().skip(1)).all(|(a, b)| a < b);
        if !rising || ids.first() == Some(&0) {
            return Err(HelloError::Field("founders"));
        }
        Ok(ids.iter().map(|id| PeerId(*id)).collect())
    }

    fn state(&mut self) -> Result<HelloState, HelloError> {
        let [kind] = self.array()?;
        let cluster = ClusterId(self.array()?);
        let node = u64::from_be_bytes(self.array()?);
        let members_index = u64::from_be_bytes(self.array()?);
        let is_nobody = cluster.0 == [0; 16];
        let wrong = HelloError::Field("state");
        let some_node = || NodeId::from_raft(node).ok_or(wrong);
        match kind {
            0 if is_nobody && node == 0 && members_index == 0 => Ok(HelloState::Empty),
            1 if !is_nobody && node == 0 && members_index == 0 => {
                Ok(HelloState::Prepared { cluster })
            }
            2 if !is_nobody && members_index == 0 => Ok(HelloState::Joining {
                cluster,
                node: some_node()?,
            }),
            3 if !is_nobody => Ok(HelloState::Member {
                cluster,
                node: some_node()?,
                members_index,
            }),
            _ => Err(wrong),
        }
    }

    fn semantics(&mut self, version: u16) -> Result<u32, HelloError> {
        if version == VERSION_FIRST {
            return Ok(Versions::FIRST.semantics);
        }
        match u32::from_be_bytes(self.array()?) {
            0 => Err(HelloError::Field("semantics")),
            semantics => Ok(semantics),
        }
    }

    fn line(&mut self) -> Result<String, HelloError> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        if len > HELLO_LINE_LEN_MAX {
            return Err(HelloError::Field("line"));
        }
        let line = self.slice(len)?;
        let line = str::from_utf8(line).map_err(|_| HelloError::Field("line"))?;
        Ok(line.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLUSTER: ClusterId = ClusterId([7; 16]);
    const NEWER: Versions = Versions {
        peer: 2,
        semantics: 7,
    };

    fn hello(state: HelloState) -> Hello {
        Hello {
            me: PeerId(3),
            to: PeerId(1),
            purpose: Purpose::Messages,
            state,
            founders: Founders {
                participants: vec![PeerId(1), PeerId(3)],
                observers: vec![PeerId(9)],
            },
            initialize: true,
            line: "a:1:2:participant".to_owned(),
            versions: NEWER,
        }
    }

    fn states() -> [HelloState; 4] {
        let node = NodeId::joining(PeerId(3), [9; 6]);
        [
            HelloState::Empty,
            HelloState::Prepared { cluster: CLUSTER },
            HelloState::Joining {
                cluster: CLUSTER,
                node,
            },
            HelloState::Member {
                cluster: CLUSTER,
                node,
                members_index: 12,
            },
        ]
    }

    #[test]
    fn a_hello_comes_through_and_no_part_of_it_does() {
        for state in states() {
            let said = Hello {
                purpose: Purpose::Snapshot,
                ..hello(state)
            };
            let bytes = encode(&said);
            assert_eq!(decode(&bytes), Ok(said));
            for len in 0..bytes.len() {
                let part = bytes.get(..len).expect("it is shorter");
                assert!(decode(part).is_err(), "{len} bytes");
            }
            let longer = [bytes, vec![0]].concat();
            assert_eq!(decode(&longer), Err(HelloError::Length));
        }
    }

    #[test]
    fn the_longest_hello_is_within_hello_len_max_and_a_line_beyond_hello_line_len_max_is_left_out()
    {
        let all: Vec<PeerId> = (1..=255).map(PeerId).collect();
        let longest = Hello {
            founders: Founders {
                participants: all.clone(),
                observers: all,
            },
            line: "x".repeat(HELLO_LINE_LEN_MAX),
            ..hello(HelloState::Empty)
        };
        let bytes = encode(&longest);
        assert!(bytes.len() <= HELLO_LEN_MAX);
        assert_eq!(decode(&bytes).as_ref(), Ok(&longest));
        let longer = Hello {
            line: "x".repeat(HELLO_LINE_LEN_MAX + 1),
            ..longest
        };
        let line = decode(&encode(&longer)).map(|hello| hello.line);
        assert_eq!(line, Ok(String::new()));
        let padded = vec![0; HELLO_LEN_MAX + 1];
        assert_eq!(decode(&padded), Err(HelloError::Length));
    }

    #[test]
    fn a_hello_of_the_first_version_knows_the_first_rules_and_a_later_one_may_say_more() {
        let first = Hello {
            versions: Versions::FIRST,
            ..hello(HelloState::Empty)
        };
        assert_eq!(decode(&encode(&first)), Ok(first));
        let mut bytes = [encode(&hello(HelloState::Empty)), vec![1, 2, 3]].concat();
        assert_eq!(decode(&bytes), Err(HelloError::Length));
        *bytes.get_mut(7).expect("there is a version") = 4;
        let later = decode(&bytes).map(|hello| hello.versions);
        let expected = Versions { peer: 4, ..NEWER };
        assert_eq!(later, Ok(expected));
        *bytes.get_mut(7).expect("there is a version") = 0;
        assert_eq!(decode(&bytes), Err(HelloError::Version(0)));
        assert_eq!(decode(b"GET / HTTP/1.1\r\n"), Err(HelloError::NoHello));
    }

    proptest! {
        // Goal: there is one way to write a hello, and no bytes make the reader panic.
        #[test]
        fn changed_bytes_are_refused_or_read_as_what_they_say(at in 0usize..90, value: u8, which in 0usize..4) {
            let [a, b, c, d] = states();
            let state = [a, b, c, d].into_iter().nth(which).expect("it is below four");
            let mut bytes = encode(&hello(state));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            if let Ok(read) = decode(&bytes) {
                prop_assert_eq!(encode(&read), bytes);
            }
        }
    }
}
