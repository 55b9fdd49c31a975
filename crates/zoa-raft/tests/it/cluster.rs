//! A cluster in one thread: raft loops, their disks, and a network that is a list.

use std::collections::BTreeMap;

use bytes::Bytes;
use zoa_log::LogIndex;
use zoa_raft::Committed;
use zoa_raft::LogPosition;
use zoa_raft::MemberChange;
use zoa_raft::MemberHistory;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_raft::PeerFault;
use zoa_raft::RaftConfig;
use zoa_raft::RaftEffect;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;
use zoa_raft::Refusal;

use crate::checked_disk::Applied;
use crate::checked_disk::CheckedDisk;
use crate::checked_disk::accepts;
use crate::wire;

/// A message, or the offer of a snapshot with its content, on its way.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) to: u64,
    pub(crate) from: u64,
    pub(crate) message: Bytes,
    pub(crate) snapshot: Option<Offer>,
}

/// A snapshot on its way: what its file holds.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    position: LogPosition,
    state: Applied,
    members: Members,
}

pub(crate) struct Server {
    pub(crate) raft: Option<RaftLoop>,
    pub(crate) disk: CheckedDisk,
    pub(crate) applied: Applied,
    pub(crate) leader: Option<u64>,
    /// The term it leads, until its own vote in it is durable.
    claim: Option<u64>,
    pub(crate) established: Vec<u64>,
    pub(crate) refused: Vec<(Refusal, Vec<Bytes>)>,
    pub(crate) faults: Vec<PeerFault>,
    pub(crate) log_reads: Vec<LogIndex>,
    pub(crate) answers_log_reads: bool,
    pub(crate) history: MemberHistory,
    pub(crate) snapshots_wanted: usize,
    wants_snapshot: bool,
    /// Takes a snapshot as soon as one is wanted.
    pub(crate) takes_snapshots: bool,
    /// Decides on changes as soon as they are handed out.
    pub(crate) decides: bool,
    pub(crate) undecided: Option<(LogIndex, bool)>,
    arriving: Option<Offer>,
}

impl Server {
    fn new(disk: CheckedDisk) -> Self {
        Self {
            raft: None,
            disk,
            applied: Vec::new(),
            leader: None,
            claim: None,
            established: Vec::new(),
            refused: Vec::new(),
            faults: Vec::new(),
            log_reads: Vec::new(),
            answers_log_reads: true,
            history: MemberHistory::default(),
            snapshots_wanted: 0,
            wants_snapshot: false,
            takes_snapshots: true,
            decides: true,
            undecided: None,
            arriving: None,
        }
    }
}

pub(crate) struct Cluster {
    pub(crate) servers: BTreeMap<u64, Server>,
    pub(crate) network: Vec<Packet>,
    /// Who led which term, over all time.
    pub(crate) leaders: BTreeMap<u64, u64>,
    /// What was committed at an index, over all time.
    pub(crate) history: BTreeMap<u64, (u64, Vec<u8>)>,
    /// Every effect, in words, if that is wanted.
    pub(crate) trace: Option<Vec<String>>,
    /// The members from each change on, over all time.
    pub(crate) memberships: BTreeMap<u64, Members>,
    seed: u64,
}

impl Cluster {
    pub(crate) fn new(size: u64, seed: u64) -> Self {
        Self::with_learners(size, 0, seed)
    }

    /// Servers with ids from 1 on, the voters first. Their logs begin at the very first entry, as that of
    /// a server that was always alone.
    pub(crate) fn with_learners(voters: u64, learners: u64, seed: u64) -> Self {
        let mut members = Members::of_voters(1..=voters);
        members.learners = (voters + 1..=voters + learners).collect();
        Self::begin(LogPosition::default(), members, seed)
    }

    /// An ensemble that was founded: the logs begin behind the founding position.
    pub(crate) fn founded(size: u64, seed: u64) -> Self {
        Self::begin(LogPosition::FOUNDING, Members::of_voters(1..=size), seed)
    }

    fn begin(base: LogPosition, members: Members, seed: u64) -> Self {
        let mut cluster = Self {
            servers: BTreeMap::new(),
            network: Vec::new(),
            leaders: BTreeMap::new(),
            history: BTreeMap::new(),
            trace: None,
            memberships: BTreeMap::from([(base.index.0, members.clone())]),
            seed,
        };
        for id in members.ids() {
            let disk = CheckedDisk::founded(base, members.clone());
            cluster.servers.insert(id, Server::new(disk));
        }
        members.ids().into_iter().for_each(|id| cluster.start(id));
        cluster
    }

    /// A server with an empty disk, which waits for others to make it a member.
    pub(crate) fn join(&mut self, id: u64) {
        let disk = CheckedDisk::default();
        self.servers.insert(id, Server::new(disk));
        self.start(id);
    }

    pub(crate) fn server(&mut self, id: u64) -> &mut Server {
        self.servers
            .get_mut(&id)
            .expect("the tests name servers that exist")
    }

    fn at(&self, id: u64) -> &Server {
        self.servers
            .get(&id)
            .expect("the tests name servers that exist")
    }

    pub(crate) fn is_up(&self, id: u64) -> bool {
        self.at(id).raft.is_some()
    }

    pub(crate) fn start(&mut self, id: u64) {
        let seed = self.seed + id;
        let server = self.server(id);
        let found = server.disk.recover().expect("the disk kept what it had");
        server.applied = found.applied.clone();
        server.history = MemberHistory::default();
        server.undecided = None;
        let (recovery, changes, applied) = (found.recovery, found.changes, found.applied);
        let found = recovery.members().clone();
        let config = RaftConfig {
            id,
            election_tick: 10,
            heartbeat_tick: 2,
            seed,
            notices: Notices::default(),
        };
        let mut effects = Vec::new();
        let raft = RaftLoop::new(config, recovery, &mut effects).expect("the log is sound");
        assert_eq!(*raft.members(), found);
        let index = raft.hard_state().commit;
        server.raft = Some(raft);
        // What was held behind an open change may be applied here first.
        for (index, term, data) in &applied {
            self.note_truth((*index, *term, data));
        }
        for (index, members) in changes {
            self.note_members(id, index, members);
        }
        self.check_old_members(id, index, &found);
        self.carry_out(id, effects);
    }

    pub(crate) fn crash(&mut self, id: u64) {
        let server = self.server(id);
        server.raft = None;
        server.leader = None;
        server.claim = None;
        server.disk.crash();
        let (gone, left) = std::mem::take(&mut self.network)
            .into_iter()
            .partition(|packet| packet.to == id);
        self.network = left;
        let gone: Vec<Packet> = gone;
        gone.into_iter().for_each(|packet| self.lose(packet));
    }

    pub(crate) fn event(&mut self, id: u64, event: RaftEvent) {
        let mut effects = Vec::new();
        if let Some(raft) = &mut self.server(id).raft {
            raft.handle(event, &mut effects);
        }
        self.carry_out(id, effects);
    }

    pub(crate) fn propose(&mut self, id: u64, data: &[&str]) {
        let proposals = data
            .iter()
            .map(|data| Bytes::copy_from_slice(data.as_bytes()))
            .collect();
        self.event(id, RaftEvent::Propose(proposals));
    }

    pub(crate) fn tick_all(&mut self) {
        let up: Vec<u64> = self
            .servers
            .keys()
            .copied()
            .filter(|id| self.is_up(*id))
            .collect();
        up.into_iter()
            .for_each(|id| self.event(id, RaftEvent::Tick));
    }

    pub(crate) fn sync(&mut self, id: u64, count: usize) {
        if let Some(number) = self.server(id).disk.sync(count) {
            self.check_claim(id);
            self.event(id, RaftEvent::Persisted { number });
        }
    }

    /// Delivers one packet, or loses it if its server is down.
    pub(crate) fn deliver(&mut self, at: usize) {
        let packet = self.network.remove(at);
        if !self.is_up(packet.to) {
            return self.lose(packet);
        }
        let offered = packet.snapshot.is_some();
        self.server(packet.to).arriving = packet.snapshot;
        self.event(packet.to, RaftEvent::Peer(packet.message));
        self.server(packet.to).arriving = None;
        if offered {
            self.event(
                packet.from,
                RaftEvent::SnapshotSent {
                    peer: packet.to,
                    delivered: true,
                },
            );
        }
    }

    /// A packet that never arrives; of a snapshot its sender hears that.
    pub(crate) fn lose(&mut self, packet: Packet) {
        if packet.snapshot.is_some() {
            self.event(
                packet.from,
                RaftEvent::SnapshotSent {
                    peer: packet.to,
                    delivered: false,
                },
            );
        }
    }

    /// Syncs and delivers in order until nothing moves, then ticks; `ticks` times over.
    pub(crate) fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            self.settle();
            self.tick_all();
        }
        self.settle();
    }

    /// Syncs, delivers what is on its way but not what comes of it, and ticks.
    pub(crate) fn run_one_hop(&mut self) {
        let ids: Vec<u64> = self.servers.keys().copied().collect();
        ids.into_iter().for_each(|id| self.sync(id, usize::MAX));
        for _ in 0..self.network.len() {
            self.deliver(0);
        }
        self.tick_all();
    }

    /// The next thing that can happen by itself: one write of one disk, or else one packet.
    pub(crate) fn step(&mut self) -> bool {
        let waiting = self
            .servers
            .iter()
            .find(|(_, server)| !server.disk.queue.is_empty());
        if let Some(id) = waiting.map(|(id, _)| *id) {
            self.sync(id, 1);
        } else if self.network.is_empty() {
            return false;
        } else {
            self.deliver(0);
        }
        true
    }

    pub(crate) fn settle(&mut self) {
        loop {
            let ids: Vec<u64> = self.servers.keys().copied().collect();
            ids.into_iter().for_each(|id| self.sync(id, usize::MAX));
            if self.network.is_empty() {
                if self
                    .servers
                    .values()
                    .all(|server| server.disk.queue.is_empty())
                {
                    return;
                }
                continue;
            }
            self.deliver(0);
        }
    }

    /// The leader that most recently took office, if it still thinks so.
    pub(crate) fn leader(&self) -> Option<u64> {
        let (_, id) = self.leaders.last_key_value()?;
        let raft = self.at(*id).raft.as_ref()?;
        raft.is_leader().then_some(*id)
    }

    pub(crate) fn elect(&mut self) -> u64 {
        for _ in 0..100 {
            if let Some(leader) = self.leader() {
                return leader;
            }
            self.run(1);
        }
        panic!("no leader after 100 ticks, seed {}", self.seed);
    }

    pub(crate) fn applied(&self, id: u64) -> Vec<String> {
        let applied = &self.at(id).applied;
        applied
            .iter()
            .map(|(_, _, data)| String::from_utf8_lossy(data).into_owned())
            .collect()
    }

    fn carry_out(&mut self, id: u64, effects: Vec<RaftEffect>) {
        for effect in effects {
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{id}: {effect:?}"));
            }
            self.server(id).history.note(&effect);
            self.carry_out_one(id, effect);
        }
        if self.server(id).decides {
            self.decide(id);
        }
        let wants = std::mem::take(&mut self.server(id).wants_snapshot);
        if wants && self.server(id).takes_snapshots {
            self.snapshot(id, 0);
        }
    }

    fn carry_out_one(&mut self, id: u64, effect: RaftEffect) {
        match effect {
            RaftEffect::Role { leader, term } => {
                let server = self.server(id);
                server.leader = leader;
                server.claim = Some(term).filter(|_| leader == Some(id));
                self.check_claim(id);
            }
            RaftEffect::Persist(persist) => self.server(id).disk.push(persist),
            RaftEffect::Send { to, message } => {
                self.server(id).disk.check_send(&message);
                assert_eq!(wire::read(&message).to, to);
                self.network.push(Packet {
                    to,
                    from: id,
                    message,
                    snapshot: None,
                });
            }
            RaftEffect::SendSnapshot {
                to,
                position,
                message,
            } => {
                let server = self.server(id);
                assert_eq!(server.disk.snapshot, position);
                let snapshot = Some(Offer {
                    position,
                    state: server.disk.snapshot_state.clone(),
                    members: server.disk.members.clone(),
                });
                self.network.push(Packet {
                    to,
                    from: id,
                    message,
                    snapshot,
                });
            }
            RaftEffect::SnapshotWanted => {
                self.server(id).snapshots_wanted += 1;
                self.server(id).wants_snapshot = true;
            }
            RaftEffect::InstallSnapshot { position, members } => {
                self.check_old_members(id, position.index.0, &members);
                let server = self.server(id);
                let offer = server.arriving.take().expect("it came with a snapshot");
                assert_eq!(offer.position, position);
                server.applied = offer.state.clone();
                server.undecided = None;
                server.disk.sync(usize::MAX);
                server.disk.install(position, (offer.state, offer.members));
            }
            RaftEffect::Members { index, members } => self.note_members(id, index, members),
            RaftEffect::ReadLog {
                low,
                high,
                bytes_max,
            } => self.read_log(id, (low, high), bytes_max),
            RaftEffect::Commit(committed) => self.commit_all(id, committed),
            RaftEffect::Established { term } => self.note_established(id, term),
            RaftEffect::Refused { reason, proposals } => {
                self.server(id).refused.push((reason, proposals));
            }
            RaftEffect::PeerFault { fault, .. } => self.server(id).faults.push(fault),
        }
    }

    /// Who is established has handed out all that earlier leaders have committed to anybody.
    fn note_established(&mut self, id: u64, term: u64) {
        let mut earlier = self.history.iter().filter(|(_, (at, _))| *at < term);
        let committed = earlier.next_back().map_or(0, |(index, _)| *index);
        let applied = self.at(id).applied.last().map_or(0, |(index, _, _)| *index);
        assert!(
            applied >= committed,
            "established in term {term} at {applied} of {committed}, seed {}",
            self.seed
        );
        self.server(id).established.push(term);
    }

    /// The layer above has decided on the change that was handed out.
    pub(crate) fn decide(&mut self, id: u64) {
        if let Some((index, accepted)) = self.server(id).undecided.take() {
            self.event(id, RaftEvent::ChangeDecided { index, accepted });
        }
    }

    /// A snapshot of what is applied, if its members are known; the log keeps `keep` entries before it.
    pub(crate) fn snapshot(&mut self, id: u64, keep: u64) {
        let server = self.server(id);
        let applied = server.applied.clone();
        let newest = applied.last().map(|(index, term, _)| LogPosition {
            index: LogIndex(*index),
            term: *term,
        });
        // Nothing applied yet: a snapshot of the founding.
        let position = newest.unwrap_or(server.disk.base);
        let Some(members) = server.history.at(position.index).cloned() else {
            return;
        };
        let is_old = server.disk.snapshot.index >= position.index && server.disk.has_file;
        if server.raft.is_none() || is_old || position.index.0 == 0 {
            return;
        }
        server.history.forget_before(position.index);
        let first_index = server
            .disk
            .take_snapshot((&applied, &members), position, keep);
        self.event(id, RaftEvent::SnapshotTaken { position, members });
        self.event(id, RaftEvent::Compacted { first_index });
    }

    pub(crate) fn change(&mut self, id: u64, changes: &[MemberChange], data: &str) {
        let changes = changes.to_vec();
        let data = Bytes::copy_from_slice(data.as_bytes());
        self.event(id, RaftEvent::ChangeMembers { changes, data });
    }

    /// Goal: at one place all servers have the same members.
    fn note_members(&mut self, id: u64, index: LogIndex, members: Members) {
        let newest = self
            .memberships
            .last_key_value()
            .map_or(0, |(newest, _)| *newest);
        if index.0 > newest && !members.is_empty() {
            self.memberships.insert(index.0, members);
        } else {
            self.check_old_members(id, index.0, &members);
        }
    }

    fn check_old_members(&self, id: u64, index: u64, found: &Members) {
        if index == 0 && found.is_empty() {
            // It joins.
            return;
        }
        let (_, known) = self
            .memberships
            .range(..=index)
            .next_back()
            .expect("nobody knows of members before the founding");
        // Who was sent a snapshot from before it was added is named in it as a learner all the same; also
        // in the snapshots that it takes itself, up to the place where it was added.
        let mut found = found.clone();
        let later: Vec<&Members> = self
            .memberships
            .range(index..)
            .map(|(_, later)| later)
            .collect();
        let comes = |learner: &u64| later.iter().any(|later| later.contains(*learner));
        found
            .learners
            .retain(|learner| known.learners.contains(learner) || !comes(learner));
        assert_eq!(found, *known, "server {id} at {index}, seed {}", self.seed);
    }

    /// Goal: one leader a term. A sole voter's counts once its vote is durable: nobody hears of it before.
    fn check_claim(&mut self, id: u64) {
        let seed = self.seed;
        let server = self.server(id);
        let durable = server.disk.hard_state;
        let Some(term) = server.claim.filter(|term| *term <= durable.term) else {
            return;
        };
        server.claim = None;
        let first = *self.leaders.entry(term).or_insert(id);
        assert_eq!(first, id, "two leaders in term {term}, seed {seed}");
    }

    fn read_log(&mut self, id: u64, (low, high): (LogIndex, LogIndex), bytes_max: u64) {
        let server = self.server(id);
        server.log_reads.push(low);
        if server.answers_log_reads {
            let entries = server.disk.read(low, high, bytes_max);
            self.event(id, RaftEvent::LogRead { low, entries });
        }
    }

    fn commit_all(&mut self, id: u64, committed: Vec<Committed>) {
        let last = committed.len() - 1;
        for (at, entry) in committed.into_iter().enumerate() {
            assert!(!entry.is_change || at == last, "a change ends its batch");
            self.commit(id, (entry.index.0, entry.term, entry.data.to_vec()));
            if entry.is_change {
                let server = self.server(id);
                assert_eq!(server.undecided, None, "one at a time");
                server.undecided = Some((entry.index, accepts(&entry.data)));
            }
        }
    }

    fn note_truth(&mut self, (index, term, data): (u64, u64, &[u8])) {
        assert!(!data.is_empty(), "empty entries stay inside");
        let said = (term, data.to_vec());
        let known = self.history.entry(index).or_insert_with(|| said.clone());
        assert_eq!(*known, said, "two truths at {index}, seed {}", self.seed);
    }

    fn commit(&mut self, id: u64, (index, term, data): (u64, u64, Vec<u8>)) {
        self.note_truth((index, term, &data));
        let seed = self.seed;
        let server = self.server(id);
        assert_eq!(server.undecided, None, "nothing comes behind a change");
        assert!(
            server.disk.last().index.0 >= index,
            "committed but not durable here"
        );
        let newest = server.applied.last().map_or(0, |(newest, _, _)| *newest);
        assert!(
            index > newest,
            "applied twice: {index} after {newest}, seed {seed}"
        );
        server.applied.push((index, term, data));
    }
}
