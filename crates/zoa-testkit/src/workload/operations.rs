//! The operations: one generator a kind, all drawing from the same few znodes.

use super::Memory;
use super::Profile;
use crate::op::Acl;
use crate::op::Blob;
use crate::op::Op;
use crate::op::flag;
use crate::op::perm;
use crate::people;
use crate::rng::Rng;

/// Draws operations for one client.
#[derive(Debug)]
pub struct OpSource {
    rng: Rng,
    weights: [u32; 8],
    data_len_max: u64,
    /// Makes every written value different, so that a wrong one can be told.
    written: u64,
    client: u32,
    /// Whether the servers change, so that it is worth looking at them.
    servers_change: bool,
}

/// Znodes that all clients work on.
const PLAIN: [&str; 14] = [
    "/a",
    "/a/x",
    "/a/x/1",
    "/a/x/2",
    "/a/y",
    "/b",
    "/b/1",
    "/b/2",
    "/b/1/deep",
    "/pair/left",
    "/pair/right",
    "/c",
    "/c/1",
    "/",
];

/// Directories of ephemerals and sequences.
const DIRECTORIES: [&str; 7] = ["/q", "/e", "/a", "/b", "/e/sub", "/box", "/q/box"];

/// Where the servers of an ensemble can be read.
const CONFIG: &str = "/zookeeper/config";

/// Containers, and what is in them.
const CONTAINERS: [&str; 3] = ["/box", "/q/box", "/box/in"];

/// Znodes whose ACLs change; the rest of the tree stays open.
const LOCKED: [&str; 4] = ["/locked/1", "/locked/2", "/locked/1/in", "/locked/3"];

/// Paths that are no paths, or of znodes that are special.
const ODD: [&str; 9] = [
    "/a/",
    "/a/./b",
    "/b/..",
    "relative",
    "",
    "/\u{1}",
    "/zookeeper",
    "/zookeeper/quota",
    "/zookeeper/config",
];

impl OpSource {
    /// A source for this client.
    pub fn new(rng: Rng, profile: &Profile, client: u32) -> Self {
        Self {
            rng,
            weights: profile.weights,
            data_len_max: profile.data_len_max,
            written: 0,
            client,
            servers_change: profile.ensemble.is_some(),
        }
    }

    /// The next operation.
    pub fn next(&mut self, memory: &Memory) -> Op {
        match self.rng.weighted(&self.weights) {
            0 => self.read(memory),
            1 => self.watch(memory),
            2 => self.write(memory),
            3 => self.multi(memory),
            4 => self.named_by_server(memory),
            5 => self.access(memory),
            6 => Op::Sync {
                path: self.path(memory),
            },
            _ => self.odd(memory),
        }
    }

    /// The next write, a short one.
    pub fn next_write(&mut self, memory: &Memory) -> Op {
        self.write(memory)
    }

    fn path(&mut self, memory: &Memory) -> String {
        let remembered = self
            .rng
            .percent(20)
            .then(|| memory.name(&mut self.rng))
            .flatten();
        let pool: &[&str] = if self.rng.percent(12) {
            &LOCKED
        } else {
            &PLAIN
        };
        remembered.unwrap_or_else(|| {
            self.rng
                .pick(pool)
                .map_or_else(|| "/".to_owned(), |path| (*path).to_owned())
        })
    }

    fn place_to_look(&mut self, memory: &Memory) -> String {
        if self.servers_change && self.rng.percent(6) {
            CONFIG.to_owned()
        } else {
            self.path(memory)
        }
    }

    /// A version that is right most of the time.
    fn version(&mut self, memory: &Memory, path: &str) -> i32 {
        match self.rng.weighted(&[55, 35, 10]) {
            0 => -1,
            1 => memory.version_of(path).unwrap_or(-1),
            _ => i32::try_from(self.rng.between(0, 5)).unwrap_or(0),
        }
    }

    fn data(&mut self) -> Option<Blob> {
        if self.rng.percent(4) {
            return None;
        }
        self.written += 1;
        let mut data = format!("{}.{}", self.client, self.written).into_bytes();
        let len = if self.rng.percent(10) {
            self.rng.between(0, self.data_len_max)
        } else {
            self.rng.between(0, 40)
        };
        data.resize(data.len().max(usize::try_from(len).unwrap_or(0)), b'.');
        Some(Blob(data))
    }

    fn read(&mut self, memory: &Memory) -> Op {
        let path = self.place_to_look(memory);
        let watch = self.rng.percent(25);
        match self.rng.weighted(&[30, 20, 8, 18, 8, 4, 4, 4]) {
            0 => Op::GetData { path, watch },
            1 => Op::Exists { path, watch },
            2 => Op::GetAcl { path },
            3 => {
                let path = if self.rng.percent(50) {
                    self.directory()
                } else {
                    path
                };
                Op::GetChildren {
                    path,
                    watch,
                    with_stat: self.rng.percent(50),
                }
            }
            4 => {
                let ops = (0..self.rng.between(0, 4))
                    .map(|_| self.read_in_multi(memory))
                    .collect();
                Op::MultiRead(ops)
            }
            5 => Op::GetEphemerals {
                prefix: (*self.rng.pick(&["/", "", "/e", "/q/"]).unwrap_or(&"/")).to_owned(),
            },
            6 => Op::CountDescendants { path },
            _ => Op::WhoAmI,
        }
    }

    fn read_in_multi(&mut self, memory: &Memory) -> Op {
        let path = self.path(memory);
        if self.rng.percent(60) {
            Op::GetData { path, watch: false }
        } else {
            Op::GetChildren {
                path,
                watch: false,
                with_stat: false,
            }
        }
    }

    fn directory(&mut self) -> String {
        let choice = if self.rng.percent(10) {
            "/big"
        } else {
            self.rng.pick(&DIRECTORIES).unwrap_or(&"/q")
        };
        choice.to_owned()
    }

    fn watch(&mut self, memory: &Memory) -> Op {
        let path = if self.rng.percent(30) {
            self.directory()
        } else {
            self.place_to_look(memory)
        };
        match self.rng.weighted(&[25, 25, 20, 18, 6, 6]) {
            0 => Op::GetData { path, watch: true },
            1 => Op::Exists { path, watch: true },
            2 => Op::GetChildren {
                path,
                watch: true,
                with_stat: false,
            },
            3 => Op::AddWatch {
                path,
                mode: i32::try_from(self.rng.weighted(&[48, 48, 4])).unwrap_or(0),
            },
            4 => Op::CheckWatches {
                path,
                kind: self.watcher_kind(),
            },
            _ => Op::RemoveWatches {
                path,
                kind: self.watcher_kind(),
            },
        }
    }

    fn watcher_kind(&mut self) -> i32 {
        i32::try_from(self.rng.between(1, 5)).unwrap_or(3)
    }

    fn write(&mut self, memory: &Memory) -> Op {
        let path = self.path(memory);
        match self.rng.weighted(&[35, 20, 45]) {
            0 => self.create(path, flag::PERSISTENT),
            1 => Op::Delete {
                version: self.version(memory, &path),
                path,
            },
            _ => Op::SetData {
                version: self.version(memory, &path),
                data: self.data(),
                path,
            },
        }
    }

    fn create(&mut self, path: String, flags: i32) -> Op {
        let acl = if path.starts_with("/locked/") {
            self.acl()
        } else {
            Acl::open()
        };
        Op::Create {
            path,
            data: self.data(),
            acl,
            flags,
            with_stat: self.rng.percent(30),
        }
    }

    fn named_by_server(&mut self, memory: &Memory) -> Op {
        if self.rng.percent(25)
            && let Some(path) = memory.name(&mut self.rng)
        {
            return Op::Delete { version: -1, path };
        }
        if self.rng.percent(12) {
            return self.reaped();
        }
        let directory = self.directory();
        match self.rng.weighted(&[30, 35, 35]) {
            0 => {
                let name = self.rng.between(1, 6);
                self.create(format!("/e/{name}"), flag::EPHEMERAL)
            }
            1 => self.create(format!("{directory}/n-"), flag::PERSISTENT_SEQUENTIAL),
            _ => {
                let prefix = if self.rng.percent(20) { "" } else { "e-" };
                self.create(format!("{directory}/{prefix}"), flag::EPHEMERAL_SEQUENTIAL)
            }
        }
    }

    /// What goes by itself when nobody uses it.
    fn reaped(&mut self) -> Op {
        let (data, acl) = (self.data(), Acl::open());
        if self.rng.percent(50) {
            let path = self.rng.pick(&CONTAINERS).map_or("/box", |path| path);
            return Op::CreateContainer {
                path: path.to_owned(),
                data,
                acl,
                flags: *self
                    .rng
                    .pick(&[flag::CONTAINER, flag::CONTAINER, flag::CONTAINER, 0, 5, 77])
                    .unwrap_or(&flag::CONTAINER),
            };
        }
        let (path, flags) = match self.rng.weighted(&[50, 45, 5]) {
            0 => (
                format!("/q/ttl{}", self.rng.below(4)),
                flag::PERSISTENT_WITH_TTL,
            ),
            1 => ("/q/ttl-".to_owned(), flag::PERSISTENT_SEQUENTIAL_WITH_TTL),
            _ => ("/q/ttl".to_owned(), flag::PERSISTENT),
        };
        let ttl_ms = match self.rng.weighted(&[90, 6, 2, 2]) {
            0 => i64::try_from(self.rng.between(1, 3_000)).unwrap_or(1),
            1 => 1 << 39,
            2 => 0,
            _ => 1 << 40,
        };
        Op::CreateTtl {
            path,
            data,
            acl,
            flags,
            ttl_ms,
        }
    }

    fn multi(&mut self, memory: &Memory) -> Op {
        if self.rng.percent(30) {
            // Both or neither: a reader that sees them differ has seen a half.
            let data = self.data();
            let set = |path: &str| Op::SetData {
                path: path.to_owned(),
                data: data.clone(),
                version: -1,
            };
            return Op::Multi(vec![set("/pair/left"), set("/pair/right")]);
        }
        let ops = (0..self.rng.between(0, 5))
            .map(|_| self.write_in_multi(memory))
            .collect();
        Op::Multi(ops)
    }

    fn write_in_multi(&mut self, memory: &Memory) -> Op {
        match self.rng.weighted(&[40, 20, 40]) {
            0 => self.write(memory),
            1 => {
                let path = self.path(memory);
                Op::Check {
                    version: self.version(memory, &path),
                    path,
                }
            }
            _ => match self.named_by_server(memory) {
                Op::CreateContainer { path, .. } | Op::CreateTtl { path, .. } => {
                    self.create(path, flag::PERSISTENT)
                }
                named => named,
            },
        }
    }

    fn acl(&mut self) -> Vec<Acl> {
        let person = self
            .rng
            .pick(&people::PEOPLE)
            .map_or("", |person| person.digest);
        match self.rng.weighted(&[30, 15, 20, 15, 10, 4, 3, 3]) {
            0 => Acl::open(),
            1 => vec![Acl::new(perm::READ, "world", "anyone")],
            2 => vec![
                Acl::new(perm::ALL, "digest", person),
                Acl::new(perm::READ, "world", "anyone"),
            ],
            3 => vec![Acl::new(perm::ALL, "auth", "")],
            4 => {
                let perms = i32::try_from(self.rng.between(0, 31)).unwrap_or(0);
                vec![
                    Acl::new(perms, "ip", "10.0.0.0/30"),
                    Acl::new(perm::ADMIN, "digest", person),
                ]
            }
            5 => Vec::new(),
            6 => vec![Acl::new(perm::ALL, "world", "nobody")],
            _ => vec![
                Acl::new(perm::ALL, "strange", "id"),
                Acl::new(perm::ALL, "digest", "no-colon"),
            ],
        }
    }

    fn access(&mut self, memory: &Memory) -> Op {
        let path = self
            .rng
            .pick(&LOCKED)
            .map_or_else(|| "/locked".to_owned(), |path| (*path).to_owned());
        match self.rng.weighted(&[25, 20, 25, 15, 15]) {
            0 => self.create(path, flag::PERSISTENT),
            1 => Op::SetAcl {
                version: self.aversion(),
                acl: self.acl(),
                path,
            },
            2 => {
                let login = self
                    .rng
                    .pick(&people::PEOPLE)
                    .map_or("", |person| person.login);
                Op::AddAuth {
                    scheme: "digest".to_owned(),
                    auth: login.as_bytes().to_vec(),
                }
            }
            3 => Op::GetAcl { path },
            _ => Op::SetData {
                version: self.version(memory, &path),
                data: self.data(),
                path,
            },
        }
    }

    fn aversion(&mut self) -> i32 {
        if self.rng.percent(70) {
            -1
        } else {
            i32::try_from(self.rng.between(0, 3)).unwrap_or(0)
        }
    }

    fn odd(&mut self, memory: &Memory) -> Op {
        let path = self
            .rng
            .pick(&ODD)
            .map_or_else(String::new, |path| (*path).to_owned());
        match self.rng.weighted(&[20, 15, 20, 10, 10, 10, 10, 4]) {
            // The original judges the parent first, so only paths whose parent is there are fully judged.
            0 => {
                let tail = self.rng.pick(&["/..", "/.", "/\u{7f}", ""]).unwrap_or(&"");
                self.create(format!("/a{tail}"), flag::PERSISTENT)
            }
            1 => Op::Delete { path, version: -1 },
            2 => Op::SetData {
                path,
                data: self.data(),
                version: -1,
            },
            3 => Op::GetData {
                path,
                watch: self.rng.percent(30),
            },
            4 => Op::GetChildren {
                path,
                watch: false,
                with_stat: true,
            },
            5 => self.create("/a/flags".to_owned(), 9),
            // Mostly without the right to it.
            6 => Op::Reconfig {
                joining: None,
                leaving: Some("200".to_owned()),
                new_members: None,
                config_id: if self.rng.percent(50) { -1 } else { 7 },
            },
            _ => Op::Multi(vec![self.write(memory), Op::Check { path, version: -1 }]),
        }
    }
}
