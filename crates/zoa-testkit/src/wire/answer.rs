//! Replies and events, read as a strict client reads them: no byte too few, no byte too many.

use super::opcode;
use super::request::opcode_of;
use super::request::read_acl;
use super::request::read_data;
use super::unreadable;
use crate::op::Answer;
use crate::op::Event;
use crate::op::EventKind;
use crate::op::Identity;
use crate::op::Op;
use crate::op::Stat;
use crate::op::SubAnswer;
use zoa_proto::DecodeError;
use zoa_proto::jute::Reader;

/// The header of a reply or event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields of ReplyHeader, reference section 1.3"
)]
pub struct Header {
    pub xid: i32,
    pub zxid: i64,
    pub error: i32,
}

/// Reads the header off a frame; the rest is the body.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn split(frame: &[u8]) -> Result<(Header, &[u8]), String> {
    let mut reader = Reader::new(frame);
    let mut read = || {
        Ok(Header {
            xid: reader.int()?,
            zxid: reader.long()?,
            error: reader.int()?,
        })
    };
    let header = read().map_err(unreadable)?;
    Ok((header, reader.rest()))
}

/// Reads the body of a watch event.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn decode_event(header: Header, body: &[u8]) -> Result<Event, String> {
    let mut reader = Reader::new(body);
    let mut read = || Ok((reader.int()?, reader.int()?, reader.ustring()?.to_owned()));
    let (kind, state, path) = read().map_err(unreadable)?;
    let kind = match kind {
        1 => EventKind::NodeCreated,
        2 => EventKind::NodeDeleted,
        3 => EventKind::NodeDataChanged,
        4 => EventKind::NodeChildrenChanged,
        _ => return Err(format!("event of kind {kind}")),
    };
    if state != 3 || reader.remaining() != 0 || header.error != 0 {
        return Err(format!(
            "event with state {state}, error {}, {} bytes left",
            header.error,
            reader.remaining()
        ));
    }
    Ok(Event {
        zxid: header.zxid,
        kind,
        path,
    })
}

/// Reads the body of a successful reply to this operation.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn decode(op: &Op, body: &[u8]) -> Result<Answer, String> {
    let mut reader = Reader::new(body);
    let answer = read_answer(op, &mut reader).map_err(unreadable)?;
    if reader.remaining() == 0 {
        Ok(answer)
    } else {
        Err(format!(
            "{} bytes behind the answer {answer:?}",
            reader.remaining()
        ))
    }
}

fn read_answer(op: &Op, reader: &mut Reader<'_>) -> Result<Answer, DecodeError> {
    Ok(match opcode_of(op) {
        opcode::CREATE | opcode::SYNC => Answer::Path(reader.ustring()?.to_owned()),
        opcode::CREATE2 | opcode::CREATE_CONTAINER | opcode::CREATE_TTL => {
            Answer::PathStat(reader.ustring()?.to_owned(), read_stat(reader)?)
        }
        opcode::EXISTS | opcode::SET_DATA | opcode::SET_ACL => Answer::Stat(read_stat(reader)?),
        opcode::GET_DATA | opcode::RECONFIG => Answer::Data(read_data(reader)?, read_stat(reader)?),
        opcode::GET_ACL => Answer::Acl(read_acl(reader)?, read_stat(reader)?),
        opcode::GET_CHILDREN => Answer::Children(read_names(reader)?),
        opcode::GET_CHILDREN2 => Answer::ChildrenStat(read_names(reader)?, read_stat(reader)?),
        opcode::GET_EPHEMERALS => Answer::Ephemerals(read_names(reader)?),
        opcode::GET_ALL_CHILDREN_NUMBER => Answer::Count(reader.int()?),
        opcode::WHO_AM_I => Answer::Identities(read_identities(reader)?),
        opcode::MULTI | opcode::MULTI_READ => Answer::Multi(read_results(reader)?),
        // addWatch answers with an error code in the body, 0 when all is well.
        opcode::ADD_WATCH => match reader.int()? {
            0 => Answer::Done,
            other => Answer::Count(other),
        },
        _ => Answer::Done,
    })
}

pub(super) fn read_stat(reader: &mut Reader<'_>) -> Result<Stat, DecodeError> {
    Ok(Stat {
        czxid: reader.long()?,
        mzxid: reader.long()?,
        ctime: reader.long()?,
        mtime: reader.long()?,
        version: reader.int()?,
        cversion: reader.int()?,
        aversion: reader.int()?,
        ephemeral_owner: reader.long()?,
        data_length: reader.int()?,
        num_children: reader.int()?,
        pzxid: reader.long()?,
    })
}

/// Names come in no order: sorted, they can be compared.
fn read_names(reader: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    let count = reader.count(4)?;
    let mut names: Vec<String> = (0..count)
        .map(|_| reader.ustring().map(str::to_owned))
        .collect::<Result<_, _>>()?;
    names.sort_unstable();
    Ok(names)
}

fn read_identities(reader: &mut Reader<'_>) -> Result<Vec<Identity>, DecodeError> {
    let count = reader.count(8)?;
    (0..count)
        .map(|_| Ok(Identity::new(reader.ustring()?, reader.ustring()?)))
        .collect()
}

fn read_results(reader: &mut Reader<'_>) -> Result<Vec<SubAnswer>, DecodeError> {
    let mut results = Vec::new();
    loop {
        let (kind, done, error) = (reader.int()?, reader.boolean()?, reader.int()?);
        if done {
            return Ok(results);
        }
        results.push(match kind {
            opcode::CREATE => SubAnswer::Created(reader.ustring()?.to_owned()),
            opcode::CREATE2 => {
                SubAnswer::CreatedWithStat(reader.ustring()?.to_owned(), read_stat(reader)?)
            }
            opcode::DELETE => SubAnswer::Deleted,
            opcode::SET_DATA => SubAnswer::DataSet(read_stat(reader)?),
            opcode::CHECK => SubAnswer::Checked,
            opcode::GET_DATA => SubAnswer::Data(read_data(reader)?, read_stat(reader)?),
            opcode::GET_CHILDREN => SubAnswer::Children(read_names(reader)?),
            // The code stands twice; where the two differ, the body's is taken and a checker sees it.
            _ => SubAnswer::Error(
                Some(reader.int()?)
                    .filter(|code| *code == error)
                    .unwrap_or(i32::MIN),
            ),
        });
    }
}
