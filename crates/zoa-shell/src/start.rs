//! What the program is told at its start: `-server host:port -timeout ms -r ... command words`.
//!
//! The options are the original's, with one dash; ours have two. The first word without a dash begins a one-shot command. Unlike the
//! original, a word that is no option is an error and not ignored. Invariant: no words make it panic.

use std::time::Duration;

use crate::client_configuration;
use crate::error::Answer;
use crate::error::ShellError;
use crate::keeper::Link;

/// What the command line says.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) link: Link,
    /// Wait for a server before the first command.
    pub(crate) waits: bool,
    pub(crate) is_json: bool,
    /// Hints also when standard error is no terminal.
    pub(crate) wants_hints: bool,
    pub(crate) wants_help: bool,
    /// The one-shot command; empty for none.
    pub(crate) words: Vec<String>,
}

/// As the original's.
const SERVER: &str = "localhost:2181";
const TIMEOUT_MS: u64 = 30_000;

/// The answer to `--help`.
pub(crate) const HELP: &str = "\
A shell for ZooKeeper and Zoarium servers.

usage: zkCli.sh [options]                  a prompt, or lines from standard input when that is no terminal
       zkCli.sh [options] command words    one command; the exit code says how it went

  -server host:port[,host:port][/chroot]   where to connect (localhost:2181)
  -timeout ms                              the session timeout to ask for (30000)
  -r                                       a read-only server will do
  -waitforconnection                       find a server first, or fail
  -client-configuration file               settings of ZooKeeper's Java client: TLS with PEM files
  --json                                   answers, events and errors as JSON, one value a line
  --hints                                  hints behind errors, also when standard error is no terminal
  --help                                   this text; `help` has the commands, `create --help` has one

exit codes: 0 it went well, 1 the command failed, 2 these options cannot be read, 127 there is no such command,
            141 nobody reads the output

examples:
  zkCli.sh -server 127.0.0.1:2181 ls /
  zkCli.sh -server host1:2181,host2:2181/app get /config
  zkCli.sh --json stat / | jq .numChildren
  printf 'create /a 1\\nget /a\\n' | zkCli.sh
";

/// Reads the words behind the program's name.
pub(crate) fn read_start(words: &[String]) -> Answer<Start> {
    let mut start = Start {
        link: Link {
            hosts: SERVER.to_owned(),
            timeout: Duration::from_millis(TIMEOUT_MS),
            allows_read_only: false,
            tls: None,
        },
        waits: false,
        is_json: false,
        wants_hints: false,
        wants_help: false,
        words: Vec::new(),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || {
            let value = words.next().cloned();
            value.ok_or_else(|| refuse(format!("Error: no argument found for option {word}")))
        };
        match word.as_str() {
            "-server" => start.link.hosts = value()?,
            "-timeout" => start.link.timeout = read_timeout(&value()?)?,
            "-r" => start.link.allows_read_only = true,
            "-waitforconnection" => start.waits = true,
            "-client-configuration" => {
                start.link.tls = client_configuration::read(&value()?)?;
            }
            "--json" => start.is_json = true,
            "--hints" => start.wants_hints = true,
            "-h" | "-help" | "--help" => start.wants_help = true,
            _ if word.starts_with('-') => {
                return Err(refuse(format!("Unrecognized option: {word}")));
            }
            _ => {
                start.words.push(word.clone());
                start.words.extend(words.by_ref().cloned());
            }
        }
    }
    Ok(start)
}

fn read_timeout(text: &str) -> Answer<Duration> {
    let number = text.parse::<u32>().ok().filter(|number| *number > 0);
    let number = number.and_then(|number| i32::try_from(number).ok());
    let number = number.and_then(|number| u64::try_from(number).ok());
    let wrong = || {
        refuse(format!(
            "-timeout takes milliseconds, a number from 1 to {}: {text}",
            i32::MAX
        ))
    };
    number.map(Duration::from_millis).ok_or_else(wrong)
}

fn refuse(message: String) -> ShellError {
    ShellError::bad_start(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read_start;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_end_at_the_first_word_without_a_dash() {
        let start = read_start(&words("-server a:1,b/c -timeout 5000 -r --json ls -R /"))
            .expect("good words");
        assert_eq!(start.link.hosts, "a:1,b/c");
        assert_eq!(start.link.timeout.as_millis(), 5_000);
        assert!(start.link.allows_read_only && start.is_json && !start.waits);
        assert_eq!(start.words, ["ls", "-R", "/"]);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for line in [
            "-server",
            "-timeout x",
            "-timeout 0",
            "-timeout -1",
            "-timeout 3000000000",
            "-bogus",
            "-client-configuration /no/file",
        ] {
            let error = read_start(&words(line)).expect_err(line);
            assert_eq!(error.exit_code, 2, "{line}: {}", error.message);
        }
    }

    proptest! {
        #[test]
        fn no_words_panic(words in proptest::collection::vec("-?-?(server|timeout|r|h|[a-z0-9:/]{0,4})", 0..6)) {
            drop(read_start(&words));
        }
    }
}
