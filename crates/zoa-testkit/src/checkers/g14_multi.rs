//! G-14: a multi happens as a whole or not at all, under one zxid, and its vector of results says which.
//!
//! Whatever a reader or a watch sees of a half is found by G-05 and G-07, too; here the vector itself is judged, and whether a
//! stat bears the zxid of a multi that was refused.

use super::Case;
use super::Violation;
use super::refused::refused_that_show;
use super::stat_free::stats_of;
use crate::applied::Asked;
use crate::op::Answer;
use crate::op::Op;
use crate::op::SubAnswer;
use crate::op::code;
use crate::op::hex;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    for (id, _, call) in case.history.calls() {
        let (Op::Multi(ops), Some((_, zxid, Ok(answer)))) = (&call.op, call.reply()) else {
            continue;
        };
        let verdict = match answer {
            Answer::Multi(subs) if subs.len() == ops.len() => check_vector(subs).and_then(|()| {
                let foreign = stats_of(&Ok(answer.clone()))
                    .into_iter()
                    .find(|stat| stat.mzxid != zxid);
                foreign.map_or(Ok(()), |stat| {
                    Err(format!(
                        "a result of zxid {} in a multi of {}",
                        hex(stat.mzxid),
                        hex(zxid)
                    ))
                })
            }),
            _ => Err(format!(
                "{answer:?} does not answer {} operations",
                ops.len()
            )),
        };
        if let Err(wrong) = verdict {
            violations.push(Violation::new("G-14", format!("{id}: {wrong}")));
        }
    }
    for shown in refused_that_show(case) {
        if matches!(shown.entry.asked, Asked::Request(Op::Multi(_))) {
            let what = format!(
                "{} shows half of the multi of entry {}: {:?}",
                shown.by, shown.entry.index, shown.entry.asked
            );
            violations.push(Violation::new("G-14", what));
        }
    }
}

/// All went well; or zeros, one real error, and "not tried" behind it.
fn check_vector(subs: &[SubAnswer]) -> Result<(), String> {
    let errors: Vec<i32> = subs.iter().filter_map(error_of).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let failed = errors
        .iter()
        .position(|error| *error != 0)
        .unwrap_or(errors.len());
    let behind = errors
        .iter()
        .skip(failed + 1)
        .all(|error| *error == code::RUNTIME_INCONSISTENCY);
    let real = errors
        .get(failed)
        .is_some_and(|error| *error != code::RUNTIME_INCONSISTENCY);
    if errors.len() == subs.len() && behind && real {
        Ok(())
    } else {
        Err(format!("results {subs:?} are neither all nor nothing"))
    }
}

fn error_of(sub: &SubAnswer) -> Option<i32> {
    match sub {
        SubAnswer::Error(error) => Some(*error),
        SubAnswer::Created(_)
        | SubAnswer::CreatedWithStat(..)
        | SubAnswer::Deleted
        | SubAnswer::DataSet(_)
        | SubAnswer::Checked
        | SubAnswer::Data(..)
        | SubAnswer::Children(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::op::Answer;
    use crate::op::SubAnswer;
    use crate::op::code;

    #[test]
    fn all_and_nothing_are_accepted() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.multi_create(one, &["/a", "/a/b"]);
        scene.multi_create(one, &["/c", "/a", "/d"]);
        scene.exists(one, "/c");
        scene.accepts();
    }

    #[test]
    fn a_half_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let half = scene.multi_create(one, &["/c", "/a"]);
        let subs = vec![
            SubAnswer::Created("/c".to_owned()),
            SubAnswer::Error(code::NODE_EXISTS),
        ];
        scene.tamper_answer(half, Ok(Answer::Multi(subs)));
        scene.rejects("G-14");
    }

    #[test]
    fn a_half_that_is_visible_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let alive = scene.exists(one, "/a");
        let refused = scene.multi_create(one, &["/c", "/a"]);
        let after = scene.exists(one, "/c");
        scene.copy_answer(alive, after);
        scene.rejects("G-05");
        let zxid = scene.zxid_of(refused);
        scene.tamper_stat(after, |stat| stat.czxid = zxid);
        scene.rejects("G-14");
    }
}
