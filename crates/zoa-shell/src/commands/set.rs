//! `set`: writes the data of a znode.

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::options::OptionSpec;
use crate::text::data;

pub(crate) const COMMAND: Command = Command {
    name: "set",
    arguments: "path data [-s] [-v version] [-b]",
    options: &[
        OptionSpec::flag("s", "Print znode stats additionally"),
        OptionSpec::value("v", "Set with an expected version"),
        OptionSpec::flag("b", "Supply data in base64 format"),
    ],
    arguments_min: 2,
    lists_options: true,
    about: "Writes the data of a znode.",
    examples: &[
        "set /app/greeting 'good morning'",
        "set -v 3 /app/greeting hi",
        "set -b /app/icon iVBORw0K",
        "set /app/number -- -1",
    ],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let version = context.version()?;
    let text = context.line.argument(1).unwrap_or_default();
    let bytes = if context.line.has("b") {
        data::from_base64(text)
            .ok_or_else(|| ShellError::new(format!("the data are not base64: {text}")))?
    } else {
        text.as_bytes().to_vec()
    };
    let stat = context.keeper.set_data(context.path(), &bytes, version)?;
    super::say_stat(context, &stat)
}
