//! Small histories written by hand, for the tests of the checkers: a perfect server of one line a call, and ways to spoil what it
//! said.
//!
//! The perfect server answers with the model; a test that accepts shows that a checker agrees with it, a test that rejects spoils
//! one thing and must be heard.

use super::check_all;
use crate::applied::Applied;
use crate::applied::Asked;
use crate::applied::Entry;
use crate::applied::Owner;
use crate::clock::SimTime;
use crate::history::Call;
use crate::history::CallId;
use crate::history::CallOutcome;
use crate::history::ConnectAnswer;
use crate::history::ConnectAsk;
use crate::history::Connection;
use crate::history::ConnectionId;
use crate::history::End;
use crate::history::History;
use crate::history::Received;
use crate::model::Model;
use crate::model::Step;
use crate::observed::Observed;
use crate::observed::Span;
use crate::op::Acl;
use crate::op::Answer;
use crate::op::Blob;
use crate::op::Event;
use crate::op::EventKind;
use crate::op::Identity;
use crate::op::Op;
use crate::op::Outcome;
use crate::op::RearmLists;
use crate::op::Stat;
use crate::op::flag;

/// A history under way.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    pub(crate) history: History,
    pub(crate) applied: Applied,
    pub(crate) observed: Observed,
    model: Model,
    now: SimTime,
    /// How far behind the leader's clock is.
    behind_ms: u64,
    term: u64,
    index: u64,
    xid: i32,
}

impl Scene {
    pub(crate) const TIMEOUT_MS: u64 = 4000;
    const ADDRESS: &'static str = "10.0.0.1";

    pub(crate) fn new() -> Self {
        Self {
            term: 1,
            ..Self::default()
        }
    }

    pub(crate) fn accepts(&self) {
        let violations = check_all(&self.history, &self.applied, &self.observed());
        assert!(violations.is_empty(), "{violations:#?}");
    }

    pub(crate) fn rejects(&self, guarantee: &str) {
        let violations = check_all(&self.history, &self.applied, &self.observed());
        assert!(
            violations
                .iter()
                .any(|violation| violation.guarantee == guarantee),
            "{violations:#?}"
        );
    }

    fn observed(&self) -> Observed {
        Observed {
            ended_at: self.now.max(self.observed.ended_at),
            ..self.observed.clone()
        }
    }

    pub(crate) fn now(&self) -> SimTime {
        self.now
    }

    pub(crate) fn zxid(&self) -> i64 {
        self.model.zxid()
    }

    pub(crate) fn last_index(&self) -> u64 {
        self.index
    }

    fn tick(&mut self) -> SimTime {
        self.now = self.now.after_ms(1);
        self.now
    }

    fn commit(&mut self, id: ConnectionId, session: i64, asked: Asked) -> Step {
        self.index += 1;
        let owner = self.history.connections[id.0].owner.unwrap_or_default();
        let entry = Entry {
            index: self.index,
            term: self.term,
            committed_at: self.now,
            session,
            owner,
            xid: self.xid,
            time_ms: i64::try_from(self.now.as_ms() - self.behind_ms).expect("a short scene"),
            identities: vec![Identity::new("ip", Self::ADDRESS)],
            asked,
        };
        let step = self.model.apply(&entry);
        self.applied.note(entry);
        step
    }

    /// An entry that no client has asked for.
    pub(crate) fn commit_unasked(&mut self, asked: Asked) {
        let id = ConnectionId(0);
        self.commit(id, 0, asked);
    }

    fn open(&mut self, asked: ConnectAsk) -> ConnectionId {
        let opened_at = self.tick();
        let number = self.history.connections.len() as u64;
        self.history.open(Connection {
            opened_at,
            address: Self::ADDRESS.to_owned(),
            owner: Some(Owner {
                server: 1,
                connection: number,
            }),
            asked,
            ..Connection::default()
        })
    }

    fn answer(&mut self, id: ConnectionId, granted: Option<(i64, Vec<u8>)>) {
        let at = self.tick();
        let answer = match granted {
            Some((session, password)) => ConnectAnswer {
                timeout_ms: self.history.connections[id.0].asked.timeout_ms,
                session,
                password,
            },
            None => ConnectAnswer {
                timeout_ms: 0,
                session: 0,
                password: vec![0; 16],
            },
        };
        self.history.connections[id.0].answered = Some((at, answer));
    }

    fn timeout() -> i32 {
        i32::try_from(Self::TIMEOUT_MS).expect("a small number")
    }

    pub(crate) fn connect(&mut self) -> ConnectionId {
        let id = self.open(ConnectAsk {
            timeout_ms: Self::timeout(),
            ..ConnectAsk::default()
        });
        self.grant_new_session(id);
        id
    }

    fn grant_new_session(&mut self, id: ConnectionId) {
        let session = 0x100 + id.0 as i64;
        let password = vec![u8::try_from(id.0).expect("few connections") + 1; 16];
        self.commit(
            id,
            session,
            Asked::Open {
                timeout_ms: Self::timeout(),
                password: password.clone(),
            },
        );
        self.answer(id, Some((session, password)));
    }

    fn come_back(&mut self, before: ConnectionId, password: Vec<u8>) -> ConnectionId {
        let last = &mut self.history.connections[before.0];
        last.end = End::Dropped;
        last.ended_at = Some(self.now);
        let session = last.session().expect("a granted session");
        let asked = ConnectAsk {
            last_zxid_seen: self.zxid(),
            timeout_ms: Self::timeout(),
            session,
            password,
        };
        self.open(asked)
    }

    fn password_of(&self, id: ConnectionId) -> Vec<u8> {
        self.history.connections[id.0]
            .answered
            .as_ref()
            .expect("an answer")
            .1
            .password
            .clone()
    }

    pub(crate) fn reconnect(&mut self, before: ConnectionId) -> ConnectionId {
        let password = self.password_of(before);
        self.attach(before, (password, Self::timeout()))
    }

    /// With another timeout.
    pub(crate) fn reconnect_for(&mut self, before: ConnectionId, (timeout_ms, at_ms): (i32, u64)) {
        self.now = SimTime::from_ms(at_ms);
        let password = self.password_of(before);
        self.attach(before, (password, timeout_ms));
    }

    pub(crate) fn reconnect_with_wrong_password(&mut self, before: ConnectionId) -> ConnectionId {
        self.attach(before, (vec![0xee; 16], Self::timeout()))
    }

    fn attach(
        &mut self,
        before: ConnectionId,
        (password, timeout_ms): (Vec<u8>, i32),
    ) -> ConnectionId {
        let id = self.come_back(before, password.clone());
        let connection = &mut self.history.connections[id.0];
        connection.asked.timeout_ms = timeout_ms;
        let session = connection.asked.session;
        let asked = Asked::Attach {
            timeout_ms,
            password: password.clone(),
        };
        let step = self.commit(id, session, asked);
        self.answer(id, step.outcome.is_ok().then_some((session, password)));
        id
    }

    pub(crate) fn reconnect_with_a_new_session(&mut self, before: ConnectionId) {
        let id = self.come_back(before, self.password_of(before));
        self.grant_new_session(id);
    }

    fn call(&mut self, id: ConnectionId, op: Op) -> CallId {
        let invoked_at = self.tick();
        self.xid += 1;
        let calls = &mut self.history.connections[id.0].calls;
        calls.push(Call {
            xid: self.xid,
            op,
            invoked_at,
            outcome: CallOutcome::Unknown,
        });
        CallId {
            connection: id,
            position: calls.len() - 1,
        }
    }

    fn reply(&mut self, call: CallId, zxid: i64, outcome: Outcome) {
        let at = self.tick();
        let connection = &mut self.history.connections[call.connection.0];
        connection.calls[call.position].outcome = CallOutcome::Replied { at, zxid, outcome };
        connection
            .received
            .push((at, Received::Reply(call.position)));
    }

    fn write(&mut self, id: ConnectionId, op: Op) -> CallId {
        let call = self.call(id, op.clone());
        let session = self.history.connections[id.0].session().expect("a session");
        let asked = match &op {
            Op::Sync { .. } => Asked::Sync,
            Op::CloseSession => Asked::Close,
            _ => Asked::Request(op.clone()),
        };
        let step = self.commit(id, session, asked);
        let outcome = match op {
            Op::Sync { path } => step.outcome.map(|_| Answer::Path(path)),
            _ => step.outcome,
        };
        self.reply(call, step.zxid, outcome);
        call
    }

    fn read(&mut self, id: ConnectionId, op: Op) -> CallId {
        let call = self.call(id, op.clone());
        let session = self.history.connections[id.0].session().expect("a session");
        let identities = [Identity::new("ip", Self::ADDRESS)];
        let outcome = self
            .model
            .read(&op, session, &identities)
            .unwrap_or(Ok(Answer::Done));
        self.reply(call, self.model.zxid(), outcome);
        call
    }

    pub(crate) fn create(&mut self, id: ConnectionId, path: &str) -> CallId {
        self.write(id, Self::create_op(path, flag::PERSISTENT))
    }

    pub(crate) fn create_ephemeral(&mut self, id: ConnectionId, path: &str) -> CallId {
        self.write(id, Self::create_op(path, flag::EPHEMERAL))
    }

    pub(crate) fn create_sequential(&mut self, id: ConnectionId, path: &str) -> CallId {
        self.write(id, Self::create_op(path, flag::PERSISTENT_SEQUENTIAL))
    }

    pub(crate) fn create_with_acl(
        &mut self,
        id: ConnectionId,
        path: &str,
        acl: Vec<Acl>,
    ) -> CallId {
        self.write(
            id,
            Op::Create {
                path: path.to_owned(),
                data: None,
                acl,
                flags: 0,
                with_stat: false,
            },
        )
    }

    pub(crate) fn create_op(path: &str, flags: i32) -> Op {
        Op::Create {
            path: path.to_owned(),
            data: None,
            acl: Acl::open(),
            flags,
            with_stat: false,
        }
    }

    pub(crate) fn multi_create(&mut self, id: ConnectionId, paths: &[&str]) -> CallId {
        let ops = paths
            .iter()
            .map(|path| Self::create_op(path, flag::PERSISTENT))
            .collect();
        self.write(id, Op::Multi(ops))
    }

    pub(crate) fn set(&mut self, id: ConnectionId, path: &str, data: &str) -> CallId {
        let data = Some(Blob(data.as_bytes().to_vec()));
        self.write(
            id,
            Op::SetData {
                path: path.to_owned(),
                data,
                version: -1,
            },
        )
    }

    pub(crate) fn delete(&mut self, id: ConnectionId, path: &str) -> CallId {
        self.write(
            id,
            Op::Delete {
                path: path.to_owned(),
                version: -1,
            },
        )
    }

    pub(crate) fn sync(&mut self, id: ConnectionId) -> CallId {
        self.write(
            id,
            Op::Sync {
                path: "/".to_owned(),
            },
        )
    }

    pub(crate) fn close(&mut self, id: ConnectionId) -> CallId {
        let call = self.write(id, Op::CloseSession);
        self.history.connections[id.0].end = End::ClosedByServer;
        call
    }

    pub(crate) fn exists(&mut self, id: ConnectionId, path: &str) -> CallId {
        self.read(
            id,
            Op::Exists {
                path: path.to_owned(),
                watch: false,
            },
        )
    }

    pub(crate) fn get(&mut self, id: ConnectionId, path: &str) -> CallId {
        self.read(
            id,
            Op::GetData {
                path: path.to_owned(),
                watch: false,
            },
        )
    }

    pub(crate) fn get_and_watch(&mut self, id: ConnectionId, path: &str) -> CallId {
        self.read(
            id,
            Op::GetData {
                path: path.to_owned(),
                watch: true,
            },
        )
    }

    pub(crate) fn add_watch(&mut self, id: ConnectionId, path: &str, mode: i32) -> CallId {
        self.read(
            id,
            Op::AddWatch {
                path: path.to_owned(),
                mode,
            },
        )
    }

    pub(crate) fn rearm_data(
        &mut self,
        id: ConnectionId,
        relative_zxid: i64,
        paths: &[&str],
    ) -> CallId {
        let data = paths.iter().map(|path| (*path).to_owned()).collect();
        self.read(
            id,
            Op::SetWatches {
                relative_zxid,
                lists: RearmLists {
                    data,
                    ..RearmLists::default()
                },
            },
        )
    }

    pub(crate) fn event(&mut self, id: ConnectionId, kind: EventKind, path: &str) {
        let event = Event {
            zxid: self.model.zxid(),
            kind,
            path: path.to_owned(),
        };
        self.arrive(id, event);
    }

    pub(crate) fn made_up_event(&mut self, id: ConnectionId, kind: EventKind, path: &str) {
        self.arrive(
            id,
            Event {
                zxid: -1,
                kind,
                path: path.to_owned(),
            },
        );
    }

    fn arrive(&mut self, id: ConnectionId, event: Event) {
        let at = self.tick();
        self.history.connections[id.0]
            .received
            .push((at, Received::Event(event)));
    }

    pub(crate) fn send_unanswered(&mut self, id: ConnectionId, path: &str) -> CallId {
        self.call(id, Self::create_op(path, flag::PERSISTENT))
    }

    /// The leader's clock goes wrong.
    pub(crate) fn set_clock_back(&mut self, by_ms: u64) {
        self.behind_ms = by_ms;
    }

    pub(crate) fn next_term(&mut self) {
        self.term += 1;
    }

    pub(crate) fn hear(&mut self, id: ConnectionId, at_ms: u64) {
        let owner = self.history.connections[id.0]
            .owner
            .expect("a connection the server knows");
        self.now = SimTime::from_ms(at_ms);
        self.observed.hear(owner, self.now);
    }

    pub(crate) fn expire(&mut self, id: ConnectionId, at_ms: u64) {
        let session = self.history.connections[id.0].session().expect("a session");
        self.now = SimTime::from_ms(at_ms);
        self.observed
            .expiry_proposed
            .entry(session)
            .or_default()
            .push(self.now);
        self.commit(id, session, Asked::Expire);
        self.history.connections[id.0].end = End::ClosedByServer;
    }

    pub(crate) fn outage(&mut self, from_ms: u64, to_ms: u64) {
        self.observed.outages.push(Span {
            from: SimTime::from_ms(from_ms),
            to: SimTime::from_ms(to_ms),
        });
    }

    pub(crate) fn end_at(&mut self, at_ms: u64) {
        self.observed.ended_at = SimTime::from_ms(at_ms);
    }

    fn call_mut(&mut self, call: CallId) -> &mut Call {
        &mut self.history.connections[call.connection.0].calls[call.position]
    }

    pub(crate) fn zxid_of(&self, call: CallId) -> i64 {
        self.history
            .call(call)
            .and_then(Call::reply)
            .map(|(_, zxid, _)| zxid)
            .expect("an answered call")
    }

    pub(crate) fn tamper_answer(&mut self, call: CallId, spoiled: Outcome) {
        if let CallOutcome::Replied { outcome, .. } = &mut self.call_mut(call).outcome {
            *outcome = spoiled;
        }
    }

    pub(crate) fn tamper_zxid(&mut self, call: CallId, spoiled: i64) {
        if let CallOutcome::Replied { zxid, .. } = &mut self.call_mut(call).outcome {
            *zxid = spoiled;
        }
    }

    pub(crate) fn tamper_times(&mut self, call: CallId, invoked_ms: u64, returned_ms: u64) {
        self.call_mut(call).invoked_at = SimTime::from_ms(invoked_ms);
        if let CallOutcome::Replied { at, .. } = &mut self.call_mut(call).outcome {
            *at = SimTime::from_ms(returned_ms);
        }
    }

    pub(crate) fn delay_answer(&mut self, call: CallId, by_ms: u64) {
        if let CallOutcome::Replied { at, .. } = &mut self.call_mut(call).outcome {
            *at = at.after_ms(by_ms);
        }
    }

    pub(crate) fn tamper_data(&mut self, call: CallId, spoiled: &str) {
        if let CallOutcome::Replied {
            outcome: Ok(Answer::Data(data, _)),
            ..
        } = &mut self.call_mut(call).outcome
        {
            *data = Some(Blob(spoiled.as_bytes().to_vec()));
        }
    }

    pub(crate) fn tamper_stat(&mut self, call: CallId, spoil: impl FnOnce(&mut Stat)) {
        if let CallOutcome::Replied {
            outcome: Ok(Answer::Stat(stat)),
            ..
        } = &mut self.call_mut(call).outcome
        {
            spoil(stat);
        }
    }

    pub(crate) fn copy_answer(&mut self, from: CallId, to: CallId) {
        let outcome = self
            .history
            .call(from)
            .and_then(Call::reply)
            .map(|(_, _, outcome)| outcome.clone());
        self.tamper_answer(to, outcome.expect("an answered call"));
    }

    pub(crate) fn tamper_last_zxid_seen(&mut self, id: ConnectionId, zxid: i64) {
        self.history.connections[id.0].asked.last_zxid_seen = zxid;
    }

    pub(crate) fn tamper_refused(&mut self, id: ConnectionId) {
        self.answer(id, None);
    }

    pub(crate) fn tamper_granted(&mut self, id: ConnectionId, like: ConnectionId) {
        self.history.connections[id.0].answered = self.history.connections[like.0].answered.clone();
    }

    pub(crate) fn forget_answer(&mut self, call: CallId) {
        self.call_mut(call).outcome = CallOutcome::Unknown;
        let received = &mut self.history.connections[call.connection.0].received;
        received.retain(|(_, message)| *message != Received::Reply(call.position));
    }

    /// Takes back the sending itself; only of a connection's last call.
    pub(crate) fn forget_call(&mut self, call: CallId) {
        self.forget_answer(call);
        self.history.connections[call.connection.0].calls.pop();
    }

    pub(crate) fn drop_last_entry(&mut self) {
        self.applied.forget_last();
    }

    pub(crate) fn rewrite_last_entry(&mut self, path: &str) {
        let last = self.applied.entries().last().cloned().expect("an entry");
        let asked = Asked::Request(Self::create_op(path, flag::PERSISTENT));
        self.applied.note(Entry { asked, ..last });
    }

    pub(crate) fn swap_last_messages(&mut self, id: ConnectionId) {
        let received = &mut self.history.connections[id.0].received;
        let len = received.len();
        received.swap(len - 1, len - 2);
    }

    pub(crate) fn swap_calls(&mut self, one: CallId, other: CallId) {
        self.history.connections[one.connection.0]
            .calls
            .swap(one.position, other.position);
    }
}
