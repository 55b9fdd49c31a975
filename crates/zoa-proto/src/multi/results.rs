//! The results of the operations of a multi or multiRead, in the order of the operations.
//!
//! A failed multi is told here and not in the reply's header: every result is then an error, 0
//! before the operation that failed, its own code, RUNTIMEINCONSISTENCY after it. Who decides
//! that is not this file.

use std::fmt;

use super::MultiHeader;
use crate::decode_error::DecodeError;
use crate::error_code::ErrorCode;
use crate::header::decode_error;
use crate::header::encode_error;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::op_code::OpCode;
use crate::stat::Stat;
use crate::vector::Iter;
use crate::vector::PathList;
use crate::vector::Vector;
use crate::vector::VectorItem;

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
        let result = match OpCode::from_wire(header.type_wire) {
            Some(OpCode::Create) => Self::Created {
                path: reader.ustring()?,
                stat: None,
            },
            Some(OpCode::Create2) => Self::Created {
                path: reader.ustring()?,
                stat: Some(Stat::decode(reader)?),
            },
            Some(OpCode::Delete) => Self::Deleted,
            Some(OpCode::SetData) => Self::DataSet(Stat::decode(reader)?),
            Some(OpCode::Check) => Self::Checked,
            Some(OpCode::GetData) => Self::Data {
                data: reader.buffer()?,
                stat: Stat::decode(reader)?,
            },
            Some(OpCode::GetChildren) => Self::Children(reader.vector()?),
            // The code is in the header too; the reference's client believes the body.
            Some(OpCode::Error) => Self::Error(decode_error(reader)?),
            Some(_) | None => return Err(DecodeError::UnknownMultiResult(header.type_wire)),
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
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct MultiResults<'a>(Vector<'a, Results>);

impl<'a> MultiResults<'a> {
    /// Encodes results into `scratch`, which is emptied first, and borrows them from there. A
    /// server writes each straight into the reply instead: [`MultiResult::encode`].
    pub fn collect_into<'i>(
        results: impl IntoIterator<Item = MultiResult<'i>>,
        scratch: &'a mut Vec<u8>,
    ) -> Self {
        Self(Vector::collect_into(results, scratch))
    }

    /// Reads all results once, to see that they are there.
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let results = Vector::decode_until_end(reader, |reader| {
            MultiResult::decode(reader).map(|result| result.is_some())
        })?;
        Ok(Self(results))
    }

    /// Writes the results and the end.
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.raw(self.0.bytes());
        MultiResult::encode_end(writer);
    }

    /// How many results there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The results in the order of the operations.
    #[must_use]
    pub const fn iter(&self) -> Iter<'a, Results> {
        self.0.iter()
    }
}

impl fmt::Debug for MultiResults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a> IntoIterator for MultiResults<'a> {
    type Item = MultiResult<'a>;
    type IntoIter = Iter<'a, Results>;

    fn into_iter(self) -> Iter<'a, Results> {
        self.iter()
    }
}

/// Results, one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Results;

impl VectorItem for Results {
    type Item<'a> = MultiResult<'a>;

    const LEN_MIN: usize = MultiHeader::LEN;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<MultiResult<'a>, DecodeError> {
        MultiResult::decode(reader)?.ok_or(DecodeError::EarlyEnd)
    }

    fn encode(item: &MultiResult<'_>, writer: &mut Writer<'_>) {
        item.encode(writer);
    }
}
