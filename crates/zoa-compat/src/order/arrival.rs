//! What one connection of the order check got, in the order in which it got it.

use super::node::Kind;
use super::node::Node;
use super::node::ROOT;
use crate::wire::Cursor;
use crate::wire::Stat;
use crate::wire::op;

/// What a read showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The stamp in the data, with the stat that came with it.
    Data {
        stamp: u64,
        mzxid: i64,
        version: i32,
    },
    /// How many children, and a sum over their stamps that order does not change.
    Children {
        count: u64,
        sum: u64,
        pzxid: i64,
    },
    /// The znode exists since this zxid.
    Present {
        czxid: i64,
    },
    Absent,
}

/// Which changes of the tree a watch hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistent {
    /// Mode 0 on this znode.
    Exact(Node),
    /// Mode 1 on the root of the check.
    Recursive,
}

/// What a request asked for, kept until its reply comes.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Read {
        node: Node,
        watch: bool,
    },
    /// The changes that the write makes when it succeeds, in order.
    Write(Vec<(Node, Kind, u64)>),
    AddWatch(Persistent),
    SetWatches {
        relative: i64,
        nodes: Vec<Node>,
    },
    Ping,
}

/// One thing that came.
#[derive(Clone, Debug)]
pub(crate) enum Arrival {
    Read {
        zxid: i64,
        node: Node,
        watch: bool,
        seen: Seen,
    },
    Written {
        zxid: i64,
        changes: Vec<(Node, Kind, u64)>,
    },
    /// A write that the server refused, which is part of the load.
    Refused {
        zxid: i64,
    },
    WatchAdded {
        zxid: i64,
        persistent: Persistent,
    },
    WatchesSet {
        zxid: i64,
        relative: i64,
        nodes: Vec<Node>,
    },
    Pinged {
        zxid: i64,
    },
    Event {
        zxid: i64,
        kind: Kind,
        node: Node,
    },
    /// A new connection of the same session.
    Attached,
    /// Something that no server may send here.
    Wrong(String),
}

/// The stamp of one write: who, and the how-manieth.
pub(crate) fn stamp(writer: usize, count: u32) -> u64 {
    let writer = u64::try_from(writer).expect("a small number of connections");
    (writer << 32) | u64::from(count)
}

/// Adds up the same for the same children in any order.
pub(crate) fn spread(stamp: u64) -> u64 {
    let mixed = (stamp ^ (stamp >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Reads a reply without error, by what was asked.
pub(crate) fn read_reply(asked: Asked, zxid: i64, body: &[u8]) -> Arrival {
    match asked {
        Asked::Read { node, watch } => match read_seen(node, body) {
            Some(seen) => Arrival::Read {
                zxid,
                node,
                watch,
                seen,
            },
            None => Arrival::Wrong(format!("an unreadable answer about {node:?}")),
        },
        Asked::Write(changes) => Arrival::Written { zxid, changes },
        Asked::AddWatch(persistent) => Arrival::WatchAdded { zxid, persistent },
        Asked::SetWatches { relative, nodes } => Arrival::WatchesSet {
            zxid,
            relative,
            nodes,
        },
        Asked::Ping => Arrival::Pinged { zxid },
    }
}

/// The operation that reads this znode.
pub(crate) fn read_op(node: Node) -> i32 {
    match node {
        Node::Key(_) | Node::Child(_) => op::GET_DATA,
        Node::Parent => op::GET_CHILDREN2,
        Node::Flap => op::EXISTS,
    }
}

fn read_seen(node: Node, body: &[u8]) -> Option<Seen> {
    let mut cursor = Cursor::new(body);
    match node {
        Node::Key(_) | Node::Child(_) => {
            let data = cursor.bytes()??;
            let stamp = u64::from_be_bytes(data.get(..8)?.try_into().ok()?);
            let stat = Stat::read(&mut cursor)?;
            Some(Seen::Data {
                stamp,
                mzxid: stat.mzxid,
                version: stat.version,
            })
        }
        Node::Parent => {
            let names = cursor.texts()?;
            let stat = Stat::read(&mut cursor)?;
            let mut sum = 0_u64;
            for name in &names {
                sum = sum.wrapping_add(spread(u64::from_str_radix(name, 16).ok()?));
            }
            Some(Seen::Children {
                count: u64::try_from(names.len()).ok()?,
                sum,
                pzxid: stat.pzxid,
            })
        }
        Node::Flap => Some(Seen::Present {
            czxid: Stat::read(&mut cursor)?.czxid,
        }),
    }
}

/// Reads an event.
pub(crate) fn read_event(zxid: i64, body: &[u8]) -> Arrival {
    let mut cursor = Cursor::new(body);
    let mut parts = || Some((cursor.int()?, cursor.int()?, cursor.text()?));
    let Some((kind, 3, path)) = parts() else {
        return Arrival::Wrong("an unreadable event".to_owned());
    };
    match (Kind::from_wire(kind), Node::parse(&path)) {
        (Some(kind), Some(node)) => Arrival::Event { zxid, kind, node },
        _ => Arrival::Wrong(format!("an event of type {kind} for {path}, below {ROOT}")),
    }
}
