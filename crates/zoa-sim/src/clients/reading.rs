//! Requests of all kinds, read off the wire into the test kit's values (reference: sections 1.2 to 1.4).
//!
//! The test kit reads writes back, since the log holds them; what only travels on wires is read here. Invariant: a byte too many or
//! too few is an error.

use zoa_proto::DecodeError;
use zoa_proto::OpCode;
use zoa_proto::jute::Reader;
use zoa_testkit::history::ConnectAsk;
use zoa_testkit::op::Op;
use zoa_testkit::op::RearmLists;
use zoa_testkit::wire;

/// The first frame of a connection.
pub(super) fn connect_ask(frame: &[u8]) -> Result<ConnectAsk, String> {
    let mut reader = Reader::new(frame);
    let mut read = || {
        reader.int()?;
        let asked = ConnectAsk {
            last_zxid_seen: reader.long()?,
            timeout_ms: reader.int()?,
            session: reader.long()?,
            password: reader.buffer()?.unwrap_or_default().to_vec(),
        };
        reader.boolean()?;
        Ok(asked)
    };
    let asked = read().map_err(unreadable)?;
    whole(&reader, asked)
}

/// Any later frame: its xid, and what is asked.
pub(super) fn request(frame: &[u8]) -> Result<(i32, Op), String> {
    let mut reader = Reader::new(frame);
    let mut read = || Ok((reader.int()?, reader.int()?));
    let (xid, opcode) = read().map_err(unreadable)?;
    let op = OpCode::from_wire(opcode).ok_or_else(|| format!("opcode {opcode}"))?;
    if is_logged(op) {
        return Ok((xid, wire::request::decode(opcode, reader.rest())?));
    }
    let read = other(op, &mut reader).map_err(unreadable)?;
    let read = read.ok_or_else(|| format!("{} is not asked here", op.name()))?;
    Ok((xid, whole(&reader, read)?))
}

const fn is_logged(op: OpCode) -> bool {
    matches!(
        op,
        OpCode::Create
            | OpCode::Create2
            | OpCode::CreateContainer
            | OpCode::CreateTtl
            | OpCode::Reconfig
            | OpCode::Delete
            | OpCode::SetData
            | OpCode::SetAcl
            | OpCode::Check
            | OpCode::Multi
    )
}

fn other(op: OpCode, reader: &mut Reader<'_>) -> Result<Option<Op>, DecodeError> {
    Ok(Some(match op {
        OpCode::Sync => Op::Sync {
            path: path(reader)?,
        },
        OpCode::CloseSession => Op::CloseSession,
        OpCode::Ping => Op::Ping,
        OpCode::WhoAmI => Op::WhoAmI,
        OpCode::GetAcl => Op::GetAcl {
            path: path(reader)?,
        },
        OpCode::GetEphemerals => Op::GetEphemerals {
            prefix: path(reader)?,
        },
        OpCode::GetAllChildrenNumber => Op::CountDescendants {
            path: path(reader)?,
        },
        OpCode::GetData => Op::GetData {
            path: path(reader)?,
            watch: reader.boolean()?,
        },
        OpCode::Exists => Op::Exists {
            path: path(reader)?,
            watch: reader.boolean()?,
        },
        OpCode::GetChildren | OpCode::GetChildren2 => Op::GetChildren {
            path: path(reader)?,
            watch: reader.boolean()?,
            with_stat: op == OpCode::GetChildren2,
        },
        OpCode::MultiRead => Op::MultiRead(reads(reader)?),
        OpCode::AddWatch => Op::AddWatch {
            path: path(reader)?,
            mode: reader.int()?,
        },
        OpCode::CheckWatches => Op::CheckWatches {
            path: path(reader)?,
            kind: reader.int()?,
        },
        OpCode::RemoveWatches => Op::RemoveWatches {
            path: path(reader)?,
            kind: reader.int()?,
        },
        OpCode::Auth => {
            reader.int()?;
            Op::AddAuth {
                scheme: path(reader)?,
                auth: reader.buffer()?.unwrap_or_default().to_vec(),
            }
        }
        OpCode::SetWatches | OpCode::SetWatches2 => set_watches(op, reader)?,
        _ => return Ok(None),
    }))
}

fn set_watches(op: OpCode, reader: &mut Reader<'_>) -> Result<Op, DecodeError> {
    let relative_zxid = reader.long()?;
    let mut lists = RearmLists {
        data: paths(reader)?,
        exist: paths(reader)?,
        child: paths(reader)?,
        ..RearmLists::default()
    };
    if op == OpCode::SetWatches2 {
        lists.persistent = paths(reader)?;
        lists.recursive = paths(reader)?;
    }
    Ok(Op::SetWatches {
        relative_zxid,
        lists,
    })
}

fn reads(reader: &mut Reader<'_>) -> Result<Vec<Op>, DecodeError> {
    let mut ops = Vec::new();
    loop {
        let (opcode, is_last, _) = (reader.int()?, reader.boolean()?, reader.int()?);
        if is_last {
            return Ok(ops);
        }
        let op = OpCode::from_wire(opcode).unwrap_or(OpCode::GetData);
        ops.extend(other(op, reader)?);
    }
}

fn path(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    Ok(reader.ustring()?.to_owned())
}

fn paths(reader: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    let count = reader.count(4)?;
    (0..count).map(|_| path(reader)).collect()
}

fn whole<V>(reader: &Reader<'_>, value: V) -> Result<V, String> {
    match reader.remaining() {
        0 => Ok(value),
        left => Err(format!("{left} bytes behind a request")),
    }
}

fn unreadable(error: DecodeError) -> String {
    format!("cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use super::request;
    use zoa_testkit::op::Acl;
    use zoa_testkit::op::Op;
    use zoa_testkit::op::RearmLists;
    use zoa_testkit::wire;

    fn check(op: Op) {
        let bytes = wire::request::encode(3, &op);
        assert_eq!(request(&bytes[4..]), Ok((3, op)));
        let cut = &bytes[4..bytes.len() - 1];
        assert!(request(cut).is_err());
    }

    #[test]
    fn every_kind_of_request_is_read_back() {
        let path = || "/a/b".to_owned();
        check(Op::Sync { path: path() });
        check(Op::GetData {
            path: path(),
            watch: true,
        });
        check(Op::GetChildren {
            path: path(),
            watch: false,
            with_stat: true,
        });
        check(Op::MultiRead(vec![
            Op::GetData {
                path: path(),
                watch: false,
            },
            Op::GetChildren {
                path: path(),
                watch: false,
                with_stat: false,
            },
        ]));
        check(Op::AddWatch {
            path: path(),
            mode: 1,
        });
        check(Op::RemoveWatches {
            path: path(),
            kind: 3,
        });
        check(Op::AddAuth {
            scheme: "digest".to_owned(),
            auth: b"a:b".to_vec(),
        });
        check(Op::Delete {
            path: path(),
            version: 4,
        });
        check(Op::CreateContainer {
            path: path(),
            data: None,
            acl: Acl::open(),
            flags: 4,
        });
        check(Op::CreateTtl {
            path: path(),
            data: None,
            acl: Acl::open(),
            flags: 5,
            ttl_ms: 9,
        });
        check(Op::Reconfig {
            joining: Some(path()),
            leaving: None,
            new_members: None,
            config_id: -1,
        });
        let lists = RearmLists {
            data: vec![path()],
            recursive: vec![path(), path()],
            ..RearmLists::default()
        };
        check(Op::SetWatches {
            relative_zxid: 9,
            lists,
        });
    }
}
