//! Answers without their stats, so that a wrong stat is reported as such (G-15) and not as a wrong answer.

use crate::op::Answer;
use crate::op::Outcome;
use crate::op::Stat;
use crate::op::SubAnswer;

/// The outcome with every stat blanked.
pub(super) fn stat_free(outcome: &Outcome) -> Outcome {
    let blank = Stat::default();
    outcome.clone().map(|answer| match answer {
        Answer::PathStat(path, _) => Answer::PathStat(path, blank),
        Answer::Stat(_) => Answer::Stat(blank),
        Answer::Data(data, _) => Answer::Data(data, blank),
        Answer::Acl(acl, _) => Answer::Acl(acl, blank),
        Answer::ChildrenStat(names, _) => Answer::ChildrenStat(names, blank),
        Answer::Multi(subs) => Answer::Multi(
            subs.into_iter()
                .map(|sub| stat_free_sub(sub, blank))
                .collect(),
        ),
        Answer::Done
        | Answer::Path(_)
        | Answer::Children(_)
        | Answer::Ephemerals(_)
        | Answer::Count(_)
        | Answer::Identities(_) => answer,
    })
}

fn stat_free_sub(sub: SubAnswer, blank: Stat) -> SubAnswer {
    match sub {
        SubAnswer::CreatedWithStat(path, _) => SubAnswer::CreatedWithStat(path, blank),
        SubAnswer::DataSet(_) => SubAnswer::DataSet(blank),
        SubAnswer::Data(data, _) => SubAnswer::Data(data, blank),
        SubAnswer::Created(_)
        | SubAnswer::Deleted
        | SubAnswer::Checked
        | SubAnswer::Children(_)
        | SubAnswer::Error(_) => sub,
    }
}

/// All stats an outcome shows.
pub(super) fn stats_of(outcome: &Outcome) -> Vec<Stat> {
    match outcome {
        Ok(
            Answer::PathStat(_, stat)
            | Answer::Stat(stat)
            | Answer::Data(_, stat)
            | Answer::Acl(_, stat)
            | Answer::ChildrenStat(_, stat),
        ) => vec![*stat],
        Ok(Answer::Multi(subs)) => subs.iter().filter_map(stat_of_sub).collect(),
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn stat_of_sub(sub: &SubAnswer) -> Option<Stat> {
    match sub {
        SubAnswer::CreatedWithStat(_, stat)
        | SubAnswer::DataSet(stat)
        | SubAnswer::Data(_, stat) => Some(*stat),
        SubAnswer::Created(_)
        | SubAnswer::Deleted
        | SubAnswer::Checked
        | SubAnswer::Children(_)
        | SubAnswer::Error(_) => None,
    }
}
