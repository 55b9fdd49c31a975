//! multi: all of its operations under one zxid, or none.
//!
//! Each sees what those before it did. When one fails, all is taken back and every result becomes
//! an error: 0 before it, its own code, RUNTIMEINCONSISTENCY after it (reference 1.7); the multi
//! itself has succeeded in saying so.
//!
//! Invariant: nobody sees a half: the tree is changed under one hold of the lock, and a failed
//! multi leaves neither a change nor a trigger (G-14).

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;

use crate::apply::Step;
use crate::apply::check;
use crate::apply::create;
use crate::apply::delete;
use crate::apply::set_data;
use crate::outcome::MultiApplied;
use crate::tree::Tree;

pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    ops: MultiOps<'t>,
) -> Result<Vec<MultiApplied<'t>>, ErrorCode> {
    tree.begin_journal(ops.len());
    let mut results = Vec::with_capacity(ops.len());
    step.triggers.reserve(2 * ops.len());
    for op in ops.iter() {
        match apply_op(tree, step, &op) {
            Ok(result) => results.push(result),
            Err(error) => {
                tree.roll_back();
                step.triggers.clear();
                return Ok(errors(ops.len(), results.len(), error));
            }
        }
    }
    tree.commit();
    Ok(results)
}

fn apply_op<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    op: &MultiOp<'t>,
) -> Result<MultiApplied<'t>, ErrorCode> {
    match op {
        // Here, unlike in a create that stands alone, the reference goes by the flag.
        MultiOp::Create(create) if create.flags == CreateMode::Container.flags() => {
            create::apply_container(tree, step, create).map(create::with_stat_in_multi)
        }
        MultiOp::Create(create) => create::apply(tree, step, create).map(create::plain_in_multi),
        MultiOp::Create2(create) => {
            create::apply(tree, step, create).map(create::with_stat_in_multi)
        }
        MultiOp::CreateContainer(create) => {
            create::apply_container(tree, step, create).map(create::with_stat_in_multi)
        }
        MultiOp::CreateTtl(create) => {
            create::apply_ttl(tree, step, create).map(create::with_stat_in_multi)
        }
        MultiOp::Delete(delete) => {
            delete::apply(tree, step, delete).map(|()| MultiApplied::Deleted)
        }
        MultiOp::SetData(set) => set_data::apply(tree, step, set).map(MultiApplied::DataSet),
        MultiOp::Check(check) => check::apply(tree, step, check).map(|()| MultiApplied::Checked),
        // A multi is decoded only if it holds no reads.
        MultiOp::GetData(_) | MultiOp::GetChildren(_) => Err(ErrorCode::MarshallingError),
    }
}

/// The results of a multi of which the operation at `failed` did.
fn errors<'t>(count: usize, failed: usize, error: ErrorCode) -> Vec<MultiApplied<'t>> {
    let of = |index: usize| match index.cmp(&failed) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal => Some(error),
        std::cmp::Ordering::Greater => Some(ErrorCode::RuntimeInconsistency),
    };
    (0..count)
        .map(|index| MultiApplied::Error(of(index)))
        .collect()
}
