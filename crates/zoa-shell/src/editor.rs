//! The line editor of a terminal: prompt, completion, history in a file, events above the line being typed.
//!
//! The editing itself is rustyline's. Invariant: a line with a password (`addauth`) is not kept in the file.

mod completion;

use std::env;
use std::fs;
use std::path::PathBuf;

use parking_lot::Mutex;
use rustyline::Config;
use rustyline::Editor;
use rustyline::ExternalPrinter;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use std::sync::Arc;

use crate::error::Answer;
use crate::error::ShellError;
use crate::keeper::Keeper;
use crate::limits::HISTORY_LINES_MAX;
use crate::shell::Shell;
use completion::Completion;

/// How long the first prompt waits for a server, so that it can say CONNECTED.
const FIRST_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// Whom completion asks for children.
pub(super) type SharedKeeper = Arc<Mutex<Option<Arc<Keeper>>>>;

/// Reads and runs lines until the user has enough.
pub(crate) fn run(shell: &mut Shell) -> Answer<()> {
    let keeper = SharedKeeper::default();
    let mut editor = new_editor(&keeper)?;
    // Without it events are printed into the line; better than not at all.
    if let Ok(mut printer) = editor.create_external_printer() {
        shell
            .console()
            .set_printer(Box::new(move |text| drop(printer.print(text))));
    }
    let file = history_file();
    if let Some(file) = &file {
        // There is none before the first time.
        drop(editor.load_history(file));
    }
    if let Some(keeper) = shell.keeper() {
        // The prompt tells whether one was found.
        drop(keeper.await_server(FIRST_WAIT));
    }
    while !shell.has_quit() {
        *keeper.lock() = shell.keeper().cloned();
        match editor.readline(&shell.prompt()) {
            Ok(line) => {
                keep(&mut editor, file.as_ref(), &line);
                shell.run_line(&line);
            }
            // Ctrl-C throws the line away, as in other shells.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => {
                return Err(ShellError::new(format!(
                    "The terminal cannot be read: {error}"
                )));
            }
        }
    }
    keeper.lock().take();
    Ok(())
}

fn new_editor(keeper: &SharedKeeper) -> Answer<Editor<Completion, FileHistory>> {
    let failed = |error| ShellError::new(format!("The terminal cannot be used: {error}"));
    let config = Config::builder()
        .max_history_size(HISTORY_LINES_MAX)
        .map_err(failed)?
        .history_ignore_dups(true)
        .map_err(failed)?
        .history_ignore_space(true)
        .completion_type(rustyline::CompletionType::List)
        .build();
    let mut editor = Editor::with_config(config).map_err(failed)?;
    editor.set_helper(Some(Completion::new(Arc::clone(keeper))));
    Ok(editor)
}

fn keep(editor: &mut Editor<Completion, FileHistory>, file: Option<&PathBuf>, line: &str) {
    if line.trim().is_empty() || holds_password(line) {
        return;
    }
    // A history that cannot be kept is no reason to stop.
    drop(editor.add_history_entry(line));
    if let Some(file) = file {
        drop(editor.append_history(file));
    }
}

fn holds_password(line: &str) -> bool {
    crate::words::split_words(line)
        .iter()
        .any(|word| word == "addauth")
}

/// `$XDG_STATE_HOME/zoa/history` where that is set, else `~/.zoa_history`.
fn history_file() -> Option<PathBuf> {
    let folder = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    match folder("XDG_STATE_HOME") {
        Some(state) => {
            let folder = state.join("zoa");
            fs::create_dir_all(&folder).ok()?;
            Some(folder.join("history"))
        }
        None => folder("HOME").map(|home| home.join(".zoa_history")),
    }
}

/// What a path being typed is completed to.
#[cfg(test)]
pub(crate) fn offered_paths(keeper: &Keeper, word: &str) -> Vec<String> {
    let pairs = completion::paths(keeper, word, false);
    pairs.into_iter().map(|pair| pair.replacement).collect()
}

#[cfg(test)]
mod tests {
    use super::holds_password;
    use super::new_editor;
    use crate::limits::HISTORY_LINES_MAX;
    use rustyline::history::History;

    #[test]
    fn the_history_file_keeps_the_newest_lines() {
        let mut editor = new_editor(&super::SharedKeeper::default()).expect("an editor");
        for number in 0..=HISTORY_LINES_MAX {
            super::keep(&mut editor, None, &format!("get /{number}"));
        }
        super::keep(&mut editor, None, "addauth digest ann:secret");
        assert_eq!(editor.history().len(), HISTORY_LINES_MAX);
    }

    #[test]
    fn lines_with_a_password_are_not_kept() {
        assert!(
            holds_password("addauth digest ann:secret") && holds_password(" 'addauth' digest a:b")
        );
        assert!(!holds_password("get /addauth"));
    }
}
