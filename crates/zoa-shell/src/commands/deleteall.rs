//! `deleteall`: removes a znode and all below it.

use zoa_proto::ErrorCode;
use zoa_proto::Version;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::keeper::Change;
use crate::limits::BATCH_LEN_MAX;
use crate::options::OptionSpec;
use crate::path_text::check_path;
use crate::walk::list_by_level;

pub(crate) const COMMAND: Command = Command {
    name: "deleteall",
    arguments: "path [-b batch size]",
    options: &[OptionSpec::value("b", "batch size")],
    arguments_min: 1,
    about: "Deletes a znode and all below it, deepest first, many in one transaction.",
    examples: &["deleteall /app", "deleteall /app -b 100"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

/// As the original.
const BATCH_COUNT: i32 = 1000;

fn run(context: &Context<'_>) -> Answer<()> {
    let batch_count = context.number("b", "an int")?.unwrap_or(BATCH_COUNT);
    let path = context.path();
    check_path(path).map_err(ShellError::bad_path)?;
    let mut paths = list_by_level(context.keeper, path)?;
    // The deepest first.
    paths.reverse();
    let Some(batch_count) = usize::try_from(batch_count).ok().filter(|count| *count > 0) else {
        return paths
            .iter()
            .try_for_each(|path| context.keeper.delete(path, Version::ANY));
    };
    for batch in batches(&paths, batch_count) {
        let version = Version::ANY;
        let changes: Vec<Change<'_>> = batch
            .iter()
            .map(|path| Change::Delete { path, version })
            .collect();
        context.keeper.multi(&changes).map_err(failed)?;
    }
    Ok(())
}

/// As many as were asked for, and no more than fit into a request.
fn batches(paths: &[String], count_max: usize) -> impl Iterator<Item = &[String]> {
    let mut rest = paths;
    std::iter::from_fn(move || {
        let mut len = 0;
        let fits = |path: &&String| {
            len += path.len() + super::OPERATION_LEN;
            len <= BATCH_LEN_MAX
        };
        let count = rest.iter().take(count_max).take_while(fits).count().max(1);
        let (batch, behind) = rest.split_at_checked(count)?;
        rest = behind;
        Some(batch)
    })
}

/// The original says no more than that; why is in the hint.
fn failed(error: ShellError) -> ShellError {
    if error.code == Some(ErrorCode::ConnectionLoss) {
        return error;
    }
    ShellError {
        hint: Some(error.message.clone()),
        ..ShellError::new("Failed to delete some node(s) in the subtree!")
    }
}

#[cfg(test)]
mod tests {
    use super::BATCH_LEN_MAX;
    use super::batches;

    #[test]
    fn batches_keep_the_order_and_both_limits() {
        let paths: Vec<String> = (0..5).map(|number| format!("/{number}")).collect();
        let sizes =
            |paths: &[String], max| batches(paths, max).map(<[String]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(&paths, 2), [2, 2, 1]);
        assert_eq!(
            batches(&paths, 2).flatten().cloned().collect::<Vec<_>>(),
            paths
        );
        let long = vec!["x".repeat(BATCH_LEN_MAX / 2); 3];
        assert_eq!(sizes(&long, 1000), [1, 1, 1]);
        assert_eq!(sizes(&[], 2), Vec::<usize>::new());
    }
}
