//! The same seeded operations, as bytes, to two servers; replies and events compared field by field.
//!
//! Not a model check: the left server, the original, is the measure. Invariant: the operations follow from
//! the seed and from the left server's replies alone, so that a difference is found again by its seed and
//! the number of its step.
//!
//! ```text
//! generate -> step -> left server  -> transcripts -+
//!                  -> right server -> transcripts -+-> compare -> allowed? -> report
//! ```

mod allowed;
mod compare;
mod fields;
mod generate;
mod knowledge;
mod moments;
mod step;
mod tally;
mod twins;

use crate::link::Incoming;
use crate::wire::Body;
use crate::wire::Cursor;
use crate::wire::Hex;
use crate::wire::ReplyHeader;
use crate::wire::XID_EVENT;
use crate::wire::op;
use anyhow::Context;
use anyhow::bail;
use compare::Difference;
use compare::Expectation;
use compare::compare;
use compare::describe;
use generate::Generator;
use generate::SLOTS;
use generate::SlotState;
use moments::Moments;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;
use step::Attach;
use step::Effect;
use step::Request;
use step::Slot;
use step::Step;
use step::Visit;
use tally::Tally;
use twins::EXPIRING;
use twins::Outcome;
use twins::Twin;
use twins::number_requests;

/// What to run. The servers must be fresh, and started with the same zoo.cfg.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The original server.
    #[arg(long)]
    left: String,
    /// The server to judge.
    #[arg(long)]
    right: String,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many operations.
    #[arg(long, default_value_t = 10_000)]
    ops: usize,
    /// Stop after this many differences that are not allowed.
    #[arg(long, default_value_t = 20)]
    differences_max: usize,
    /// How often each reachable pair of operation and error must come up; 0 does not ask.
    #[arg(long, default_value_t = 20)]
    pairs_min: usize,
}

struct Run {
    options: Options,
    left: Twin,
    right: Twin,
    generator: Generator,
    moments: Moments,
    tally: Tally,
    next_xid: i32,
    step_count: usize,
    unexplained: usize,
    allowed: BTreeMap<&'static str, usize>,
}

/// Runs the comparison. An error means differences, or too few operations of some kind.
pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    let mut run = Run {
        left: Twin::new(&options.left, SLOTS),
        right: Twin::new(&options.right, SLOTS),
        generator: Generator::new(options.seed),
        moments: Moments::default(),
        tally: Tally::default(),
        next_xid: 0,
        step_count: 0,
        unexplained: 0,
        allowed: BTreeMap::new(),
        options,
    };
    run.open_all()?;
    while run.tally.replies() < run.options.ops && run.unexplained < run.options.differences_max {
        let step = run.generator.next(&run.slot_states(), &run.moments);
        run.take(&step)?;
    }
    if run.unexplained < run.options.differences_max {
        run.expiry()?;
    }
    run.report()
}

impl Run {
    fn open_all(&mut self) -> anyhow::Result<()> {
        for slot in 0..SLOTS {
            self.take(&Step::Open { slot })?;
        }
        // One by one: each must succeed, or the fixture is not what the operations expect.
        for request in generate::fixture() {
            self.take(&Step::Requests {
                slot: 0,
                requests: vec![request],
            })?;
        }
        if self.unexplained > 0 {
            bail!("the fixture alone shows {} differences", self.unexplained);
        }
        Ok(())
    }

    /// A silent session lives for its timeout, is gone a tick and a bit later, and its ephemeral with it.
    fn expiry(&mut self) -> anyhow::Result<()> {
        if !(self.left.is_attached(0) && self.right.is_attached(0)) {
            self.take(&Step::Attach {
                slot: 0,
                how: Attach::Right,
            })?;
        }
        let look = |watch| {
            let request = Request::new(
                op::EXISTS,
                Body::new().text(EXPIRING).flag(watch).done(),
                "expiry",
            );
            Step::Requests {
                slot: 0,
                requests: vec![request],
            }
        };
        self.take(&Step::Visit(Visit::Silent))?;
        self.take(&look(true))?;
        thread::sleep(Duration::from_millis(2_500));
        self.take(&look(false))?;
        // 4,000 ms of timeout, rounded up to a tick of 2,000, and time for the entry.
        thread::sleep(Duration::from_millis(5_500));
        self.take(&look(false))
    }

    fn slot_states(&self) -> Vec<SlotState> {
        (0..SLOTS)
            .map(|slot| SlotState {
                attached: self.left.is_attached(slot) && self.right.is_attached(slot),
                has_session: self.left.has_session(slot) && self.right.has_session(slot),
            })
            .collect()
    }

    /// Carries out one step on both servers and judges it.
    fn take(&mut self, step: &Step) -> anyhow::Result<()> {
        self.step_count += 1;
        let xids = match step {
            Step::Requests { requests, .. } => number_requests(requests, &mut self.next_xid),
            _ => Vec::new(),
        };
        let left = self
            .left
            .carry_out(step, &xids, true)
            .context("the left server")?;
        let right = self
            .right
            .carry_out(step, &xids, false)
            .context("the right server")?;
        self.judge(step, &left, &right);
        self.learn(step, &left);
        self.keep_in_step(step);
        Ok(())
    }

    fn judge(&mut self, step: &Step, left: &Outcome, right: &Outcome) {
        let acting = acting_place(step);
        let ops: Vec<i32> = match step {
            Step::Requests { requests, .. } => requests.iter().map(|request| request.op).collect(),
            _ => Vec::new(),
        };
        let closing = ops.contains(&op::CLOSE_SESSION);
        // The acting connection first: its replies pair the zxids that the others' events carry.
        let mut order: Vec<usize> = (0..left.len()).collect();
        order.sort_by_key(|place| *place != acting);
        for place in order {
            let (Some(left), Some(right)) = (left.get(place), right.get(place)) else {
                continue;
            };
            let expectation = Expectation {
                handshake: place == acting && shakes_hands(step),
                ops: match step {
                    Step::Visit(Visit::Silent) if place == acting => &[op::CREATE],
                    Step::Visit(_) if place == acting => &[op::CLOSE_SESSION],
                    _ if place == acting => &ops,
                    _ => &[],
                },
                events_unordered: closing,
            };
            for difference in compare(&mut self.moments, &expectation, left, right) {
                self.record(step, place, &difference, (left, right));
            }
        }
    }

    fn record(
        &mut self,
        step: &Step,
        place: usize,
        difference: &Difference,
        transcripts: (&[Incoming], &[Incoming]),
    ) {
        if let Some(reason) = allowed::reason(label(step), difference) {
            *self.allowed.entry(reason).or_default() += 1;
            return;
        }
        self.unexplained += 1;
        say(&format!(
            "DIFFERENCE {} (seed {}, step {}, after {} operations, connection {place})\n  {}: {}\n    left:  {}\n    right: {}",
            self.unexplained,
            self.options.seed,
            self.step_count,
            self.tally.replies(),
            difference.what,
            difference.field,
            difference.left,
            difference.right,
        ));
        say(&format!("  step: {}", tell(step)));
        say(&format!(
            "  left  got {}\n  right got {}",
            describe(transcripts.0),
            describe(transcripts.1)
        ));
    }

    /// Counts, and teaches the generator, what the left server answered.
    fn learn(&mut self, step: &Step, left: &Outcome) {
        let Step::Requests { slot, requests } = step else {
            return self.learn_connection(step, left);
        };
        let replies = left.get(*slot).into_iter().flatten().filter_map(reply);
        for (request, (header, frame)) in requests.iter().zip(replies) {
            self.tally.count_reply(request.op, &parts(request), frame);
            if header.error == 0 {
                self.learn_reply(*slot, request, frame);
            }
        }
    }

    fn learn_connection(&mut self, step: &Step, left: &Outcome) {
        let what = match step {
            Step::Requests { .. } | Step::Drop { .. } => return,
            Step::Open { .. } => "open",
            Step::Attach { .. } => "attach",
            Step::Raw { .. } => "broken framing",
            Step::Visit(_) => "visit",
        };
        let answered = left
            .get(acting_place(step))
            .and_then(|transcript| transcript.first());
        // The first 16 bytes of an answer hold the timeout, which is 0 in a refusal.
        let good = match answered {
            Some(Incoming::Frame(frame)) => {
                frame.get(4..8).is_some_and(|timeout| timeout != [0; 4])
            }
            _ => false,
        };
        self.tally.count_outcome(what, good);
        if let Step::Open { slot } | Step::Attach { slot, .. } = step {
            self.generator.connection_is_new(*slot);
        }
    }

    fn learn_reply(&mut self, slot: Slot, request: &Request, frame: &[u8]) {
        if request.op == op::CLOSE_SESSION {
            self.generator.knowledge.session_closed(slot);
            return;
        }
        let mut cursor = Cursor::new(frame.get(16..).unwrap_or_default());
        match &request.effect {
            Effect::Multi(effects) => {
                for (effect, created) in effects.iter().zip(multi_successes(&mut cursor)) {
                    self.generator
                        .knowledge
                        .learn(slot, effect, created.as_deref());
                }
            }
            effect @ Effect::Create { .. } => {
                let created = cursor.text();
                self.generator
                    .knowledge
                    .learn(slot, effect, created.as_deref());
            }
            effect => self.generator.knowledge.learn(slot, effect, None),
        }
    }

    /// What one server closed is closed on both sides, so that one difference does not become many.
    fn keep_in_step(&mut self, step: &Step) {
        for slot in 0..SLOTS {
            if self.left.is_attached(slot) != self.right.is_attached(slot) {
                self.left.detach(slot);
                self.right.detach(slot);
            }
        }
        if let Step::Requests { slot, requests } = step
            && requests
                .iter()
                .any(|request| request.op == op::CLOSE_SESSION)
        {
            self.left.forget(*slot);
            self.right.forget(*slot);
        }
    }

    fn report(&self) -> anyhow::Result<()> {
        let missing = self.tally.missing(self.options.pairs_min);
        say(&format!(
            "pairs of operation and error, as the left server answered (error: times):\n{}",
            self.tally.table()
        ));
        say(&format!(
            "seed {}: {} operations in {} steps, {} % of them good; left zxid {:#x}, right zxid {:#x}",
            self.options.seed,
            self.tally.replies(),
            self.step_count,
            self.tally.good_percent(),
            self.left.last_zxid(),
            self.right.last_zxid(),
        ));
        for (reason, count) in &self.allowed {
            say(&format!("allowed, {count} times: {reason}"));
        }
        say(&format!(
            "{} differences that nothing allows",
            self.unexplained
        ));
        if self.unexplained > 0 {
            bail!(
                "{} differences; replay with --seed {}",
                self.unexplained,
                self.options.seed
            );
        }
        if self.tally.good_percent() < 60 {
            bail!(
                "only {} % of the operations succeeded",
                self.tally.good_percent()
            );
        }
        if !missing.is_empty() && self.options.pairs_min > 0 {
            bail!(
                "pairs that came up less than {} times: {}",
                self.options.pairs_min,
                missing.join(", ")
            );
        }
        Ok(())
    }
}

fn say(text: &str) {
    println!("{text}");
}

fn acting_place(step: &Step) -> usize {
    match step {
        Step::Requests { slot, .. }
        | Step::Open { slot }
        | Step::Drop { slot }
        | Step::Attach { slot, .. }
        | Step::Raw { slot, .. } => *slot,
        Step::Visit(_) => SLOTS,
    }
}

fn shakes_hands(step: &Step) -> bool {
    match step {
        Step::Open { .. } | Step::Attach { .. } | Step::Visit(_) => true,
        Step::Requests { .. } | Step::Drop { .. } | Step::Raw { .. } => false,
    }
}

/// What the generator meant by a step of one request.
fn label(step: &Step) -> &'static str {
    match step {
        Step::Requests { requests, .. } => match requests.as_slice() {
            [request] => request.label,
            _ => "several",
        },
        _ => "connection",
    }
}

/// A step for a person to read, with the bytes of its requests.
fn tell(step: &Step) -> String {
    match step {
        Step::Requests { slot, requests } => {
            let told: Vec<String> = requests
                .iter()
                .map(|request| {
                    format!(
                        "{} ({}) [{}]",
                        op::name(request.op),
                        request.label,
                        Hex(&request.body)
                    )
                })
                .collect();
            format!("session {slot}: {}", told.join("; "))
        }
        Step::Raw { slot, bytes, label } => format!("session {slot}: {label} [{}]", Hex(bytes)),
        other => format!("{other:?}"),
    }
}

/// The reply in a frame, if it is one.
fn reply(incoming: &Incoming) -> Option<(ReplyHeader, &[u8])> {
    match incoming {
        Incoming::Frame(frame) => {
            let (header, _) = ReplyHeader::read(frame)?;
            (header.xid != XID_EVENT).then_some((header, frame.as_slice()))
        }
        Incoming::Closed | Incoming::Silent => None,
    }
}

/// The operations inside a multi, in order.
fn parts(request: &Request) -> Vec<i32> {
    let mut parts = Vec::new();
    let mut cursor = Cursor::new(&request.body);
    if !matches!(request.op, op::MULTI | op::MULTI_READ) {
        return parts;
    }
    while let (Some(kind), Some(0), Some(_)) = (cursor.int(), cursor.byte(), cursor.int()) {
        if skip_part(kind, &mut cursor).is_none() {
            break;
        }
        parts.push(kind);
    }
    parts
}

fn skip_part(kind: i32, cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.bytes()?;
    match kind {
        op::CREATE | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
            cursor.bytes()?;
            for _ in 0..cursor.int()? {
                cursor.int()?;
                cursor.bytes()?;
                cursor.bytes()?;
            }
            cursor.int()?;
            if kind == op::CREATE_TTL {
                cursor.long()?;
            }
        }
        op::SET_DATA => {
            cursor.bytes()?;
            cursor.int()?;
        }
        op::DELETE | op::CHECK => {
            cursor.int()?;
        }
        op::GET_DATA | op::GET_CHILDREN => {
            cursor.byte()?;
        }
        _ => return None,
    }
    Some(())
}

/// For each part of a multi that went through: the name of what it created, if it did. Empty when it failed.
fn multi_successes(cursor: &mut Cursor<'_>) -> Vec<Option<String>> {
    let mut successes = Vec::new();
    while let (Some(kind), Some(0), Some(0)) = (cursor.int(), cursor.byte(), cursor.int()) {
        if kind == -1 {
            return Vec::new();
        }
        let mut ahead = *cursor;
        let created = if matches!(kind, op::CREATE | op::CREATE2) {
            ahead.text()
        } else {
            None
        };
        if fields::skip_result(kind, cursor).is_none() {
            break;
        }
        successes.push(created);
    }
    successes
}
