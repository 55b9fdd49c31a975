//! G-13: numbers of sequential znodes are unique and rise under each parent, ten digits wide, and are not used again after a
//! delete.
//!
//! Judged from acknowledged creates, without the model's arithmetic; only the deletion of the parent itself, with which counting
//! begins anew, is taken from the replay.

use super::Case;
use super::Violation;
use crate::op::Answer;
use crate::op::EventKind;
use crate::op::Op;
use crate::op::flag;
use crate::op::hex;
use std::collections::BTreeMap;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let mut created: Vec<(i64, &str, &str)> = Vec::new();
    for (_, _, call) in case.history.calls() {
        let Op::Create { path, flags, .. } = &call.op else {
            continue;
        };
        let sequential = matches!(
            *flags,
            flag::PERSISTENT_SEQUENTIAL | flag::EPHEMERAL_SEQUENTIAL
        );
        if let (true, Some((_, zxid, Ok(Answer::Path(name) | Answer::PathStat(name, _))))) =
            (sequential, call.reply())
        {
            created.push((zxid, path, name));
        }
    }
    created.sort_unstable();
    let parents_deleted = deletions(case);
    let mut last: BTreeMap<(&str, usize), i64> = BTreeMap::new();
    for (zxid, asked, name) in created {
        let mut report = |what: String| violations.push(Violation::new("G-13", what));
        let Some(number) = number_of(asked, name) else {
            report(format!(
                "{asked} became {name} at {}, which is not ten digits behind it",
                hex(zxid)
            ));
            continue;
        };
        let parent = asked.rsplit_once('/').map_or("", |(parent, _)| parent);
        if let Some(before) = last
            .insert(
                (parent, lives_before(&parents_deleted, parent, zxid)),
                number,
            )
            .filter(|before| *before >= number)
        {
            report(format!(
                "{name} at {} follows number {before} under the same parent",
                hex(zxid)
            ));
        }
    }
}

/// The zxids at which each path was deleted, in order.
fn deletions(case: Case<'_>) -> BTreeMap<&str, Vec<i64>> {
    let mut deletions: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let fired = case.replayed.steps.iter().flat_map(|(_, step)| &step.fired);
    for change in fired.filter(|change| change.event.kind == EventKind::NodeDeleted) {
        let zxids = deletions.entry(change.event.path.as_str()).or_default();
        zxids.push(change.event.zxid);
    }
    deletions
}

/// How often this path had been deleted before a zxid.
fn lives_before(deletions: &BTreeMap<&str, Vec<i64>>, path: &str, zxid: i64) -> usize {
    deletions
        .get(path)
        .map_or(0, |zxids| zxids.partition_point(|deleted| *deleted < zxid))
}

fn number_of(asked: &str, name: &str) -> Option<i64> {
    let digits = name.strip_prefix(asked)?;
    (digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use crate::op::Answer;

    #[test]
    fn rising_numbers_with_gaps_are_accepted() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/q");
        scene.create_sequential(one, "/q/n-");
        scene.create(one, "/q/plain");
        scene.create_sequential(one, "/q/other-");
        scene.accepts();
    }

    #[test]
    fn a_parent_made_anew_counts_anew() {
        let mut scene = Scene::new();
        let one = scene.connect();
        for _ in 0..2 {
            scene.create(one, "/q");
            scene.create_sequential(one, "/q/n-");
            scene.delete(one, "/q/n-0000000000");
            scene.delete(one, "/q");
        }
        scene.accepts();
    }

    #[test]
    fn a_number_used_twice_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/q");
        scene.create_sequential(one, "/q/n-");
        scene.delete(one, "/q/n-0000000000");
        let again = scene.create_sequential(one, "/q/n-");
        scene.tamper_answer(again, Ok(Answer::Path("/q/n-0000000000".to_owned())));
        scene.rejects("G-13");
    }

    #[test]
    fn a_name_that_is_not_ten_digits_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/q");
        let odd = scene.create_sequential(one, "/q/n-");
        scene.tamper_answer(odd, Ok(Answer::Path("/q/n-0".to_owned())));
        scene.rejects("G-13");
    }
}
