//! The records of `zookeeper.jute.h`: their layouts, and what each has to give back.
//!
//! One table; the layouts are the original's (`compat/ffi` compares them with its headers). Nothing of ours is sent through them.
#![allow(
    non_snake_case,
    missing_docs,
    reason = "the names are the C interface, which the headers document"
)]

use std::ffi::c_char;

use super::Release;
use crate::abi::Acl;
use crate::abi::AclVector;
use crate::abi::Buffer;
use crate::abi::CVector;
use crate::abi::Id;
use crate::abi::Stat;
use crate::abi::StringVector;

/// Defines records and the functions that free what they hold.
macro_rules! records {
    ($($name:ident $deallocate:ident { $($field:ident: $type:ty),* })*) => {
        $(
            #[repr(C)]
            #[derive(Clone, Copy, Debug)]
            pub struct $name {
                $(pub $field: $type,)*
            }

            impl Release for $name {
                unsafe fn release(&mut self) {
                    // SAFETY: the same contract, field by field.
                    $(unsafe { self.$field.release() };)*
                }
            }

            deallocators! { $deallocate($name) }
        )*
    };
}

/// Defines functions that free what a record holds.
macro_rules! deallocators {
    ($($deallocate:ident($type:ty))*) => {
        $(
            /// # Safety
            /// Null, or a record whose pointers are null or from malloc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $deallocate(record: *mut $type) {
                if !record.is_null() {
                    // SAFETY: not null, and a record by contract.
                    unsafe { (*record).release() };
                }
            }
        )*
    };
}

deallocators! {
    deallocate_Id(Id)
    deallocate_ACL(Acl)
    deallocate_Stat(Stat)
    deallocate_String(*mut c_char)
    deallocate_Buffer(Buffer)
}

records! {
    StatPersisted deallocate_StatPersisted { czxid: i64, mzxid: i64, ctime: i64, mtime: i64, version: i32, cversion: i32, aversion: i32, ephemeral_owner: i64, pzxid: i64 }
    ClientInfo deallocate_ClientInfo { auth_scheme: *mut c_char, user: *mut c_char }
    ConnectRequest deallocate_ConnectRequest { protocol_version: i32, last_zxid_seen: i64, time_out: i32, session_id: i64, passwd: Buffer }
    ConnectResponse deallocate_ConnectResponse { protocol_version: i32, time_out: i32, session_id: i64, passwd: Buffer }
    SetWatches deallocate_SetWatches { relative_zxid: i64, data_watches: StringVector, exist_watches: StringVector, child_watches: StringVector }
    SetWatches2 deallocate_SetWatches2 { relative_zxid: i64, data_watches: StringVector, exist_watches: StringVector, child_watches: StringVector, persistent_watches: StringVector, persistent_recursive_watches: StringVector }
    RequestHeader deallocate_RequestHeader { xid: i32, of_type: i32 }
    MultiHeader deallocate_MultiHeader { of_type: i32, done: i32, err: i32 }
    AuthPacket deallocate_AuthPacket { of_type: i32, scheme: *mut c_char, auth: Buffer }
    ReplyHeader deallocate_ReplyHeader { xid: i32, zxid: i64, err: i32 }
    GetDataRequest deallocate_GetDataRequest { path: *mut c_char, watch: i32 }
    SetDataRequest deallocate_SetDataRequest { path: *mut c_char, data: Buffer, version: i32 }
    ReconfigRequest deallocate_ReconfigRequest { joining_servers: *mut c_char, leaving_servers: *mut c_char, new_members: *mut c_char, cur_config_id: i64 }
    SetDataResponse deallocate_SetDataResponse { stat: Stat }
    GetSASLRequest deallocate_GetSASLRequest { token: Buffer }
    SetSASLRequest deallocate_SetSASLRequest { token: Buffer }
    SetSASLResponse deallocate_SetSASLResponse { token: Buffer }
    CreateRequest deallocate_CreateRequest { path: *mut c_char, data: Buffer, acl: AclVector, flags: i32 }
    CreateTTLRequest deallocate_CreateTTLRequest { path: *mut c_char, data: Buffer, acl: AclVector, flags: i32, ttl: i64 }
    DeleteRequest deallocate_DeleteRequest { path: *mut c_char, version: i32 }
    GetChildrenRequest deallocate_GetChildrenRequest { path: *mut c_char, watch: i32 }
    GetAllChildrenNumberRequest deallocate_GetAllChildrenNumberRequest { path: *mut c_char }
    GetChildren2Request deallocate_GetChildren2Request { path: *mut c_char, watch: i32 }
    CheckVersionRequest deallocate_CheckVersionRequest { path: *mut c_char, version: i32 }
    GetMaxChildrenRequest deallocate_GetMaxChildrenRequest { path: *mut c_char }
    GetMaxChildrenResponse deallocate_GetMaxChildrenResponse { max: i32 }
    SetMaxChildrenRequest deallocate_SetMaxChildrenRequest { path: *mut c_char, max: i32 }
    SyncRequest deallocate_SyncRequest { path: *mut c_char }
    SyncResponse deallocate_SyncResponse { path: *mut c_char }
    GetACLRequest deallocate_GetACLRequest { path: *mut c_char }
    SetACLRequest deallocate_SetACLRequest { path: *mut c_char, acl: AclVector, version: i32 }
    SetACLResponse deallocate_SetACLResponse { stat: Stat }
    AddWatchRequest deallocate_AddWatchRequest { path: *mut c_char, mode: i32 }
    WatcherEvent deallocate_WatcherEvent { of_type: i32, state: i32, path: *mut c_char }
    ErrorResponse deallocate_ErrorResponse { err: i32 }
    CreateResponse deallocate_CreateResponse { path: *mut c_char }
    Create2Response deallocate_Create2Response { path: *mut c_char, stat: Stat }
    ExistsRequest deallocate_ExistsRequest { path: *mut c_char, watch: i32 }
    ExistsResponse deallocate_ExistsResponse { stat: Stat }
    GetDataResponse deallocate_GetDataResponse { data: Buffer, stat: Stat }
    GetChildrenResponse deallocate_GetChildrenResponse { children: StringVector }
    GetAllChildrenNumberResponse deallocate_GetAllChildrenNumberResponse { total_number: i32 }
    GetChildren2Response deallocate_GetChildren2Response { children: StringVector, stat: Stat }
    GetACLResponse deallocate_GetACLResponse { acl: AclVector, stat: Stat }
    CheckWatchesRequest deallocate_CheckWatchesRequest { path: *mut c_char, of_type: i32 }
    RemoveWatchesRequest deallocate_RemoveWatchesRequest { path: *mut c_char, of_type: i32 }
    GetEphemeralsRequest deallocate_GetEphemeralsRequest { prefix_path: *mut c_char }
    GetEphemeralsResponse deallocate_GetEphemeralsResponse { ephemerals: StringVector }
    WhoAmIResponse deallocate_WhoAmIResponse { client_info: CVector<ClientInfo> }
    LearnerInfo deallocate_LearnerInfo { serverid: i64, protocol_version: i32, config_version: i64 }
    QuorumPacket deallocate_QuorumPacket { of_type: i32, zxid: i64, data: Buffer, authinfo: CVector<Id> }
    QuorumAuthPacket deallocate_QuorumAuthPacket { magic: i64, status: i32, token: Buffer }
    FileHeader deallocate_FileHeader { magic: i32, version: i32, dbid: i64 }
    TxnDigest deallocate_TxnDigest { version: i32, tree_digest: i64 }
    TxnHeader deallocate_TxnHeader { client_id: i64, cxid: i32, zxid: i64, time: i64, of_type: i32 }
    CreateTxnV0 deallocate_CreateTxnV0 { path: *mut c_char, data: Buffer, acl: AclVector, ephemeral: i32 }
    CreateTxn deallocate_CreateTxn { path: *mut c_char, data: Buffer, acl: AclVector, ephemeral: i32, parent_cversion: i32 }
    CreateTTLTxn deallocate_CreateTTLTxn { path: *mut c_char, data: Buffer, acl: AclVector, parent_cversion: i32, ttl: i64 }
    CreateContainerTxn deallocate_CreateContainerTxn { path: *mut c_char, data: Buffer, acl: AclVector, parent_cversion: i32 }
    DeleteTxn deallocate_DeleteTxn { path: *mut c_char }
    SetDataTxn deallocate_SetDataTxn { path: *mut c_char, data: Buffer, version: i32 }
    CheckVersionTxn deallocate_CheckVersionTxn { path: *mut c_char, version: i32 }
    SetACLTxn deallocate_SetACLTxn { path: *mut c_char, acl: AclVector, version: i32 }
    SetMaxChildrenTxn deallocate_SetMaxChildrenTxn { path: *mut c_char, max: i32 }
    CreateSessionTxn deallocate_CreateSessionTxn { time_out: i32 }
    CloseSessionTxn deallocate_CloseSessionTxn { paths2_delete: StringVector }
    ErrorTxn deallocate_ErrorTxn { err: i32 }
    Txn deallocate_Txn { of_type: i32, data: Buffer }
    MultiTxn deallocate_MultiTxn { txns: CVector<Txn> }
}

/// Defines functions that make and free vectors.
macro_rules! vectors {
    ($($allocate:ident $deallocate:ident($item:ty))*) => {
        $(
            /// Makes room for so many items, all zeroes; 0.
            ///
            /// # Safety
            /// Null, or a vector whose old items are nobody's.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $allocate(vector: *mut CVector<$item>, count: i32) -> i32 {
                // SAFETY: the same contract.
                unsafe { super::allocate(vector, count) }
            }

            /// Frees the items and what they hold; 0.
            ///
            /// # Safety
            /// Null, or a vector of which all is null or from malloc.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $deallocate(vector: *mut CVector<$item>) -> i32 {
                if !vector.is_null() {
                    // SAFETY: not null, and a vector by contract.
                    unsafe { (*vector).release() };
                }
                0
            }
        )*
    };
}

vectors! {
    allocate_String_vector deallocate_String_vector(*mut c_char)
    allocate_ACL_vector deallocate_ACL_vector(Acl)
    allocate_Id_vector deallocate_Id_vector(Id)
    allocate_ClientInfo_vector deallocate_ClientInfo_vector(ClientInfo)
    allocate_Txn_vector deallocate_Txn_vector(Txn)
}
