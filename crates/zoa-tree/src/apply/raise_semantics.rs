//! The rules by which transactions are applied become newer ones, on every server at the same entry (G-24).
//!
//! It takes no zxid and nobody hears of it. An entry that comes too late does nothing; one of a version that this program does not know
//! was refused when it was read.

use zoa_proto::ErrorCode;

use crate::outcome::Applied;
use crate::semantics::SEMANTICS_NEWEST;
use crate::tree::Tree;

pub(crate) fn apply<'t>(tree: &mut Tree, version: u32) -> Result<Applied<'t>, ErrorCode> {
    assert!(
        version <= SEMANTICS_NEWEST,
        "whoever does not know a version stops when it reads of it"
    );
    if version <= tree.semantics {
        return Err(ErrorCode::BadVersion);
    }
    tree.semantics = version;
    Ok(Applied::SemanticsRaised)
}
