//! The znodes that directed errors need: each shuts out one thing.

use super::super::knowledge::WORK;
use super::super::step::Effect;
use super::super::step::Request;
use super::NOBODY;
use crate::wire::Acl;
use crate::wire::Body;
use crate::wire::XID_AUTH;
use crate::wire::op;

/// The place of the fixture.
pub(super) const FIX: &str = "/fix";

/// The requests of slot 0 that build it.
pub(crate) fn fixture() -> Vec<Request> {
    let world = |perms| vec![Acl::new(perms, "world", "anyone")];
    let mut requests = vec![
        Request::new(
            op::AUTH,
            Body::new()
                .int(0)
                .text("digest")
                .bytes(Some(b"super:test"))
                .done(),
            "super",
        )
        .with_xid(XID_AUTH),
        create(WORK, &Acl::open(), 0).with_effect(Effect::Create {
            path: WORK.to_owned(),
            ephemeral: false,
            restricted: false,
        }),
        create(FIX, &Acl::open(), 0),
        create("/fix/plain", &Acl::open(), 0),
        create("/fix/full", &Acl::open(), 0),
        create("/fix/full/child", &Acl::open(), 0),
        create("/fix/gone", &Acl::open(), 0),
        create("/fix/gone/child", &Acl::open(), 0),
        create("/fix/eph", &Acl::open(), 1),
        create("/fix/nothing", &[Acl::new(31, "digest", NOBODY)], 0),
    ];
    // READ 1, WRITE 2, CREATE 4, DELETE 8, ADMIN 16: each name is what the world may not do.
    for (name, perms) in [
        ("noread", 14),
        ("nowrite", 29),
        ("nocreate", 27),
        ("nodelete", 23),
        ("noadmin", 15),
    ] {
        requests.push(create(&format!("{FIX}/{name}"), &Acl::open(), 0));
        requests.push(create(&format!("{FIX}/{name}/child"), &world(perms), 0));
        requests.push(Request::new(
            op::SET_ACL,
            Body::new()
                .text(&format!("{FIX}/{name}"))
                .acl(&world(perms))
                .int(-1)
                .done(),
            "fixture",
        ));
    }
    requests
}

fn create(path: &str, acl: &[Acl], flags: i32) -> Request {
    Request::new(
        op::CREATE,
        Body::new()
            .text(path)
            .bytes(Some(b"fixture"))
            .acl(acl)
            .int(flags)
            .done(),
        "fixture",
    )
}
