//! The shell: lines come in, commands are run, the session and the exit code are kept.
//!
//! ```text
//! a line -> words -> command -> options -> run: on the shell itself, or on the session with the servers
//! ```
//!
//! It does not know where lines come from. Invariant: whatever a line says, the shell goes on until `quit`; the exit code is that
//! of the last command.

use std::sync::Arc;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::commands;
use crate::console::Console;
use crate::error::Answer;
use crate::error::EXIT_NO_COMMAND;
use crate::error::EXIT_OUTPUT_CLOSED;
use crate::error::ShellError;
use crate::hint;
use crate::history::History;
use crate::keeper::Keeper;
use crate::keeper::Link;
use crate::keeper::state_name;
use crate::words::split_words;

/// One shell, with at most one session at a time.
pub(crate) struct Shell {
    console: Arc<Console>,
    link: Link,
    keeper: Option<Arc<Keeper>>,
    history: History,
    exit_code: u8,
    has_quit: bool,
}

impl Shell {
    /// A shell that begins to connect.
    pub(crate) fn start(link: Link, console: Arc<Console>) -> Answer<Self> {
        let keeper = Keeper::start(&link, &console)?;
        Ok(Self {
            console,
            link,
            keeper: Some(Arc::new(keeper)),
            history: History::default(),
            exit_code: 0,
            has_quit: false,
        })
    }

    pub(crate) fn console(&self) -> &Console {
        &self.console
    }

    pub(crate) const fn history(&self) -> &History {
        &self.history
    }

    /// The session, as long as there is one.
    pub(crate) fn keeper(&self) -> Option<&Arc<Keeper>> {
        self.keeper.as_ref().filter(|keeper| keeper.is_alive())
    }

    pub(crate) const fn has_quit(&self) -> bool {
        self.has_quit
    }

    /// `[zk: host:port(CONNECTED) 0] `, as the original.
    pub(crate) fn prompt(&self) -> String {
        let state = self
            .keeper
            .as_ref()
            .map_or("CLOSED", |keeper| state_name(keeper.state()));
        format!(
            "[zk: {}({state}) {}] ",
            self.link.hosts,
            self.history.current()
        )
    }

    /// Runs a line; a blank one does nothing.
    pub(crate) fn run_line(&mut self, line: &str) {
        let words = split_words(line);
        if words.is_empty() {
            return;
        }
        self.history.begin(line);
        self.run_words(&words);
        self.history.end();
    }

    /// Runs a command, and tells what went wrong.
    pub(crate) fn run_words(&mut self, words: &[String]) {
        let done = self
            .run_command(words)
            .and_then(|()| Ok(self.console.flush()?));
        self.exit_code = match done {
            Ok(()) => 0,
            Err(error) => {
                self.console.tell_error(&error);
                // Nobody reads what the next commands would say.
                self.has_quit |= error.exit_code == EXIT_OUTPUT_CLOSED;
                error.exit_code
            }
        };
    }

    fn run_command(&mut self, words: &[String]) -> Answer<()> {
        let Some((name, arguments)) = words.split_first() else {
            return Err(ShellError::new("No command entered"));
        };
        let Some(command) = commands::find(name) else {
            self.console.tell(&commands::usage());
            return Err(self.unknown_command(name));
        };
        if arguments.iter().any(|word| word == "--help") {
            return Ok(self.console.say(&command.help())?);
        }
        match command.run {
            Run::Shell(run) => self.run_on_shell(command, run, words),
            Run::Keeper(run) => self.run_on_keeper(command, run, arguments),
        }
    }

    fn run_on_shell(
        &mut self,
        command: &'static Command,
        run: fn(&mut Self, &[String]) -> Answer<()>,
        words: &[String],
    ) -> Answer<()> {
        let code_before = self.exit_code;
        let was_alive = self.keeper().is_some();
        run(self, words)?;
        if self.has_quit {
            // `quit` ends with the code of the command before it.
            return Err(ShellError {
                exit_code: code_before,
                ..ShellError::new("")
            });
        }
        // The original says so behind every command that finds no session, its own ones included.
        if !was_alive && self.keeper().is_none() && command.name != "help" {
            self.console.say(NOT_CONNECTED)?;
        }
        Ok(())
    }

    fn run_on_keeper(
        &self,
        command: &'static Command,
        run: fn(&Context<'_>) -> Answer<()>,
        arguments: &[String],
    ) -> Answer<()> {
        let Some(keeper) = self.keeper() else {
            self.console.say(NOT_CONNECTED)?;
            return Err(ShellError::new("").with_hint("`connect` begins a new session"));
        };
        let line = command.parse(arguments)?;
        run(&Context {
            keeper,
            console: &self.console,
            line,
        })
    }

    pub(crate) fn unknown_command(&self, name: &str) -> ShellError {
        let mut error = ShellError::new(format!("Command not found: Command not found {name}"));
        error.exit_code = EXIT_NO_COMMAND;
        error.hint = hint::for_unknown_command(name, &commands::names());
        error
    }

    /// Runs an earlier line, which then counts as the one that was typed.
    pub(crate) fn redo(&mut self, line: &str) -> Answer<()> {
        let words = split_words(line);
        if words.first().is_some_and(|word| word == "redo") {
            return Err(ShellError::new("No redoing redos"));
        }
        self.history.replace_current(line);
        self.run_command(&words)
    }

    /// Begins a new session, with other servers if they are named.
    pub(crate) fn connect(&mut self, hosts: Option<&str>) -> Answer<()> {
        let mut link = self.link.clone();
        if let Some(hosts) = hosts {
            hosts.clone_into(&mut link.hosts);
        }
        // A slip of the finger does not cost the session.
        Keeper::check(&link)?;
        self.close();
        self.keeper = Some(Arc::new(Keeper::start(&link, &self.console)?));
        self.link = link;
        Ok(())
    }

    /// Ends the session; the shell goes on.
    pub(crate) fn close(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.close();
        }
    }

    /// Ends the session and the shell.
    pub(crate) fn quit(&mut self) {
        self.close();
        self.has_quit = true;
    }

    /// Ends the session without a word.
    pub(crate) fn end(mut self) -> u8 {
        self.console.set_prints_watches(false);
        self.close();
        // The end of the program is near; there is nobody else to tell.
        drop(self.console.flush());
        self.exit_code
    }
}

const NOT_CONNECTED: &str = "Not connected";

#[cfg(test)]
mod tests;
