//! What is printed and kept at the end: counters, a verdict a guarantee, and after a violation the whole history.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use zoa_testkit::history::ConnectionId;
use zoa_testkit::history::Received;

use crate::judging::Judged;

/// Violations of a guarantee that are printed; all are kept.
const SHOWN_MAX: usize = 3;

/// The longest line printed of one.
const LINE_LEN_MAX: usize = 600;

/// What is judged, in the order of GUARANTEES.md.
const GUARANTEES: [(&str, &str); 20] = [
    ("G-01", "writes are linearizable"),
    (
        "G-02",
        "nothing acknowledged is lost, nothing is there that nobody wrote",
    ),
    ("G-03", "a client's requests keep their order"),
    ("G-04", "a session never goes back"),
    ("G-05", "a read is exact at its zxid"),
    ("G-06", "a read behind a sync is not stale"),
    (
        "G-07",
        "watches: every event, once, in order, before the data",
    ),
    ("G-08", "no event without the right to read"),
    ("G-09", "the reply that set a watch comes before its event"),
    ("G-10", "ephemerals go with their session"),
    ("G-11", "who is heard does not expire, who is silent does"),
    ("G-12", "a session comes back to its owner only"),
    ("G-13", "numbers of sequential znodes"),
    ("G-14", "a multi is all or nothing"),
    ("G-15", "stats"),
    ("G-16", "replicas are equal"),
    ("G-17", "zxids rise with the log"),
    ("G-18", "what is committed stays"),
    (
        "G-19",
        "servers come back by themselves, and end only when told",
    ),
    ("G-21", "when faults are over, everything goes on"),
];

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it = self.counts;
        writeln!(
            f,
            "{} calls, {} answered ({} writes that succeeded), {} writes of unknown outcome, {} events, {} connections, {} sessions \
             ({} expired); {} entries in {} terms, from {} readings of logs; {} answers laid beside the model, {} requests \
             found in the log",
            it.calls,
            it.answered,
            it.written,
            it.unknown,
            it.events,
            it.connections,
            it.sessions,
            it.expiries,
            it.entries,
            it.terms,
            it.logs_read,
            it.compared,
            it.found
        )?;
        let mut broken: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for wrong in &self.wrong {
            broken
                .entry(&wrong.guarantee)
                .or_default()
                .push(&wrong.what);
        }
        for (guarantee, about) in GUARANTEES {
            let found = broken.remove(guarantee).unwrap_or_default();
            write_verdict(f, (guarantee, about), &found)?;
        }
        for (guarantee, found) in broken {
            write_verdict(f, (guarantee, ""), &found)?;
        }
        Ok(())
    }
}

fn write_verdict(
    f: &mut fmt::Formatter<'_>,
    (guarantee, about): (&str, &str),
    found: &[&str],
) -> fmt::Result {
    if found.is_empty() {
        return writeln!(f, "{guarantee}  held    {about}");
    }
    writeln!(f, "{guarantee}  BROKEN  {about}: {} times", found.len())?;
    for what in found.iter().take(SHOWN_MAX) {
        let line: String = what.chars().take(LINE_LEN_MAX).collect();
        writeln!(f, "        {line}")?;
    }
    Ok(())
}

impl Judged {
    /// Writes down everything that clients did and saw, what was committed, and what is wrong with it.
    pub(crate) fn keep(&self, folder: &Path) -> Result<()> {
        let file = |name: &str| -> Result<BufWriter<fs::File>> {
            let path = folder.join(name);
            let file = fs::File::create(&path);
            Ok(BufWriter::new(
                file.with_context(|| format!("writing {}", path.display()))?,
            ))
        };
        let mut wrong = file("violations.txt")?;
        for one in &self.wrong {
            writeln!(wrong, "{} broken: {}", one.guarantee, one.what)?;
        }
        let mut entries = file("entries.txt")?;
        for entry in self.applied.entries() {
            writeln!(entries, "{entry:?}")?;
        }
        let mut history = file("history.txt")?;
        for (id, _) in self.history.iter() {
            self.write_connection(&mut history, id)?;
        }
        Ok(())
    }

    fn write_connection(&self, out: &mut impl Write, id: ConnectionId) -> Result<()> {
        let Some(connection) = self.history.connection(id) else {
            return Ok(());
        };
        writeln!(
            out,
            "connection {} of {:?} at {} from {}: asked {:?}, owner {:?}, answered {:?}, end {:?} {:?}",
            id.0,
            connection.client,
            connection.opened_at,
            connection.address,
            connection.asked,
            connection.owner,
            connection.answered,
            connection.end,
            connection.ended_at
        )?;
        for (position, call) in connection.calls.iter().enumerate() {
            writeln!(
                out,
                "  {} call {position} xid {}: {:?}",
                call.invoked_at, call.xid, call.op
            )?;
        }
        for (at, message) in &connection.received {
            match message {
                Received::Reply(position) => {
                    let reply = connection
                        .calls
                        .get(*position)
                        .and_then(|call| call.reply());
                    writeln!(out, "  {at} reply to call {position}: {reply:x?}")?;
                }
                Received::Event(event) => writeln!(out, "  {at} event {event}")?,
                Received::Nonsense(what) => writeln!(out, "  {at} nonsense: {what}")?,
            }
        }
        Ok(())
    }
}
