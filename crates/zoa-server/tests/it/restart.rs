//! What a restart finds again, and what a start refuses.

use std::path::Path;
use std::path::PathBuf;

use zoa_server::LogLenLimit;
use zoa_server::Server;
use zoa_server::limits::CHUNK_LEN;
use zoa_server::limits::EPOCHS_LEFT_OUT;
use zoa_server::limits::NODES_PER_STEP;
use zoa_server::limits::PIECES_AHEAD;
use zoa_server::limits::REPLAY_LEN;

use crate::running::Client;
use crate::running::Folder;
use crate::running::config;
use crate::running::options;
use crate::running::start;
use crate::running::start_error;
use crate::running::wait_for;

#[test]
fn znodes_and_sessions_survive_a_restart() {
    let folder = Folder::new();
    let server = start(&folder);
    let mut client = Client::connect(server.address());
    assert_eq!(client.create("/kept", b"data", 0), 0);
    assert_eq!(client.create("/eph", b"", 1), 0);
    server.stop();
    let server = start(&folder);
    let (session, password) = (client.session, client.password);
    let mut client =
        Client::attach(server.address(), session, &password).expect("the session lives");
    assert_eq!(client.get("/kept"), Ok(b"data".to_vec()));
    assert_eq!(
        client.get("/eph"),
        Ok(Vec::new()),
        "its ephemeral is there with it"
    );
    assert!(
        Client::attach(server.address(), session, &[0; 16]).is_none(),
        "another password is refused"
    );
    server.stop();
}

#[test]
fn a_snapshot_and_the_log_behind_it_make_the_same_tree() {
    let folder = Folder::new();
    let mut options = options(&folder);
    options.snapshots.every = Some(50);
    let server = Server::start(&options, config()).expect("the server starts");
    let mut client = Client::connect(server.address());
    for number in 0..500 {
        assert_eq!(
            client.create(&format!("/n{number}"), format!("{number}").as_bytes(), 0),
            0
        );
    }
    let digest = server.core().with_tree(zoa_tree::Tree::digest);
    wait_for("a snapshot", || !snapshots(&folder).is_empty());
    drop(client);
    server.stop();
    let server = Server::start(&options, config()).expect("the server starts");
    assert_eq!(server.core().with_tree(zoa_tree::Tree::digest), digest);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/n499"), Ok(b"499".to_vec()));
    server.stop();
}

#[test]
fn a_data_directory_in_use_is_refused_by_name() {
    let folder = Folder::new();
    let server = start(&folder);
    let error = start_error(&folder);
    let text = error.to_string();
    assert!(text.contains(&*folder.path().to_string_lossy()), "{text}");
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        assert_ne!(deeper.to_string(), text, "it would be told twice");
        cause = deeper.source();
    }
    server.stop();
}

#[test]
fn snapshots_of_another_cluster_are_refused_by_name() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    for folder in [&ours, &theirs] {
        let mut options = options(folder);
        options.snapshots.every = Some(5);
        let server = Server::start(&options, config()).expect("the server starts");
        let mut client = Client::connect(server.address());
        for number in 0..50 {
            assert_eq!(client.create(&format!("/n{number}"), b"", 0), 0);
        }
        wait_for("a snapshot", || !snapshots(folder).is_empty());
        server.stop();
    }
    for snapshot in snapshots(&ours) {
        std::fs::remove_file(snapshot).expect("removed");
    }
    for snapshot in snapshots(&theirs) {
        let name = snapshot.file_name().expect("a file");
        std::fs::copy(&snapshot, ours.path().join("snap").join(name)).expect("copied");
    }
    let error = start_error(&ours).to_string();
    assert!(error.contains("cluster"), "{error}");
}

/// Goal: a log of one database and snapshots of another, mixed up in zoo.cfg, are refused by name, and neither is touched.
#[test]
fn a_log_directory_of_another_cluster_is_refused_by_name() {
    let folders: [Folder; 4] = std::array::from_fn(|_| Folder::new());
    let [our_data, our_log, their_data, their_log] = &folders;
    let options_of = |data: &Folder, log: &Folder| {
        let mut options = options(data);
        options.log_dir = log.path().to_owned();
        options.snapshots.every = Some(5);
        options
    };
    for (data, log) in [(our_data, our_log), (their_data, their_log)] {
        let server = Server::start(&options_of(data, log), config()).expect("the server starts");
        let mut client = Client::connect(server.address());
        for number in 0..20 {
            assert_eq!(client.create(&format!("/n{number}"), b"", 0), 0);
        }
        wait_for("a snapshot", || !snapshots(data).is_empty());
        server.stop();
    }
    let error = Server::start(&options_of(our_data, their_log), config())
        .expect_err("they do not belong together")
        .to_string();
    assert!(error.contains("cluster"), "{error}");
    assert!(
        error.contains(&*our_data.path().to_string_lossy()),
        "{error}"
    );
    // An empty directory in the place of the log, as of a disk that is not mounted.
    let empty = Folder::new();
    let error = Server::start(&options_of(our_data, &empty), config())
        .expect_err("the log is missing")
        .to_string();
    assert!(error.contains("cluster"), "{error}");
    for (data, log) in [(our_data, our_log), (their_data, their_log)] {
        let server = Server::start(&options_of(data, log), config()).expect("the server starts");
        let mut client = Client::connect(server.address());
        assert_eq!(client.get("/n19"), Ok(Vec::new()));
        server.stop();
    }
}

#[test]
fn a_log_of_more_pieces_than_are_read_ahead_is_replayed() {
    let folder = Folder::new();
    let server = start(&folder);
    let mut client = Client::connect(server.address());
    let data = vec![7; 900_000];
    let data_len = u64::try_from(data.len()).expect("small");
    let pieces = u64::try_from(PIECES_AHEAD).expect("small") + 2;
    // The last few are not known to be committed before this server leads again.
    let count = pieces * REPLAY_LEN / data_len + 5;
    for number in 0..count {
        assert_eq!(client.create(&format!("/n{number}"), &data, 0), 0);
    }
    server.stop();
    let server = start(&folder);
    let replayed = server.core().stats().entries_replayed.sum();
    assert!(replayed * data_len > pieces * REPLAY_LEN, "{replayed}");
    let mut client = Client::connect(server.address());
    for number in 0..count {
        assert!(client.get(&format!("/n{number}")).as_ref() == Ok(&data));
    }
    server.stop();
}

/// Goal: a snapshot that takes several steps and several chunks is whole.
#[test]
fn a_snapshot_longer_than_its_steps_and_chunks_is_the_whole_tree() {
    let folder = Folder::new();
    let mut options = options(&folder);
    let count = 2 * NODES_PER_STEP + 500;
    options.snapshots.every = Some(u64::try_from(count).expect("small"));
    let data = vec![7; 3 * CHUNK_LEN / count];
    let server = Server::start(&options, config()).expect("the server starts");
    let mut client = Client::connect(server.address());
    for number in 0..count {
        assert_eq!(client.create(&format!("/n{number}"), &data, 0), 0);
    }
    wait_for("a snapshot", || !snapshots(&folder).is_empty());
    let digest = server.core().with_tree(zoa_tree::Tree::digest);
    server.stop();
    let server = Server::start(&options, config()).expect("the server starts");
    let replayed = server.core().stats().entries_replayed.sum();
    assert!(replayed < 100, "most comes from the snapshot: {replayed}");
    assert_eq!(server.core().with_tree(zoa_tree::Tree::digest), digest);
    server.stop();
}

#[test]
fn an_occupied_port_is_refused_with_what_to_do() {
    let (first, second) = (Folder::new(), Folder::new());
    let server = start(&first);
    let mut taken = options(&second);
    taken.client_addresses = vec![server.address()];
    let error = Server::start(&taken, config())
        .expect_err("the port is taken")
        .to_string();
    assert!(error.contains("clientPort"), "{error}");
    server.stop();
}

#[test]
fn an_empty_directory_begins_a_database_only_where_that_is_allowed() {
    let folder = Folder::new();
    let mut options = options(&folder);
    options.may_found = false;
    let error = Server::start(&options, config())
        .expect_err("nobody allowed it")
        .to_string();
    assert!(error.contains(&*folder.path().to_string_lossy()), "{error}");
    assert!(error.contains("db.autocreate"), "{error}");
    let initialize = folder.path().join("initialize");
    std::fs::write(&initialize, "").expect("written");
    let server = Server::start(&options, config()).expect("the operator allowed it");
    server.stop();
    assert!(!initialize.exists(), "once");
    let server = Server::start(&options, config()).expect("there is a database now");
    server.stop();
}

#[test]
fn data_of_zookeeper_is_neither_touched_nor_passed_over_in_silence() {
    let empty = Folder::new();
    std::fs::create_dir(empty.path().join("version-2")).expect("made");
    start(&empty).stop();
    let folder = Folder::new();
    let theirs = folder.path().join("version-2");
    std::fs::create_dir(&theirs).expect("made");
    std::fs::write(theirs.join("log.1"), "ZKLG").expect("written");
    let error = start_error(&folder).to_string();
    assert!(error.contains(&*theirs.to_string_lossy()), "{error}");
    assert!(
        error.contains("ZooKeeper") && error.contains("dataDir"),
        "{error}"
    );
    std::fs::write(folder.path().join("initialize"), "").expect("written");
    start(&folder).stop();
    start(&folder).stop();
    assert_eq!(
        std::fs::read(theirs.join("log.1")).expect("it is there"),
        b"ZKLG"
    );
}

#[test]
fn entries_of_earlier_runs_count_towards_the_next_snapshot() {
    let folder = Folder::new();
    let mut options = options(&folder);
    options.snapshots.every = Some(60);
    for run in 0..3 {
        assert!(snapshots(&folder).is_empty(), "run {run}");
        let server = Server::start(&options, config()).expect("the server starts");
        let mut client = Client::connect(server.address());
        for number in 0..25 {
            assert_eq!(client.create(&format!("/{run}-{number}"), b"", 0), 0);
        }
        if run == 2 {
            wait_for("a snapshot", || !snapshots(&folder).is_empty());
        }
        server.stop();
    }
}

#[test]
fn a_long_log_asks_for_a_snapshot_before_there_are_many_entries() {
    let folder = Folder::new();
    let mut options = options(&folder);
    options.snapshots.log_len = LogLenLimit::Bytes(100_000);
    let server = Server::start(&options, config()).expect("the server starts");
    let mut client = Client::connect(server.address());
    assert_eq!(client.create("/a", b"", 0), 0);
    for _ in 0..4 {
        assert_eq!(client.set("/a", &[7; 30_000]), 0);
    }
    wait_for("a snapshot", || !snapshots(&folder).is_empty());
    server.stop();
}

#[test]
fn a_damaged_database_is_told_once() {
    let folder = Folder::new();
    start(&folder).stop();
    let metadata = folder.path().join("metadata");
    std::fs::write(&metadata, b"no metadata at all").expect("written");
    let error = start_error(&folder);
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_ne!(cause, Some(error.to_string()), "it would be told twice");
}

fn snapshots(folder: &Folder) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.path().join("snap")) else {
        return Vec::new();
    };
    let finished = |path: &PathBuf| !path.to_string_lossy().ends_with(".tmp");
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(finished)
        .collect()
}

/// All files below one folder into another.
fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn cluster_of(folder: &Folder) -> String {
    let text = std::fs::read_to_string(folder.path().join("metadata")).expect("it is there");
    let line = text.lines().find(|line| line.starts_with("cluster "));
    line.expect("it says so").to_owned()
}

fn force(folder: &Folder) -> PathBuf {
    let marker = folder.path().join("force-new-ensemble");
    std::fs::write(&marker, "").expect("written");
    marker
}

/// Starts, looks whether everything is there, writes, and stops; returns the zxid it found.
fn goes_on(folder: &Folder) -> zoa_proto::Zxid {
    let server = start(folder);
    let found = server.core().last_zxid();
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/kept"), Ok(b"data".to_vec()));
    assert_eq!(client.set("/kept", b"data"), 0);
    assert!(server.core().last_zxid() > found);
    server.stop();
    found
}

/// Goal: EPOCHS_LEFT_OUT. What goes on without the other disks does so as another cluster, with zxids above theirs, and the marker
/// says it once.
#[test]
fn a_forced_server_goes_on_as_another_cluster_with_higher_zxids() {
    let folder = Folder::new();
    let server = start(&folder);
    let mut client = Client::connect(server.address());
    assert_eq!(client.create("/kept", b"data", 0), 0);
    server.stop();
    let (before, zxid) = (cluster_of(&folder), goes_on(&folder));
    let marker = force(&folder);
    let forced = goes_on(&folder);
    assert!(
        forced.epoch() >= zxid.epoch() + EPOCHS_LEFT_OUT,
        "{forced:?}"
    );
    assert!(!marker.exists());
    let after = cluster_of(&folder);
    assert_ne!(after, before);
    let again = goes_on(&folder);
    assert!(
        again.epoch() < forced.epoch() + EPOCHS_LEFT_OUT,
        "{again:?}"
    );
    assert_eq!(cluster_of(&folder), after);
}

/// Goal: a forced start that is interrupted is made up for by the next. Method: the files of before, with those of after that are
/// written first, up to each step.
#[test]
fn a_forced_start_may_be_interrupted_anywhere() {
    let before = Folder::new();
    let server = start(&before);
    let mut client = Client::connect(server.address());
    assert_eq!(client.create("/kept", b"data", 0), 0);
    server.stop();
    let after = Folder::new();
    copy_all(before.path(), after.path());
    force(&after);
    let forced = goes_on(&after);
    for has_metadata in [false, true] {
        let folder = Folder::new();
        copy_all(before.path(), folder.path());
        copy_all(&after.path().join("snap"), &folder.path().join("snap"));
        if has_metadata {
            let metadata = |folder: &Folder| folder.path().join("metadata");
            std::fs::copy(metadata(&after), metadata(&folder)).expect("copied");
        }
        let marker = force(&folder);
        assert!(goes_on(&folder) >= forced, "{has_metadata}");
        assert!(!marker.exists());
        assert_ne!(cluster_of(&folder), cluster_of(&before));
        goes_on(&folder);
    }
}
