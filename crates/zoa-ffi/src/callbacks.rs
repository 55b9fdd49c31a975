//! What the caller's functions are to be told: copied out of the reply, queued in the order of the wire, told without a lock.
//!
//! ```text
//! Batch    bytes: |value|path\0|name\0name\0...|        one piece of memory for all of them
//!          items: [callback, code, where in the bytes]
//! ```
//!
//! Invariants: items are told in the order in which they came (events before the replies behind them, G-07). What a function is given
//! lives until it returns, as the interface has it.

use core::ops::Range;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;

use smallvec::SmallVec;
use zoa_proto::AclList;
use zoa_proto::MultiResult;
use zoa_proto::MultiResults;
use zoa_proto::PathList;
use zoa_proto::Reply;

use crate::abi::Acl;
use crate::abi::AclVector;
use crate::abi::Id;
use crate::abi::Stat;
use crate::abi::StringVector;
use crate::abi::ZHandle;
use crate::arguments::put_path;
use crate::codes::ZOK;
use crate::codes::ZRUNTIMEINCONSISTENCY;
use crate::jute;
use crate::jute::Release;
use crate::tag::Callback;
use crate::tag::Function;
use crate::tag::Results;
use crate::watchers::Watcher;

/// What a reply said, its bytes in the batch.
#[derive(Debug)]
enum Body {
    Nothing,
    Stat(Stat),
    Data(Option<Range<usize>>, Stat),
    /// Strings with their NULs, one behind another.
    Names {
        start: usize,
        count: usize,
        stat: Option<Stat>,
    },
    Path(usize, Option<Stat>),
    Acl {
        perms: Vec<i32>,
        start: usize,
        stat: Stat,
    },
    Multi(Vec<OpResult>),
}

/// What one operation of a multi came to.
#[derive(Debug)]
struct OpResult {
    err: c_int,
    path: Option<Range<usize>>,
    stat: Option<Stat>,
}

#[derive(Debug)]
enum Item {
    Reply {
        callback: Callback,
        rc: c_int,
        body: Body,
    },
    Event {
        event: c_int,
        state: c_int,
        path: usize,
        watchers: SmallVec<[Watcher; 1]>,
    },
}

/// Some of them, to be told one after another.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// Capacity above which an empty batch gives its memory back.
const IDLE_LEN: usize = 256 << 10;

impl Batch {
    pub(crate) const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// An event for these watchers.
    pub(crate) fn push_event(
        &mut self,
        event: c_int,
        state: c_int,
        path: &str,
        watchers: impl IntoIterator<Item = Watcher>,
    ) {
        let path = self.put_text(path);
        let watchers = watchers.into_iter().collect();
        self.items.push(Item::Event {
            event,
            state,
            path,
            watchers,
        });
    }

    /// A reply, or the code that stands for it.
    pub(crate) fn push_reply(&mut self, callback: Callback, result: Result<Reply<'_>, c_int>) {
        let (rc, body) = match result {
            Ok(reply) => (ZOK, self.put_body(reply)),
            Err(rc) => (rc, Body::Nothing),
        };
        self.items.push(Item::Reply { callback, rc, body });
    }

    fn put_text(&mut self, text: &str) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        start
    }

    fn put_body(&mut self, reply: Reply<'_>) -> Body {
        match reply {
            Reply::Stat(stat) => Body::Stat(stat.into()),
            Reply::Data { data, stat } => {
                let range = data.map(|data| {
                    let start = self.bytes.len();
                    self.bytes.extend_from_slice(data);
                    start..self.bytes.len()
                });
                Body::Data(range, stat.into())
            }
            Reply::Children(names) => self.put_names(&names, None),
            Reply::ChildrenAndStat { children, stat } => {
                self.put_names(&children, Some(stat.into()))
            }
            Reply::Path(path) => Body::Path(self.put_text(path), None),
            Reply::PathAndStat { path, stat } => Body::Path(self.put_text(path), Some(stat.into())),
            Reply::Acl { acl, stat } => self.put_acl(&acl, stat.into()),
            Reply::Multi(results) => Body::Multi(self.put_results(&results)),
            Reply::Empty
            | Reply::Count(_)
            | Reply::ErrorResponse(_)
            | Reply::WhoAmI(_)
            | Reply::Sasl(_) => Body::Nothing,
        }
    }

    fn put_names(&mut self, names: &PathList<'_>, stat: Option<Stat>) -> Body {
        let start = self.bytes.len();
        for name in names.iter() {
            self.put_text(name);
        }
        Body::Names {
            start,
            count: names.len(),
            stat,
        }
    }

    fn put_acl(&mut self, acl: &AclList<'_>, stat: Stat) -> Body {
        let start = self.bytes.len();
        let mut perms = Vec::with_capacity(acl.len());
        for entry in acl.iter() {
            perms.push(entry.perms.to_wire());
            self.put_text(entry.scheme);
            self.put_text(entry.id);
        }
        Body::Acl { perms, start, stat }
    }

    fn put_results(&mut self, results: &MultiResults<'_>) -> Vec<OpResult> {
        let put = |result: MultiResult<'_>| {
            let (err, path, stat) = parts_of(&result);
            let path = path.map(|path| {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(path.as_bytes());
                start..self.bytes.len()
            });
            OpResult { err, path, stat }
        };
        results.iter().map(put).collect()
    }

    /// Tells all of them, in order; returns the empty batch. No lock may be held.
    pub(crate) fn tell(mut self, zh: *mut ZHandle) -> Self {
        let mut items = std::mem::take(&mut self.items);
        for item in items.drain(..) {
            self.tell_one(zh, item);
        }
        self.items = items;
        self.bytes.clear();
        if self.bytes.capacity() > IDLE_LEN {
            self.bytes = Vec::new();
        }
        self
    }

    fn tell_one(&self, zh: *mut ZHandle, item: Item) {
        match item {
            Item::Event {
                event,
                state,
                path,
                watchers,
            } => {
                for Watcher { function, context } in watchers {
                    // SAFETY: the caller gave function and context for this; the path is a string in the batch.
                    unsafe { function(zh, event, state, self.text_at(path), context) };
                }
            }
            Item::Reply {
                callback: Callback { function, data },
                rc,
                body,
            } => match function {
                Function::Multi(function, results) => {
                    let rc = self.give_results(results, rc, &body);
                    if let Some(function) = function {
                        // SAFETY: the caller gave both for this.
                        unsafe { function(rc, data) };
                    }
                }
                _ => self.call(function, data, rc, body),
            },
        }
    }

    /// Calls a function with what it wants of the body; nulls stand for what is not there.
    fn call(&self, function: Function, data: *const c_void, rc: c_int, mut body: Body) {
        let stat = match &mut body {
            Body::Stat(stat) | Body::Data(_, stat) | Body::Acl { stat, .. } => &raw mut *stat,
            Body::Names {
                stat: Some(stat), ..
            }
            | Body::Path(_, Some(stat)) => &raw mut *stat,
            _ => null_mut(),
        };
        // In every call below the caller gave function and data for this, and what the pointers lead to (the batch's bytes, `body`
        // and the vectors made here) lives until the function returns.
        match function {
            // SAFETY: see above.
            Function::Void(Some(function)) => unsafe { function(rc, data) },
            // SAFETY: see above.
            Function::Stat(Some(function)) => unsafe { function(rc, stat, data) },
            Function::Data(Some(function)) => {
                let (value, len) = self.value_of(&body);
                // SAFETY: see above.
                unsafe { function(rc, value, len, stat, data) }
            }
            // SAFETY: see above.
            Function::Text(Some(function)) => unsafe { function(rc, self.path_of(&body), data) },
            // SAFETY: see above.
            Function::TextStat(Some(function)) => unsafe {
                function(rc, self.path_of(&body), stat, data);
            },
            Function::Strings(Some(function)) => self.with_names(&body, |names| {
                // SAFETY: see above.
                unsafe { function(rc, names, data) }
            }),
            Function::StringsStat(Some(function)) => self.with_names(&body, |names| {
                // SAFETY: see above.
                unsafe { function(rc, names, stat, data) }
            }),
            Function::Acl(Some(function)) => self.with_acl(&body, |acl| {
                // SAFETY: see above.
                unsafe { function(rc, acl, stat, data) }
            }),
            Function::Void(None)
            | Function::Stat(None)
            | Function::Data(None)
            | Function::Text(None)
            | Function::TextStat(None)
            | Function::Strings(None)
            | Function::StringsStat(None)
            | Function::Acl(None)
            | Function::Multi(..) => {}
        }
    }

    fn text_at(&self, start: usize) -> *const c_char {
        let bytes = self.bytes.get(start..).unwrap_or_default();
        if bytes.is_empty() {
            c"".as_ptr()
        } else {
            bytes.as_ptr().cast()
        }
    }

    fn path_of(&self, body: &Body) -> *const c_char {
        match body {
            Body::Path(start, _) => self.text_at(*start),
            _ => null(),
        }
    }

    fn value_of(&self, body: &Body) -> (*const c_char, c_int) {
        match body {
            Body::Data(Some(range), _) => {
                let value = self.bytes.get(range.clone()).unwrap_or_default();
                (
                    value.as_ptr().cast(),
                    c_int::try_from(value.len()).unwrap_or(c_int::MAX),
                )
            }
            Body::Data(None, _) => (null(), -1),
            _ => (null(), 0),
        }
    }

    /// So many strings that stand one behind another, copied into memory that C code may free.
    fn copies(&self, start: usize, count: usize) -> impl Iterator<Item = *mut c_char> {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let strings = rest.split(|byte| *byte == 0).take(count);
        strings.map(jute::copy_text)
    }

    /// Calls with a vector of malloc's: there are programs whose completions free it, and others leave it to the library.
    fn with_names(&self, body: &Body, call: impl FnOnce(*const StringVector)) {
        let Body::Names { start, count, .. } = body else {
            return call(null());
        };
        let mut vector = jute::vector_of(*count, self.copies(*start, *count));
        call(&raw const vector);
        // SAFETY: made above; what the function has freed is null now.
        unsafe { vector.release() };
    }

    /// The same of an ACL.
    fn with_acl(&self, body: &Body, call: impl FnOnce(*mut AclVector)) {
        let Body::Acl { perms, start, .. } = body else {
            return call(null_mut());
        };
        let mut strings = self.copies(*start, perms.len() * 2);
        let entries = perms.iter().map(|perms| Acl {
            perms: *perms,
            id: Id {
                scheme: strings.next().unwrap_or(null_mut()),
                id: strings.next().unwrap_or(null_mut()),
            },
        });
        let mut vector = jute::vector_of(perms.len(), entries);
        call(&raw mut vector);
        // SAFETY: made above; what the function has freed is null now.
        unsafe { vector.release() };
    }

    /// Puts the results of a multi where the caller wants them; its own code.
    fn give_results(&self, results: Results, rc: c_int, body: &Body) -> c_int {
        let Body::Multi(given) = body else {
            give_failure(results, rc);
            return rc;
        };
        let path_of = |result: &OpResult| {
            let path = result.path.clone();
            path.map(|path| self.bytes.get(path).unwrap_or_default())
        };
        let given = given
            .iter()
            .map(|result| (result.err, path_of(result), result.stat));
        give_each(results, given)
    }
}

/// Code, path and stat of a result.
pub(crate) fn parts_of<'a>(result: &MultiResult<'a>) -> (c_int, Option<&'a str>, Option<Stat>) {
    match result {
        MultiResult::Created { path, .. } => (ZOK, Some(path), None),
        MultiResult::DataSet(stat) => (ZOK, None, Some((*stat).into())),
        MultiResult::Deleted
        | MultiResult::Checked
        | MultiResult::Data { .. }
        | MultiResult::Children(_) => (ZOK, None, None),
        MultiResult::Error(code) => (code.map_or(ZOK, zoa_proto::ErrorCode::to_wire), None, None),
    }
}

/// Puts results where the caller wants them, and tells the first real error among them.
pub(crate) fn give_each<'a>(
    results: Results,
    given: impl Iterator<Item = (c_int, Option<&'a [u8]>, Option<Stat>)>,
) -> c_int {
    let mut first_error = ZOK;
    for (at, (err, path, stat)) in given.enumerate().take(results.count) {
        if first_error == ZOK && err != ZRUNTIMEINCONSISTENCY {
            first_error = err;
        }
        // SAFETY: the caller's array has `count` results and is the library's until the multi is answered; its `value` has
        // `valuelen` bytes and its `stat` is null or one stat, as the operations said.
        unsafe {
            let result = &mut *results.first.add(at);
            result.err = err;
            match path {
                Some(path) if !result.value.is_null() => {
                    put_path(path, result.value, result.valuelen)
                }
                _ => result.value = null_mut(),
            }
            match stat {
                Some(stat) if !result.stat.is_null() => *result.stat = stat,
                _ => result.stat = null_mut(),
            }
        }
    }
    first_error
}

/// The whole multi came to nothing.
pub(crate) fn give_failure(results: Results, rc: c_int) {
    give_each(
        results,
        std::iter::repeat_n((rc, None, None), results.count),
    );
}
