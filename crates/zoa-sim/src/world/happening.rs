//! What stands on the agenda: everything that can happen in a run, and on which server.

use crate::process::Thread;
use zoa_ensemble::LinkId;
use zoa_testkit::clock::SimTime;

/// Something on the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// A client decides what to do.
    Act(usize),
    /// Bytes, or the end, may have arrived at the server on this connection.
    AtServer(usize),
    /// Bytes, or the end, may have arrived at the client on this connection.
    AtClient(usize),
    /// A thread of this life of the server has its turn.
    Turn(usize, u64, Thread),
    /// The disk is done with what the log thread has written.
    LogSpeaks(usize, u64),
    /// The log thread was idle for a while.
    LogIdle(usize, u64),
    /// One unit of the ensemble's time.
    RaftTick(usize, u64),
    /// The session clock wakes up.
    Sessions(usize, u64),
    /// It is time for a snapshot.
    SnapshotDue(usize, u64),
    /// A connection must have sent its first frame by now.
    Deadline(usize, u64, u64, usize),
    /// A server looks which peers it has no connection to.
    Dial(usize, u64),
    /// Frames may have come through this link.
    Frames(LinkId),
    /// Nothing may have come through this link since then.
    Silent(LinkId, SimTime),
    /// A server hears that a link is gone.
    LinkGone(usize, u64, LinkId),
    /// A snapshot may have come.
    Snapshot(u64),
    /// A user decides what to do.
    UserActs(usize),
    /// It may be time for which a user's client has asked.
    UserLooks(usize),
    /// A name or socket has an answer for a user's client: user, client, attempt.
    UserAnswered(usize, u32, u64),
    /// Somebody connects who is no client.
    Stranger,
    /// A fault of the plan begins.
    FaultBegins(usize),
    /// A fault of the plan ends.
    FaultEnds(usize),
    /// The server is started.
    Start(usize),
    /// Somebody notices that the server of this life has the program before.
    Upgrade(usize, u64),
    /// All faults are over: what remains must come to rest.
    Calm,
}

impl Happening {
    /// The server that does it; none when it is done to the network, to clients, or to a server from outside.
    pub(super) fn server(self) -> Option<usize> {
        match self {
            Self::Turn(server, ..)
            | Self::LogSpeaks(server, _)
            | Self::LogIdle(server, _)
            | Self::RaftTick(server, _)
            | Self::Sessions(server, _)
            | Self::SnapshotDue(server, _)
            | Self::Deadline(server, ..)
            | Self::Dial(server, _)
            | Self::LinkGone(server, ..)
            | Self::Upgrade(server, _)
            | Self::Start(server) => Some(server),
            Self::Act(_)
            | Self::AtServer(_)
            | Self::AtClient(_)
            | Self::Frames(_)
            | Self::Silent(..)
            | Self::Snapshot(_)
            | Self::Stranger
            | Self::UserActs(_)
            | Self::UserLooks(_)
            | Self::UserAnswered(..)
            | Self::FaultBegins(_)
            | Self::FaultEnds(_)
            | Self::Calm => None,
        }
    }
}
