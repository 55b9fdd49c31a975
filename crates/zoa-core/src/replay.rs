//! Applying what is known to be committed while a server starts: nobody has asked for it, and nobody watches yet.
//!
//! It is not the apply loop, whose work is to tell (`deliver.rs`): sessions get their clock from the tree when it is complete.

use zoa_tree::Tree;
use zoa_tree::Txn;
use zoa_tree::TxnError;

use crate::propose::Committed;
use crate::propose::Verdict;

/// Applies these entries, in order, and says what becomes of the changes among them; an error means that one of them cannot be read, and
/// that this program must not go on.
pub fn replay(tree: &mut Tree, committed: &[Committed]) -> Result<Vec<Verdict>, TxnError> {
    let mut verdicts = Vec::new();
    for entry in committed {
        let outcome = tree.apply(entry.term, &Txn::decode(&entry.bytes)?);
        verdicts.extend(Verdict::on(entry, &outcome));
    }
    Ok(verdicts)
}
