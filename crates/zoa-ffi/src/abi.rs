//! The types of `zookeeper.h`, `zookeeper.jute.h` and `recordio.h`, field for field.
//!
//! They are layouts, nothing else. Invariant: sizes and offsets are those of the original's headers, checked when this compiles
//! (and by `compat/ffi` against the headers themselves).

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

/// A session, opaque to C: the pointer is a number that `registry` knows.
#[repr(C)]
#[derive(Debug)]
pub struct ZHandle {
    _opaque: [u8; 0],
}

/// `struct buffer`: bytes with a length; -1 for null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    /// Bytes, or -1.
    pub len: i32,
    /// Where they are, from malloc.
    pub buff: *mut c_char,
}

/// `struct Id`: a scheme and an identity.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Id {
    /// The scheme.
    pub scheme: *mut c_char,
    /// The identity.
    pub id: *mut c_char,
}

/// `struct ACL`: who may do what.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Acl {
    /// Permission bits.
    pub perms: i32,
    /// Whom they are for.
    pub id: Id,
}

/// A jute vector: how many, and where.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CVector<T> {
    /// Items.
    pub count: i32,
    /// From malloc.
    pub data: *mut T,
}

/// `struct String_vector`.
pub type StringVector = CVector<*mut c_char>;
/// `struct ACL_vector`.
pub type AclVector = CVector<Acl>;

/// `struct Stat`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Created by this transaction.
    pub czxid: i64,
    /// Last changed by this one.
    pub mzxid: i64,
    /// Milliseconds since 1970.
    pub ctime: i64,
    /// Milliseconds since 1970.
    pub mtime: i64,
    /// Changes of the data.
    pub version: i32,
    /// Changes of the children.
    pub cversion: i32,
    /// Changes of the ACL.
    pub aversion: i32,
    /// The session of an ephemeral, else 0.
    pub ephemeral_owner: i64,
    /// Bytes.
    pub data_length: i32,
    /// Children.
    pub num_children: i32,
    /// Last change of the children.
    pub pzxid: i64,
}

impl From<zoa_proto::Stat> for Stat {
    fn from(stat: zoa_proto::Stat) -> Self {
        Self {
            czxid: stat.czxid.to_wire(),
            mzxid: stat.mzxid.to_wire(),
            ctime: stat.ctime_ms,
            mtime: stat.mtime_ms,
            version: stat.version.0,
            cversion: stat.cversion.0,
            aversion: stat.aversion.0,
            ephemeral_owner: stat.ephemeral_owner.0,
            data_length: stat.data_length,
            num_children: stat.num_children,
            pzxid: stat.pzxid.to_wire(),
        }
    }
}

/// `clientid_t`: all it takes to attach to a session again.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ClientId {
    /// The session.
    pub client_id: i64,
    /// Its password.
    pub passwd: [c_char; 16],
}

impl ClientId {
    /// No session.
    pub const NONE: Self = Self {
        client_id: 0,
        passwd: [0; 16],
    };
}

/// `zsock_t`: only `close_zsock` takes one.
#[repr(C)]
#[derive(Debug)]
pub struct ZSock {
    /// The socket, -1 for none.
    pub sock: c_int,
    /// Certificates; not looked at.
    pub cert: *mut c_void,
}

/// The operation of a multi that creates.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CreateOp {
    /// Where.
    pub path: *const c_char,
    /// The data.
    pub data: *const c_char,
    /// Its length; -1 for null.
    pub datalen: c_int,
    /// Where the path is put.
    pub buf: *mut c_char,
    /// Room there.
    pub buflen: c_int,
    /// Who may do what.
    pub acl: *const AclVector,
    /// The mode.
    pub flags: c_int,
    /// Time to live.
    pub ttl: i64,
}

/// The operations of a multi that name a path and a version: delete and check.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VersionOp {
    /// Which znode.
    pub path: *const c_char,
    /// The version it must have.
    pub version: c_int,
}

/// The operation of a multi that sets data.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SetOp {
    /// Which znode.
    pub path: *const c_char,
    /// The data.
    pub data: *const c_char,
    /// Its length; -1 for null.
    pub datalen: c_int,
    /// The version it must have.
    pub version: c_int,
    /// Where the stat is put.
    pub stat: *mut Stat,
}

/// The operations, one at a time.
#[repr(C)]
#[derive(Clone, Copy)]
pub union AnyOp {
    /// create, createContainer.
    pub create_op: CreateOp,
    /// delete.
    pub delete_op: VersionOp,
    /// setData.
    pub set_op: SetOp,
    /// check.
    pub check_op: VersionOp,
}

/// `zoo_op_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ZooOp {
    /// The opcode; says which member of the union is meant.
    pub op_type: c_int,
    /// The operation.
    pub op: AnyOp,
}

/// `zoo_op_result_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ZooOpResult {
    /// How it went.
    pub err: c_int,
    /// The path created, where the operation said.
    pub value: *mut c_char,
    /// Room there.
    pub valuelen: c_int,
    /// The stat, where the operation said.
    pub stat: *mut Stat,
}

/// `watcher_fn`.
pub type WatcherFn = unsafe extern "C" fn(
    zh: *mut ZHandle,
    event: c_int,
    state: c_int,
    path: *const c_char,
    context: *mut c_void,
);
/// `log_callback_fn`.
pub type LogCallbackFn = unsafe extern "C" fn(message: *const c_char);
/// `void_completion_t`.
pub type VoidCompletion = unsafe extern "C" fn(rc: c_int, data: *const c_void);
/// `stat_completion_t`.
pub type StatCompletion = unsafe extern "C" fn(rc: c_int, stat: *const Stat, data: *const c_void);
/// `data_completion_t`.
pub type DataCompletion = unsafe extern "C" fn(
    rc: c_int,
    value: *const c_char,
    len: c_int,
    stat: *const Stat,
    data: *const c_void,
);
/// `strings_completion_t`.
pub type StringsCompletion =
    unsafe extern "C" fn(rc: c_int, strings: *const StringVector, data: *const c_void);
/// `strings_stat_completion_t`.
pub type StringsStatCompletion = unsafe extern "C" fn(
    rc: c_int,
    strings: *const StringVector,
    stat: *const Stat,
    data: *const c_void,
);
/// `string_completion_t`.
pub type StringCompletion =
    unsafe extern "C" fn(rc: c_int, value: *const c_char, data: *const c_void);
/// `string_stat_completion_t`.
pub type StringStatCompletion =
    unsafe extern "C" fn(rc: c_int, value: *const c_char, stat: *const Stat, data: *const c_void);
/// `acl_completion_t`.
pub type AclCompletion =
    unsafe extern "C" fn(rc: c_int, acl: *mut AclVector, stat: *mut Stat, data: *const c_void);

// What the original's headers come to on every 64-bit ABI.
const _: () = {
    assert!(size_of::<*const u8>() == 8, "made for 64-bit machines");
    assert!(size_of::<Stat>() == 72);
    assert!(core::mem::offset_of!(Stat, ephemeral_owner) == 48);
    assert!(core::mem::offset_of!(Stat, pzxid) == 64);
    assert!(size_of::<Id>() == 16 && size_of::<Acl>() == 24);
    assert!(core::mem::offset_of!(Acl, id) == 8);
    assert!(size_of::<StringVector>() == 16 && size_of::<AclVector>() == 16);
    assert!(size_of::<Buffer>() == 16 && size_of::<ClientId>() == 24);
    assert!(size_of::<ZooOp>() == 72 && size_of::<CreateOp>() == 64);
    assert!(core::mem::offset_of!(ZooOp, op) == 8);
    assert!(core::mem::offset_of!(CreateOp, acl) == 40);
    assert!(core::mem::offset_of!(SetOp, stat) == 24);
    assert!(size_of::<ZooOpResult>() == 32 && size_of::<ZSock>() == 16);
};
