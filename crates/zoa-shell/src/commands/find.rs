//! `find`: the paths of a subtree that meet conditions.

use serde_json::Value;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::options::OptionSpec;
use crate::walk::or_gone;
use crate::walk::visit_subtree;

pub(crate) const COMMAND: Command = Command {
    name: "find",
    arguments: "[-name glob] [-e] [-min bytes] [-depth n] path",
    options: &[
        OptionSpec::value("name", "only names that match, with * and ?"),
        OptionSpec::flag("e", "only ephemerals"),
        OptionSpec::value("min", "only with at least so many bytes of data"),
        OptionSpec::value("depth", "no deeper than so many levels below the path"),
    ],
    arguments_min: 1,
    arguments_max: 1,
    about: "Prints the paths of a subtree, those that meet all conditions.",
    examples: &[
        "find /app",
        "find -name 'worker-*' /app",
        "find -e /",
        "find -min 100000 /",
    ],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let depth_max = context
        .number::<usize>("depth", "an int")?
        .unwrap_or(usize::MAX);
    let len_min = context.number::<i32>("min", "an int")?;
    let glob = context.line.value("name");
    let needs_stat = context.line.has("e") || len_min.is_some();
    let root = context.path();
    if context.keeper.exists(root, false)?.is_none() {
        return Err(ShellError::of_code(
            zoa_proto::ErrorCode::NoNode,
            Some(root),
        ));
    }
    visit_subtree(context.keeper, root, |visit| {
        let name = visit.path.rsplit_once('/').map_or("", |(_, name)| name);
        let mut fits = glob.is_none_or(|glob| matches_glob(glob, name));
        if fits && needs_stat {
            let stat = or_gone(context.keeper.exists(&visit.path, false))?.flatten();
            fits = stat.is_some_and(|stat| {
                let is_ephemeral = stat.ephemeral_owner != zoa_proto::SessionId::NONE;
                (!context.line.has("e") || is_ephemeral)
                    && len_min.is_none_or(|len_min| stat.data_length >= len_min)
            });
        }
        if fits {
            context.answer(|| visit.path.clone(), || Value::from(visit.path.as_str()))?;
        }
        Ok(visit.depth < depth_max)
    })
}

/// Whether a name matches: `*` stands for any characters, `?` for one. Linear in both but for the last star.
fn matches_glob(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == '?' || name.get(read) == Some(letter) => {
                at += 1;
                read += 1;
            }
            Some(_) | None => {
                // The last star takes one more.
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                read = taken + 1;
            }
        }
    }
    glob.iter().skip(at).all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::matches_glob;

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (glob, name) in [
            ("*", ""),
            ("a*c", "abbc"),
            ("*-?", "w-1"),
            ("**b*", "ab"),
            ("a", "a"),
            ("*ab", "aab"),
        ] {
            assert!(matches_glob(glob, name), "{glob} {name}");
        }
        for (glob, name) in [("", "a"), ("a", ""), ("?", ""), ("a*c", "abcd"), ("A", "a")] {
            assert!(!matches_glob(glob, name), "{glob} {name}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_rule(glob in "[ab*?]{0,6}", name in "[ab]{0,6}") {
            fn by_rule(glob: &[char], name: &[char]) -> bool {
                match (glob, name) {
                    ([], _) => name.is_empty(),
                    (['*', rest @ ..], _) => by_rule(rest, name) || (!name.is_empty() && by_rule(glob, &name[1..])),
                    ([letter, rest @ ..], [first, behind @ ..]) => (*letter == '?' || letter == first) && by_rule(rest, behind),
                    (_, []) => false,
                }
            }
            let (letters, names): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
            prop_assert_eq!(matches_glob(&glob, &name), by_rule(&letters, &names));
        }
    }
}
