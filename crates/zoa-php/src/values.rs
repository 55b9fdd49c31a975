//! ZooKeeper's records as PHP arrays, and back.

use ext_php_rs::types::ZendHashTable;
use ext_php_rs::types::Zval;
use zoa_client::Acl;
use zoa_client::Perms;
use zoa_client::Stat;
use zoa_client::Version;

use crate::engine::Thrown;
use crate::engine::Value;
use crate::engine::array_of;
use crate::engine::has_exception;
use crate::engine::map_of;
use crate::errors;

/// A stat, with all its fields as integers.
pub(crate) fn of_stat(stat: &Stat) -> Value {
    map_of([
        ("czxid", Value::long(stat.czxid.to_wire())),
        ("mzxid", Value::long(stat.mzxid.to_wire())),
        ("ctime", Value::long(stat.ctime_ms)),
        ("mtime", Value::long(stat.mtime_ms)),
        ("version", Value::long(stat.version.0)),
        ("cversion", Value::long(stat.cversion.0)),
        ("aversion", Value::long(stat.aversion.0)),
        ("ephemeralOwner", Value::long(stat.ephemeral_owner.0)),
        ("dataLength", Value::long(stat.data_length)),
        ("numChildren", Value::long(stat.num_children)),
        ("pzxid", Value::long(stat.pzxid.to_wire())),
    ])
}

/// Data, or null.
pub(crate) fn of_data(data: Option<&[u8]>) -> Value {
    data.map_or_else(Value::null, Value::string)
}

/// An ACL.
pub(crate) fn of_acl(acl: &[Acl]) -> Value {
    array_of(acl.iter().map(|entry| {
        map_of([
            ("perms", Value::long(entry.perms.0)),
            ("scheme", Value::string(&entry.scheme)),
            ("id", Value::string(&entry.id)),
        ])
    }))
}

/// The ACL in an array; entries that lack something are left out, as in the original.
///
/// # Errors
/// When nothing is left, or PHP code that was asked for a string has thrown; thrown.
pub(crate) fn acl_in(array: &ZendHashTable) -> Result<Vec<Acl>, Thrown> {
    let acl: Vec<Acl> = array.values().filter_map(acl_entry_in).collect();
    if has_exception() {
        return Err(Thrown);
    }
    if acl.is_empty() {
        return Err(errors::throw_code(errors::INVALID_ACL));
    }
    Ok(acl)
}

fn acl_entry_in(entry: &Zval) -> Option<Acl> {
    // An object's `__toString` may take the entry out of the variable that a reference in the array leads to.
    let held = Value::zval(entry.dereference().shallow_clone());
    let entry = held.array()?;
    let perms = entry.get("perms")?.dereference().coerce_to_long()?;
    let text_of = |key: &str| {
        let mut held = Value::zval(entry.get(key)?.dereference().shallow_clone());
        held.coerce_to_text()
    };
    let (scheme, id) = (text_of("scheme")?, text_of("id")?);
    let perms = Perms(u32::try_from(perms).ok()?);
    Some(Acl { perms, scheme, id })
}

/// A version to compare with.
///
/// # Errors
/// When it is none; thrown.
pub(crate) fn version_in(number: i64) -> Result<Version, Thrown> {
    let version = i32::try_from(number).map(Version);
    version.map_err(|_| errors::throw_code(errors::BAD_ARGUMENTS))
}
