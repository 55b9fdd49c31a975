//! Several operations in one request, and their results in one reply.
//!
//! ```text
//! { int type, bool done=false, int err=-1 | record } ...   { int -1, bool true, int -1 }
//! ```
//!
//! All or nothing, and the order of results, are kept where the multi is applied (G-14).
//!
//! Invariant: [`MultiOps`] and [`MultiResults`] hold only what was decoded once without error and,
//! for requests, fits its kind: a `multi` has writes and checks, a `multiRead` has reads, so a
//! mixture never reaches the tree.

use std::fmt;

use crate::create_mode::CreateFlags;
use crate::decode_error::DecodeError;
use crate::error_code::ErrorCode;
use crate::header::decode_error;
use crate::header::encode_error;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::op_code::OpCode;
use crate::request::Check;
use crate::request::Create;
use crate::request::CreateTtl;
use crate::request::Delete;
use crate::request::GetChildren;
use crate::request::GetData;
use crate::request::SetData;
use crate::stat::Stat;
use crate::vector::PathList;

/// The header in front of each operation and result, and alone at the end.
struct MultiHeader {
    type_wire: i32,
    done: bool,
    error_wire: i32,
}

impl MultiHeader {
    const END: Self = Self {
        type_wire: -1,
        done: true,
        error_wire: -1,
    };

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            type_wire: reader.int()?,
            done: reader.boolean()?,
            error_wire: reader.int()?,
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.int(self.type_wire);
        writer.boolean(self.done);
        writer.int(self.error_wire);
    }
}

/// One operation of a multi or multiRead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MultiOp<'a> {
    /// create: its result is the path.
    Create(Create<'a>),
    /// create2: its result is path and stat.
    Create2(Create<'a>),
    /// createContainer: its result is path and stat.
    CreateContainer(Create<'a>),
    /// createTTL: its result is path and stat.
    CreateTtl(CreateTtl<'a>),
    /// delete.
    Delete(Delete<'a>),
    /// setData: its result is the stat.
    SetData(SetData<'a>),
    /// check.
    Check(Check<'a>),
    /// getData, in a multiRead: its result is data and stat.
    GetData(GetData<'a>),
    /// getChildren, in a multiRead: its result is the names. The watch flag has no effect.
    GetChildren(GetChildren<'a>),
}

impl<'a> MultiOp<'a> {
    /// The operation's code.
    #[must_use]
    pub const fn op(&self) -> OpCode {
        match self {
            Self::Create(_) => OpCode::Create,
            Self::Create2(_) => OpCode::Create2,
            Self::CreateContainer(_) => OpCode::CreateContainer,
            Self::CreateTtl(_) => OpCode::CreateTtl,
            Self::Delete(_) => OpCode::Delete,
            Self::SetData(_) => OpCode::SetData,
            Self::Check(_) => OpCode::Check,
            Self::GetData(_) => OpCode::GetData,
            Self::GetChildren(_) => OpCode::GetChildren,
        }
    }

    /// Whether a multi of this kind may hold it.
    const fn fits(&self, kind: MultiKind) -> bool {
        let reads = matches!(self, Self::GetData(_) | Self::GetChildren(_));
        match kind {
            MultiKind::Write => !reads,
            MultiKind::Read => reads,
        }
    }

    /// Reads header and record; `None` at the end of the multi.
    fn decode(reader: &mut Reader<'a>) -> Result<Option<Self>, DecodeError> {
        let header = MultiHeader::decode(reader)?;
        if header.done {
            return Ok(None);
        }
        let op = match header.type_wire {
            1 => Self::Create(check_flags(Create::decode(reader)?)?),
            15 => Self::Create2(check_flags(Create::decode(reader)?)?),
            19 => Self::CreateContainer(check_flags(Create::decode(reader)?)?),
            21 => {
                let create = CreateTtl::decode(reader)?;
                check_mode(create.flags)?;
                Self::CreateTtl(create)
            }
            2 => Self::Delete(Delete::decode(reader)?),
            5 => Self::SetData(SetData::decode(reader)?),
            13 => Self::Check(Check::decode(reader)?),
            4 => Self::GetData(GetData::decode(reader)?),
            8 => Self::GetChildren(GetChildren::decode(reader)?),
            unknown => return Err(DecodeError::UnknownMultiOp(unknown)),
        };
        Ok(Some(op))
    }

    /// Writes header and record.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        let type_wire = self.op().to_wire();
        MultiHeader {
            type_wire,
            done: false,
            error_wire: -1,
        }
        .encode(writer);
        match self {
            Self::Create(op) | Self::Create2(op) | Self::CreateContainer(op) => op.encode(writer),
            Self::CreateTtl(op) => op.encode(writer),
            Self::Delete(op) => op.encode(writer),
            Self::SetData(op) => op.encode(writer),
            Self::Check(op) => op.encode(writer),
            Self::GetData(op) => op.encode(writer),
            Self::GetChildren(op) => op.encode(writer),
        }
    }
}

/// Inside a multi the reference reads the flags as it decodes, so unknown ones fail the packet.
fn check_flags(create: Create<'_>) -> Result<Create<'_>, DecodeError> {
    check_mode(create.flags)?;
    Ok(create)
}

fn check_mode(flags: CreateFlags) -> Result<(), DecodeError> {
    match flags.mode() {
        Some(_) => Ok(()),
        None => Err(DecodeError::UnknownCreateFlags(flags.0)),
    }
}

/// Which operations a multi takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MultiKind {
    /// multi: writes and checks.
    Write,
    /// multiRead: reads.
    Read,
}

/// The operations of a multi or multiRead, in a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MultiOps<'a> {
    len: usize,
    bytes: &'a [u8],
}

impl<'a> MultiOps<'a> {
    /// A multi without operations; legal, and it takes a zxid.
    #[must_use]
    pub const fn empty() -> Self {
        Self { len: 0, bytes: &[] }
    }

    /// Encodes operations into `scratch`, which is emptied first, and borrows the multi from
    /// there: the way to make one to send. Writes and reads in one will be refused by the server.
    pub fn collect_into<'i>(
        ops: impl IntoIterator<Item = MultiOp<'i>>,
        scratch: &'a mut Vec<u8>,
    ) -> Self {
        scratch.clear();
        let mut len = 0;
        let mut writer = Writer::new(scratch);
        for op in ops {
            op.encode(&mut writer);
            len += 1;
        }
        Self {
            len,
            bytes: scratch,
        }
    }

    /// Reads all operations once, to see that they are there and fit the kind.
    pub(crate) fn decode(reader: &mut Reader<'a>, kind: MultiKind) -> Result<Self, DecodeError> {
        let start = *reader;
        let mut len = 0;
        let mut end = start.remaining();
        while let Some(op) = MultiOp::decode(reader)? {
            if !op.fits(kind) {
                return Err(DecodeError::UnknownMultiOp(op.op().to_wire()));
            }
            len += 1;
            end = reader.remaining();
        }
        let bytes_len = start.remaining() - end;
        Ok(Self {
            len,
            bytes: start.rest().get(..bytes_len).unwrap_or_default(),
        })
    }

    /// Writes the operations and the end.
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.raw(self.bytes);
        MultiHeader::END.encode(writer);
    }

    /// How many operations there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The operations in order.
    #[must_use]
    pub const fn iter(&self) -> MultiOpsIter<'a> {
        MultiOpsIter {
            left: self.len,
            reader: Reader::new(self.bytes),
        }
    }
}

impl fmt::Debug for MultiOps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for MultiOps<'a> {
    type Item = MultiOp<'a>;
    type IntoIter = MultiOpsIter<'a>;

    fn into_iter(self) -> MultiOpsIter<'a> {
        self.iter()
    }
}

/// Walks the operations of a multi.
#[derive(Clone, Debug)]
pub struct MultiOpsIter<'a> {
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Iterator for MultiOpsIter<'a> {
    type Item = MultiOp<'a>;

    fn next(&mut self) -> Option<MultiOp<'a>> {
        self.left = self.left.checked_sub(1)?;
        let op = MultiOp::decode(&mut self.reader).ok().flatten();
        debug_assert!(op.is_some(), "a multi is validated when it is made");
        op
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for MultiOpsIter<'_> {}

/// The result of one operation of a multi or multiRead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MultiResult<'a> {
    /// A znode was created.
    Created {
        /// Its path, with its number if sequential.
        path: &'a str,
        /// Its stat, unless the operation was plain create.
        stat: Option<Stat>,
    },
    /// A znode was deleted.
    Deleted,
    /// Data were set.
    DataSet(Stat),
    /// The version was as expected.
    Checked,
    /// What getData found.
    Data {
        /// The data; null is not empty.
        data: Option<&'a [u8]>,
        /// The stat.
        stat: Stat,
    },
    /// What getChildren found.
    Children(PathList<'a>),
    /// The operation failed, or in a failed multi: `None` for those before the one that failed,
    /// its own code, and RUNTIMEINCONSISTENCY for those after it.
    Error(Option<ErrorCode>),
}

impl<'a> MultiResult<'a> {
    /// The type on the wire.
    const fn type_wire(&self) -> i32 {
        match self {
            Self::Created { stat: None, .. } => OpCode::Create.to_wire(),
            Self::Created { stat: Some(_), .. } => OpCode::Create2.to_wire(),
            Self::Deleted => OpCode::Delete.to_wire(),
            Self::DataSet(_) => OpCode::SetData.to_wire(),
            Self::Checked => OpCode::Check.to_wire(),
            Self::Data { .. } => OpCode::GetData.to_wire(),
            Self::Children(_) => OpCode::GetChildren.to_wire(),
            Self::Error(_) => OpCode::Error.to_wire(),
        }
    }

    /// Reads header and body; `None` at the end of the reply.
    fn decode(reader: &mut Reader<'a>) -> Result<Option<Self>, DecodeError> {
        let header = MultiHeader::decode(reader)?;
        if header.done {
            return Ok(None);
        }
        let result = match header.type_wire {
            1 => Self::Created {
                path: reader.ustring()?,
                stat: None,
            },
            15 => Self::Created {
                path: reader.ustring()?,
                stat: Some(Stat::decode(reader)?),
            },
            2 => Self::Deleted,
            5 => Self::DataSet(Stat::decode(reader)?),
            13 => Self::Checked,
            4 => Self::Data {
                data: reader.buffer()?,
                stat: Stat::decode(reader)?,
            },
            8 => Self::Children(reader.vector()?),
            // The code is in the header too; the reference's client believes the body.
            -1 => Self::Error(decode_error(reader)?),
            unknown => return Err(DecodeError::UnknownMultiResult(unknown)),
        };
        Ok(Some(result))
    }

    /// Writes header and body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        let error_wire = match self {
            Self::Error(error) => error.map_or(0, ErrorCode::to_wire),
            _ => 0,
        };
        MultiHeader {
            type_wire: self.type_wire(),
            done: false,
            error_wire,
        }
        .encode(writer);
        match self {
            Self::Created { path, stat } => {
                writer.ustring(path);
                if let Some(stat) = stat {
                    stat.encode(writer);
                }
            }
            Self::Deleted | Self::Checked => {}
            Self::DataSet(stat) => stat.encode(writer),
            Self::Data { data, stat } => {
                writer.buffer(*data);
                stat.encode(writer);
            }
            Self::Children(names) => writer.vector(names),
            Self::Error(error) => encode_error(*error, writer),
        }
    }

    /// Writes what follows the last result.
    pub fn encode_end(writer: &mut Writer<'_>) {
        MultiHeader::END.encode(writer);
    }
}

/// The results of a multi or multiRead, in a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MultiResults<'a> {
    len: usize,
    bytes: &'a [u8],
}

impl<'a> MultiResults<'a> {
    /// Encodes results into `scratch`, which is emptied first, and borrows them from there. A
    /// server writes each straight into the reply instead: [`MultiResult::encode`].
    pub fn collect_into<'i>(
        results: impl IntoIterator<Item = MultiResult<'i>>,
        scratch: &'a mut Vec<u8>,
    ) -> Self {
        scratch.clear();
        let mut len = 0;
        let mut writer = Writer::new(scratch);
        for result in results {
            result.encode(&mut writer);
            len += 1;
        }
        Self {
            len,
            bytes: scratch,
        }
    }

    /// Reads all results once, to see that they are there.
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = *reader;
        let mut len = 0;
        let mut end = start.remaining();
        while MultiResult::decode(reader)?.is_some() {
            len += 1;
            end = reader.remaining();
        }
        let bytes_len = start.remaining() - end;
        Ok(Self {
            len,
            bytes: start.rest().get(..bytes_len).unwrap_or_default(),
        })
    }

    /// Writes the results and the end.
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.raw(self.bytes);
        MultiResult::encode_end(writer);
    }

    /// How many results there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The results in the order of the operations.
    #[must_use]
    pub const fn iter(&self) -> MultiResultsIter<'a> {
        MultiResultsIter {
            left: self.len,
            reader: Reader::new(self.bytes),
        }
    }
}

impl fmt::Debug for MultiResults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for MultiResults<'a> {
    type Item = MultiResult<'a>;
    type IntoIter = MultiResultsIter<'a>;

    fn into_iter(self) -> MultiResultsIter<'a> {
        self.iter()
    }
}

/// Walks the results of a multi.
#[derive(Clone, Debug)]
pub struct MultiResultsIter<'a> {
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Iterator for MultiResultsIter<'a> {
    type Item = MultiResult<'a>;

    fn next(&mut self) -> Option<MultiResult<'a>> {
        self.left = self.left.checked_sub(1)?;
        let result = MultiResult::decode(&mut self.reader).ok().flatten();
        debug_assert!(result.is_some(), "results are validated when they are made");
        result
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for MultiResultsIter<'_> {}
