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

mod results;

pub use results::MultiResult;
pub use results::MultiResults;
pub use results::Results;

use std::fmt;

use crate::create_mode::CreateFlags;
use crate::decode_error::DecodeError;
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
use crate::vector::Iter;
use crate::vector::Vector;
use crate::vector::VectorItem;

/// The header in front of each operation and result, and alone at the end.
struct MultiHeader {
    type_wire: i32,
    done: bool,
    error_wire: i32,
}

impl MultiHeader {
    /// Bytes of a header.
    const LEN: usize = 9;

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
        let op = match OpCode::from_wire(header.type_wire) {
            Some(OpCode::Create) => Self::Create(check_flags(Create::decode(reader)?)?),
            Some(OpCode::Create2) => Self::Create2(check_flags(Create::decode(reader)?)?),
            Some(OpCode::CreateContainer) => {
                Self::CreateContainer(check_flags(Create::decode(reader)?)?)
            }
            Some(OpCode::CreateTtl) => {
                let create = CreateTtl::decode(reader)?;
                check_mode(create.flags)?;
                Self::CreateTtl(create)
            }
            Some(OpCode::Delete) => Self::Delete(Delete::decode(reader)?),
            Some(OpCode::SetData) => Self::SetData(SetData::decode(reader)?),
            Some(OpCode::Check) => Self::Check(Check::decode(reader)?),
            Some(OpCode::GetData) => Self::GetData(GetData::decode(reader)?),
            Some(OpCode::GetChildren) => Self::GetChildren(GetChildren::decode(reader)?),
            Some(_) | None => return Err(DecodeError::UnknownMultiOp(header.type_wire)),
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
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct MultiOps<'a>(Vector<'a, Ops>);

impl<'a> MultiOps<'a> {
    /// A multi without operations; legal, and it takes a zxid.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Vector::empty())
    }

    /// Encodes operations into `scratch`, which is emptied first, and borrows the multi from
    /// there: the way to make one to send. Writes and reads in one will be refused by the server.
    pub fn collect_into<'i>(
        ops: impl IntoIterator<Item = MultiOp<'i>>,
        scratch: &'a mut Vec<u8>,
    ) -> Self {
        Self(Vector::collect_into(ops, scratch))
    }

    /// Reads all operations once, to see that they are there and fit the kind.
    pub(crate) fn decode(reader: &mut Reader<'a>, kind: MultiKind) -> Result<Self, DecodeError> {
        let ops = Vector::decode_until_end(reader, |reader| match MultiOp::decode(reader)? {
            Some(op) if !op.fits(kind) => Err(DecodeError::UnknownMultiOp(op.op().to_wire())),
            op => Ok(op.is_some()),
        })?;
        Ok(Self(ops))
    }

    /// Writes the operations and the end.
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.raw(self.0.bytes());
        MultiHeader::END.encode(writer);
    }

    /// How many operations there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The operations in order.
    #[must_use]
    pub const fn iter(&self) -> Iter<'a, Ops> {
        self.0.iter()
    }
}

impl fmt::Debug for MultiOps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a> IntoIterator for MultiOps<'a> {
    type Item = MultiOp<'a>;
    type IntoIter = Iter<'a, Ops>;

    fn into_iter(self) -> Iter<'a, Ops> {
        self.iter()
    }
}

/// Operations, one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ops;

impl VectorItem for Ops {
    type Item<'a> = MultiOp<'a>;

    const LEN_MIN: usize = MultiHeader::LEN;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<MultiOp<'a>, DecodeError> {
        MultiOp::decode(reader)?.ok_or(DecodeError::EarlyEnd)
    }

    fn encode(item: &MultiOp<'_>, writer: &mut Writer<'_>) {
        item.encode(writer);
    }
}
