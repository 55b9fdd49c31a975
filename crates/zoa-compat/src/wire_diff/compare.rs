//! Two transcripts of one connection for one step, compared frame by frame and field by field.

use super::fields::Field;
use super::fields::Value;
use super::fields::event_fields;
use super::fields::reply_fields;
use super::moments::Moments;
use crate::link::Incoming;
use crate::wire::ConnectResponse;
use crate::wire::Hex;
use crate::wire::ReplyHeader;
use crate::wire::XID_EVENT;
use crate::wire::XID_PING;
use crate::wire::op;

/// One field, or one frame, that differs.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// The operation answered; `event` or `connect` for other frames.
    pub(crate) what: String,
    pub(crate) field: String,
    pub(crate) left: String,
    pub(crate) right: String,
}

/// What a connection's frames answer in this step.
pub(crate) struct Expectation<'a> {
    /// The first frame answers a handshake.
    pub(crate) handshake: bool,
    /// The operations asked for, in order.
    pub(crate) ops: &'a [i32],
    /// Events of one txn may come in any order: the reference walks a hash set of ephemerals.
    pub(crate) events_unordered: bool,
}

/// Compares the transcripts of one connection.
pub(crate) fn compare(
    moments: &mut Moments,
    expectation: &Expectation<'_>,
    left: &[Incoming],
    right: &[Incoming],
) -> Vec<Difference> {
    let mut found = Vec::new();
    if left.len() != right.len() {
        found.push(Difference {
            what: name(expectation.ops.first().copied(), expectation.handshake),
            field: "frames".to_owned(),
            left: describe(left),
            right: describe(right),
        });
        return found;
    }
    learn_pairs(moments, expectation, left, right, &mut found);
    let mut ops = expectation.ops.iter().copied();
    let (left, right) = (arranged(left, expectation), arranged(right, expectation));
    for (at, (left, right)) in left.iter().zip(&right).enumerate() {
        match (left, right) {
            (Incoming::Frame(left), Incoming::Frame(right)) if at == 0 && expectation.handshake => {
                compare_handshakes(moments, left, right, &mut found);
            }
            (Incoming::Frame(left), Incoming::Frame(right)) => {
                compare_frames(moments, &mut ops, (left, right), &mut found);
            }
            (left, right) if left == right => {}
            (left, right) => found.push(Difference {
                what: name(ops.next(), expectation.handshake && at == 0),
                field: "frames".to_owned(),
                left: describe(std::slice::from_ref(left)),
                right: describe(std::slice::from_ref(right)),
            }),
        }
    }
    found
}

fn name(answered: Option<i32>, handshake: bool) -> String {
    match answered {
        _ if handshake => "connect".to_owned(),
        Some(answered) => op::name(answered),
        None => "connection".to_owned(),
    }
}

/// Header zxids first: later fields are measured from them.
fn learn_pairs(
    moments: &mut Moments,
    expectation: &Expectation<'_>,
    left: &[Incoming],
    right: &[Incoming],
    found: &mut Vec<Difference>,
) {
    let mut ops = expectation.ops.iter().copied();
    for (left, right) in left
        .iter()
        .zip(right)
        .skip(usize::from(expectation.handshake))
    {
        let (Some(left), Some(right)) = (reply_header(left), reply_header(right)) else {
            continue;
        };
        let answered = ops.next().unwrap_or(op::PING);
        if let Some((left, right)) = moments.learn(left.zxid, right.zxid) {
            found.push(Difference {
                what: op::name(answered),
                field: "zxid moved by".to_owned(),
                left: left.to_string(),
                right: right.to_string(),
            });
        }
    }
}

fn reply_header(incoming: &Incoming) -> Option<ReplyHeader> {
    match incoming {
        Incoming::Frame(frame) => ReplyHeader::read(frame)
            .map(|(header, _)| header)
            .filter(|header| header.xid != XID_EVENT),
        Incoming::Closed | Incoming::Silent => None,
    }
}

/// The frames in the order in which they are compared.
fn arranged(transcript: &[Incoming], expectation: &Expectation<'_>) -> Vec<Incoming> {
    let mut arranged = transcript.to_vec();
    if expectation.events_unordered {
        for run in
            arranged.chunk_by_mut(|a, b| reply_header(a).is_none() && reply_header(b).is_none())
        {
            run.sort_by_key(|incoming| match incoming {
                // The body alone: type, state and path.
                Incoming::Frame(frame) => (0, frame.get(16..).unwrap_or_default().to_vec()),
                Incoming::Closed | Incoming::Silent => (1, Vec::new()),
            });
        }
    }
    arranged
}

fn compare_handshakes(
    moments: &mut Moments,
    left: &[u8],
    right: &[u8],
    found: &mut Vec<Difference>,
) {
    let fields = |frame: &[u8]| {
        let response = ConnectResponse::read(frame)?;
        Some([
            ("protocolVersion", i64::from(response.protocol_version)),
            ("timeOut", i64::from(response.timeout_ms)),
            ("session given", i64::from(response.session != 0)),
            (
                "password length",
                i64::try_from(response.password.len()).ok()?,
            ),
            (
                "password given",
                i64::from(response.password.iter().any(|byte| *byte != 0)),
            ),
            ("readOnly", response.read_only.map_or(-1, i64::from)),
            ("length", i64::try_from(frame.len()).ok()?),
        ])
    };
    if let (Some(left), Some(right)) = (ConnectResponse::read(left), ConnectResponse::read(right)) {
        moments.learn_session(left.session, right.session);
    }
    match (fields(left), fields(right)) {
        (Some(left), Some(right)) => {
            for ((field, left), (_, right)) in left.into_iter().zip(right) {
                if left != right {
                    found.push(Difference {
                        what: "connect".to_owned(),
                        field: field.to_owned(),
                        left: left.to_string(),
                        right: right.to_string(),
                    });
                }
            }
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => found.push(Difference {
            what: "connect".to_owned(),
            field: "layout".to_owned(),
            left: Hex(left).to_string(),
            right: Hex(right).to_string(),
        }),
    }
}

fn compare_frames(
    moments: &mut Moments,
    ops: &mut impl Iterator<Item = i32>,
    (left, right): (&[u8], &[u8]),
    found: &mut Vec<Difference>,
) {
    let kinds = [left, right]
        .map(|frame| ReplyHeader::read(frame).map(|(header, _)| header.xid == XID_EVENT));
    let (what, left, right) = match kinds {
        [Some(true), Some(true)] => ("event".to_owned(), event_fields(left), event_fields(right)),
        [Some(false), Some(false)] => {
            let ping = ReplyHeader::read(left).is_some_and(|(header, _)| header.xid == XID_PING);
            let answered = ops.next().unwrap_or(if ping { op::PING } else { i32::MIN });
            (
                op::name(answered),
                reply_fields(answered, left),
                reply_fields(answered, right),
            )
        }
        _ => {
            found.push(Difference {
                what: "order of frames".to_owned(),
                field: "frames".to_owned(),
                left: Hex(left).to_string(),
                right: Hex(right).to_string(),
            });
            return;
        }
    };
    compare_fields(moments, &what, (&left, &right), found);
}

fn compare_fields(
    moments: &mut Moments,
    what: &str,
    (left, right): (&[Field], &[Field]),
    found: &mut Vec<Difference>,
) {
    // An error on one side only would list every field of the body: the error says it all.
    let same_error = errors(left) == errors(right);
    for field in left.iter().filter(|field| same_error || is_error(field)) {
        let Some(other) = right.iter().find(|other| other.name == field.name) else {
            found.push(difference(what, field, "absent".to_owned()));
            continue;
        };
        // Header zxids of replies were compared when they were learned.
        let learned = field.name == "zxid" && what != "event";
        if !learned && !moments.same(&field.value, &other.value) {
            found.push(difference(what, field, show(&other.value)));
        }
    }
    for other in right.iter().filter(|_| same_error) {
        if !left.iter().any(|field| field.name == other.name) {
            found.push(Difference {
                left: "absent".to_owned(),
                ..difference(what, other, show(&other.value))
            });
        }
    }
}

/// The header's error and, in a multi, those of its results.
fn is_error(field: &Field) -> bool {
    field.name == "err" || field.name.ends_with("].err")
}

fn errors(fields: &[Field]) -> Vec<Value> {
    fields
        .iter()
        .filter(|field| is_error(field))
        .map(|field| field.value.clone())
        .collect()
}

fn difference(what: &str, field: &Field, right: String) -> Difference {
    Difference {
        what: what.to_owned(),
        field: field.name.clone(),
        left: show(&field.value),
        right,
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Number(number) | Value::Owner(number) => number.to_string(),
        Value::Zxid(zxid) => format!("{zxid:#x}"),
        Value::Time { zxid, ms } => format!("{ms} (of zxid {zxid:#x})"),
        Value::Bytes(None) => "null".to_owned(),
        Value::Bytes(Some(bytes)) => format!("[{}]", Hex(bytes)),
        Value::Text(text) => format!("{text:?}"),
        Value::List(list) | Value::Set(list) => format!("{list:?}"),
    }
}

/// A transcript for a person to read.
pub(crate) fn describe(transcript: &[Incoming]) -> String {
    let words: Vec<String> = transcript
        .iter()
        .map(|incoming| match incoming {
            Incoming::Frame(frame) => Hex(frame).to_string(),
            Incoming::Closed => "closed".to_owned(),
            Incoming::Silent => "silence".to_owned(),
        })
        .collect();
    format!("{} frames: {}", transcript.len(), words.join(" | "))
}

#[cfg(test)]
mod tests;
