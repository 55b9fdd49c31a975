//! Multi: operations from C's array, results into C's array.
//!
//! It takes what the original's libraries take: create, createContainer, delete, setData and check; others are `ZUNIMPLEMENTED`.
//! Invariants: the results' rooms are noted when the multi is asked for, as the original does, and filled when it is answered. One bad
//! operation makes the whole a `ZMARSHALLINGERROR`, and nothing is sent.

pub mod initialisers;

use std::ffi::c_int;
use std::ffi::c_void;

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::CreateFlags;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::OpCode;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::request::Check;
use zoa_proto::request::Create;
use zoa_proto::request::Delete;
use zoa_proto::request::SetData;

use crate::abi::CreateOp;
use crate::abi::SetOp;
use crate::abi::VersionOp;
use crate::abi::VoidCompletion;
use crate::abi::ZHandle;
use crate::abi::ZooOp;
use crate::abi::ZooOpResult;
use crate::arguments;
use crate::ask::is_path;
use crate::codes::ZBADARGUMENTS;
use crate::codes::ZMARSHALLINGERROR;
use crate::codes::ZUNIMPLEMENTED;
use crate::handle::Handle;
use crate::submit::enter;
use crate::tag::Callback;
use crate::tag::Function;
use crate::tag::Results;
use crate::tag::Tag;

/// An operation with its parts judged; the entries of an ACL live beside it.
struct Judged<'a> {
    op: OpCode,
    path: &'a str,
    data: Option<&'a [u8]>,
    acl: Vec<AclRef<'a>>,
    flags: CreateFlags,
    version: Version,
}

/// # Safety
/// `op` is as the header says.
unsafe fn judge<'a>(op: &ZooOp) -> Result<Judged<'a>, c_int> {
    let version_op = |op: OpCode, VersionOp { path, version }: VersionOp| -> Result<_, c_int> {
        // SAFETY: null or a string, by contract.
        let path = unsafe { arguments::text(path) }?;
        Ok(Judged {
            op,
            path,
            data: None,
            acl: Vec::new(),
            flags: CreateFlags::default(),
            version: Version(version),
        })
    };
    // SAFETY of every read of the union below: the opcode says which member was written; all are plain numbers and pointers.
    let judged = match OpCode::from_wire(op.op_type) {
        Some(code @ (OpCode::Create | OpCode::CreateContainer)) => {
            // SAFETY: see above; null, strings, bytes and vectors by contract.
            unsafe {
                let CreateOp {
                    path,
                    data,
                    datalen,
                    acl,
                    flags,
                    ..
                } = op.op.create_op;
                Judged {
                    op: code,
                    path: arguments::text(path)?,
                    data: arguments::data(data, datalen)?,
                    acl: arguments::acl(acl)?,
                    flags: CreateFlags(flags),
                    version: Version::ANY,
                }
            }
        }
        // SAFETY: see above.
        Some(OpCode::Delete) => version_op(OpCode::Delete, unsafe { op.op.delete_op })?,
        // SAFETY: see above.
        Some(OpCode::Check) => version_op(OpCode::Check, unsafe { op.op.check_op })?,
        Some(OpCode::SetData) => {
            // SAFETY: see above; null, strings and bytes by contract.
            unsafe {
                let SetOp {
                    path,
                    data,
                    datalen,
                    version,
                    ..
                } = op.op.set_op;
                Judged {
                    data: arguments::data(data, datalen)?,
                    ..version_op(OpCode::SetData, VersionOp { path, version })?
                }
            }
        }
        Some(_) | None => return Err(ZUNIMPLEMENTED),
    };
    if is_path(judged.path, judged.flags) {
        Ok(judged)
    } else {
        Err(ZBADARGUMENTS)
    }
}

impl Judged<'_> {
    fn as_op<'s>(&'s self, acl: AclList<'s>) -> MultiOp<'s> {
        let Self {
            path,
            data,
            flags,
            version,
            ..
        } = *self;
        let create = Create {
            path,
            data,
            acl,
            flags,
        };
        match self.op {
            OpCode::CreateContainer => MultiOp::CreateContainer(create),
            OpCode::Delete => MultiOp::Delete(Delete { path, version }),
            OpCode::SetData => MultiOp::SetData(SetData {
                path,
                data,
                version,
            }),
            OpCode::Check => MultiOp::Check(Check { path, version }),
            _ => MultiOp::Create(create),
        }
    }
}

/// The arrays of a multi.
#[derive(Clone, Copy)]
pub(crate) struct Arrays {
    pub(crate) count: c_int,
    pub(crate) ops: *const ZooOp,
    pub(crate) results: *mut ZooOpResult,
}

impl Arrays {
    /// Where the results go.
    pub(crate) fn results(self) -> Results {
        Results {
            first: self.results,
            count: usize::try_from(self.count).unwrap_or(0),
        }
    }
}

impl Handle {
    /// # Safety
    /// Both arrays have `count` members, as the header says.
    pub(crate) unsafe fn ask_multi(&self, arrays: Arrays, tag: Tag) -> Result<(), c_int> {
        let Results { first, count } = arrays.results();
        if arrays.count < 0 || (count > 0 && (arrays.ops.is_null() || first.is_null())) {
            return Err(ZBADARGUMENTS);
        }
        // The original cannot marshal for a session that is over, and says so.
        if count > 0 && self.state_code() < 0 {
            return Err(ZMARSHALLINGERROR);
        }
        let mut judged = Vec::with_capacity(count);
        for at in 0..count {
            // SAFETY: `at` is below the count of both arrays.
            let op = unsafe { &*arrays.ops.add(at) };
            // SAFETY: the same contract.
            match unsafe { judge(op) } {
                Ok(op) => judged.push(op),
                Err(ZUNIMPLEMENTED) => return Err(ZUNIMPLEMENTED),
                Err(_) => return Err(ZMARSHALLINGERROR),
            }
            // SAFETY: as above; the result is the library's from here on.
            unsafe { note_rooms(op, &mut *first.add(at)) };
        }
        let mut scratch = Vec::new();
        let mut acls: Vec<Vec<u8>> = vec![Vec::new(); judged.len()];
        let ops = judged
            .iter()
            .zip(&mut acls)
            .map(|(op, acl)| op.as_op(AclList::collect_into(op.acl.iter().copied(), acl)));
        let ops = MultiOps::collect_into(ops, &mut scratch);
        self.submit(Request::Multi(ops).into(), tag)
    }
}

/// Notes where the result of an operation goes.
fn note_rooms(op: &ZooOp, result: &mut ZooOpResult) {
    match OpCode::from_wire(op.op_type) {
        Some(OpCode::Create | OpCode::CreateContainer) => {
            // SAFETY: the opcode says that this member was written.
            let CreateOp { buf, buflen, .. } = unsafe { op.op.create_op };
            result.value = buf;
            result.valuelen = buflen;
        }
        Some(OpCode::SetData) => {
            // SAFETY: the opcode says that this member was written.
            result.stat = unsafe { op.op.set_op }.stat;
        }
        _ => {}
    }
}

/// multi.
///
/// # Safety
/// As the header says; `results` belongs to the library until the completion is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_amulti(
    zh: *mut ZHandle,
    count: c_int,
    ops: *const ZooOp,
    results: *mut ZooOpResult,
    completion: Option<VoidCompletion>,
    data: *const c_void,
) -> c_int {
    let arrays = Arrays {
        count,
        ops,
        results,
    };
    let function = Function::Multi(completion, arrays.results());
    let tag = Tag::of_callback(Callback { function, data });
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe { handle.ask_multi(arrays, tag) })
}

/// multi, and sleeps until it is answered.
///
/// # Safety
/// As the header says.
#[cfg(not(feature = "single-threaded"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_multi(
    zh: *mut ZHandle,
    count: c_int,
    ops: *const ZooOp,
    results: *mut ZooOpResult,
) -> c_int {
    let arrays = Arrays {
        count,
        ops,
        results,
    };
    let room = crate::tag::Room::Multi(arrays.results());
    // SAFETY: the same contract.
    crate::sync_calls::wait(zh, room, |handle, tag| unsafe {
        handle.ask_multi(arrays, tag)
    })
}
