//! Where the shell speaks: data to standard output, the rest to standard error, events wherever a line is being typed.
//!
//! ```text
//!                 answers    confirmations, errors, hints    events of znodes    greeting, session's events
//! terminal        stdout     stderr                          above the line being typed
//! pipe, one-shot  stdout     stderr                          stdout              stderr
//! ```
//!
//! Invariant: what two threads say comes out whole, one after the other. Whatever a terminal gets from a znode is harmless.

use std::io;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use serde_json::json;

use crate::error::ShellError;
use crate::text::data;
use crate::text::event::Shown;

/// What prints above the line that is being typed.
pub(crate) type Printer = Box<dyn FnMut(String) + Send>;
type Stream = Box<dyn Write + Send>;

/// How the shell is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// A person types.
    Interactive,
    /// Lines come through a pipe or from a file, or one command stands on the command line.
    Scripted,
}

/// How things are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) mode: Mode,
    /// Answers as JSON.
    pub(crate) is_json: bool,
    /// A hint behind errors.
    pub(crate) shows_hints: bool,
    /// Standard output is a terminal: nothing that is shown may steer it.
    pub(crate) is_terminal: bool,
}

/// Both streams and the manner.
pub(crate) struct Console {
    manner: Manner,
    out: Mutex<Stream>,
    err: Mutex<Stream>,
    printer: Mutex<Option<Printer>>,
    prints_watches: AtomicBool,
}

impl Console {
    pub(crate) fn new(manner: Manner, out: Stream, err: Stream) -> Self {
        Self {
            manner,
            out: Mutex::new(out),
            err: Mutex::new(err),
            printer: Mutex::new(None),
            prints_watches: AtomicBool::new(true),
        }
    }

    /// From now on events go through the line editor.
    pub(crate) fn set_printer(&self, printer: Printer) {
        *self.printer.lock() = Some(printer);
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.manner.is_json
    }

    pub(crate) fn is_interactive(&self) -> bool {
        self.manner.mode == Mode::Interactive
    }

    pub(crate) const fn is_terminal(&self) -> bool {
        self.manner.is_terminal
    }

    /// Whether events are shown.
    pub(crate) fn prints_watches(&self) -> bool {
        self.prints_watches.load(Ordering::Relaxed)
    }

    pub(crate) fn set_prints_watches(&self, prints: bool) {
        self.prints_watches.store(prints, Ordering::Relaxed);
    }

    /// A line of an answer.
    pub(crate) fn say(&self, line: &str) -> io::Result<()> {
        if self.is_terminal() {
            return self.say_bytes(data::harmless(line.as_bytes()).as_bytes());
        }
        self.say_bytes(line.as_bytes())
    }

    /// The data of a znode and an end of line: as they are, but harmless on a terminal.
    pub(crate) fn say_data(&self, bytes: &[u8]) -> io::Result<()> {
        if self.is_terminal() {
            return self.say_bytes(data::harmless(bytes).as_bytes());
        }
        self.say_bytes(bytes)
    }

    fn say_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = self.out.lock();
        out.write_all(bytes)?;
        out.write_all(b"\n")
    }

    /// Everything said so far leaves.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.out.lock().flush()
    }

    /// Something that is not an answer.
    pub(crate) fn tell(&self, line: &str) {
        // Answers said before appear before it.
        drop(self.flush());
        let mut err = self.err.lock();
        // There is no third place to complain at.
        drop(writeln!(err, "{}", data::harmless(line.as_bytes())));
        drop(err.flush());
    }

    /// Greets a person; a script gets it where it does not mix with data.
    pub(crate) fn greet(&self, line: &str) -> io::Result<()> {
        match self.manner.mode {
            Mode::Interactive => self.say(line),
            Mode::Scripted => {
                self.tell(line);
                Ok(())
            }
        }
    }

    /// An error, and what may help.
    pub(crate) fn tell_error(&self, error: &ShellError) {
        if error.message.is_empty() {
            return;
        }
        if self.manner.is_json {
            let code = error.code.map(zoa_proto::ErrorCode::name);
            let value = json!({"error": error.message, "code": code, "path": error.path, "hint": error.hint});
            return self.tell(&value.to_string());
        }
        self.tell(&error.message);
        if let Some(hint) = error.hint.as_deref().filter(|_| self.manner.shows_hints) {
            self.tell(&format!("hint: {hint}"));
        }
    }

    /// An event, unless the user does not want to see any.
    pub(crate) fn show_event(&self, event: &Shown) {
        if !self.prints_watches() {
            return;
        }
        let text = if self.manner.is_json {
            format!("{}\n", event.json())
        } else {
            event.block()
        };
        // Whether anybody still reads is found out by the next answer.
        match (self.manner.mode, self.printer.lock().as_mut()) {
            (Mode::Interactive, Some(print)) => print(data::harmless(text.as_bytes())),
            (Mode::Scripted, _) if event.is_of_session() => {
                drop(self.err.lock().write_all(text.as_bytes()))
            }
            (Mode::Interactive | Mode::Scripted, _) => {
                let mut out = self.out.lock();
                drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
            }
        }
    }
}
