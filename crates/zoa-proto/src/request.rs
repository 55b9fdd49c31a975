//! Requests, one variant an opcode, borrowed from the frame.
//!
//! ```text
//! RequestHeader::decode(frame) -> (header, body)     header.op() -> Request::decode(op, body)
//! ```
//!
//! A request here is what its bytes say. That its path is legal, its flags known, its session
//! alive, is judged where it is applied.
//!
//! Bytes after the last field are ignored, as the reference ignores them; later clients may send
//! more than we know. A body that ends early is answered MARSHALLINGERROR.

mod create;
mod ensemble;
mod field;
mod node;
mod session;
mod watches;

pub use create::Create;
pub use create::CreateTtl;
pub use ensemble::Reconfig;
pub use node::Check;
pub use node::Delete;
pub use node::DeleteContainer;
pub use node::Exists;
pub use node::GetAcl;
pub use node::GetAllChildrenNumber;
pub use node::GetChildren;
pub use node::GetData;
pub use node::SetAcl;
pub use node::SetData;
pub use node::Sync;
pub use session::Auth;
pub use session::GetEphemerals;
pub use session::Sasl;
pub use watches::AddWatch;
pub use watches::ChangeWatches;
pub use watches::SetWatches;
pub use watches::SetWatches2;

use crate::decode_error::DecodeError;
use crate::frame::FrameError;
use crate::frame::encode_frame;
use crate::header::RequestHeader;
use crate::ids::Xid;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::multi::MultiKind;
use crate::multi::MultiOps;
use crate::op_code::OpCode;

/// A request after the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request<'a> {
    /// create.
    Create(Create<'a>),
    /// create2.
    Create2(Create<'a>),
    /// createContainer.
    CreateContainer(Create<'a>),
    /// createTTL.
    CreateTtl(CreateTtl<'a>),
    /// delete.
    Delete(Delete<'a>),
    /// deleteContainer.
    DeleteContainer(DeleteContainer<'a>),
    /// exists.
    Exists(Exists<'a>),
    /// getData.
    GetData(GetData<'a>),
    /// setData.
    SetData(SetData<'a>),
    /// getACL.
    GetAcl(GetAcl<'a>),
    /// setACL.
    SetAcl(SetAcl<'a>),
    /// getChildren.
    GetChildren(GetChildren<'a>),
    /// getChildren2.
    GetChildren2(GetChildren<'a>),
    /// getAllChildrenNumber.
    GetAllChildrenNumber(GetAllChildrenNumber<'a>),
    /// getEphemerals.
    GetEphemerals(GetEphemerals<'a>),
    /// sync.
    Sync(Sync<'a>),
    /// check; refused outside a multi.
    Check(Check<'a>),
    /// multi: writes and checks.
    Multi(MultiOps<'a>),
    /// multiRead: reads.
    MultiRead(MultiOps<'a>),
    /// reconfig.
    Reconfig(Reconfig<'a>),
    /// checkWatches.
    CheckWatches(ChangeWatches<'a>),
    /// removeWatches.
    RemoveWatches(ChangeWatches<'a>),
    /// setWatches.
    SetWatches(SetWatches<'a>),
    /// setWatches2.
    SetWatches2(SetWatches2<'a>),
    /// addWatch.
    AddWatch(AddWatch<'a>),
    /// An auth packet.
    Auth(Auth<'a>),
    /// A SASL token.
    Sasl(Sasl<'a>),
    /// whoAmI.
    WhoAmI,
    /// A ping.
    Ping,
    /// closeSession.
    CloseSession,
}

impl<'a> Request<'a> {
    /// Reads the body of a request.
    pub fn decode(op: OpCode, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let reader = &mut reader;
        match op {
            OpCode::Create => Create::decode(reader).map(Self::Create),
            OpCode::Create2 => Create::decode(reader).map(Self::Create2),
            OpCode::CreateContainer => Create::decode(reader).map(Self::CreateContainer),
            OpCode::CreateTtl => CreateTtl::decode(reader).map(Self::CreateTtl),
            OpCode::Delete => Delete::decode(reader).map(Self::Delete),
            OpCode::DeleteContainer => DeleteContainer::decode(reader).map(Self::DeleteContainer),
            OpCode::Exists => Exists::decode(reader).map(Self::Exists),
            OpCode::GetData => GetData::decode(reader).map(Self::GetData),
            OpCode::SetData => SetData::decode(reader).map(Self::SetData),
            OpCode::GetAcl => GetAcl::decode(reader).map(Self::GetAcl),
            OpCode::SetAcl => SetAcl::decode(reader).map(Self::SetAcl),
            OpCode::GetChildren => GetChildren::decode(reader).map(Self::GetChildren),
            OpCode::GetChildren2 => GetChildren::decode(reader).map(Self::GetChildren2),
            OpCode::GetAllChildrenNumber => {
                GetAllChildrenNumber::decode(reader).map(Self::GetAllChildrenNumber)
            }
            OpCode::GetEphemerals => GetEphemerals::decode(reader).map(Self::GetEphemerals),
            OpCode::Sync => Sync::decode(reader).map(Self::Sync),
            OpCode::Check => Check::decode(reader).map(Self::Check),
            OpCode::Multi => MultiOps::decode(reader, MultiKind::Write).map(Self::Multi),
            OpCode::MultiRead => MultiOps::decode(reader, MultiKind::Read).map(Self::MultiRead),
            OpCode::Reconfig => Reconfig::decode(reader).map(Self::Reconfig),
            OpCode::CheckWatches => ChangeWatches::decode(reader).map(Self::CheckWatches),
            OpCode::RemoveWatches => ChangeWatches::decode(reader).map(Self::RemoveWatches),
            OpCode::SetWatches => SetWatches::decode(reader).map(Self::SetWatches),
            OpCode::SetWatches2 => SetWatches2::decode(reader).map(Self::SetWatches2),
            OpCode::AddWatch => AddWatch::decode(reader).map(Self::AddWatch),
            OpCode::Auth => Auth::decode(reader).map(Self::Auth),
            OpCode::Sasl => Sasl::decode(reader).map(Self::Sasl),
            OpCode::WhoAmI => Ok(Self::WhoAmI),
            OpCode::Ping => Ok(Self::Ping),
            OpCode::CloseSession => Ok(Self::CloseSession),
            OpCode::Notification | OpCode::CreateSession | OpCode::Error => {
                Err(DecodeError::NotARequest(op))
            }
        }
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        match self {
            Self::Create(body) | Self::Create2(body) | Self::CreateContainer(body) => {
                body.encode(writer);
            }
            Self::CreateTtl(body) => body.encode(writer),
            Self::Delete(body) => body.encode(writer),
            Self::DeleteContainer(body) => body.encode(writer),
            Self::Exists(body) => body.encode(writer),
            Self::GetData(body) => body.encode(writer),
            Self::SetData(body) => body.encode(writer),
            Self::GetAcl(body) => body.encode(writer),
            Self::SetAcl(body) => body.encode(writer),
            Self::GetChildren(body) | Self::GetChildren2(body) => body.encode(writer),
            Self::GetAllChildrenNumber(body) => body.encode(writer),
            Self::GetEphemerals(body) => body.encode(writer),
            Self::Sync(body) => body.encode(writer),
            Self::Check(body) => body.encode(writer),
            Self::Multi(ops) | Self::MultiRead(ops) => ops.encode(writer),
            Self::Reconfig(body) => body.encode(writer),
            Self::CheckWatches(body) | Self::RemoveWatches(body) => body.encode(writer),
            Self::SetWatches(body) => body.encode(writer),
            Self::SetWatches2(body) => body.encode(writer),
            Self::AddWatch(body) => body.encode(writer),
            Self::Auth(body) => body.encode(writer),
            Self::Sasl(body) => body.encode(writer),
            Self::WhoAmI | Self::Ping | Self::CloseSession => {}
        }
    }

    /// The operation.
    #[must_use]
    pub const fn op(&self) -> OpCode {
        match self {
            Self::Create(_) => OpCode::Create,
            Self::Create2(_) => OpCode::Create2,
            Self::CreateContainer(_) => OpCode::CreateContainer,
            Self::CreateTtl(_) => OpCode::CreateTtl,
            Self::Delete(_) => OpCode::Delete,
            Self::DeleteContainer(_) => OpCode::DeleteContainer,
            Self::Exists(_) => OpCode::Exists,
            Self::GetData(_) => OpCode::GetData,
            Self::SetData(_) => OpCode::SetData,
            Self::GetAcl(_) => OpCode::GetAcl,
            Self::SetAcl(_) => OpCode::SetAcl,
            Self::GetChildren(_) => OpCode::GetChildren,
            Self::GetChildren2(_) => OpCode::GetChildren2,
            Self::GetAllChildrenNumber(_) => OpCode::GetAllChildrenNumber,
            Self::GetEphemerals(_) => OpCode::GetEphemerals,
            Self::Sync(_) => OpCode::Sync,
            Self::Check(_) => OpCode::Check,
            Self::Multi(_) => OpCode::Multi,
            Self::MultiRead(_) => OpCode::MultiRead,
            Self::Reconfig(_) => OpCode::Reconfig,
            Self::CheckWatches(_) => OpCode::CheckWatches,
            Self::RemoveWatches(_) => OpCode::RemoveWatches,
            Self::SetWatches(_) => OpCode::SetWatches,
            Self::SetWatches2(_) => OpCode::SetWatches2,
            Self::AddWatch(_) => OpCode::AddWatch,
            Self::Auth(_) => OpCode::Auth,
            Self::Sasl(_) => OpCode::Sasl,
            Self::WhoAmI => OpCode::WhoAmI,
            Self::Ping => OpCode::Ping,
            Self::CloseSession => OpCode::CloseSession,
        }
    }
}

/// Appends the whole frame of a request: length, header and body.
pub fn encode_request(
    buf: &mut Vec<u8>,
    xid: Xid,
    request: &Request<'_>,
) -> Result<(), FrameError> {
    encode_frame(buf, |writer| {
        RequestHeader {
            xid,
            op_wire: request.op().to_wire(),
        }
        .encode(writer);
        request.encode(writer);
    })
}
