//! Whole lines against a server of ours: every command, its streams and its exit code.
//!
//! What the original prints for the same lines is compared by compat/shell-transcripts; here is what is ours alone, and that each
//! command does what it says.

mod subtrees;

use std::io;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use parking_lot::Mutex;
use zoa_server::testing::LocalServer;

use super::Shell;
use crate::commands;
use crate::console::Console;
use crate::console::Manner;
use crate::console::Mode;
use crate::keeper::Link;
use crate::limits::LINE_LEN_MAX;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }

    fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.0.lock())).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SCRIPTED: Manner = Manner {
    mode: Mode::Scripted,
    is_json: false,
    shows_hints: false,
    is_terminal: false,
};

/// A shell whose streams are caught.
struct Caught {
    shell: Shell,
    out: Captured,
    err: Captured,
}

impl Caught {
    fn new(server: &LocalServer) -> Self {
        Self::with(&server.connect_string(), SCRIPTED)
    }

    fn with(hosts: &str, manner: Manner) -> Self {
        let (out, err) = (Captured::default(), Captured::default());
        let console = Console::new(manner, Box::new(out.clone()), Box::new(err.clone()));
        let link = Link {
            hosts: hosts.to_owned(),
            timeout: Duration::from_secs(10),
            allows_read_only: false,
            tls: None,
        };
        let shell = Shell::start(link, Arc::new(console)).expect("a connect string");
        let caught = Self { shell, out, err };
        if let Some(keeper) = caught.shell.keeper() {
            drop(keeper.await_server(PATIENCE));
        }
        // The session's first event comes from another thread.
        caught
            .wait_for(|caught| caught.err.text().contains("state") || !hosts.contains("127.0.0.1"));
        caught.err.take();
        caught.out.take();
        caught
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the real shell has real threads, which are waited for"
    )]
    fn wait_for(&self, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Runs a line; what it said on both streams, and the exit code when it is not 0.
    fn say(&mut self, line: &str) -> String {
        self.shell.run_line(line);
        let code = match self.shell.exit_code {
            0 => String::new(),
            code => format!("exit {code}\n"),
        };
        self.out.take() + &self.err.take() + &code
    }

    fn check(&mut self, line: &str, said: &str) {
        assert_eq!(self.say(line), said, "{line}");
    }

    /// Runs lines that must go well.
    fn run(&mut self, lines: &[&str]) {
        for line in lines {
            let said = self.say(line);
            assert_eq!(self.shell.exit_code, 0, "{line}: {said}");
        }
    }
}

#[test]
fn every_command_is_there_and_tells_how_it_is_used() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    for name in commands::names() {
        let said = shell.say(&format!("{name} --help"));
        assert!(said.starts_with(&format!("usage: {name} ")), "{said}");
    }
    let said = shell.say("help");
    assert!(
        commands::names().iter().all(|name| said.contains(name)),
        "{said}"
    );
    assert!(shell.say("help create").contains("examples:"));
    shell.check(
        "help nosuch",
        "Command not found: Command not found nosuch\nexit 127\n",
    );
}

#[test]
fn znodes_are_made_read_changed_and_deleted() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    shell.check("create /a 1", "Created /a\n");
    shell.check("create /a 1", "Node already exists: /a\nexit 1\n");
    shell.check("get /a", "1\n");
    shell.check("set -v 0 /a 'two words'", "");
    shell.check("set -v 0 /a x", "version No is not valid : /a\nexit 1\n");
    shell.check("get /a", "two words\n");
    shell.check("create -s /a/s-", "Created /a/s-0000000000\n");
    shell.check("create -e /a/e x", "Created /a/e\n");
    shell.check("ls /a", "[e, s-0000000000]\n");
    shell.check("getEphemerals", "[/a/e]\n");
    shell.check("getAllChildrenNumber /a", "2\n");
    shell.check("sync /", "Sync is OK\n");
    assert!(shell.say("stat /a").contains("\ndataVersion = 1\n"));
    shell.check("delete /a", "Node not empty: /a\nexit 1\n");
    shell.check("delete /a/e 7", "'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.\nversion No is not valid : /a/e\nexit 1\n");
    shell.check("deleteall /a", "");
    shell.check("ls /", "[zookeeper]\n");
    shell.check("get /a", "Node does not exist: /a\nexit 1\n");
}

#[test]
fn acls_quotas_and_identities_are_kept() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    shell.run(&[
        "create /a 1",
        "create /a/b 1",
        "addauth digest ann:secret",
        "setAcl -R /a auth::cdrwa",
    ]);
    assert!(shell.say("getAcl /a/b").starts_with("'digest,'ann:"));
    assert!(shell.say("whoami").contains("\ndigest: ann\n"));
    shell.check(
        "setAcl /a nonsense",
        "nonsense does not have the form scheme:id:perm\nAcl is not valid : null\nexit 1\n",
    );
    let mut stranger = Caught::new(&server);
    stranger.check("get /a", "Insufficient permission : /a\nexit 1\n");
    shell.run(&["create /q", "setquota -n 5 /q"]);
    assert!(
        shell
            .say("listquota /q")
            .contains("Output quota for /q count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=-1\n")
    );
    shell.check(
        "setquota -n 1 /q/",
        "Path must not end with / character\nexit 1\n",
    );
    shell.run(&["delquota /q"]);
    shell.check("ls /zookeeper/quota", "[]\n");
    assert!(shell.say("config").ends_with('\n'));
}

#[test]
fn one_change_is_one_event_however_often_it_is_watched() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    shell.run(&["create /a 1", "get -w /a", "stat -w /a"]);
    shell.shell.run_line("set /a 2");
    shell.wait_for(|shell| shell.out.text().contains("WatchedEvent"));
    let said = shell.say("sync /");
    assert_eq!(
        said.matches("type:NodeDataChanged path:/a zxid: ").count(),
        1,
        "{said}"
    );
    shell.run(&["addWatch /a"]);
    shell.shell.run_line("removewatches /a -r");
    shell.wait_for(|shell| shell.out.text().contains("Removed"));
    let said = shell.out.take();
    assert!(
        said.contains("PersistentWatchRemoved path:/a zxid: -1"),
        "{said}"
    );
    shell.check(
        "removewatches /a",
        "KeeperErrorCode = No such watcher for /a\nexit 1\n",
    );
    shell.run(&["printwatches off", "get -w /a", "set /a 3"]);
    shell.check("printwatches", "printwatches is off\n");
}

#[test]
fn the_history_counts_and_lines_can_be_had_again() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    shell.run(&["create /a 1", "get /a"]);
    shell.check("redo 1", "1\n");
    shell.check(
        "history",
        "0 - create /a 1\n1 - get /a\n2 - get /a\n3 - history\n",
    );
    shell.check("redo 9", "Command index out of range\nexit 1\n");
    shell.check("redo 0", "Node already exists: /a\nexit 1\n");
    shell.check("redo x", "x is not a number of the history\nexit 1\n");
    assert!(shell.shell.prompt().starts_with("[zk: 127.0.0.1:"));
    assert!(
        shell.shell.prompt().ends_with("(CONNECTED) 7] "),
        "{}",
        shell.shell.prompt()
    );
    shell.check("  ", "exit 1\n");
}

#[test]
fn a_closed_session_can_be_followed_by_another() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    shell.run(&["create -e /mine x", "close"]);
    assert!(shell.shell.prompt().contains("(CLOSED)"));
    shell.check("ls /", "Not connected\nexit 1\n");
    shell.run(&["connect"]);
    let said = shell.say("ls /");
    assert!(said.contains("[zookeeper]\n"), "{said}");
    shell.check(
        "connect a:b",
        "\"b\" is not a port; a port is a number from 1 to 65535\nexit 1\n",
    );
    shell.say("nosuch");
    shell.say("quit");
    assert!(shell.shell.has_quit());
    assert_eq!(shell.shell.end(), 127);
}

#[test]
fn json_has_answers_errors_and_events_one_a_line() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    shell.check("create --json /a text", "{\"created\":\"/a\"}\n");
    shell.check("get /a --json", "{\"data\":\"text\",\"path\":\"/a\"}\n");
    shell.check(
        "ls --json /",
        "{\"children\":[\"a\",\"zookeeper\"],\"path\":\"/\"}\n",
    );
    shell.run(&["create /null", "set -b /a /w=="]);
    shell.check("get --json /null", "{\"data\":null,\"path\":\"/null\"}\n");
    shell.check(
        "get --json /a",
        "{\"dataBase64\":\"/w==\",\"path\":\"/a\"}\n",
    );
    let manner = Manner {
        is_json: true,
        ..SCRIPTED
    };
    let mut shell = Caught::with(&server.connect_string(), manner);
    let said = shell.say("get /no");
    let value: serde_json::Value =
        serde_json::from_str(said.lines().next().expect("a line")).expect("JSON");
    assert_eq!(value["code"], "NONODE");
    assert_eq!(value["path"], "/no");
    shell.say("get -w /a");
    shell.shell.run_line("delete /a");
    shell.wait_for(|shell| shell.out.text().contains("event"));
    let said = shell.out.take();
    assert!(said.contains("\"type\":\"NodeDeleted\""), "{said}");
}

#[test]
fn hints_are_shown_when_they_are_wanted() {
    let server = LocalServer::start();
    let manner = Manner {
        shows_hints: true,
        ..SCRIPTED
    };
    let mut shell = Caught::with(&server.connect_string(), manner);
    let said = shell.say("get /a/b");
    assert!(
        said.contains("Node does not exist: /a/b\nhint: `ls /a` shows"),
        "{said}"
    );
    let said = shell.say("lss /");
    assert!(said.contains("hint: did you mean `ls`?\n"), "{said}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a real wait is measured")]
fn nobody_at_the_port_is_told_soon_and_with_the_reason() {
    let manner = Manner {
        shows_hints: true,
        ..SCRIPTED
    };
    // Nothing can listen on port 1 without the rights of root, and nothing does.
    let mut shell = Caught::with("localhost:1", manner);
    let start = Instant::now();
    let said = shell.say("get /a");
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    assert!(
        said.starts_with("KeeperErrorCode = ConnectionLoss for /a\nhint: localhost:1: "),
        "{said}"
    );
    assert!(said.ends_with("exit 1\n"), "{said}");
}

#[test]
fn what_cannot_be_sent_is_refused_and_not_hung_on() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    let said = shell.say(&format!("create /big {}", "x".repeat(2 << 20)));
    assert!(
        said.contains("servers accept") && said.ends_with("exit 1\n"),
        "{said}"
    );
    shell.check("ls /", "[zookeeper]\n");
}

#[test]
fn lines_from_a_pipe_run_one_by_one_up_to_a_length() {
    let server = LocalServer::start();
    let mut shell = Caught::new(&server);
    let lines: &[u8] = b"create /a 1\r\n\nget /a\nget /b";
    crate::run_lines(&mut shell.shell, lines).expect("all lines are read");
    assert_eq!(shell.out.take(), "1\n");
    let told = "Created /a\nNode does not exist: /b\n";
    assert_eq!(
        (shell.err.take().as_str(), shell.shell.exit_code),
        (told, 1)
    );
    let endless = io::BufReader::new(io::repeat(b'x'));
    let error = crate::run_lines(&mut shell.shell, endless).expect_err("no end");
    assert_eq!(
        error.message,
        format!("A line is longer than {LINE_LEN_MAX} bytes")
    );
}

#[test]
fn a_terminal_is_not_steered_by_what_others_write() {
    let server = LocalServer::start();
    let manner = Manner {
        is_terminal: true,
        ..SCRIPTED
    };
    let mut shell = Caught::with(&server.connect_string(), manner);
    shell.run(&["create /a", "set /a \u{1b}[2Jgone"]);
    shell.check("get /a", "\\u{1b}[2Jgone\n");
    let mut program = Caught::new(&server);
    program.check("get /a", "\u{1b}[2Jgone\n");
}

#[test]
fn output_that_nobody_reads_ends_the_shell() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let server = LocalServer::start();
    let console = Console::new(SCRIPTED, Box::new(Gone), Box::new(Captured::default()));
    let link = Link {
        hosts: server.connect_string(),
        timeout: PATIENCE,
        allows_read_only: false,
        tls: None,
    };
    let mut shell = Shell::start(link, Arc::new(console)).expect("a connect string");
    shell.run_line("ls /");
    assert!(shell.has_quit());
    assert_eq!(shell.end(), 141);
}
