//! `grep`: the lines of data that match, in a whole subtree.

use regex::RegexBuilder;
use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::EXIT_FAILED;
use crate::error::ShellError;
use crate::options::OptionSpec;
use crate::walk::or_gone;
use crate::walk::visit_subtree;

pub(crate) const COMMAND: Command = Command {
    name: "grep",
    arguments: "[-i] [-l] pattern path",
    options: &[
        OptionSpec::flag("i", "capital and small letters are the same"),
        OptionSpec::flag("l", "only the paths"),
    ],
    arguments_min: 2,
    arguments_max: 2,
    about: "Prints the lines of data that match a regular expression, in a whole subtree; exit code 1 when none does.",
    examples: &["grep 10.0.0.7 /app", "grep -i -l 'error|warning' /"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let pattern = RegexBuilder::new(context.path())
        .case_insensitive(context.line.has("i"))
        .build();
    let pattern = pattern.map_err(|_| {
        ShellError::new(format!("not a regular expression: {}", context.path()))
            .with_hint("put a \\ before ( ) [ ] { } . * + ? | ^ $")
    })?;
    let root = super::second_path(context)?;
    context.keeper.data(root, false)?;
    let mut found = 0_usize;
    visit_subtree(context.keeper, root, |visit| {
        let data = or_gone(context.keeper.data(&visit.path, false))?.and_then(|(data, _)| data);
        let text = String::from_utf8_lossy(data.as_deref().unwrap_or_default()).into_owned();
        let matching = text
            .lines()
            .enumerate()
            .filter(|(_, line)| pattern.is_match(line));
        let count_max = if context.line.has("l") { 1 } else { usize::MAX };
        for (at, line) in matching.take(count_max) {
            found += 1;
            let (path, number) = (&visit.path, at + 1);
            context.answer(
                || {
                    if context.line.has("l") {
                        path.clone()
                    } else {
                        format!("{path}:{line}")
                    }
                },
                || json!({"path": path, "number": number, "line": line}),
            )?;
        }
        Ok(true)
    })?;
    match found {
        // As grep: no message, but a code that scripts can ask for.
        0 => Err(ShellError {
            exit_code: EXIT_FAILED,
            ..ShellError::new("")
        }),
        _ => Ok(()),
    }
}
