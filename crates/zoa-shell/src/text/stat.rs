//! A stat: the eleven lines of the original, and JSON.
//!
//! Invariant: numbers that are ids (zxids, sessions) are hexadecimal in both, since that is how they are found in logs.

use serde_json::Value;
use serde_json::json;
use zoa_proto::Stat;

use crate::text::date;

/// The eleven lines.
pub(crate) fn lines(stat: &Stat) -> String {
    format!(
        "cZxid = 0x{:x}\nctime = {}\nmZxid = 0x{:x}\nmtime = {}\npZxid = 0x{:x}\ncversion = {}\ndataVersion = {}\n\
         aclVersion = {}\nephemeralOwner = 0x{:x}\ndataLength = {}\nnumChildren = {}",
        stat.czxid.to_wire(),
        date::of_java(stat.ctime_ms),
        stat.mzxid.to_wire(),
        date::of_java(stat.mtime_ms),
        stat.pzxid.to_wire(),
        stat.cversion.0,
        stat.version.0,
        stat.aversion.0,
        stat.ephemeral_owner.0,
        stat.data_length,
        stat.num_children,
    )
}

/// The same as JSON, with the protocol's names; times in milliseconds since 1970.
pub(crate) fn json(stat: &Stat) -> Value {
    let hex = |number: i64| format!("0x{number:x}");
    json!({
        "czxid": hex(stat.czxid.to_wire()),
        "ctime": stat.ctime_ms,
        "mzxid": hex(stat.mzxid.to_wire()),
        "mtime": stat.mtime_ms,
        "pzxid": hex(stat.pzxid.to_wire()),
        "cversion": stat.cversion.0,
        "version": stat.version.0,
        "aversion": stat.aversion.0,
        "ephemeralOwner": hex(stat.ephemeral_owner.0),
        "dataLength": stat.data_length,
        "numChildren": stat.num_children,
    })
}
