//! One maker for each way in which an operation fails, taken in turn so that each comes up often enough.

use super::super::moments::Moments;
use super::super::step::Request;
use super::Generator;
use super::NOBODY;
use crate::wire::Acl;
use crate::wire::Body;
use crate::wire::XID_AUTH;
use crate::wire::XID_SET_WATCHES;
use crate::wire::op;

type Maker = fn(&mut Generator) -> Request;

/// Paths that no validator accepts.
const BAD_PATHS: &[&str] = &[
    "",
    "no-slash",
    "/w/",
    "/w//x",
    "//",
    "/w/./x",
    "/w/../x",
    "/w/nul\0",
    "/w/control\u{1}",
    "/w/del\u{7f}",
    "/w/private\u{e000}",
    "/w/special\u{fff0}",
    "/..",
    "/.",
];

/// Paths that name nothing, well formed or not.
const ABSENT_PATHS: &[&str] = &[
    "/absent",
    "/fix/absent",
    "/w/absent/below",
    "/fix/plain/",
    "/fix//plain",
    "/zookeeper/absent",
];

/// The requests of one turn.
pub(super) fn make(generator: &mut Generator, turn: usize, _moments: &Moments) -> Vec<Request> {
    // Failing parts take two turns: what stands behind another failing part counts as -2.
    let makers = MAKERS.len() + 2 * FAILING_PARTS.len() + CUT_OPS.len();
    let at = turn % makers;
    if let Some(maker) = MAKERS.get(at) {
        return vec![maker(generator)];
    }
    if let Some(maker) = FAILING_PARTS.get((at - MAKERS.len()) / 2) {
        return vec![failing_multi(generator, *maker)];
    }
    let op = CUT_OPS
        .get(at - MAKERS.len() - 2 * FAILING_PARTS.len())
        .copied()
        .unwrap_or(op::CREATE);
    vec![cut(generator, op)]
}

/// Operations whose bodies are cut short, to -5.
const CUT_OPS: &[i32] = &[
    op::CREATE,
    op::CREATE2,
    op::DELETE,
    op::EXISTS,
    op::GET_DATA,
    op::SET_DATA,
    op::GET_ACL,
    op::SET_ACL,
    op::GET_CHILDREN,
    op::GET_CHILDREN2,
    op::SYNC,
    op::MULTI,
    op::MULTI_READ,
    op::SET_WATCHES,
    op::SET_WATCHES2,
    op::ADD_WATCH,
    op::CHECK_WATCHES,
    op::REMOVE_WATCHES,
    op::GET_EPHEMERALS,
    op::GET_ALL_CHILDREN_NUMBER,
    op::CREATE_CONTAINER,
    op::CREATE_TTL,
    op::DELETE_CONTAINER,
];

fn cut(generator: &mut Generator, op: i32) -> Request {
    let bodies: [&[u8]; 5] = [
        &[],
        &[0],
        &[0, 0, 0],
        &[0, 0, 0, 9, b'/', b'w'],
        &[0x7f, 0xff, 0xff, 0xff, b'/'],
    ];
    let body = generator
        .random
        .pick(&bodies)
        .copied()
        .unwrap_or_default()
        .to_vec();
    let request = Request::new(op, body, "cut short");
    if matches!(op, op::SET_WATCHES | op::SET_WATCHES2) {
        request.with_xid(XID_SET_WATCHES)
    } else {
        request
    }
}

/// Parts that fail inside a multi, made as requests of their own kind.
const FAILING_PARTS: &[Maker] = &[
    |g| create_at(g, "/absent/x"),
    |g| create_at(g, "/fix/plain"),
    |g| create_at(g, "/fix/eph/x"),
    |g| create_with_bad_acl(g, ""),
    |g| create_at(g, "/fix/nocreate/x"),
    create_with_bad_path,
    |_| delete("/absent", -1),
    |_| delete("/fix/plain", 77),
    |_| delete("/fix/full", -1),
    |_| delete("/fix/nodelete/child", -1),
    |_| delete("/", -1),
    |_| set_data("/absent", -1),
    |_| set_data("/fix/plain", 77),
    |_| set_data("/fix/nowrite", -1),
    |g| set_data_bad_path(g),
    |_| check("/absent", -1),
    |_| check("/fix/plain", 77),
    |_| check("/fix/noread", -1),
    |g| as_create2(create_at(g, "/absent/x")),
    |g| as_create2(create_at(g, "/fix/plain")),
    |g| as_create2(create_at(g, "/fix/eph/x")),
    |g| as_create2(create_with_bad_acl(g, "")),
    |g| as_create2(create_at(g, "/fix/nocreate/x")),
    |g| as_create2(create_with_bad_path(g)),
    |g| as_ttl(create_at(g, "/fix/plain/ttl"), 5, -7),
];

/// Every kind of part stands before and behind the failing one often enough: 0 and -2.
fn failing_multi(generator: &mut Generator, maker: Maker) -> Request {
    let mut parts = vec![maker(generator)];
    let fillers: [fn(&mut Generator) -> Request; 7] = [
        |g| g.create(1),
        |g| as_container(create_at(g, "/fix/gone/new")),
        |g| as_ttl(create_at(g, "/fix/gone/newer"), 5, 60_000),
        |g| as_create2(plain_create(g)),
        |g| g.set_data(),
        |g| g.check(),
        |_| delete("/fix/gone/child", -1),
    ];
    for filler in fillers {
        if generator.random.chance(35) {
            let at = generator.random.below(parts.len() + 1);
            parts.insert(at, filler(generator));
        }
    }
    let body = parts.iter().fold(Body::new(), |body, part| {
        body.int(part.op).flag(false).int(-1).raw(&part.body)
    });
    Request::new(
        op::MULTI,
        body.int(-1).flag(true).int(-1).done(),
        "failing multi",
    )
}

/// The single requests.
const MAKERS: &[Maker] = &[
    |g| create_at(g, "/absent/x"),
    |g| create_at(g, "/fix/plain"),
    |g| create_at(g, "/fix/eph/x"),
    |g| create_with_bad_acl(g, "single"),
    |g| create_at(g, "/fix/nocreate/x"),
    create_with_bad_path,
    create_with_bad_flags,
    |g| as_create2(create_at(g, "/absent/x")),
    |g| as_create2(create_at(g, "/fix/plain")),
    |g| as_create2(create_at(g, "/fix/eph/x")),
    |g| as_create2(create_with_bad_acl(g, "single")),
    |g| as_create2(create_at(g, "/fix/nocreate/x")),
    |g| as_create2(create_with_bad_path(g)),
    |g| as_create2(create_with_bad_flags(g)),
    |g| delete(&absent(g), -1),
    |_| delete("/fix/plain", 77),
    |_| delete("/fix/full", -1),
    |_| delete("/fix/nodelete/child", -1),
    |g| {
        delete(
            ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]
                .get(g.random.below(4))
                .copied()
                .unwrap_or("/"),
            -1,
        )
    },
    |g| delete(&bad_path(g), -1),
    |g| read(op::EXISTS, &absent(g), g.random.chance(50)),
    |g| read(op::EXISTS, "/fix/noread", g.random.chance(50)),
    |g| read(op::EXISTS, &bad_path(g), g.random.chance(50)),
    |g| read(op::EXISTS, "/fix/nul\0", g.random.chance(50)),
    |g| read(op::GET_DATA, &absent(g), g.random.chance(50)),
    |g| read(op::GET_DATA, "/fix/noread", g.random.chance(50)),
    |g| read(op::GET_DATA, &bad_path(g), g.random.chance(50)),
    |_| set_data("/absent/set", -1),
    |g| set_data(&absent(g), -1),
    |_| set_data("/fix/plain", 77),
    |_| set_data("/fix/nowrite", -1),
    set_data_bad_path,
    |g| named(op::GET_ACL, &absent(g)),
    |_| named(op::GET_ACL, "/fix/nothing"),
    |_| set_acl("/absent/set", &Acl::open(), -1),
    |g| set_acl(&absent(g), &Acl::open(), -1),
    |_| set_acl("/fix/plain", &Acl::open(), 77),
    |_| set_acl("/fix/noadmin", &Acl::open(), -1),
    |g| {
        let acl = bad_acl(g);
        set_acl("/fix/full/child", &acl, -1)
    },
    |g| set_acl(&bad_path(g), &Acl::open(), -1),
    |g| read(op::GET_CHILDREN, &absent(g), true),
    |_| read(op::GET_CHILDREN, "/fix/noread", true),
    |g| read(op::GET_CHILDREN2, &absent(g), true),
    |_| read(op::GET_CHILDREN2, "/fix/noread", true),
    |g| named(op::GET_ALL_CHILDREN_NUMBER, &absent(g)),
    |_| named(op::GET_ALL_CHILDREN_NUMBER, "/fix/noread"),
    |g| denied_multi_read(g),
    |g| denied_multi_read(g),
    mixed_multi,
    |g| numbered(op::ADD_WATCH, "/fix/plain", odd_number(g)),
    |_| numbered(op::CHECK_WATCHES, "/never/watched", 3),
    |_| numbered(op::REMOVE_WATCHES, "/never/watched", 3),
    |g| numbered(op::CHECK_WATCHES, "/fix/plain", odd_number(g)),
    |g| numbered(op::REMOVE_WATCHES, "/fix/plain", odd_number(g)),
    bad_auth,
    |_| numbered(op::CHECK, "/fix/plain", 0),
    |_| Request::new(9999, Vec::new(), "unknown operation"),
    |g| {
        Request::new(
            [0, 10, 23, 99, 108, -1, i32::MAX]
                .get(g.random.below(7))
                .copied()
                .unwrap_or(0),
            Vec::new(),
            "unknown operation",
        )
    },
    |_| {
        Request::new(
            op::RECONFIG,
            Body::new().text("").text("3").text("").long(-1).done(),
            "reconfig alone",
        )
    },
    |g| as_container(create_at(g, "/absent/x")),
    |g| as_container(create_at(g, "/fix/plain")),
    |g| as_container(create_at(g, "/fix/eph/x")),
    |g| as_container(create_with_bad_acl(g, "container")),
    |g| as_container(create_at(g, "/fix/nocreate/x")),
    |g| as_container(create_with_bad_path(g)),
    |g| Request {
        op: op::CREATE_CONTAINER,
        ..create_with_bad_flags(g)
    },
    |g| as_ttl(create_at(g, "/absent/x"), 5, 60_000),
    |g| as_ttl(create_at(g, "/fix/plain"), 5, 60_000),
    |g| as_ttl(create_at(g, "/fix/eph/x"), 6, 60_000),
    |g| as_ttl(create_with_bad_acl(g, "ttl"), 5, 60_000),
    |g| as_ttl(create_at(g, "/fix/nocreate/x"), 6, 60_000),
    |g| as_ttl(create_with_bad_path(g), 5, 60_000),
    bad_ttl,
    |_| named(op::DELETE_CONTAINER, "/absent"),
    |_| named(op::DELETE_CONTAINER, "/fix/full"),
    |_| named(op::DELETE_CONTAINER, "/fix/eph"),
    large,
    null_path,
    null_acl,
    odd_kind,
    odd_kind,
    |_| create_body("/fix/plain/auth", &[Acl::new(31, "auth", "")], 0),
    |g| odd_perms(g),
    |g| read(op::GET_CHILDREN2, "/", g.random.chance(50)),
    |g| read(op::GET_DATA, "/", g.random.chance(50)),
    |_| set_data("/", -1),
    |_| named(op::GET_ACL, "/"),
    |_| named(op::GET_ALL_CHILDREN_NUMBER, "/"),
    |_| set_data("/zookeeper", -1),
    |_| set_data("/zookeeper/config", -1),
    |_| create_body("/zookeeper", &Acl::open(), 0),
    |g| create_body("/", &Acl::open(), g.random.chance(50).into()),
];

fn absent(generator: &mut Generator) -> String {
    generator
        .random
        .pick(ABSENT_PATHS)
        .copied()
        .unwrap_or("/absent")
        .to_owned()
}

fn bad_path(generator: &mut Generator) -> String {
    generator
        .random
        .pick(BAD_PATHS)
        .copied()
        .unwrap_or("")
        .to_owned()
}

fn odd_number(generator: &mut Generator) -> i32 {
    [2, -1, 6, 99, i32::MAX]
        .get(generator.random.below(5))
        .copied()
        .unwrap_or(99)
}

fn create_body(path: &str, acl: &[Acl], flags: i32) -> Request {
    Request::new(
        op::CREATE,
        Body::new()
            .text(path)
            .bytes(Some(b"x"))
            .acl(acl)
            .int(flags)
            .done(),
        "directed create",
    )
}

fn create_at(generator: &mut Generator, path: &str) -> Request {
    let flags = i32::from(generator.random.chance(30));
    create_body(path, &Acl::open(), flags)
}

fn create_with_bad_path(generator: &mut Generator) -> Request {
    let path = bad_path(generator);
    create_body(&path, &Acl::open(), 0)
}

fn create_with_bad_flags(generator: &mut Generator) -> Request {
    let flags = [7, 77, -1, i32::MIN]
        .get(generator.random.below(4))
        .copied()
        .unwrap_or(7);
    create_body("/fix/plain/flags", &Acl::open(), flags)
}

fn create_with_bad_acl(generator: &mut Generator, name: &str) -> Request {
    let acl = bad_acl(generator);
    create_body(&format!("/fix/plain/acl{name}"), &acl, 0)
}

fn bad_acl(generator: &mut Generator) -> Vec<Acl> {
    match generator.random.below(10) {
        0 => Vec::new(),
        8 | 9 => {
            let addresses = [
                "::1",
                "fe80::1/64",
                "1.2.3",
                "1.2.3.4/-1",
                "1.2.3.4/",
                "/8",
                "256.1.1.1",
                "1.2.3.4/33",
            ];
            vec![Acl::new(
                31,
                "ip",
                generator.random.pick(&addresses).copied().unwrap_or("::1"),
            )]
        }
        1 => vec![Acl::new(31, "nosuch", "x")],
        2 => vec![Acl::new(31, "digest", "nocolon")],
        3 => vec![Acl::new(31, "digest", "two:colons:here")],
        4 => vec![Acl::new(31, "ip", "not an address")],
        5 => vec![Acl::new(31, "ip", "1.2.3.4/99")],
        6 => vec![Acl::new(31, "world", "someone")],
        _ => vec![Acl::new(31, "world", "anyone"), Acl::new(1, "", NOBODY)],
    }
}

/// A create of the usual kinds.
fn plain_create(generator: &mut Generator) -> Request {
    loop {
        let create = generator.create(1);
        if matches!(create.op, op::CREATE | op::CREATE2) {
            return create;
        }
    }
}

fn as_create2(request: Request) -> Request {
    Request {
        op: op::CREATE2,
        ..request
    }
}

fn delete(path: &str, version: i32) -> Request {
    numbered(op::DELETE, path, version)
}

fn check(path: &str, version: i32) -> Request {
    numbered(op::CHECK, path, version)
}

fn numbered(op: i32, path: &str, number: i32) -> Request {
    Request::new(op, Body::new().text(path).int(number).done(), "directed")
}

fn named(op: i32, path: &str) -> Request {
    Request::new(op, Body::new().text(path).done(), "directed")
}

fn read(op: i32, path: &str, watch: bool) -> Request {
    Request::new(
        op,
        Body::new().text(path).flag(watch).done(),
        "directed read",
    )
}

fn set_data(path: &str, version: i32) -> Request {
    Request::new(
        op::SET_DATA,
        Body::new().text(path).bytes(Some(b"y")).int(version).done(),
        "directed setData",
    )
}

fn set_data_bad_path(generator: &mut Generator) -> Request {
    set_data(&bad_path(generator), -1)
}

fn set_acl(path: &str, acl: &[Acl], version: i32) -> Request {
    Request::new(
        op::SET_ACL,
        Body::new().text(path).acl(acl).int(version).done(),
        "directed setACL",
    )
}

fn denied_multi_read(generator: &mut Generator) -> Request {
    let paths = [
        "/fix/noread",
        "/absent",
        "/absent",
        "/fix/plain",
        "/fix/nothing",
    ];
    let body = (0..6).fold(Body::new(), |body, at| {
        let kind = if at % 2 == 0 {
            op::GET_DATA
        } else {
            op::GET_CHILDREN
        };
        let path = generator.random.pick(&paths).copied().unwrap_or("/absent");
        body.int(kind).flag(false).int(-1).text(path).flag(false)
    });
    Request::new(
        op::MULTI_READ,
        body.int(-1).flag(true).int(-1).done(),
        "denied multiRead",
    )
}

/// What a multi may not hold.
fn mixed_multi(generator: &mut Generator) -> Request {
    let kind = [op::GET_DATA, op::EXISTS, op::SET_ACL, op::SYNC, 9999]
        .get(generator.random.below(5))
        .copied()
        .unwrap_or(4);
    let body = Body::new()
        .int(op::CHECK)
        .flag(false)
        .int(-1)
        .text("/fix/plain")
        .int(-1);
    let body = body
        .int(kind)
        .flag(false)
        .int(-1)
        .text("/fix/plain")
        .flag(false);
    let op = if generator.random.chance(50) {
        op::MULTI
    } else {
        op::MULTI_READ
    };
    Request::new(op, body.int(-1).flag(true).int(-1).done(), "mixed multi")
}

fn bad_auth(generator: &mut Generator) -> Request {
    let scheme = ["nosuch", "world", "auth", "super", "sasl", ""]
        .get(generator.random.below(6))
        .copied()
        .unwrap_or("");
    Request::new(
        op::AUTH,
        Body::new().int(0).text(scheme).bytes(Some(b"x:y")).done(),
        "bad auth",
    )
    .with_xid(XID_AUTH)
}

/// The same as a container: the flags are the last four bytes of the body.
fn as_container(request: Request) -> Request {
    Request {
        op: op::CREATE_CONTAINER,
        body: with_flags(request.body, 4),
        ..request
    }
}

/// The same with a time to live, which stands behind the flags.
fn as_ttl(request: Request, flags: i32, ttl_ms: i64) -> Request {
    let body = with_flags(request.body, flags);
    Request {
        op: op::CREATE_TTL,
        body: Body::new().raw(&body).long(ttl_ms).done(),
        ..request
    }
}

fn with_flags(mut body: Vec<u8>, flags: i32) -> Vec<u8> {
    body.truncate(body.len().saturating_sub(4));
    body.extend_from_slice(&flags.to_be_bytes());
    body
}

/// Times to live that none may have, also with flags that want none. (Flags that want none with -1 end the reference.)
fn bad_ttl(generator: &mut Generator) -> Request {
    let choices = [
        (5, 0),
        (5, -1),
        (6, i64::MIN),
        (5, 1 << 40),
        (0, 60_000),
        (9, 60_000),
    ];
    let (flags, ttl_ms) = generator.random.pick(&choices).copied().unwrap_or((5, 0));
    as_ttl(
        create_body("/fix/plain/ttl", &Acl::open(), 0),
        flags,
        ttl_ms,
    )
}

/// A null string where a path belongs.
fn null_path(generator: &mut Generator) -> Request {
    let ops = [
        op::CREATE,
        op::DELETE,
        op::EXISTS,
        op::GET_DATA,
        op::SET_DATA,
        op::GET_ACL,
        op::SET_ACL,
        op::GET_CHILDREN,
        op::GET_CHILDREN2,
        op::SYNC,
        op::ADD_WATCH,
        op::CHECK_WATCHES,
        op::REMOVE_WATCHES,
        op::GET_EPHEMERALS,
        op::GET_ALL_CHILDREN_NUMBER,
    ];
    let op = generator.random.pick(&ops).copied().unwrap_or(op::EXISTS);
    let body = match op {
        op::CREATE => Body::new().int(-1).bytes(None).acl(&Acl::open()).int(0),
        op::SET_DATA => Body::new().int(-1).bytes(None).int(-1),
        op::SET_ACL => Body::new().int(-1).acl(&Acl::open()).int(-1),
        op::DELETE | op::CHECK_WATCHES | op::REMOVE_WATCHES => Body::new().int(-1).int(3),
        op::ADD_WATCH => Body::new().int(-1).int(0),
        op::EXISTS | op::GET_DATA | op::GET_CHILDREN | op::GET_CHILDREN2 => {
            Body::new().int(-1).flag(false)
        }
        _ => Body::new().int(-1),
    };
    Request::new(op, body.done(), "null path")
}

/// A null list where an ACL belongs.
fn null_acl(generator: &mut Generator) -> Request {
    if generator.random.chance(50) {
        let body = Body::new()
            .text("/fix/plain/nullacl")
            .bytes(Some(b"x"))
            .int(-1)
            .int(0);
        Request::new(op::CREATE, body.done(), "null ACL")
    } else {
        Request::new(
            op::SET_ACL,
            Body::new().text("/fix/plain").int(-1).int(-1).done(),
            "null ACL",
        )
    }
}

/// Flags of kinds that have operations of their own, where the parent is missing, so that nothing is made.
fn odd_kind(generator: &mut Generator) -> Request {
    let flags = 4 + i32::from(generator.random.chance(50)) + i32::from(generator.random.chance(50));
    Request {
        label: "odd kind",
        ..create_body("/absent/kind", &Acl::open(), flags)
    }
}

fn odd_perms(generator: &mut Generator) -> Request {
    let perms = [0, 32, -1, i32::MAX, i32::MIN]
        .get(generator.random.below(5))
        .copied()
        .unwrap_or(0);
    set_acl(
        "/fix/full/child",
        &[
            Acl::new(31, "world", "anyone"),
            Acl::new(perms, "world", "anyone"),
        ],
        -1,
    )
}

/// The longest frame that is taken, and the shortest that is not.
fn large(generator: &mut Generator) -> Request {
    const FRAME_LEN_MAX: usize = 1_048_575;
    let path = "/fix/plain";
    let overhead = 8 + 4 + path.len() + 4 + 4;
    let more = usize::from(generator.random.chance(30));
    let data = vec![b'l'; FRAME_LEN_MAX - overhead + more];
    Request::new(
        op::SET_DATA,
        Body::new().text(path).bytes(Some(&data)).int(77).done(),
        "as large as can be",
    )
}
