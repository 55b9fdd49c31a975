//! What a million znodes of 100 bytes cost: memory a znode, and time of the common operations.
//!
//! ```text
//! cargo run --release -p zoa-tree --example million -- [directories] [children]
//! ```
//!
//! It is a yardstick for changes of this crate, not a benchmark of the server: one thread, no
//! requests from a socket, the keys in a fixed pseudo-random order. Times are CPU time of this thread,
//! so that a busy machine disturbs them less.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures, and prints what it found"
)]

use std::hint::black_box;
use std::time::Duration;
use std::time::Instant;

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::CreateFlags;
use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Version;
use zoa_proto::Xid;
use zoa_proto::jute::Writer;
use zoa_proto::request::Create;
use zoa_proto::request::Delete;
use zoa_proto::request::SetData;
use zoa_tree::Access;
use zoa_tree::HashKey;
use zoa_tree::Identities;
use zoa_tree::Owner;
use zoa_tree::Settings;
use zoa_tree::SnapshotStep;
use zoa_tree::Tree;
use zoa_tree::TreeLoader;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

const DATA: [u8; 100] = [b'd'; 100];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directories = number(arguments.next());
    let children = number(arguments.next());
    let mut tree = Tree::new(HashKey([11, 12]));
    apply(
        &mut tree,
        TxnOp::OpenSession {
            timeout_ms: 1000,
            password: [0; 16],
        },
    );
    let count = directories * children;
    println!("{directories} directories of {children} znodes with 100 bytes");

    hot();

    let before = resident_len();
    create_all(&mut tree, directories, children);
    let grown = resident_len() - before;
    println!(
        "memory            {:8.1} B a znode",
        grown as f64 / count as f64
    );

    let paths = shuffled_paths(directories, children);
    read(&tree, &paths);
    report("setData", apply_all(&mut tree, &paths, set_data), count);
    snapshot(&mut tree);
    let (many, some) = paths.split_at(count / 2);
    report("delete", apply_all(&mut tree, many, delete), many.len());
    report(
        "create again",
        apply_all(&mut tree, many, create),
        many.len(),
    );
    apply_all(&mut tree, some, delete);
    apply_all(&mut tree, some, create);
    let before = resident_len();
    apply_all(&mut tree, &paths, delete);
    println!(
        "deleting all gave {:8.1} B a znode back",
        before.saturating_sub(resident_len()) as f64 / count as f64
    );
}

fn number(argument: Option<String>) -> usize {
    argument.map_or(1000, |text| text.parse().expect("a number"))
}

/// The same operations where all is in the nearest caches: what the instructions cost.
fn hot() {
    let mut tree = Tree::new(HashKey([31, 32]));
    let timeout_ms = 1000;
    let password = [0; 16];
    apply(
        &mut tree,
        TxnOp::OpenSession {
            timeout_ms,
            password,
        },
    );
    let paths: Vec<String> = (0..1000)
        .map(|number| format!("/dir/node-{number:04}"))
        .collect();
    apply_all(&mut tree, &["/dir".to_owned()], create);
    let (mut creating, mut deleting) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..1000 {
        creating += apply_all(&mut tree, &paths, create);
        deleting += apply_all(&mut tree, &paths, delete);
    }
    report("hot create", creating, 1000 * paths.len());
    report("hot delete", deleting, 1000 * paths.len());
    apply_all(&mut tree, &paths, create);
    let setting = (0..1000)
        .map(|_| apply_all(&mut tree, &paths, set_data))
        .sum();
    report("hot setData", setting, 1000 * paths.len());
    let start = cpu_time();
    for path in paths.iter().cycle().take(1_000_000) {
        black_box(tree.find(path));
    }
    report("hot find", cpu_time() - start, 1_000_000);
}

fn create_all(tree: &mut Tree, directories: usize, children: usize) {
    let parents: Vec<String> = (0..directories)
        .map(|number| format!("/dir-{number:04}"))
        .collect();
    for parent in &parents {
        apply_all(tree, std::slice::from_ref(parent), create);
    }
    let children: Vec<String> = (0..children)
        .map(|number| format!("node-{number:04}"))
        .collect();
    let mut all = Duration::ZERO;
    for parent in parents {
        for some in children.chunks(1000) {
            let paths: Vec<String> = some
                .iter()
                .map(|child| format!("{parent}/{child}"))
                .collect();
            all += apply_all(tree, &paths, create);
        }
    }
    report("create", all, directories * children.len());
}

fn read(tree: &Tree, paths: &[String]) {
    let access = Access {
        identities: Identities::NONE,
        skip_acl: false,
    };
    let start = cpu_time();
    for path in paths {
        black_box(tree.find(path));
    }
    report("find", cpu_time() - start, paths.len());
    let start = cpu_time();
    for path in paths {
        black_box(tree.read_data(path, &access).expect("it is there"));
    }
    report("getData", cpu_time() - start, paths.len());
    let few = paths.get(..1000.min(paths.len())).unwrap_or_default();
    let start = cpu_time();
    for path in few.iter().cycle().take(paths.len()) {
        black_box(tree.read_data(path, &access).expect("it is there"));
    }
    report("getData, 1000 hot", cpu_time() - start, paths.len());
}

fn snapshot(tree: &mut Tree) {
    let mut chunks = Vec::new();
    let mut longest = Duration::ZERO;
    let start = cpu_time();
    let mut cursor = tree.begin_snapshot();
    loop {
        let mut chunk = Vec::with_capacity(1 << 16);
        let step = Instant::now();
        let said = tree.snapshot_step(&mut cursor, 256, &mut chunk);
        longest = longest.max(step.elapsed());
        chunks.push(chunk);
        if said == SnapshotStep::Done {
            break;
        }
    }
    tree.end_snapshot(cursor);
    let (took, digest) = (cpu_time() - start, tree.digest());
    let nodes = usize::try_from(tree.node_count()).unwrap_or(usize::MAX);
    report("snapshot", took, nodes);
    println!("longest step      {:8.1} us", longest.as_secs_f64() * 1e6);
    println!(
        "snapshot          {:8.1} B a znode",
        chunks.iter().map(Vec::len).sum::<usize>() as f64 / nodes as f64
    );
    let start = cpu_time();
    let mut loader = TreeLoader::new(HashKey([21, 22]));
    for chunk in &chunks {
        loader.push(chunk).expect("what was written loads");
    }
    let loaded = loader.finish().expect("what was written loads");
    println!(
        "load              {:8.1} ms",
        (cpu_time() - start).as_secs_f64() * 1e3
    );
    assert_eq!(loaded.digest(), digest, "the same tree");
}

/// Every path, in an order in which no neighbours follow each other.
fn shuffled_paths(directories: usize, children: usize) -> Vec<String> {
    let count = directories * children;
    let mut state = 88_172_645_463_325_252u64;
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(last, usize::try_from(state).unwrap_or(0) % (last + 1));
    }
    let path = |index: usize| format!("/dir-{:04}/node-{:04}", index / children, index % children);
    order.into_iter().map(path).collect()
}

fn create(path: &str) -> Vec<u8> {
    let mut scratch = Vec::new();
    let acl = AclList::collect_into([AclRef::OPEN], &mut scratch);
    let flags = CreateFlags(0);
    encoded(&Request::Create(Create {
        path,
        data: Some(&DATA),
        acl,
        flags,
    }))
}

fn set_data(path: &str) -> Vec<u8> {
    encoded(&Request::SetData(SetData {
        path,
        data: Some(&DATA),
        version: Version::ANY,
    }))
}

fn delete(path: &str) -> Vec<u8> {
    encoded(&Request::Delete(Delete {
        path,
        version: Version::ANY,
    }))
}

/// The operation, then the body.
fn encoded(request: &Request<'_>) -> Vec<u8> {
    let mut bytes = request.op().to_wire().to_be_bytes().to_vec();
    request.encode(&mut Writer::new(&mut bytes));
    bytes
}

/// Applies a request for each path; returns how long applying took, without making the requests.
fn apply_all(tree: &mut Tree, paths: &[String], request: fn(&str) -> Vec<u8>) -> Duration {
    let mut all = Duration::ZERO;
    for some in paths.chunks(100_000) {
        let requests: Vec<Vec<u8>> = some.iter().map(|path| request(path)).collect();
        let start = cpu_time();
        for request in &requests {
            let (op, body) = request
                .split_first_chunk::<4>()
                .expect("the operation is in front");
            let op = OpCode::from_wire(i32::from_be_bytes(*op)).expect("it was encoded");
            apply(tree, TxnOp::Request { op, body });
        }
        all += cpu_time() - start;
    }
    all
}

fn apply(tree: &mut Tree, op: TxnOp<'_>) {
    let txn = Txn {
        session: SessionId(1),
        owner: Owner {
            server: PeerId(1),
            connection: 1,
        },
        xid: Xid(1),
        time_ms: 1,
        settings: Settings::NONE,
        identities: Identities::NONE,
        op,
    };
    let outcome = tree.apply(1, &txn);
    assert!(outcome.result.is_ok(), "{outcome:?}");
}

/// What this thread has used of a processor.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(first.expect("the first field is a number"))
}

fn report(what: &str, took: Duration, count: usize) {
    println!(
        "{what:17} {:8.1} ns",
        took.as_secs_f64() * 1e9 / count as f64
    );
}

/// Resident bytes of this process.
fn resident_len() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|field| field.parse::<usize>().ok());
    pages.expect("the second field is a number") * 4096
}
