//! `zoa shell`: the shell that `bin/zkCli.sh` starts. Its words are its own affair: ZooKeeper's options have one dash.

use std::ffi::OsString;
use std::process::ExitCode;

/// What stands behind `zoa shell`, unread.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct ShellArgs {
    /// Options and a command; `zoa shell --help` explains them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

pub(crate) fn run(args: ShellArgs) -> ExitCode {
    let words: Vec<String> = args
        .words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    zoa_shell::run(&words)
}
