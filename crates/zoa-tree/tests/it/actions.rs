//! What random tests do: actions, and how often each.
//!
//! Most are such that they can succeed: a few paths, few sessions, mostly open ACLs; odd paths,
//! flags and ACLs come now and then.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::Entry;
use crate::model::How;
use crate::model::Op;
use crate::model::Write;

/// Something a test does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Applies it for one of three sessions, through its own connection or another's.
    Apply {
        session: usize,
        moved: bool,
        who: usize,
        op: Op,
    },
    NewTerm,
    OpenCursor(String),
    StepCursor(usize),
    BeginSnapshot,
    StepSnapshot(usize),
    /// Stores and loads the second tree.
    Reload,
}

pub(crate) const PATHS: &[&str] = &[
    "/a",
    "/b",
    "/a/a",
    "/a/b",
    "/b/a",
    "/a/a/a",
    "/a/b/c",
    "/zookeeper/a",
    "/b/s-",
    "/a/",
    "/",
];
const ODD_PATHS: &[&str] = &[
    "",
    "a",
    "//a",
    "/a//b",
    "/a/.",
    "/b/..",
    "/a\0",
    "/b\u{1}",
    "/b/\u{fff1}",
    "/zookeeper",
    "/zookeeper/quota",
    "/./a",
];
pub(crate) const WHO: &[&[(&str, &str)]] = &[
    &[],
    &[("ip", "10.1.2.3")],
    &[("ip", "9.9.9.9"), ("digest", "joe:hash")],
    &[("digest", "joe:hash"), ("digest", "ann:hash")],
    &[("super", "")],
];
const ACLS: &[&[(u32, &str, &str)]] = &[
    &[(31, "world", "anyone")],
    &[(31, "world", "anyone"), (31, "world", "anyone")],
    &[(1, "world", "anyone"), (31, "digest", "joe:hash")],
    &[(14, "world", "anyone"), (16, "ip", "10.0.0.0/8")],
    &[(31, "auth", "")],
    &[],
    &[(31, "digest", "nobody")],
];

fn path() -> impl Strategy<Value = String> {
    let usual = proptest::sample::select(PATHS);
    let odd = proptest::sample::select(ODD_PATHS);
    prop_oneof![30 => usual, 1 => odd].prop_map(str::to_owned)
}

fn acl() -> impl Strategy<Value = Vec<Entry>> {
    let usual = Just(ACLS[0]);
    let strict = proptest::sample::select(&ACLS[2..5]);
    let any = proptest::sample::select(ACLS);
    prop_oneof![6 => usual, 2 => strict, 1 => any].prop_map(|acl| {
        let owned =
            |(perms, scheme, id): &(u32, &str, &str)| (*perms, (*scheme).into(), (*id).into());
        acl.iter().map(owned).collect()
    })
}

fn version() -> impl Strategy<Value = i32> {
    prop_oneof![6 => Just(-1), 1 => 0..3i32]
}

fn data() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(vec(any::<u8>(), 0..20))
}

/// Flags of common znodes, and now and then others.
fn flags(odd: &'static [i32]) -> impl Strategy<Value = i32> {
    prop_oneof![20 => 0..4i32, 1 => proptest::sample::select(odd)]
}

fn create(odd_flags: &'static [i32]) -> impl Strategy<Value = Write> {
    let ttl_ms = prop_oneof![20 => 1..60i64, 1 => Just(0), 1 => Just(-1), 1 => Just(1 << 40)];
    let how = prop_oneof![
        10 => flags(odd_flags).prop_map(|flags| (flags, How::Create)),
        10 => flags(odd_flags).prop_map(|flags| (flags, How::Create2)),
        3 => prop_oneof![9 => Just(4), 1 => 0..7i32].prop_map(|flags| (flags, How::Container)),
        3 => (prop_oneof![9 => 5..7i32, 1 => 0..5i32], ttl_ms)
            .prop_map(|(flags, ttl_ms)| (flags, How::Ttl(ttl_ms))),
    ];
    (path(), data(), acl(), how).prop_map(|(path, data, acl, (flags, how))| Write::Create {
        path,
        data,
        acl,
        flags,
        how,
    })
}

/// What may stand alone and in a multi; there unknown flags would fail the packet.
fn plain(odd_flags: &'static [i32]) -> impl Strategy<Value = Write> {
    let delete = (path(), version()).prop_map(|(path, version)| Write::Delete { path, version });
    let set = (path(), data(), version()).prop_map(|(path, data, version)| Write::SetData {
        path,
        data,
        version,
    });
    prop_oneof![6 => create(odd_flags), 2 => delete, 4 => set]
}

fn write() -> impl Strategy<Value = Write> {
    let set_acl = (path(), acl(), version()).prop_map(|(path, acl, version)| Write::SetAcl {
        path,
        acl,
        version,
    });
    let check = (path(), version()).prop_map(|(path, version)| Write::Check { path, version });
    let in_multi = prop_oneof![6 => plain(&[4, 5, 6]), 1 => check];
    let multi = vec(in_multi, 0..6).prop_map(Write::Multi);
    prop_oneof![10 => plain(&[-1, 4, 5, 6, 7]), 2 => set_acl, 4 => multi]
}

fn op() -> impl Strategy<Value = (bool, Op)> {
    let timeout = 1000..5000;
    let attach = (timeout.clone(), any::<bool>(), any::<bool>()).prop_map(
        |(timeout_ms, is_right, moves)| {
            // The right password is put in when the session is known.
            let password = if is_right { Vec::new() } else { vec![0; 16] };
            (
                moves,
                Op::Attach {
                    timeout_ms,
                    password,
                },
            )
        },
    );
    prop_oneof![
        100 => write().prop_map(|write| (false, Op::Write(write))),
        1 => write().prop_map(|write| (true, Op::Write(write))),
        5 => timeout.prop_map(|timeout_ms| (false, Op::Open { timeout_ms })),
        2 => attach,
        1 => any::<bool>().prop_map(|moved| (moved, Op::Close)),
        1 => Just((false, Op::Expire)),
        1 => Just((false, Op::Refuse)),
        1 => Just((false, Op::Sync)),
        8 => path().prop_map(|path| (false, Op::Reap(path))),
    ]
}

pub(crate) fn action() -> impl Strategy<Value = Action> {
    let session = prop_oneof![6 => Just(0usize), 3 => Just(1), 1 => Just(2)];
    let apply =
        (session, 0..WHO.len(), op()).prop_map(|(session, who, (moved, op))| Action::Apply {
            session,
            moved,
            who,
            op,
        });
    prop_oneof![
        30 => apply,
        1 => Just(Action::NewTerm),
        2 => path().prop_map(Action::OpenCursor),
        3 => (1..4usize).prop_map(Action::StepCursor),
        1 => Just(Action::BeginSnapshot),
        4 => (1..6usize).prop_map(Action::StepSnapshot),
        1 => Just(Action::Reload),
    ]
}
