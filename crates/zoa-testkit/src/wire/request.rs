//! Requests: what the client sends, and the same read back from the committed entries.

use super::opcode;
use super::reserved_xid;
use super::unreadable;
use crate::op::Acl;
use crate::op::Blob;
use crate::op::Op;
use crate::op::RearmLists;
use zoa_proto::DecodeError;
use zoa_proto::frame::encode_frame;
use zoa_proto::jute::Reader;
use zoa_proto::jute::Writer;

/// The frame of a request.
pub fn encode(xid: i32, op: &Op) -> Vec<u8> {
    let mut bytes = Vec::new();
    let framed = encode_frame(&mut bytes, |writer| {
        writer.int(xid);
        writer.int(opcode_of(op));
        write_body(op, writer);
    });
    assert!(framed.is_ok(), "simulated requests are short");
    bytes
}

/// The xid that an operation travels with, where that is not the client's own choice.
pub fn reserved_xid_of(op: &Op) -> Option<i32> {
    match op {
        Op::Ping => Some(reserved_xid::PING),
        Op::AddAuth { .. } => Some(reserved_xid::AUTH),
        Op::SetWatches { .. } => Some(reserved_xid::SET_WATCHES),
        _ => None,
    }
}

/// The number by which the protocol knows an operation.
pub fn opcode_of(op: &Op) -> i32 {
    match op {
        Op::Create {
            with_stat: false, ..
        } => opcode::CREATE,
        Op::Create {
            with_stat: true, ..
        } => opcode::CREATE2,
        Op::CreateContainer { .. } => opcode::CREATE_CONTAINER,
        Op::CreateTtl { .. } => opcode::CREATE_TTL,
        Op::Reconfig { .. } => opcode::RECONFIG,
        Op::Delete { .. } => opcode::DELETE,
        Op::SetData { .. } => opcode::SET_DATA,
        Op::SetAcl { .. } => opcode::SET_ACL,
        Op::Check { .. } => opcode::CHECK,
        Op::Multi(_) => opcode::MULTI,
        Op::Sync { .. } => opcode::SYNC,
        Op::CloseSession => opcode::CLOSE_SESSION,
        Op::Ping => opcode::PING,
        Op::GetData { .. } => opcode::GET_DATA,
        Op::Exists { .. } => opcode::EXISTS,
        Op::GetAcl { .. } => opcode::GET_ACL,
        Op::GetChildren {
            with_stat: false, ..
        } => opcode::GET_CHILDREN,
        Op::GetChildren {
            with_stat: true, ..
        } => opcode::GET_CHILDREN2,
        Op::MultiRead(_) => opcode::MULTI_READ,
        Op::GetEphemerals { .. } => opcode::GET_EPHEMERALS,
        Op::CountDescendants { .. } => opcode::GET_ALL_CHILDREN_NUMBER,
        Op::WhoAmI => opcode::WHO_AM_I,
        Op::AddAuth { .. } => opcode::AUTH,
        Op::SetWatches { lists, .. }
            if lists.persistent.is_empty() && lists.recursive.is_empty() =>
        {
            opcode::SET_WATCHES
        }
        Op::SetWatches { .. } => opcode::SET_WATCHES2,
        Op::AddWatch { .. } => opcode::ADD_WATCH,
        Op::CheckWatches { .. } => opcode::CHECK_WATCHES,
        Op::RemoveWatches { .. } => opcode::REMOVE_WATCHES,
    }
}

fn write_body(op: &Op, writer: &mut Writer<'_>) {
    match op {
        Op::Create {
            path,
            data,
            acl,
            flags,
            ..
        }
        | Op::CreateContainer {
            path,
            data,
            acl,
            flags,
        } => write_create((path, data, acl, *flags), writer),
        Op::CreateTtl {
            path,
            data,
            acl,
            flags,
            ttl_ms,
        } => {
            write_create((path, data, acl, *flags), writer);
            writer.long(*ttl_ms);
        }
        Op::Reconfig {
            joining,
            leaving,
            new_members,
            config_id,
        } => write_reconfig([joining, leaving, new_members], *config_id, writer),
        Op::SetData {
            path,
            data,
            version,
        } => {
            writer.ustring(path);
            writer.buffer(bytes_of(data));
            writer.int(*version);
        }
        Op::SetAcl { path, acl, version } => {
            writer.ustring(path);
            write_acl(acl, writer);
            writer.int(*version);
        }
        Op::Delete {
            path,
            version: number,
        }
        | Op::Check {
            path,
            version: number,
        }
        | Op::AddWatch { path, mode: number }
        | Op::CheckWatches { path, kind: number }
        | Op::RemoveWatches { path, kind: number } => {
            writer.ustring(path);
            writer.int(*number);
        }
        Op::GetData { path, watch }
        | Op::Exists { path, watch }
        | Op::GetChildren { path, watch, .. } => {
            writer.ustring(path);
            writer.boolean(*watch);
        }
        Op::Sync { path }
        | Op::GetAcl { path }
        | Op::CountDescendants { path }
        | Op::GetEphemerals { prefix: path } => {
            writer.ustring(path);
        }
        Op::Multi(ops) | Op::MultiRead(ops) => write_multi(ops, writer),
        Op::CloseSession | Op::Ping | Op::WhoAmI => {}
        Op::AddAuth { scheme, auth } => {
            writer.int(0);
            writer.ustring(scheme);
            writer.buffer(Some(auth));
        }
        Op::SetWatches {
            relative_zxid,
            lists,
        } => {
            writer.long(*relative_zxid);
            write_rearm(lists, opcode_of(op) == opcode::SET_WATCHES2, writer);
        }
    }
}

fn write_create(
    (path, data, acl, flags): (&str, &Option<Blob>, &[Acl], i32),
    writer: &mut Writer<'_>,
) {
    writer.ustring(path);
    writer.buffer(bytes_of(data));
    write_acl(acl, writer);
    writer.int(flags);
}

fn write_reconfig(lists: [&Option<String>; 3], config_id: i64, writer: &mut Writer<'_>) {
    for list in lists {
        // A string that is not there is a buffer that is not there.
        writer.buffer(list.as_ref().map(String::as_bytes));
    }
    writer.long(config_id);
}

fn bytes_of(data: &Option<Blob>) -> Option<&[u8]> {
    data.as_ref().map(|blob| blob.0.as_slice())
}

fn write_acl(acl: &[Acl], writer: &mut Writer<'_>) {
    writer.count(acl.len());
    for entry in acl {
        writer.int(entry.perms);
        writer.ustring(&entry.who.scheme);
        writer.ustring(&entry.who.id);
    }
}

fn write_multi(ops: &[Op], writer: &mut Writer<'_>) {
    for op in ops {
        writer.int(opcode_of(op));
        writer.boolean(false);
        writer.int(-1);
        write_body(op, writer);
    }
    writer.int(-1);
    writer.boolean(true);
    writer.int(-1);
}

fn write_rearm(lists: &RearmLists, all: bool, writer: &mut Writer<'_>) {
    let short = [&lists.data, &lists.exist, &lists.child];
    let long = [&lists.persistent, &lists.recursive];
    for paths in short.into_iter().chain(long.into_iter().filter(|_| all)) {
        writer.count(paths.len());
        paths.iter().for_each(|path| writer.ustring(path));
    }
}

/// Reads the body of a write back, as it stands in an entry.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn decode(opcode: i32, body: &[u8]) -> Result<Op, String> {
    let mut reader = Reader::new(body);
    let op = read_body(opcode, &mut reader).map_err(unreadable)?;
    let op = op.ok_or_else(|| format!("opcode {opcode} is no write of these clients"))?;
    if reader.remaining() == 0 {
        Ok(op)
    } else {
        Err(format!("bytes behind {op:?}"))
    }
}

fn read_body(opcode: i32, reader: &mut Reader<'_>) -> Result<Option<Op>, DecodeError> {
    Ok(Some(match opcode {
        opcode::CREATE | opcode::CREATE2 => Op::Create {
            path: reader.ustring()?.to_owned(),
            data: read_data(reader)?,
            acl: read_acl(reader)?,
            flags: reader.int()?,
            with_stat: opcode == opcode::CREATE2,
        },
        opcode::CREATE_CONTAINER => Op::CreateContainer {
            path: reader.ustring()?.to_owned(),
            data: read_data(reader)?,
            acl: read_acl(reader)?,
            flags: reader.int()?,
        },
        opcode::CREATE_TTL => Op::CreateTtl {
            path: reader.ustring()?.to_owned(),
            data: read_data(reader)?,
            acl: read_acl(reader)?,
            flags: reader.int()?,
            ttl_ms: reader.long()?,
        },
        opcode::RECONFIG => Op::Reconfig {
            joining: read_list(reader)?,
            leaving: read_list(reader)?,
            new_members: read_list(reader)?,
            config_id: reader.long()?,
        },
        opcode::DELETE => Op::Delete {
            path: reader.ustring()?.to_owned(),
            version: reader.int()?,
        },
        opcode::SET_DATA => Op::SetData {
            path: reader.ustring()?.to_owned(),
            data: read_data(reader)?,
            version: reader.int()?,
        },
        opcode::SET_ACL => Op::SetAcl {
            path: reader.ustring()?.to_owned(),
            acl: read_acl(reader)?,
            version: reader.int()?,
        },
        opcode::CHECK => Op::Check {
            path: reader.ustring()?.to_owned(),
            version: reader.int()?,
        },
        opcode::MULTI => return read_multi(reader),
        _ => return Ok(None),
    }))
}

fn read_list(reader: &mut Reader<'_>) -> Result<Option<String>, DecodeError> {
    let bytes = reader.buffer()?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

pub(super) fn read_data(reader: &mut Reader<'_>) -> Result<Option<Blob>, DecodeError> {
    Ok(reader.buffer()?.map(|bytes| Blob(bytes.to_vec())))
}

pub(super) fn read_acl(reader: &mut Reader<'_>) -> Result<Vec<Acl>, DecodeError> {
    let count = reader.count(12)?;
    (0..count)
        .map(|_| {
            Ok(Acl::new(
                reader.int()?,
                reader.ustring()?,
                reader.ustring()?,
            ))
        })
        .collect()
}

fn read_multi(reader: &mut Reader<'_>) -> Result<Option<Op>, DecodeError> {
    let mut ops = Vec::new();
    loop {
        let (opcode, done, _) = (reader.int()?, reader.boolean()?, reader.int()?);
        if done {
            return Ok(Some(Op::Multi(ops)));
        }
        match read_body(opcode, reader)? {
            Some(op) => ops.push(op),
            None => return Ok(None),
        }
    }
}
