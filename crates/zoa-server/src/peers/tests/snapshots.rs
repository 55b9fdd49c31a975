//! Snapshots arrive on connections of their own, or it is told that they did not.

use std::io::Read;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;
use zoa_ensemble::Hello;
use zoa_ensemble::NodeId;
use zoa_ensemble::Purpose;
use zoa_log::ClusterId;
use zoa_log::LogIndex;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;

use super::CLUSTER;
use super::Node;
use super::greeted_as;
use super::identity;
use super::place;
use crate::disk::RealDisk;
use crate::limits::GREETING_TIME;
use crate::limits::SNAPSHOT_TRIES;
use crate::peers::framing;
use crate::time;

/// A folder for snapshots that goes away with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(what: &str) -> Self {
        let name = format!("zoa-peers-{what}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn store(&self) -> SnapshotStore<RealDisk> {
        let disk = RealDisk::open_buffered(&self.0).unwrap();
        SnapshotStore::open(disk, ClusterId([CLUSTER; 16])).unwrap()
    }

    /// Puts a snapshot as of this place into it.
    fn write(&self, index: LogIndex) {
        let meta = SnapshotMeta {
            index,
            term: 3,
            zxid: 1,
            extra: Vec::new(),
        };
        let mut writer = self.store().begin(meta).unwrap();
        writer.write(&[7; 1000]).unwrap();
        writer.finish().unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The id of the cluster is no secret: it stands in every hello.
#[test]
fn silence_on_connections_for_snapshots_keeps_no_snapshot_from_arriving() {
    let two = Node::start(2);
    let folder = Folder::new("arriving");
    two.peers.use_snapshots(folder.store());
    let silent: Vec<TcpStream> = (0..3)
        .map(|_| greeted_as(&identity(3), &two, Purpose::Snapshot))
        .collect();
    let mut one = Node::start(1);
    let from = Folder::new("sending");
    from.write(LogIndex(7));
    one.peers.use_snapshots(from.store());
    one.reach(&two);
    assert_eq!(one.up().1, PeerId(2));
    let mut message = vec![1, 9];
    for number in [NodeId::founding(PeerId(1)).raft(), 2, 5, 7, 3] {
        message.extend_from_slice(&number.to_be_bytes());
    }
    let begun = time::Stopwatch::start();
    let node = NodeId::founding(PeerId(2));
    one.peers.send_snapshot(node, LogIndex(7), message.into());
    assert_eq!(one.snapshot_sent(), (node, true));
    assert!(begun.elapsed() < GREETING_TIME);
    drop(silent);
}

#[test]
fn a_snapshot_that_cannot_be_sent_is_tried_snapshot_tries_times() {
    let mut one = Node::start(1);
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closing.local_addr().unwrap().port();
    let folder = Folder::new("tries");
    one.peers.use_snapshots(folder.store());
    let (sender, tried) = mpsc::channel();
    thread::spawn(move || {
        for socket in closing.incoming() {
            // Whoever comes says who it is first; for which purpose stands in it.
            let mut hello = vec![0; framing::HEAD_LEN];
            let mut socket = socket.unwrap();
            socket.read_exact(&mut hello).unwrap();
            let len = u32::from_be_bytes([hello[0], hello[1], hello[2], hello[3]]);
            hello.resize(len as usize, 0);
            socket.read_exact(&mut hello).unwrap();
            let hello = Hello::decode(&hello).unwrap();
            if hello.purpose == Purpose::Snapshot && sender.send(()).is_err() {
                return;
            }
        }
    });
    one.reach_at(PeerId(2), place("127.0.0.1", port));
    let node = NodeId::founding(PeerId(2));
    one.peers.send_snapshot(node, LogIndex(5), Bytes::new());
    assert_eq!(one.snapshot_sent(), (node, false));
    assert_eq!(tried.try_iter().count(), SNAPSHOT_TRIES);
    drop(one);
}
