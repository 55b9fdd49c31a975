//! Random transactions: the tree against the model, and two replicas against each other.
//!
//! Two trees with different hash keys apply the same; each outcome must be that of the model and
//! the digests must be equal all the time (G-01, G-13 to G-16). Meanwhile the first is listed in
//! steps and a snapshot is taken of it in steps, and the second is now and then stored and loaded
//! again, so that it goes on from a snapshot.

use proptest::collection::vec;
use proptest::prelude::*;
use zoa_proto::AclRef;
use zoa_proto::CreateFlags;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Version;
use zoa_proto::request::Check;
use zoa_proto::request::Create;
use zoa_proto::request::CreateTtl;
use zoa_proto::request::Delete;
use zoa_proto::request::SetAcl;
use zoa_proto::request::SetData;
use zoa_tree::ChildCursor;
use zoa_tree::HashKey;
use zoa_tree::Identity;
use zoa_tree::Settings;
use zoa_tree::SnapshotCursor;
use zoa_tree::SnapshotStep;
use zoa_tree::Tree;
use zoa_tree::TreeLoader;
use zoa_tree::TxnOp;

use crate::actions::Action;
use crate::actions::PATHS;
use crate::actions::WHO;
use crate::actions::action;
use crate::model::Conditions;
use crate::model::Entry;
use crate::model::How;
use crate::model::Model;
use crate::model::NEVER_USED_MS_MAX;
use crate::model::Op;
use crate::model::Write;
use crate::model::owner;
use crate::model::password_of;
use crate::world::Heard;
use crate::world::World;
use crate::world::acl_list;

/// A listing under way: what it must give and what it gave.
struct Listing {
    cursor: ChildCursor,
    expected: Vec<String>,
    names: Vec<String>,
}

/// A snapshot under way, and the state it must give.
struct Taking {
    cursor: SnapshotCursor,
    bytes: Vec<u8>,
    model: Model,
    digest: u64,
}

struct Replicas {
    first: World,
    second: World,
    model: Model,
    term: u64,
    time_ms: i64,
    /// The connection that each session attached through last.
    connections: [u64; 3],
    listings: Vec<Listing>,
    taking: Option<Taking>,
    reloads: u64,
}

impl Replicas {
    fn new() -> Self {
        let mut replicas = Self {
            first: World::new(),
            second: World::new(),
            model: Model::new(),
            term: 1,
            time_ms: 100,
            connections: [0; 3],
            listings: Vec::new(),
            taking: None,
            reloads: 0,
        };
        replicas.first.tree = Tree::new(HashKey([1, 2]));
        replicas.second.tree = Tree::new(HashKey([0xfeed, 0xbeef]));
        replicas.first.settings = Settings::EXTENDED_TYPES;
        replicas.second.settings = Settings::EXTENDED_TYPES;
        for session in 0..2 {
            replicas.apply(session, false, 0, Op::Open { timeout_ms: 1000 });
        }
        for path in &PATHS[..6] {
            let write = Write::Create {
                path: (*path).to_owned(),
                data: None,
                acl: vec![(31, "world".to_owned(), "anyone".to_owned())],
                flags: 0,
                how: How::Create,
            };
            replicas.apply(0, false, 0, Op::Write(write));
        }
        replicas
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Apply {
                session,
                moved,
                who,
                op,
            } => self.apply(session, moved, who, op),
            Action::NewTerm => self.term += 1,
            Action::OpenCursor(path) => self.open_cursor(&path),
            Action::StepCursor(children_max) => self.step_cursor(children_max),
            Action::BeginSnapshot => {
                self.taking = Some(Taking {
                    cursor: self.first.tree.begin_snapshot(),
                    bytes: Vec::new(),
                    model: self.model.clone(),
                    digest: self.first.tree.digest(),
                });
            }
            Action::StepSnapshot(slots_max) => self.step_snapshot(slots_max),
            Action::Reload => self.reload(),
        }
    }

    fn apply(&mut self, session: usize, moved: bool, who: usize, mut op: Op) {
        self.time_ms += 1;
        let id = SessionId(i64::try_from(session).unwrap() + 0x100);
        let connection = self.connections[session] + u64::from(moved);
        if let Op::Attach { password, .. } = &mut op
            && password.is_empty()
        {
            *password = password_of(id);
            self.connections[session] = connection;
        }
        let owned = |(scheme, id): &(&str, &str)| ((*scheme).to_owned(), (*id).to_owned());
        let conditions = Conditions {
            session: id,
            owner: owner(connection),
            time_ms: self.time_ms,
            term: self.term,
            identities: WHO[who].iter().map(owned).collect(),
        };
        let (zxid, result, triggers) = self.model.apply(&conditions, &op);
        if let Op::Open { .. } = op
            && result.is_ok()
        {
            self.connections[session] = connection;
        }
        for world in [&mut self.first, &mut self.second] {
            let heard = apply(world, &conditions, &op);
            assert_eq!((heard.zxid, &heard.result), (zxid, &result), "{op:?}");
            assert_eq!(heard.triggers, triggers, "{op:?}");
        }
        assert_eq!(self.first.tree.digest(), self.second.tree.digest());
        let unused = self.model.unused(self.time_ms);
        assert_eq!(unused_of(&self.first.tree, self.time_ms), unused);
    }

    fn open_cursor(&mut self, path: &str) {
        let cursor = self.first.tree.open_children_cursor(path);
        let is_there = path.is_empty() || self.model.nodes.contains_key(path);
        assert_eq!(cursor.is_some(), is_there, "{path:?}");
        if let Some(cursor) = cursor {
            let path = if path.is_empty() { "/" } else { path };
            assert_eq!(*cursor.stat(), self.model.stat(path));
            let expected = self.model.children(path);
            let len: usize = expected.iter().map(String::len).sum();
            assert_eq!(cursor.names_len(), len as u64);
            self.listings.push(Listing {
                cursor,
                expected,
                names: Vec::new(),
            });
        }
    }

    /// Steps the listing that began first; closes it when it is complete.
    fn step_cursor(&mut self, children_max: usize) {
        let Some(listing) = self.listings.first_mut() else {
            return;
        };
        let Listing { cursor, names, .. } = listing;
        let mut each = |name: &str| names.push(name.to_owned());
        if self.first.tree.cursor_step(cursor, children_max, &mut each) {
            let Listing {
                cursor,
                expected,
                mut names,
            } = self.listings.remove(0);
            names.sort_unstable();
            assert_eq!(names, expected);
            self.first.tree.close_cursor(cursor);
        }
    }

    fn step_snapshot(&mut self, slots_max: usize) {
        let Some(taking) = &mut self.taking else {
            return;
        };
        let step = self
            .first
            .tree
            .snapshot_step(&mut taking.cursor, slots_max, &mut taking.bytes);
        assert_ne!(step, SnapshotStep::Superseded);
        if step == SnapshotStep::Done {
            let Some(Taking {
                cursor,
                bytes,
                model,
                digest,
            }) = self.taking.take()
            else {
                return;
            };
            self.first.tree.end_snapshot(cursor);
            let tree = load(&bytes, HashKey([5, 6]));
            assert_eq!(tree.digest(), digest);
            assert_same(&tree, &model);
        }
    }

    fn reload(&mut self) {
        self.reloads += 1;
        let tree = &mut self.second.tree;
        let mut cursor = tree.begin_snapshot();
        let mut bytes = Vec::new();
        while tree.snapshot_step(&mut cursor, 5, &mut bytes) == SnapshotStep::More {}
        self.second.tree = load(&bytes, HashKey([self.reloads, 77]));
    }

    fn finish(mut self) {
        assert_same(&self.first.tree, &self.model);
        assert_same(&self.second.tree, &self.model);
        while !self.listings.is_empty() {
            self.step_cursor(100);
        }
        while self.first.tree.reclaim(100) {}
        for _ in 0..100 {
            self.step_snapshot(100);
        }
        assert!(self.taking.is_none());
        assert_same(&self.first.tree, &self.model);
        assert_eq!(self.first.tree.digest(), self.second.tree.digest());
    }
}

/// What a leader would find unused, in steps.
fn unused_of(tree: &Tree, time_ms: i64) -> Vec<String> {
    let mut paths = Vec::new();
    let mut from = Some(0);
    while let Some(number) = from {
        let rule = (time_ms, NEVER_USED_MS_MAX);
        from = tree.read_unused((number, 2), rule, &mut |path| paths.push(path.to_owned()));
    }
    paths.sort_unstable();
    paths
}

fn load(bytes: &[u8], key: HashKey) -> Tree {
    let mut loader = TreeLoader::new(key);
    for chunk in bytes.chunks(97) {
        loader.push(chunk).expect("what was written loads");
    }
    loader.finish().expect("what was written loads")
}

/// Applies an operation to a tree, as bytes.
fn apply(world: &mut World, conditions: &Conditions, op: &Op) -> Heard {
    world.session = conditions.session;
    world.owner = conditions.owner;
    world.term = conditions.term;
    // The world's clock goes on by one when it applies.
    world.time_ms = conditions.time_ms - 1;
    let identities = conditions.identities.iter();
    world.identities = identities
        .map(|(scheme, id)| Identity { scheme, id })
        .collect();
    match op {
        Op::Open { timeout_ms } => {
            let mut password = [0; 16];
            password.copy_from_slice(&password_of(conditions.session));
            world.apply(TxnOp::OpenSession {
                timeout_ms: *timeout_ms,
                password,
            })
        }
        Op::Attach {
            timeout_ms,
            password,
        } => world.apply(TxnOp::AttachSession {
            timeout_ms: *timeout_ms,
            password,
        }),
        Op::Close => world.apply(TxnOp::CloseSession),
        Op::Expire => world.apply(TxnOp::ExpireSession),
        Op::Refuse => world.apply(TxnOp::Refuse {
            error: ErrorCode::ThrottledOp,
        }),
        Op::Sync => world.apply(TxnOp::Sync),
        Op::Reap(path) => world.apply(TxnOp::Reap {
            path,
            never_used_ms_max: NEVER_USED_MS_MAX,
        }),
        Op::Write(write) => apply_write(world, write),
    }
}

fn apply_write(world: &mut World, write: &Write) -> Heard {
    let mut scratch = Vec::new();
    match write {
        Write::SetAcl { path, acl, version } => {
            let acl = acl_list(&borrowed(acl), &mut scratch);
            let version = Version(*version);
            world.request(&Request::SetAcl(SetAcl { path, acl, version }))
        }
        Write::Multi(writes) => {
            let mut scratches = vec![Vec::new(); writes.len()];
            let with_scratch = writes.iter().zip(&mut scratches);
            let ops: Vec<MultiOp<'_>> = with_scratch
                .map(|(write, scratch)| multi_op(write, scratch))
                .collect();
            world.multi(&ops)
        }
        Write::Create { .. }
        | Write::Delete { .. }
        | Write::SetData { .. }
        | Write::Check { .. } => {
            let request = match multi_op(write, &mut scratch) {
                MultiOp::Create(create) => Request::Create(create),
                MultiOp::Create2(create) => Request::Create2(create),
                MultiOp::CreateContainer(create) => Request::CreateContainer(create),
                MultiOp::CreateTtl(create) => Request::CreateTtl(create),
                MultiOp::Delete(delete) => Request::Delete(delete),
                MultiOp::SetData(set) => Request::SetData(set),
                other => panic!("never alone: {other:?}"),
            };
            world.request(&request)
        }
    }
}

fn multi_op<'a>(write: &'a Write, scratch: &'a mut Vec<u8>) -> MultiOp<'a> {
    match write {
        Write::Create {
            path,
            data,
            acl,
            flags,
            how,
        } => {
            let acl = acl_list(&borrowed(acl), scratch);
            let flags = CreateFlags(*flags);
            let create = Create {
                path,
                data: data.as_deref(),
                acl,
                flags,
            };
            match how {
                How::Create => MultiOp::Create(create),
                How::Create2 => MultiOp::Create2(create),
                How::Container => MultiOp::CreateContainer(create),
                How::Ttl(ttl_ms) => MultiOp::CreateTtl(CreateTtl {
                    path,
                    data: data.as_deref(),
                    acl,
                    flags,
                    ttl_ms: *ttl_ms,
                }),
            }
        }
        Write::Delete { path, version } => MultiOp::Delete(Delete {
            path,
            version: Version(*version),
        }),
        Write::SetData {
            path,
            data,
            version,
        } => {
            let version = Version(*version);
            MultiOp::SetData(SetData {
                path,
                data: data.as_deref(),
                version,
            })
        }
        Write::Check { path, version } => MultiOp::Check(Check {
            path,
            version: Version(*version),
        }),
        Write::SetAcl { .. } | Write::Multi(_) => panic!("not in a multi: {write:?}"),
    }
}

fn borrowed(acl: &[Entry]) -> Vec<(u32, &str, &str)> {
    acl.iter()
        .map(|(perms, scheme, id)| (*perms, scheme.as_str(), id.as_str()))
        .collect()
}

/// Everything that can be read of the tree is what the model says.
fn assert_same(tree: &Tree, model: &Model) {
    assert_eq!(tree.last_zxid(), model.zxid);
    assert_eq!(tree.node_count(), model.nodes.len() as u64 + 1);
    let mut len = 0;
    let mut ephemerals_count = 0;
    for (path, node) in &model.nodes {
        let held = tree
            .find(path)
            .unwrap_or_else(|| panic!("{path} is not there"));
        assert_eq!(held.stat(), model.stat(path), "{path}");
        assert_eq!(held.data(), node.data.as_deref(), "{path}");
        let entry =
            |entry: AclRef<'_>| (entry.perms.0, entry.scheme.to_owned(), entry.id.to_owned());
        assert_eq!(
            held.acl().list().iter().map(entry).collect::<Vec<_>>(),
            node.acl,
            "{path}"
        );
        let mut names: Vec<&str> = held.children().collect();
        names.sort_unstable();
        assert_eq!(names, model.children(path), "{path}");
        let below = format!("{}/", path.trim_end_matches('/'));
        let descendants = model
            .nodes
            .keys()
            .filter(|key| key.len() > below.len() && key.starts_with(&below));
        assert_eq!(
            held.descendants_count() as usize,
            descendants.count(),
            "{path}"
        );
        len += path.len() + node.data.as_ref().map_or(0, Vec::len);
        ephemerals_count += u64::from(held.stat().ephemeral_owner != SessionId::NONE);
    }
    assert_eq!(tree.approximate_data_size(), len as u64);
    assert_eq!(tree.ephemerals_count(), ephemerals_count);
    assert_eq!(tree.sessions_count(), model.sessions.len() as u64);
    for (id, session) in &model.sessions {
        let held = tree.session(*id).expect("it is there");
        assert_eq!(
            (held.timeout_ms(), held.owner()),
            (session.timeout_ms, session.owner)
        );
        let mut paths = Vec::new();
        tree.read_ephemerals(*id, "", &mut |path| paths.push(path.to_owned()));
        paths.sort_unstable();
        assert_eq!(paths, model.ephemerals(*id));
    }
}

/// `PROPTEST_CASES=20000 cargo test --release -p zoa-tree --test it random` tries for longer.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_tree_does_what_the_model_does(actions in vec(action(), 1..200)) {
        let mut replicas = Replicas::new();
        for (number, action) in actions.into_iter().enumerate() {
            replicas.act(action);
            if number % 16 == 0 {
                assert_same(&replicas.first.tree, &replicas.model);
            }
        }
        replicas.finish();
    }
}
