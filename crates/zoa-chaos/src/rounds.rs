//! `--plan kill-all`: all servers are killed at once, under load, again and again; nothing acknowledged may be lost.

use std::fmt::Write;

use anyhow::Result;
use zoa_testkit::clock::SimTime;

use crate::clock::pause_ms;
use crate::judging::Judged;
use crate::plan::Kind;
use crate::run::Run;

/// How long clients may take until a write is answered again.
const RECOVERED_MS_MAX: u64 = 30_000;

/// One time that all were killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    killed_at: SimTime,
    /// Writes that had succeeded by then, in the whole run.
    written: usize,
    /// From the start of the processes to the first write that is answered; `None` when that did not happen.
    recovered_ms: Option<u64>,
}

impl Run {
    /// Kills everybody so many times.
    pub(crate) async fn play_rounds(&mut self, count: u64) -> Result<Vec<Round>> {
        let mut rounds = Vec::new();
        for number in 1..=count {
            let load_ms = self.rng.between(300, 1_200);
            pause_ms(load_ms).await;
            let killed_at = self.now();
            self.begin_outage();
            self.kill_all();
            *self.tally.faults.entry(Kind::KillAll).or_default() += 1;
            let (written, _) = self.writes(killed_at);
            let whose = u8::try_from(number % u64::from(self.setup.count)).unwrap_or(0) + 1;
            self.gather_from(whose)?;
            let started_at = self.now();
            for server in self.numbers() {
                self.start(server)?;
            }
            let recovered_ms = self.await_write(started_at).await?;
            self.await_whole().await?;
            let shown = recovered_ms.map_or_else(|| "never".to_owned(), |ms| format!("{ms} ms"));
            self.say(&format!(
                "round {number}: all killed after {written} writes; the next one succeeded after {shown}"
            ));
            rounds.push(Round {
                killed_at,
                written,
                recovered_ms,
            });
            if recovered_ms.is_none() {
                break;
            }
        }
        Ok(rounds)
    }

    async fn await_write(&mut self, since: SimTime) -> Result<Option<u64>> {
        loop {
            self.look_after(&std::collections::BTreeSet::new())?;
            let (_, first) = self.writes(since);
            if let Some(first) = first {
                return Ok(Some(first.ms_since(since)));
            }
            if self.now().ms_since(since) > RECOVERED_MS_MAX {
                let words = format!(
                    "no write succeeds {RECOVERED_MS_MAX} ms after all servers were started again"
                );
                self.wrong.push(("G-21", words));
                return Ok(None);
            }
            pause_ms(5).await;
        }
    }
}

/// The table of all rounds.
pub(crate) fn table(rounds: &[Round], judged: &Judged) -> String {
    let lost = judged
        .wrong
        .iter()
        .filter(|wrong| wrong.guarantee == "G-02")
        .count();
    let mut text = "round   killed at    writes acknowledged   next write after\n".to_owned();
    for (at, round) in rounds.iter().enumerate() {
        let after = round
            .recovered_ms
            .map_or_else(|| "never".to_owned(), |ms| format!("{ms} ms"));
        let (number, killed_at, written) = (at + 1, round.killed_at.0 as f64 / 1e6, round.written);
        writeln!(
            text,
            "{number:>5} {killed_at:>9.3} s {written:>21} {after:>18}"
        )
        .ok();
    }
    let mut times: Vec<u64> = rounds
        .iter()
        .filter_map(|round| round.recovered_ms)
        .collect();
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or(0);
    writeln!(
        text,
        "{} times all killed, {} times recovered (median {middle} ms, longest {} ms); {} writes acknowledged, {lost} lost",
        rounds.len(),
        times.len(),
        times.last().copied().unwrap_or(0),
        judged.counts.written
    )
    .ok();
    text
}
