//! A task as a znode: its name and its data, and the paths of a farm.
//!
//! Invariant: what is not known of a header is kept, and what cannot be read as a task is kept as one that failed.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use zoa_proto::Zxid;

use crate::error::Error;

/// A task to be submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewTask {
    /// What the worker gets, [`TASK_LEN_MAX`] bytes at most.
    pub payload: Vec<u8>,
    /// 0 is the most urgent, 999 the least.
    pub priority: u16,
    /// How often it may be begun, at least once.
    pub attempts_max: u32,
    /// After how many milliseconds an attempt is taken away; 0 for never.
    pub time_limit_ms: u64,
    /// After how many milliseconds the whole task is given up, wherever it is then; 0 for never.
    pub deadline_ms: u64,
}

impl NewTask {
    /// A task of middle priority, begun three times at most, without time limit and deadline.
    #[must_use]
    pub fn new(payload: &[u8]) -> Self {
        Self {
            payload: payload.to_vec(),
            priority: 500,
            attempts_max: 3,
            time_limit_ms: 0,
            deadline_ms: 0,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let header = json!({
            "attempt": 0, "attempts_max": self.attempts_max.max(1), "time_limit_ms": self.time_limit_ms,
            "deadline_ms": self.deadline_ms,
        });
        join(&header.to_string(), &self.payload)
    }

    /// What its name begins with.
    pub(super) fn name_beginning(&self, guid: &str) -> String {
        let mark = if self.deadline_ms > 0 { DEADLINE } else { "" };
        format!("{:03}{mark}-{guid}-", self.priority.min(999))
    }
}

/// The longest payload and the longest result: what fits into a request with all around it, however often the task is moved.
pub const TASK_LEN_MAX: usize = 1_000_000;

/// The highest number of an attempt: those in the names of assignments have 18 digits at most, which every language counts with.
const ATTEMPT_MAX: u64 = 999_999_999_999_999_999;

/// The digits of that.
const ATTEMPT_LEN_MAX: usize = 18;

/// So much is kept of the text of an error.
const ERROR_CHARS_MAX: usize = 1_000;

/// Whether something is short enough for a task or its result.
pub(super) fn check_len(path: &str, len: usize) -> Result<(), Error> {
    if len <= TASK_LEN_MAX {
        return Ok(());
    }
    Err(Error::TooLong {
        path: path.to_owned(),
        len,
        len_max: TASK_LEN_MAX,
    })
}

/// What stands behind the priority of a task that has a deadline.
const DEADLINE: &str = "d";

/// A task as it is kept.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Task {
    header: Map<String, Value>,
    pub(super) payload: Vec<u8>,
}

impl Task {
    pub(super) fn decode(path: &str, data: &[u8]) -> Result<Self, Error> {
        let mut parts = data.splitn(2, |byte| *byte == b'\n');
        let (header, payload) = (parts.next().unwrap_or_default(), parts.next());
        let payload = payload.ok_or_else(|| Error::content(path, "a task without a header"))?;
        let header = serde_json::from_slice(header)
            .map_err(|error| Error::content(path, format!("no header of a task: {error}")))?;
        Ok(Self {
            header,
            payload: payload.to_vec(),
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        join(
            &Value::Object(self.header.clone()).to_string(),
            &self.payload,
        )
    }

    fn number(&self, field: &str) -> u64 {
        self.header.get(field).and_then(Value::as_u64).unwrap_or(0)
    }

    /// Attempts begun.
    pub(super) fn attempt(&self) -> u64 {
        match self.header.get("attempt").and_then(Value::as_f64) {
            // Not every language reads it as an integer.
            Some(attempt) if attempt >= 2_f64.powi(63) => u64::MAX,
            Some(_) | None => self.number("attempt"),
        }
    }

    /// Those of them that count against `attempts_max`: begun since it was last taken out of `dead`.
    pub(super) fn attempts_counted(&self) -> u64 {
        self.attempt()
            .saturating_sub(self.number("attempts_before"))
    }

    /// Whether no further attempt may begin, also for want of a number: strangers may write any.
    pub(super) fn is_spent(&self) -> bool {
        self.attempt() >= ATTEMPT_MAX
            || self.attempts_counted() >= self.number("attempts_max").max(1)
    }

    /// The same task without what the worker gets.
    pub(super) fn emptied(mut self) -> Self {
        self.payload.clear();
        self
    }

    /// What lies at this path: a task, or the bytes that are none, as one that may not be tried any more.
    pub(super) fn salvage(path: &str, data: &[u8]) -> Self {
        Self::decode(path, data).unwrap_or_else(|error| {
            let header = json!({ "attempt": 1, "attempts_max": 1, "error": error.to_string() });
            let Value::Object(header) = header else {
                unreachable!("it was just written as an object")
            };
            Self {
                header,
                payload: data.to_vec(),
            }
        })
    }

    /// `None` for none.
    pub(super) fn time_limit_ms(&self) -> Option<u64> {
        Some(self.number("time_limit_ms")).filter(|limit| *limit > 0)
    }

    /// When it is given up, by the servers' time, if it lies where it was made then.
    pub(super) fn deadline_at_ms(&self, ctime_ms: i64) -> Option<i64> {
        let deadline = Some(self.number("deadline_ms")).filter(|deadline| *deadline > 0)?;
        let submitted_at_ms = self.header.get("submitted_ms").and_then(Value::as_i64);
        let deadline = i64::try_from(deadline).unwrap_or(i64::MAX);
        Some(submitted_at_ms.unwrap_or(ctime_ms).saturating_add(deadline))
    }

    pub(super) fn error(&self) -> String {
        let error = self.header.get("error").and_then(Value::as_str);
        error.unwrap_or_default().to_owned()
    }

    /// The same task, with the time of its submission, which is that of this znode if nobody wrote it down.
    pub(super) fn submitted(mut self, ctime_ms: i64) -> Self {
        let submitted = self.header.entry("submitted_ms");
        submitted.or_insert_with(|| json!(ctime_ms));
        self
    }

    /// The same task taken out of `dead`. None of its attempts counts against what it may have, and no later one may have the number of
    /// one from before, which may still run. So they are numbered on from the zxid at which it was put there: it is higher than all of
    /// them, since each took a change of its own, also of those that who has cancelled it did not see.
    pub(super) fn renewed(mut self, died_at: Zxid) -> Self {
        self.count_from(died_at);
        self.header.remove("submitted_ms");
        self.header.remove("error");
        self
    }

    /// The same task as it is begun from the queue, where it has lain since this zxid. Whoever takes it out of `dead` by an old look
    /// numbers it as somebody did before, who has had it tried since. So one of which no attempt has begun since it was taken out is
    /// numbered on from where it was queued for that: it is higher than all numbers that were given out before.
    pub(super) fn numbered_on(mut self, queued_at: Zxid) -> Self {
        if self.number("attempts_before") > 0 && self.attempts_counted() == 0 {
            self.count_from(queued_at);
        }
        self
    }

    /// Counts no attempt, and numbers the next one higher than this.
    fn count_from(&mut self, zxid: Zxid) {
        let attempt = json!(self.attempt().max(zxid.0));
        self.header.insert("attempt".to_owned(), attempt.clone());
        self.header.insert("attempts_before".to_owned(), attempt);
    }

    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// The same task at its next attempt.
    pub(super) fn begun(mut self) -> Self {
        let attempt = self.attempt().saturating_add(1);
        self.header.insert("attempt".to_owned(), json!(attempt));
        self
    }

    /// The same task with the beginning of this text.
    pub(super) fn with_error(mut self, error: &str) -> Self {
        let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
        self.header.insert("error".to_owned(), json!(error));
        self
    }
}

/// A result as it is kept.
pub(super) fn encode_result(worker: &str, attempt: u64, result: &[u8]) -> Vec<u8> {
    let header = json!({ "worker": worker, "attempt": attempt });
    join(&header.to_string(), result)
}

fn join(header: &str, body: &[u8]) -> Vec<u8> {
    [header.as_bytes(), b"\n", body].concat()
}

/// The order in which tasks are assigned: priority, then number.
pub(super) fn rank(name: &str) -> (&str, &str) {
    let priority = name.split('-').next().unwrap_or_default();
    let number = name.rsplit('-').next().unwrap_or_default();
    (priority.trim_end_matches(DEADLINE), number)
}

/// Whether the task of this name has a deadline.
pub(super) fn has_deadline(name: &str) -> bool {
    let priority = name.split('-').next().unwrap_or_default();
    priority.ends_with(DEADLINE)
}

/// Name and attempt of an assigned task.
pub(super) fn split_attempt(name: &str) -> Option<(&str, u64)> {
    let (task, attempt) = name.rsplit_once('.')?;
    let is_number = attempt.len() <= ATTEMPT_LEN_MAX && !attempt.starts_with('+');
    Some((task, attempt.parse().ok().filter(|_| is_number)?))
}

/// The places of a farm.
#[derive(Clone, Debug)]
pub(super) struct Places {
    root: String,
}

impl Places {
    pub(super) fn new(root: &str) -> Self {
        let root = root.to_owned();
        Self { root }
    }

    pub(super) fn of(&self, place: &str) -> String {
        format!("{}/{place}", self.root)
    }

    pub(super) fn task(&self, place: &str, task: &str) -> String {
        format!("{}/{place}/{task}", self.root)
    }

    pub(super) fn assigned(&self, worker: &str, task: &str, attempt: u64) -> String {
        format!("{}/assigned/{worker}/{task}.{attempt}", self.root)
    }
}

/// All places that must be there before a farm works.
pub(super) const PLACES: [&str; 8] = [
    "clock", "leader", "workers", "assigned", "queue", "failed", "done", "dead",
];

#[cfg(test)]
mod tests {
    use super::ATTEMPT_MAX;
    use super::ERROR_CHARS_MAX;
    use super::NewTask;
    use super::Task;
    use super::Zxid;
    use super::has_deadline;
    use super::rank;
    use super::split_attempt;

    #[test]
    fn a_task_comes_back_as_it_was_with_bytes_of_any_kind_and_fields_of_others() {
        let task = NewTask::new(b"a\nb\xff");
        let read = Task::decode("/t", &task.encode()).expect("it was just written");
        assert_eq!(
            (read.attempt(), read.is_spent(), read.time_limit_ms()),
            (0, false, None)
        );
        assert_eq!(read.payload, b"a\nb\xff");
        let other = Task::decode(
            "/t",
            b"{\"attempt\":1,\"attempts_max\":2,\"theirs\":[1]}\nx",
        );
        let moved = other.expect("it is well written").begun().with_error("no");
        assert!(moved.is_spent() && moved.error() == "no");
        assert!(String::from_utf8_lossy(&moved.encode()).contains("\"theirs\":[1]"));
    }

    #[test]
    fn a_task_that_is_tried_again_has_all_its_attempts_anew_and_none_of_their_numbers() {
        let header = b"{\"attempt\":3,\"attempts_max\":2,\"submitted_ms\":7,\"error\":\"no\"}\nx";
        let dead = Task::decode("/t", header).expect("it is well written");
        let renewed = dead.clone().renewed(Zxid(2));
        assert_eq!((renewed.attempt(), renewed.attempts_counted()), (3, 0));
        let renewed = dead.renewed(Zxid(70));
        assert_eq!(
            (renewed.attempt(), renewed.attempts_counted()),
            (70, 0),
            "{renewed:?}"
        );
        assert!(renewed.field("submitted_ms").is_none() && renewed.error().is_empty());
        let last = renewed.begun().begun();
        assert!(!last.clone().renewed(Zxid(90)).begun().is_spent());
        assert_eq!((last.attempt(), last.is_spent()), (72, true));
    }

    #[test]
    fn a_task_that_is_tried_again_is_numbered_on_from_where_it_was_queued_for_that() {
        let task = |header: &str| {
            let task = Task::decode("/t", format!("{header}\nx").as_bytes());
            task.expect("it is well written").numbered_on(Zxid(90))
        };
        let renewed = task("{\"attempt\":70,\"attempts_before\":70}");
        assert_eq!((renewed.attempt(), renewed.attempts_counted()), (90, 0));
        let renewed = task("{\"attempt\":95,\"attempts_before\":95}");
        assert_eq!((renewed.attempt(), renewed.attempts_counted()), (95, 0));
        let begun = task("{\"attempt\":71,\"attempts_before\":70}");
        assert_eq!((begun.attempt(), begun.attempts_counted()), (71, 1));
        assert_eq!(task("{\"attempt\":0}").begun().attempt(), 1);
    }

    #[test]
    fn after_the_highest_number_of_all_no_attempt_begins() {
        let header = format!("{{\"attempt\":{},\"attempts_max\":3", u64::MAX);
        for more in ["", ",\"attempts_before\":18446744073709551615"] {
            let task = Task::decode("/t", format!("{header}{more}}}\nx").as_bytes());
            let task = task.expect("it is well written");
            assert!(task.is_spent(), "{task:?}");
            assert!(task.clone().renewed(Zxid(7)).is_spent());
            assert_eq!(task.begun().attempt(), u64::MAX);
        }
    }

    #[test]
    fn an_attempt_has_eighteen_digits_at_most() {
        let task = |attempt: &str| {
            let header = format!("{{\"attempt\":{attempt},\"attempts_max\":9e9}}\n");
            Task::decode("/t", header.as_bytes()).expect("it is well written")
        };
        let last = "{\"attempt\":999999999999999998,\"attempts_max\":1000000000000000000}\n";
        let last = Task::decode("/t", last.as_bytes()).expect("it is well written");
        assert!(!last.is_spent());
        let last = last.begun();
        let name = format!("t.{}", last.attempt());
        assert_eq!(split_attempt(&name), Some(("t", ATTEMPT_MAX)));
        assert!(last.is_spent());
        for beyond in ["1000000000000000000", "18446744073709551616", "1e19"] {
            assert!(task(beyond).is_spent(), "{beyond}");
            assert!(task(beyond).attempt() >= ATTEMPT_MAX, "{beyond}");
        }
        for none in ["-1", "0.5", "\"7\""] {
            assert_eq!(task(none).attempt(), 0, "{none}");
        }
        for none in ["t.1000000000000000000", "t.", "t.+5", "t.-5", "t"] {
            assert_eq!(split_attempt(none), None, "{none}");
        }
    }

    #[test]
    fn of_a_long_error_the_beginning_is_kept_and_no_half_character() {
        let task = Task::decode("/t", b"{}\n").expect("it is well written");
        let long = "\u{1f41b}".repeat(ERROR_CHARS_MAX + 1);
        let kept = task.with_error(&long).error();
        assert_eq!(kept, "\u{1f41b}".repeat(ERROR_CHARS_MAX));
    }

    #[test]
    fn a_deadline_is_counted_from_the_first_submission() {
        let task = NewTask {
            deadline_ms: 500,
            ..NewTask::new(b"")
        };
        assert_eq!(task.name_beginning("ab"), "500d-ab-");
        let read = Task::decode("/t", &task.encode()).expect("it was just written");
        assert_eq!(read.deadline_at_ms(1_000), Some(1_500));
        let moved = read.submitted(1_000).begun().submitted(7_000);
        assert_eq!(moved.deadline_at_ms(9_000), Some(1_500));
        let without = Task::decode("/t", b"{}\n").expect("it is well written");
        assert_eq!(without.deadline_at_ms(1_000), None);
    }

    #[test]
    fn what_is_no_task_is_refused_with_its_path() {
        for bytes in [b"".as_slice(), b"{}", b"[]\n", b"\xff\n"] {
            let error = Task::decode("/farm/queue/t", bytes).expect_err("it is no task");
            assert!(error.to_string().starts_with("/farm/queue/t"), "{error}");
            let kept = Task::salvage("/farm/queue/t", bytes);
            assert!(kept.is_spent() && kept.payload == bytes && !kept.error().is_empty());
        }
    }

    #[test]
    fn tasks_are_ranked_by_priority_and_then_by_number() {
        let mut names = [
            "500-aa-0000000004",
            "500d-aa-0000000001",
            "000-bb-0000000009",
            "500-00-0000000003",
        ];
        names.sort_by_key(|name| rank(name));
        assert_eq!(names[0], "000-bb-0000000009");
        assert_eq!(names[1], "500d-aa-0000000001");
        assert_eq!(names[2], "500-00-0000000003");
        assert!(has_deadline(names[1]) && !has_deadline(names[2]));
        assert_eq!(
            split_attempt("500-aa-0000000001.3"),
            Some(("500-aa-0000000001", 3))
        );
        assert_eq!(split_attempt("500-aa-0000000001"), None);
    }
}
