//! Operations meant to succeed, chosen from what is known of the tree.

use super::super::knowledge::WORK;
use super::super::moments::Moments;
use super::super::step::Effect;
use super::super::step::Request;
use super::super::step::Slot;
use super::Generator;
use crate::wire::Acl;
use crate::wire::Body;
use crate::wire::XID_AUTH;
use crate::wire::XID_PING;
use crate::wire::XID_SET_WATCHES;
use crate::wire::op;

/// Above this many znodes more are deleted than created.
const NODES_MANY: usize = 250;

#[derive(Clone, Copy)]
enum Wish {
    Create,
    Container,
    Delete,
    SetData,
    Read(i32),
    GetAcl,
    SetAcl,
    Sync,
    Multi,
    MultiRead,
    AddWatch,
    CheckWatches,
    RemoveWatches,
    SetWatches(i32),
    GetEphemerals,
    CountAll,
    WhoAmI,
    Auth,
    Ping,
}

const WISHES: &[(usize, Wish)] = &[
    (18, Wish::Create),
    (2, Wish::Container),
    (12, Wish::SetData),
    (10, Wish::Delete),
    (9, Wish::Read(op::GET_DATA)),
    (8, Wish::Read(op::EXISTS)),
    (5, Wish::Read(op::GET_CHILDREN)),
    (5, Wish::Read(op::GET_CHILDREN2)),
    (3, Wish::GetAcl),
    (3, Wish::SetAcl),
    (2, Wish::Sync),
    (9, Wish::Multi),
    (3, Wish::MultiRead),
    (4, Wish::AddWatch),
    (2, Wish::CheckWatches),
    (2, Wish::RemoveWatches),
    (2, Wish::SetWatches(op::SET_WATCHES)),
    (2, Wish::SetWatches(op::SET_WATCHES2)),
    (2, Wish::GetEphemerals),
    (2, Wish::CountAll),
    (1, Wish::WhoAmI),
    (1, Wish::Auth),
    (1, Wish::Ping),
];

impl Generator {
    /// One wish: a request, or a few that belong together.
    pub(super) fn wish(&mut self, slot: Slot, moments: &Moments) -> Vec<Request> {
        let wish = self.random.weighted(WISHES).unwrap_or(Wish::Ping);
        let request = match wish {
            Wish::Create if self.knowledge.len() > NODES_MANY => self.delete(),
            Wish::Create => self.create(slot),
            Wish::Container => return self.container_and_its_end(),
            Wish::Delete => self.delete(),
            Wish::SetData => self.set_data(),
            Wish::Read(read) => self.read(read),
            Wish::GetAcl => Request::new(
                op::GET_ACL,
                Body::new().text(&self.some_node()).done(),
                "getACL",
            ),
            Wish::SetAcl => self.set_acl(slot),
            Wish::Sync => {
                Request::new(op::SYNC, Body::new().text(&self.some_path()).done(), "sync")
            }
            Wish::Multi => self.multi(slot),
            Wish::MultiRead => self.multi_read(),
            Wish::AddWatch => self.add_watch(),
            Wish::CheckWatches => return self.watch_and(op::CHECK_WATCHES),
            Wish::RemoveWatches => return self.watch_and(op::REMOVE_WATCHES),
            Wish::SetWatches(op) => self.set_watches(op, moments),
            Wish::GetEphemerals => {
                let prefix = ["", "/", WORK, "/fix", "/w/n"]
                    .get(self.random.below(5))
                    .copied()
                    .unwrap_or("");
                Request::new(
                    op::GET_EPHEMERALS,
                    Body::new().text(prefix).done(),
                    "getEphemerals",
                )
            }
            Wish::CountAll => Request::new(
                op::GET_ALL_CHILDREN_NUMBER,
                Body::new().text(&self.some_node()).done(),
                "count",
            ),
            Wish::WhoAmI => Request::new(op::WHO_AM_I, Vec::new(), "whoAmI"),
            Wish::Auth => self.auth(slot),
            Wish::Ping => Request::new(op::PING, Vec::new(), "ping").with_xid(XID_PING),
        };
        vec![self.odd_xid(request)]
    }

    /// Servers do not look at xids: now and then an odd one.
    fn odd_xid(&mut self, request: Request) -> Request {
        match self.random.below(60) {
            0 if request.xid.is_none() => request.with_xid(0),
            1 if request.xid.is_none() => request.with_xid(i32::MAX),
            2 if request.xid.is_none() => request.with_xid(i32::MIN),
            _ => request,
        }
    }

    /// A znode to read: mostly below the working root, now and then one of the predefined.
    fn some_node(&mut self) -> String {
        match self.random.below(25) {
            0 => "/zookeeper".to_owned(),
            1 => "/zookeeper/config".to_owned(),
            2 => "/zookeeper/quota".to_owned(),
            3 => "/fix/full".to_owned(),
            _ => self.knowledge.any(&mut self.random),
        }
    }

    /// A path that may name nothing.
    fn some_path(&mut self) -> String {
        if self.random.chance(20) {
            format!("{WORK}/absent{}", self.random.below(30))
        } else {
            self.some_node()
        }
    }

    pub(super) fn create(&mut self, slot: Slot) -> Request {
        let above = self.knowledge.any_parent(&mut self.random);
        let flags = [0, 0, 0, 4, 1, 1, 2, 3]
            .get(self.random.below(8))
            .copied()
            .unwrap_or(0);
        let name = match self.random.below(12) {
            0 if matches!(flags, 2 | 3) => String::new(),
            // The name of a watch that waits.
            1 => format!("absent{}", self.random.below(30)),
            _ => self.fresh_name(),
        };
        let path = format!("{above}/{name}");
        let (acl, restricted) = self.acl(slot);
        let data = self.data();
        let op = self.random.weighted(&[
            (6, op::CREATE),
            (4, op::CREATE2),
            (1, op::CREATE_CONTAINER),
            (1, op::CREATE_TTL),
        ]);
        let op = op.unwrap_or(op::CREATE);
        // The operation decides what is made; flags that do not fit it are for the directed ones.
        let flags = match op {
            op::CREATE_CONTAINER => 4,
            op::CREATE_TTL => 5 + i32::from(matches!(flags, 2 | 3)),
            _ => flags,
        };
        let path = if op == op::CREATE_CONTAINER && path.ends_with('/') {
            format!("{path}{}", self.fresh_name())
        } else {
            path
        };
        let body = Body::new()
            .text(&path)
            .bytes(data.as_deref())
            .acl(&acl)
            .int(flags);
        let body = if op == op::CREATE_TTL {
            body.long(1 << (30 + self.random.below(10))).done()
        } else {
            body.done()
        };
        let effect = Effect::Create {
            path,
            ephemeral: matches!(flags, 1 | 3),
            restricted,
        };
        Request::new(op, body, "create").with_effect(effect)
    }

    /// A container, and the operation that servers delete one with.
    fn container_and_its_end(&mut self) -> Vec<Request> {
        let path = format!("{WORK}/{}", self.fresh_name());
        let body = Body::new().text(&path).bytes(None).acl(&Acl::open()).int(4);
        vec![
            Request::new(op::CREATE_CONTAINER, body.done(), "container"),
            Request::new(
                op::DELETE_CONTAINER,
                Body::new().text(&path).done(),
                "its end",
            ),
        ]
    }

    pub(super) fn delete(&mut self) -> Request {
        let leaf = self
            .knowledge
            .choose(&mut self.random, |known| known.children == 0);
        let Some(path) = leaf.filter(|path| path != WORK) else {
            return self.read(op::EXISTS);
        };
        let version = self.version_of(&path);
        Request::new(
            op::DELETE,
            Body::new().text(&path).int(version).done(),
            "delete",
        )
        .with_effect(Effect::Delete { path })
    }

    /// The version to expect: the right one or any.
    fn version_of(&mut self, path: &str) -> i32 {
        let version = self.knowledge.known(path).map_or(-1, |known| known.version);
        if self.random.chance(50) { version } else { -1 }
    }

    pub(super) fn set_data(&mut self) -> Request {
        let path = self.knowledge.any(&mut self.random);
        let (version, data) = (self.version_of(&path), self.data());
        Request::new(
            op::SET_DATA,
            Body::new()
                .text(&path)
                .bytes(data.as_deref())
                .int(version)
                .done(),
            "setData",
        )
        .with_effect(Effect::SetData { path })
    }

    fn read(&mut self, op: i32) -> Request {
        let watch = self.random.chance(40);
        // A watch on what is not there is half of what exists is for.
        let path = if op == op::EXISTS && watch {
            self.some_path()
        } else {
            self.some_node()
        };
        Request::new(op, Body::new().text(&path).flag(watch).done(), "read")
    }

    fn set_acl(&mut self, slot: Slot) -> Request {
        let path = self.knowledge.any(&mut self.random);
        let (acl, restricted) = if path == WORK {
            (Acl::open(), false)
        } else {
            self.acl(slot)
        };
        let aversion = self
            .knowledge
            .known(&path)
            .map_or(-1, |known| known.aversion);
        let aversion = if self.random.chance(50) { aversion } else { -1 };
        Request::new(
            op::SET_ACL,
            Body::new().text(&path).acl(&acl).int(aversion).done(),
            "setACL",
        )
        .with_effect(Effect::SetAcl { path, restricted })
    }

    fn multi(&mut self, slot: Slot) -> Request {
        let count = self.random.below(6);
        let mut body = Body::new();
        let mut effects = Vec::new();
        for _ in 0..count {
            let part = match self.random.below(5) {
                0 | 1 => self.create(slot),
                2 => self.set_data(),
                3 => self.check(),
                // A delete may meet a child that an earlier part has made: rare, and then both must fail alike.
                _ => self.delete(),
            };
            if part.op == op::EXISTS {
                continue;
            }
            body = body.int(part.op).flag(false).int(-1).raw(&part.body);
            effects.push(part.effect);
        }
        Request::new(op::MULTI, body.int(-1).flag(true).int(-1).done(), "multi")
            .with_effect(Effect::Multi(effects))
    }

    pub(super) fn check(&mut self) -> Request {
        let path = self.knowledge.any(&mut self.random);
        let version = self.version_of(&path);
        Request::new(
            op::CHECK,
            Body::new().text(&path).int(version).done(),
            "check",
        )
    }

    fn multi_read(&mut self) -> Request {
        let count = self.random.below(5);
        let body = (0..count).fold(Body::new(), |body, _| {
            let kind = if self.random.chance(50) {
                op::GET_DATA
            } else {
                op::GET_CHILDREN
            };
            let path = if self.random.chance(85) {
                self.some_node()
            } else {
                self.some_path()
            };
            body.int(kind)
                .flag(false)
                .int(-1)
                .text(&path)
                .flag(self.random.chance(50))
        });
        Request::new(
            op::MULTI_READ,
            body.int(-1).flag(true).int(-1).done(),
            "multiRead",
        )
    }

    fn add_watch(&mut self) -> Request {
        let path = if self.random.chance(10) {
            "/".to_owned()
        } else {
            self.some_path()
        };
        let mode = i32::from(self.random.chance(50));
        Request::new(
            op::ADD_WATCH,
            Body::new().text(&path).int(mode).done(),
            "addWatch",
        )
    }

    /// Sets a watch and asks for it, or takes it away, with a type that fits it.
    fn watch_and(&mut self, op: i32) -> Vec<Request> {
        let path = self.some_node();
        let (first, kinds): (Request, &[i32]) = match self.random.below(4) {
            0 => (
                Request::new(
                    op::GET_DATA,
                    Body::new().text(&path).flag(true).done(),
                    "watch",
                ),
                &[2, 3],
            ),
            1 => (
                Request::new(
                    op::GET_CHILDREN,
                    Body::new().text(&path).flag(true).done(),
                    "watch",
                ),
                &[1, 3],
            ),
            2 => (
                Request::new(
                    op::ADD_WATCH,
                    Body::new().text(&path).int(0).done(),
                    "watch",
                ),
                &[3, 4],
            ),
            _ => (
                Request::new(
                    op::ADD_WATCH,
                    Body::new().text(&path).int(1).done(),
                    "watch",
                ),
                &[3, 5],
            ),
        };
        let kind = self.random.pick(kinds).copied().unwrap_or(3);
        vec![
            first,
            Request::new(op, Body::new().text(&path).int(kind).done(), "and then"),
        ]
    }

    fn set_watches(&mut self, op: i32, moments: &Moments) -> Request {
        let lists = if op == op::SET_WATCHES { 3 } else { 5 };
        let body = (0..lists).fold(Body::new(), |body, _| {
            let count = self.random.below(4);
            let paths: Vec<String> = (0..count).map(|_| self.some_path()).collect();
            body.texts(&paths)
        });
        let mut request = Request::new(op, body.done(), "setWatches").with_xid(XID_SET_WATCHES);
        request.relative = moments.recent(&mut self.random);
        if request.relative.is_none() {
            request.body = Body::new().long(i64::MAX).raw(&request.body).done();
        }
        request
    }

    fn auth(&mut self, slot: Slot) -> Request {
        let choices = ["alice:secret", "bob:secret", "super:wrong", "nocolon", ""];
        let user = self.random.pick(&choices).copied().unwrap_or("");
        if let Some(users) = self.users.get_mut(slot)
            && !users.iter().any(|known| known == user)
        {
            users.push(user.to_owned());
        }
        let body = Body::new()
            .int(i32::from(self.random.chance(50)))
            .text("digest")
            .bytes(Some(user.as_bytes()));
        Request::new(op::AUTH, body.done(), "auth").with_xid(XID_AUTH)
    }
}
