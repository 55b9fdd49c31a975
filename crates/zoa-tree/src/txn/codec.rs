//! A transaction as bytes: `docs/formats/txn.md`.
//!
//! Invariant: `decode(encode(txn)) == txn`, and any other bytes are refused, never guessed at: a
//! replica that does not understand an entry must stop, since going on would make it differ.

use zoa_proto::DecodeError;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::jute::Reader;
use zoa_proto::jute::Writer;

use crate::identities::Identities;
use crate::semantics::SEMANTICS_NEWEST;
use crate::session::Owner;
use crate::session::PASSWORD_LEN;
use crate::txn::Settings;
use crate::txn::Txn;
use crate::txn::TxnOp;

/// The format these functions write, and the only one they read.
const FORMAT: u8 = 1;

/// Where the time stands, and behind it the settings.
const TIME_AT: usize = 23;
const SETTINGS_AT: usize = 31;

/// Where the identities begin: behind everything of fixed length.
const IDENTITIES_AT: usize = 35;

mod kind {
    pub(super) const OPEN_SESSION: u8 = 1;
    pub(super) const ATTACH_SESSION: u8 = 2;
    pub(super) const CLOSE_SESSION: u8 = 3;
    pub(super) const EXPIRE_SESSION: u8 = 4;
    pub(super) const REQUEST: u8 = 5;
    pub(super) const REFUSE: u8 = 6;
    pub(super) const SYNC: u8 = 7;
    pub(super) const FOUND_MEMBERS: u8 = 8;
    pub(super) const REAP: u8 = 9;
    pub(super) const RAISE_SEMANTICS: u8 = 10;
}

/// Why the bytes of an entry are no transaction. The entry was committed, so whoever meets this
/// must stop: the log is damaged or was written by a later version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TxnError {
    /// A format of a later version.
    #[error("transaction has format {0}, this version reads format {FORMAT}")]
    UnknownFormat(u8),
    /// A kind of a later version.
    #[error("transaction is of unknown kind {0}: a newer program has written it")]
    UnknownKind(u8),
    /// Settings of a later version.
    #[error("transaction has unknown settings {0:#x}")]
    UnknownSettings(u32),
    /// An operation that is not in the table.
    #[error("transaction has unknown operation {0}")]
    UnknownOperation(i32),
    /// An error code that is not in the table.
    #[error("transaction has unknown error code {0}")]
    UnknownError(i32),
    /// Rules of a later version hold from here on.
    #[error(
        "from here on transactions are applied by rules of version {0}, this program knows {SEMANTICS_NEWEST} at most: \
         start the newer program again that has written this"
    )]
    UnknownSemantics(u32),
    /// Identities that cannot be walked.
    #[error("identities of the transaction are malformed")]
    BadIdentities,
    /// A text that is no UTF-8.
    #[error("text of the transaction is malformed")]
    BadText,
    /// A field is cut off or malformed.
    #[error("transaction is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// There is more than a transaction.
    #[error("{0} bytes follow the transaction")]
    TrailingBytes(usize),
}

impl<'a> Txn<'a> {
    /// Appends the transaction's bytes.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        buf.extend_from_slice(&[FORMAT, self.op.kind(), self.owner.server.0]);
        let mut writer = Writer::new(buf);
        writer.long(self.session.0);
        writer.long(self.owner.connection.cast_signed());
        writer.int(self.xid.0);
        writer.long(self.time_ms);
        writer.int(self.settings.0.cast_signed());
        writer.buffer(Some(self.identities.as_bytes()));
        match self.op {
            TxnOp::OpenSession {
                timeout_ms,
                password,
            } => {
                writer.int(timeout_ms);
                writer.raw(&password);
            }
            TxnOp::AttachSession {
                timeout_ms,
                password,
            } => {
                writer.int(timeout_ms);
                writer.raw(password);
            }
            TxnOp::Request { op, body } => {
                writer.int(op.to_wire());
                writer.raw(body);
            }
            TxnOp::Refuse { error } => writer.int(error.to_wire()),
            TxnOp::FoundMembers { lines } => writer.raw(lines.as_bytes()),
            TxnOp::Reap {
                path,
                never_used_ms_max,
            } => {
                writer.int(never_used_ms_max.cast_signed());
                writer.raw(path.as_bytes());
            }
            TxnOp::RaiseSemantics { version } => writer.int(version.cast_signed()),
            TxnOp::CloseSession | TxnOp::ExpireSession | TxnOp::Sync => {}
        }
    }

    /// Whether these bytes are a client's request of this kind. Looks at no more than that, for whoever has to sort many.
    #[must_use]
    pub fn is_request(bytes: &[u8], op: OpCode) -> bool {
        if bytes.get(..2) != Some(&[FORMAT, kind::REQUEST]) {
            return false;
        }
        let mut reader = Reader::new(bytes.get(IDENTITIES_AT..).unwrap_or_default());
        let found = reader.buffer().and_then(|_| reader.int());
        found == Ok(op.to_wire())
    }

    /// The time in these bytes, in milliseconds since 1970; `None` when they are no transaction. Looks at no more than that.
    #[must_use]
    pub fn time_ms_of(bytes: &[u8]) -> Option<i64> {
        if bytes.first() != Some(&FORMAT) {
            return None;
        }
        let time = bytes.get(TIME_AT..SETTINGS_AT)?;
        time.try_into().ok().map(i64::from_be_bytes)
    }

    /// Writes another time, in milliseconds since 1970, into the bytes of a transaction. Others stay as they are.
    pub fn put_time_ms(bytes: &mut [u8], time_ms: i64) {
        if bytes.first() != Some(&FORMAT) {
            return;
        }
        if let Some(time) = bytes.get_mut(TIME_AT..SETTINGS_AT) {
            time.copy_from_slice(&time_ms.to_be_bytes());
        }
    }

    /// Writes other settings into the bytes of a transaction: all but [`Settings::LOCAL_SESSION`], which is nobody's setting and stays.
    /// Other bytes stay as they are.
    pub fn put_settings(bytes: &mut [u8], settings: Settings) {
        if bytes.first() != Some(&FORMAT) {
            return;
        }
        let Some(Ok(before)) = bytes
            .get(SETTINGS_AT..IDENTITIES_AT)
            .map(<[u8; 4]>::try_from)
        else {
            return;
        };
        let local = Settings::LOCAL_SESSION.0;
        let after = (u32::from_be_bytes(before) & local) | (settings.0 & !local);
        if let Some(field) = bytes.get_mut(SETTINGS_AT..IDENTITIES_AT) {
            field.copy_from_slice(&after.to_be_bytes());
        }
    }

    /// Reads a transaction from all of these bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, TxnError> {
        let mut reader = Reader::new(bytes);
        let [format] = byte(&mut reader)?;
        if format != FORMAT {
            return Err(TxnError::UnknownFormat(format));
        }
        let [kind] = byte(&mut reader)?;
        let [server] = byte(&mut reader)?;
        let session = SessionId(reader.long()?);
        let connection = reader.long()?.cast_unsigned();
        let xid = Xid(reader.int()?);
        let time_ms = reader.long()?;
        let settings = Settings(reader.int()?.cast_unsigned());
        if !Settings::KNOWN.contains(settings) {
            return Err(TxnError::UnknownSettings(settings.0));
        }
        let identities = reader.buffer()?.and_then(Identities::decode);
        let identities = identities.ok_or(TxnError::BadIdentities)?;
        let op = TxnOp::decode(kind, &mut reader)?;
        if reader.remaining() > 0 {
            return Err(TxnError::TrailingBytes(reader.remaining()));
        }
        let owner = Owner {
            server: PeerId(server),
            connection,
        };
        Ok(Self {
            session,
            owner,
            xid,
            time_ms,
            settings,
            identities,
            op,
        })
    }
}

impl<'a> TxnOp<'a> {
    const fn kind(&self) -> u8 {
        match self {
            Self::OpenSession { .. } => kind::OPEN_SESSION,
            Self::AttachSession { .. } => kind::ATTACH_SESSION,
            Self::CloseSession => kind::CLOSE_SESSION,
            Self::ExpireSession => kind::EXPIRE_SESSION,
            Self::Request { .. } => kind::REQUEST,
            Self::Refuse { .. } => kind::REFUSE,
            Self::Sync => kind::SYNC,
            Self::FoundMembers { .. } => kind::FOUND_MEMBERS,
            Self::Reap { .. } => kind::REAP,
            Self::RaiseSemantics { .. } => kind::RAISE_SEMANTICS,
        }
    }

    fn decode(kind: u8, reader: &mut Reader<'a>) -> Result<Self, TxnError> {
        Ok(match kind {
            kind::OPEN_SESSION => {
                let timeout_ms = reader.int()?;
                let mut password = [0; PASSWORD_LEN];
                password.copy_from_slice(reader.take(PASSWORD_LEN)?);
                Self::OpenSession {
                    timeout_ms,
                    password,
                }
            }
            kind::ATTACH_SESSION => Self::AttachSession {
                timeout_ms: reader.int()?,
                password: rest(reader)?,
            },
            kind::CLOSE_SESSION => Self::CloseSession,
            kind::EXPIRE_SESSION => Self::ExpireSession,
            kind::REQUEST => {
                let wire = reader.int()?;
                let op = OpCode::from_wire(wire).ok_or(TxnError::UnknownOperation(wire))?;
                Self::Request {
                    op,
                    body: rest(reader)?,
                }
            }
            kind::REFUSE => {
                let wire = reader.int()?;
                let error = ErrorCode::from_wire(wire).ok_or(TxnError::UnknownError(wire))?;
                Self::Refuse { error }
            }
            kind::SYNC => Self::Sync,
            kind::FOUND_MEMBERS => Self::FoundMembers {
                lines: text(reader)?,
            },
            kind::REAP => Self::Reap {
                never_used_ms_max: reader.int()?.cast_unsigned(),
                path: text(reader)?,
            },
            kind::RAISE_SEMANTICS if !cfg!(feature = "previous-formats") => {
                let version = reader.int()?.cast_unsigned();
                if version > SEMANTICS_NEWEST {
                    return Err(TxnError::UnknownSemantics(version));
                }
                Self::RaiseSemantics { version }
            }
            unknown => return Err(TxnError::UnknownKind(unknown)),
        })
    }
}

fn byte(reader: &mut Reader<'_>) -> Result<[u8; 1], DecodeError> {
    let taken = reader.take(1)?;
    Ok([taken.first().copied().unwrap_or_default()])
}

/// All that is left, as text.
fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, TxnError> {
    std::str::from_utf8(rest(reader)?).map_err(|_| TxnError::BadText)
}

fn rest<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    reader.take(reader.remaining())
}

#[cfg(test)]
mod tests {
    use zoa_proto::ErrorCode;
    use zoa_proto::OpCode;
    use zoa_proto::PeerId;
    use zoa_proto::SessionId;
    use zoa_proto::Xid;

    use super::Txn;
    use super::TxnError;
    use super::TxnOp;
    use crate::identities::Identities;
    use crate::identities::IdentitiesBuf;
    use crate::identities::Identity;
    use crate::semantics::SEMANTICS_NEWEST;
    use crate::session::Owner;
    use crate::txn::Settings;

    const OPS: [TxnOp<'_>; 10] = [
        TxnOp::OpenSession {
            timeout_ms: 30_000,
            password: *b"0123456789abcdef",
        },
        TxnOp::AttachSession {
            timeout_ms: -1,
            password: b"short",
        },
        TxnOp::CloseSession,
        TxnOp::ExpireSession,
        TxnOp::Request {
            op: OpCode::SetData,
            body: b"not looked at",
        },
        TxnOp::Refuse {
            error: ErrorCode::ThrottledOp,
        },
        TxnOp::Sync,
        TxnOp::FoundMembers {
            lines: "server.1=a:1:2",
        },
        TxnOp::Reap {
            path: "/a/b",
            never_used_ms_max: u32::MAX,
        },
        TxnOp::RaiseSemantics {
            version: SEMANTICS_NEWEST,
        },
    ];

    fn txn<'a>(identities: Identities<'a>, op: TxnOp<'a>) -> Txn<'a> {
        Txn {
            session: SessionId(-3),
            owner: Owner {
                server: PeerId(200),
                connection: u64::MAX,
            },
            xid: Xid(-8),
            time_ms: -1,
            settings: Settings::SKIP_ACL.union(Settings::RECONFIG_ENABLED),
            identities,
            op,
        }
    }

    fn identities() -> IdentitiesBuf {
        [Identity {
            scheme: "ip",
            id: "1.2.3.4",
        }]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_request_is_told_by_its_kind_without_reading_it() {
        let identities = identities();
        for op in OPS {
            let mut bytes = Vec::new();
            txn(identities.as_ref(), op).encode(&mut bytes);
            let expected = match op {
                TxnOp::Request { op, .. } => Some(op),
                _ => None,
            };
            for op in [OpCode::Reconfig, OpCode::Create, OpCode::SetData] {
                assert_eq!(Txn::is_request(&bytes, op), expected == Some(op), "{op:?}");
            }
        }
        assert!(!Txn::is_request(&[1, 5, 0], OpCode::Create));
    }

    #[test]
    fn time_and_settings_are_written_in_place_and_nothing_else_changes() {
        let identities = identities();
        for op in OPS {
            let mut before = txn(identities.as_ref(), op);
            for local in [Settings::NONE, Settings::LOCAL_SESSION] {
                before.settings = Settings::SKIP_ACL.union(local);
                let mut bytes = Vec::new();
                before.encode(&mut bytes);
                assert_eq!(Txn::time_ms_of(&bytes), Some(-1));
                Txn::put_time_ms(&mut bytes, i64::MAX - 3);
                Txn::put_settings(&mut bytes, Settings::ENFORCE_QUOTA);
                let after = Txn {
                    time_ms: i64::MAX - 3,
                    settings: Settings::ENFORCE_QUOTA.union(local),
                    ..before
                };
                assert_eq!(Txn::decode(&bytes), Ok(after));
            }
        }
        let mut others = [vec![2; 50], vec![1; 30], Vec::new()];
        for other in &mut others {
            let before = other.clone();
            assert_eq!(Txn::time_ms_of(other), None);
            Txn::put_time_ms(other, 7);
            Txn::put_settings(other, Settings::SKIP_ACL);
            assert_eq!(*other, before);
        }
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let identities = identities();
        for op in OPS {
            let mut bytes = Vec::new();
            let txn = txn(identities.as_ref(), op);
            txn.encode(&mut bytes);
            assert_eq!(Txn::decode(&bytes), Ok(txn));
        }
    }

    #[test]
    fn a_transaction_has_the_bytes_that_are_written_down() {
        let mut bytes = Vec::new();
        txn(
            Identities::NONE,
            TxnOp::Refuse {
                error: ErrorCode::ThrottledOp,
            },
        )
        .encode(&mut bytes);
        let expected = [
            &[1, 6, 200][..],
            &(-3i64).to_be_bytes(),
            &u64::MAX.to_be_bytes(),
            &(-8i32).to_be_bytes(),
            &(-1i64).to_be_bytes(),
            &9u32.to_be_bytes(),
            &0u32.to_be_bytes(),
            &(-127i32).to_be_bytes(),
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn what_a_leader_says_by_itself_has_the_bytes_that_are_written_down() {
        let tail = |op: TxnOp<'_>| {
            let mut bytes = Vec::new();
            txn(Identities::NONE, op).encode(&mut bytes);
            assert_eq!(bytes[0], 1);
            (bytes[1], bytes.split_off(39))
        };
        let lines = "server.1=a:1:2";
        let founded = tail(TxnOp::FoundMembers { lines });
        assert_eq!(founded, (8, lines.as_bytes().to_vec()));
        let reaped = tail(TxnOp::Reap {
            path: "/c",
            never_used_ms_max: 0x0102_0304,
        });
        assert_eq!(reaped, (9, b"\x01\x02\x03\x04/c".to_vec()));
    }

    #[test]
    fn cut_or_extended_bytes_are_refused_or_mean_something_else() {
        let identities = identities();
        for op in OPS {
            let mut bytes = Vec::new();
            txn(identities.as_ref(), op).encode(&mut bytes);
            for len in 0..bytes.len() {
                assert_ne!(
                    Txn::decode(&bytes[..len]),
                    Ok(txn(identities.as_ref(), op)),
                    "{op:?}"
                );
            }
            bytes.push(7);
            assert_ne!(
                Txn::decode(&bytes),
                Ok(txn(identities.as_ref(), op)),
                "{op:?}"
            );
        }
    }

    #[test]
    fn what_a_later_version_wrote_is_named() {
        let mut bytes = Vec::new();
        txn(Identities::NONE, TxnOp::Sync).encode(&mut bytes);
        let with = |index: usize, value: u8| {
            let mut other = bytes.clone();
            other[index] = value;
            Txn::decode(&other).unwrap_err()
        };
        assert_eq!(with(0, 2), TxnError::UnknownFormat(2));
        assert_eq!(with(1, 11), TxnError::UnknownKind(11));
        assert_eq!(with(31, 0x80), TxnError::UnknownSettings(0x8000_0009));
    }
}
