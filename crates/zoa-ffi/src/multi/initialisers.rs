//! Making the operations of a multi: C's arguments into C's struct, nothing judged yet.
//!
//! Invariant: a null operation is left alone; the type of a create follows its mode, as the original's does.
#![allow(
    clippy::too_many_arguments,
    reason = "the signatures are the C interface"
)]

use std::ffi::c_char;
use std::ffi::c_int;

use zoa_proto::CreateFlags;
use zoa_proto::CreateMode;
use zoa_proto::OpCode;

use crate::abi::AclVector;
use crate::abi::AnyOp;
use crate::abi::CreateOp;
use crate::abi::SetOp;
use crate::abi::Stat;
use crate::abi::VersionOp;
use crate::abi::ZooOp;

/// # Safety
/// `op` is null or one operation.
unsafe fn put_op(op: *mut ZooOp, op_type: OpCode, any: AnyOp) {
    if !op.is_null() {
        let op_type = op_type.to_wire();
        // SAFETY: not null, so one operation by contract.
        unsafe { op.write(ZooOp { op_type, op: any }) };
    }
}

const fn create_type(mode: c_int, otherwise: OpCode) -> OpCode {
    match CreateFlags(mode).mode() {
        Some(CreateMode::Container) => OpCode::CreateContainer,
        Some(mode) if mode.is_ttl() => OpCode::CreateTtl,
        _ => otherwise,
    }
}

/// Makes a create.
///
/// # Safety
/// `op` is null or one operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_create_op_init(
    op: *mut ZooOp,
    path: *const c_char,
    data: *const c_char,
    datalen: c_int,
    acl: *const AclVector,
    flags: c_int,
    buf: *mut c_char,
    buflen: c_int,
) {
    let create_op = CreateOp {
        path,
        data,
        datalen,
        buf,
        buflen,
        acl,
        flags,
        ttl: 0,
    };
    let op_type = create_type(flags, OpCode::Create);
    // SAFETY: the same contract.
    unsafe { put_op(op, op_type, AnyOp { create_op }) };
}

/// Makes a create2, which multis of the original's libraries do not take.
///
/// # Safety
/// `op` is null or one operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_create2_op_init(
    op: *mut ZooOp,
    path: *const c_char,
    data: *const c_char,
    datalen: c_int,
    acl: *const AclVector,
    flags: c_int,
    buf: *mut c_char,
    buflen: c_int,
) {
    // SAFETY: the same contract; what was made is there when `op` is.
    unsafe {
        zoo_create_op_init(op, path, data, datalen, acl, flags, buf, buflen);
        if let Some(made) = op.as_mut() {
            made.op_type = create_type(flags, OpCode::Create2).to_wire();
        }
    }
}

/// Makes a delete.
///
/// # Safety
/// `op` is null or one operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_delete_op_init(op: *mut ZooOp, path: *const c_char, version: c_int) {
    let delete_op = VersionOp { path, version };
    // SAFETY: the same contract.
    unsafe { put_op(op, OpCode::Delete, AnyOp { delete_op }) };
}

/// Makes a setData.
///
/// # Safety
/// `op` is null or one operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_set_op_init(
    op: *mut ZooOp,
    path: *const c_char,
    data: *const c_char,
    datalen: c_int,
    version: c_int,
    stat: *mut Stat,
) {
    let set_op = SetOp {
        path,
        data,
        datalen,
        version,
        stat,
    };
    // SAFETY: the same contract.
    unsafe { put_op(op, OpCode::SetData, AnyOp { set_op }) };
}

/// Makes a check.
///
/// # Safety
/// `op` is null or one operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_check_op_init(op: *mut ZooOp, path: *const c_char, version: c_int) {
    let check_op = VersionOp { path, version };
    // SAFETY: the same contract.
    unsafe { put_op(op, OpCode::Check, AnyOp { check_op }) };
}
