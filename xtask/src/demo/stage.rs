//! The stage: actors are child processes whose lines appear, with time and name, as they say them.
//!
//! It judges nothing but silence: waiting for a line has a deadline. Invariant: an actor does not outlive
//! the stage, nor xtask itself (the kernel kills it then).

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::program;

/// Which actor is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ActorId(usize);

/// Something an actor said.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Who.
    pub(super) actor: ActorId,
    /// When.
    pub(super) at: Instant,
    /// What, without the end of the line.
    pub(super) text: String,
}

struct Actor {
    name: String,
    child: Child,
    /// What it says is heard, and not shown.
    is_quiet: bool,
}

/// All actors and all that they have said.
pub(super) struct Stage {
    start: Instant,
    actors: Vec<Actor>,
    sender: Sender<Line>,
    receiver: Receiver<Line>,
    heard: Vec<Line>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let (sender, receiver) = channel();
        Self {
            start: Instant::now(),
            actors: Vec::new(),
            sender,
            receiver,
            heard: Vec::new(),
        }
    }

    /// Starts `command` as the actor `name`.
    pub(super) fn enter(&mut self, name: &str, command: &mut Command) -> Result<ActorId> {
        let id = self.enter_quietly(name, command)?;
        if let Some(actor) = self.actors.get_mut(id.0) {
            actor.is_quiet = false;
        }
        Ok(id)
    }

    /// Starts `command` as the actor `name`, whose lines are heard and not shown.
    pub(super) fn enter_quietly(&mut self, name: &str, command: &mut Command) -> Result<ActorId> {
        let pipes = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = pipes.spawn().with_context(|| format!("starting {name}"))?;
        let id = ActorId(self.actors.len());
        let stdout = child
            .stdout
            .take()
            .context("stdout was asked for as a pipe")?;
        let stderr = child
            .stderr
            .take()
            .context("stderr was asked for as a pipe")?;
        listen(id, BufReader::new(stdout), self.sender.clone());
        listen(id, BufReader::new(stderr), self.sender.clone());
        self.actors.push(Actor {
            name: name.to_owned(),
            child,
            is_quiet: true,
        });
        Ok(id)
    }

    /// Waits until `actor` says something with `words` in it; what it said before counts too.
    pub(super) fn await_line(
        &mut self,
        actor: ActorId,
        words: &str,
        within: Duration,
    ) -> Result<Line> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(line) = self.said(actor, words) {
                return Ok(line);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.receiver.recv_timeout(left) else {
                let name = self.name(actor);
                bail!(
                    "{name} did not say `{words}` within {:.1} s",
                    within.as_secs_f64()
                );
            };
            self.hear(line);
        }
    }

    /// Lets everybody talk for `time`.
    pub(super) fn listen_for(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while let Ok(line) = self
            .receiver
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.hear(line);
        }
    }

    /// The first line of `actor` with `words` in it, if it was heard already.
    pub(super) fn said(&self, actor: ActorId, words: &str) -> Option<Line> {
        self.heard
            .iter()
            .find(|line| line.actor == actor && line.text.contains(words))
            .cloned()
    }

    /// How often `actor` has said something with `words` in it so far.
    pub(super) fn count(&self, actor: ActorId, words: &str) -> usize {
        self.heard
            .iter()
            .filter(|line| line.actor == actor && line.text.contains(words))
            .count()
    }

    /// The last line of `actor`.
    pub(super) fn last(&self, actor: ActorId) -> Option<&Line> {
        self.heard.iter().rev().find(|line| line.actor == actor)
    }

    /// All that these have said.
    pub(super) fn lines_of(&self, actors: &[ActorId]) -> impl Iterator<Item = &str> {
        let heard = self.heard.iter();
        let said = heard.filter(|line| actors.contains(&line.actor));
        said.map(|line| line.text.as_str())
    }

    /// The id of an actor's process.
    pub(super) fn process_id(&self, actor: ActorId) -> Option<u32> {
        self.actors.get(actor.0).map(|actor| actor.child.id())
    }

    /// Kills an actor as `kill -9` does: it cannot say goodbye.
    pub(super) fn kill(&mut self, actor: ActorId) -> Result<Instant> {
        let at = Instant::now();
        let one = self
            .actors
            .get_mut(actor.0)
            .context("the actor has entered")?;
        self.receiver
            .try_iter()
            .for_each(|line| self.heard.push(line));
        println!("$ kill -KILL {}   # {}", one.child.id(), one.name);
        one.child.kill().context("killing an actor")?;
        one.child.wait().context("waiting for a killed actor")?;
        Ok(at)
    }

    /// Sends everybody home.
    pub(super) fn clear(&mut self) {
        for actor in &mut self.actors {
            // An actor that has left already cannot be killed; that is what was wanted.
            drop(actor.child.kill());
            drop(actor.child.wait());
        }
    }

    fn hear(&mut self, line: Line) {
        let at = line.at.duration_since(self.start).as_secs_f64();
        let actor = self.actors.get(line.actor.0);
        if actor.is_none_or(|actor| !actor.is_quiet) {
            println!("{at:7.2} s  {:<9} | {}", self.name(line.actor), line.text);
        }
        self.heard.push(line);
    }

    fn name(&self, actor: ActorId) -> &str {
        self.actors
            .get(actor.0)
            .map_or("nobody", |actor| actor.name.as_str())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A command for `path` that the kernel kills when xtask dies, if the system can do that.
pub(super) fn bound_to_us(path: &Path) -> Command {
    if !program::succeeds(Command::new("setpriv").args(["--pdeathsig", "KILL", "true"])) {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(path);
    command
}

fn listen(actor: ActorId, reader: impl BufRead + Send + 'static, sender: Sender<Line>) {
    thread::spawn(move || {
        for text in reader.lines().map_while(Result::ok) {
            let line = Line {
                actor,
                at: Instant::now(),
                text,
            };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}
