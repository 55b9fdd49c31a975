//! What any ZooKeeper server must do for this client: every operation of the protocol, and every kind of watch.
//!
//! It knows no server: who calls it says where one is. Each part keeps to a subtree of its own.

use std::time::Duration;

use zoa_client::Acl;
use zoa_client::AddWatchMode;
use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::CreateOptions;
use zoa_client::ErrorCode;
use zoa_client::ErrorKind;
use zoa_client::EventKind;
use zoa_client::EventType;
use zoa_client::KeeperState;
use zoa_client::Multi;
use zoa_client::MultiDone;
use zoa_client::MultiFound;
use zoa_client::MultiRead;
use zoa_client::Outcome;
use zoa_client::Perms;
use zoa_client::Reconfig;
use zoa_client::Removal;
use zoa_client::SessionId;
use zoa_client::Version;
use zoa_client::WatchEvent;
use zoa_client::WatchEvents;
use zoa_client::WatcherType;

/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A connected client.
pub(crate) async fn connect(connect_string: &str) -> Client {
    let client = Client::connect(connect_string).await;
    client.expect("the server takes a session")
}

/// The next event of a stream, which must come.
pub(crate) async fn next(events: &mut WatchEvents) -> WatchEvent {
    let event = tokio::time::timeout(PATIENCE, events.next()).await;
    let event = event.expect("an event in time").expect("no end");
    event.expect("none was left out")
}

async fn assert_next_nodes(events: &mut WatchEvents, expected: &[(EventKind, &str)]) {
    for (kind, path) in expected {
        let event = next(events).await;
        let found = (event.event, event.path.as_str());
        assert_eq!(found, (EventType::Node(*kind), *path));
    }
}

/// Data, versions and stats of a znode.
pub(crate) async fn nodes(at: &str) {
    let client = connect(at).await;
    let path = client.create("/n", b"one", CreateMode::Persistent).await;
    assert_eq!(path.as_deref(), Ok("/n"));
    let created = client
        .create2("/n/null", None::<&[u8]>, CreateMode::Persistent)
        .await
        .expect("created");
    assert_eq!(created.path, "/n/null");
    assert_eq!(created.stat.version, Version(0));
    let null = client.get_data("/n/null").await.expect("read");
    assert_eq!((null.data, null.stat), (None, created.stat));
    client
        .create("/n/empty", b"", CreateMode::Persistent)
        .await
        .expect("created");
    let empty = client.get_data("/n/empty").await.expect("read");
    assert_eq!(empty.data, Some(Vec::new()));

    let stat = client.set_data("/n", "two", Version(0)).await.expect("set");
    assert_eq!((stat.version, stat.num_children), (Version(1), 2));
    assert_eq!(client.exists("/n").await, Ok(Some(stat)));
    assert_eq!(client.exists("/n/none").await, Ok(None));
    let stale = client
        .set_data("/n", "three", Version(0))
        .await
        .expect_err("stale");
    assert_eq!(
        (stale.code(), stale.outcome(), stale.path()),
        (ErrorCode::BadVersion, Outcome::Done, "/n")
    );
    let full = client
        .delete("/n", Version::ANY)
        .await
        .expect_err("has children");
    assert_eq!(full.code(), ErrorCode::NotEmpty);
    client.delete("/n/null", Version(0)).await.expect("deleted");
    client.sync("/n").await.expect("synced");
    let children = client.get_children2("/n").await.expect("listed");
    assert_eq!(children.names, ["empty"]);
    assert_eq!(client.get_children("/n").await, Ok(children.names));
    assert_eq!(client.get_all_children_number("/n").await, Ok(1));
    client.close().await;
}

/// Ephemerals, sequences, and what becomes of them.
pub(crate) async fn modes(at: &str) {
    let (owner, other) = (connect(at).await, connect(at).await);
    owner
        .create("/m", b"", CreateMode::Persistent)
        .await
        .expect("created");
    let first = owner.create("/m/s-", b"", CreateMode::PersistentSequential);
    let second = owner.create("/m/s-", b"", CreateMode::EphemeralSequential);
    let third = owner.create("/m/e", b"", CreateMode::Ephemeral);
    assert_eq!(first.await.as_deref(), Ok("/m/s-0000000000"));
    assert_eq!(second.await.as_deref(), Ok("/m/s-0000000001"));
    third.await.expect("created");
    let stat = other.exists("/m/e").await.expect("asked").expect("there");
    assert_eq!(stat.ephemeral_owner, owner.session_id());
    let mut mine = owner.get_ephemerals("/m").await.expect("listed");
    mine.sort();
    assert_eq!(mine, ["/m/e", "/m/s-0000000001"]);
    let below = owner
        .create("/m/e/x", b"", CreateMode::Persistent)
        .await
        .expect_err("ephemerals have no children");
    assert_eq!(below.code(), ErrorCode::NoChildrenForEphemerals);
    assert!(owner.close().await);
    let names = other.get_children("/m").await;
    assert_eq!(names.as_deref(), Ok(&["s-0000000000".to_owned()][..]));
    other.close().await;
}

/// ACLs and identities.
pub(crate) async fn acls(at: &str) {
    let (owner, other) = (connect(at).await, connect(at).await);
    owner
        .add_auth("digest", b"ann:secret")
        .await
        .expect("taken");
    let identities = owner.who_am_i().await.expect("told");
    let is_ann = |scheme: &str, user: &str| scheme == "digest" && user == "ann";
    assert!(
        identities.iter().any(|one| is_ann(&one.scheme, &one.user)),
        "{identities:?}"
    );
    let mine = Acl {
        perms: Perms::ALL,
        scheme: "auth".to_owned(),
        id: String::new(),
    };
    let options = CreateOptions::new(CreateMode::Persistent).acl(vec![mine]);
    owner.create("/acl", b"x", options).await.expect("created");
    let refused = other.get_data("/acl").await.expect_err("not for others");
    assert_eq!(refused.code(), ErrorCode::NoAuth);
    let acl = owner.get_acl("/acl").await.expect("read");
    let shown: Vec<&str> = acl.acl.iter().map(|entry| entry.scheme.as_str()).collect();
    assert_eq!(shown, ["digest"]);
    let open = Acl {
        perms: Perms::READ,
        scheme: "world".to_owned(),
        id: "anyone".to_owned(),
    };
    let stat = owner
        .set_acl("/acl", &[open], Version(0))
        .await
        .expect("set");
    assert_eq!(stat.aversion, Version(1));
    let data = other.get_data("/acl").await.expect("read by anyone");
    assert_eq!(data.bytes(), b"x");
    let none = owner
        .set_acl("/acl", &[], Version::ANY)
        .await
        .expect_err("an ACL has an entry");
    // The original judges the right to set it first.
    assert!(
        matches!(none.code(), ErrorCode::InvalidAcl | ErrorCode::NoAuth),
        "{none}"
    );
    owner.close().await;
    other.close().await;
}

/// All or nothing.
pub(crate) async fn multis(at: &str) {
    let client = connect(at).await;
    let create = Multi::new()
        .create("/multi", b"", CreateMode::Persistent)
        .create2("/multi/a", b"a", CreateMode::Persistent)
        .set_data("/multi/a", b"b", Version(0))
        .check("/multi/a", Version(1))
        .create("/multi/gone", b"", CreateMode::Ephemeral)
        .delete("/multi/gone", Version::ANY);
    let done = client.multi(&create).await.expect("applied");
    assert_eq!(done.len(), create.len());
    assert_eq!(
        done.first(),
        Some(&MultiDone::Created {
            path: "/multi".to_owned(),
            stat: None
        })
    );
    // Servers before 3.9 make a plain create of it, and tell no stat.
    assert!(matches!(done.get(1), Some(MultiDone::Created { path, .. }) if path == "/multi/a"));
    assert!(matches!(done.get(2), Some(MultiDone::DataSet(stat)) if stat.version == Version(1)));
    assert_eq!(done.get(3), Some(&MultiDone::Checked));
    assert_eq!(done.last(), Some(&MultiDone::Deleted));

    let fails = Multi::new()
        .set_data("/multi/a", b"c", Version::ANY)
        .check("/multi/a", Version(77))
        .delete("/multi/a", Version::ANY);
    let error = client.multi(&fails).await.expect_err("the check fails");
    let (index, code) = (1, ErrorCode::BadVersion);
    assert_eq!(error.kind(), &ErrorKind::Multi { index, code });
    assert_eq!(
        (error.code(), error.outcome()),
        (ErrorCode::BadVersion, Outcome::Done)
    );
    let data = client.get_data("/multi/a").await.expect("still there");
    assert_eq!(data.bytes(), b"b");
    assert_eq!(client.multi(&Multi::new()).await, Ok(Vec::new()));

    let reads = MultiRead::new()
        .get_data("/multi/a")
        .get_children("/multi")
        .get_data("/multi/none");
    let found = client.multi_read(&reads).await.expect("read");
    assert!(matches!(found.first(), Some(Ok(MultiFound::Data(data))) if data.bytes() == b"b"));
    assert_eq!(
        found.get(1),
        Some(&Ok(MultiFound::Children(vec!["a".to_owned()])))
    );
    assert_eq!(found.get(2), Some(&Err(ErrorCode::NoNode)));
    client.close().await;
}

/// Watches that fire once.
pub(crate) async fn one_shot_watches(at: &str) {
    let (client, other) = (connect(at).await, connect(at).await);
    let (stat, created) = client.exists_and_watch("/w").await.expect("asked");
    assert_eq!(stat, None);
    other
        .create("/w", b"1", CreateMode::Persistent)
        .await
        .expect("created");
    let event = created.await.expect("it fires");
    assert_eq!(event.event, EventType::Node(EventKind::NodeCreated));
    assert_eq!(
        (event.path.as_str(), event.state),
        ("/w", KeeperState::SyncConnected)
    );

    let (data, changed) = client.get_data_and_watch("/w").await.expect("read");
    let (children, grown) = client.get_children_and_watch("/w").await.expect("listed");
    assert_eq!((data.bytes(), children.names.len()), (&b"1"[..], 0));
    other.set_data("/w", b"2", Version::ANY).await.expect("set");
    other
        .create("/w/c", b"", CreateMode::Persistent)
        .await
        .expect("created");
    let event = changed.await.expect("it fires");
    assert_eq!(event.event, EventType::Node(EventKind::NodeDataChanged));
    let event = grown.await.expect("it fires");
    assert_eq!(event.event, EventType::Node(EventKind::NodeChildrenChanged));

    // Dropped, it is gone from the server too.
    let (_, unwanted) = client.get_data_and_watch("/w").await.expect("read");
    assert_eq!(client.check_watches("/w", WatcherType::Data).await, Ok(()));
    drop(unwanted);
    client.sync("/").await.expect("synced");
    let error = client
        .check_watches("/w", WatcherType::Data)
        .await
        .expect_err("no watch is left");
    assert_eq!(error.code(), ErrorCode::NoWatcher);
    assert_eq!(client.watch_count(), 0);
    // The request fails, and so does its watch.
    let error = client
        .get_data_and_watch("/w/none")
        .await
        .expect_err("not there");
    assert_eq!(error.code(), ErrorCode::NoNode);
    assert_eq!(client.watch_count(), 0);
    client.close().await;
    other.close().await;
}

/// Watches that stay, one watcher for many, and the end of them.
pub(crate) async fn lasting_watches(at: &str) {
    let (client, other) = (connect(at).await, connect(at).await);
    // Of one client the original before 3.9 keeps one kind of persistent watch a path.
    let third = connect(at).await;
    let plain = client.watch("/p", AddWatchMode::Persistent).await;
    let deep = third.watch("/p", AddWatchMode::PersistentRecursive).await;
    let (mut plain, mut deep) = (plain.expect("set"), deep.expect("set"));
    lasting_watches_hear_of_every_change(&other, &mut plain, &mut deep).await;
    removed_watches_say_so_and_end([&client, &third], &mut plain, &mut deep).await;
    let mut events = one_watcher_hears_for_many_watches(&client, &other).await;
    client.close().await;
    third.close().await;
    assert_eq!(events.next().await, None);
    other.close().await;
}

async fn lasting_watches_hear_of_every_change(
    other: &Client,
    plain: &mut WatchEvents,
    deep: &mut WatchEvents,
) {
    for (path, data) in [("/p", "1"), ("/p/a", "2"), ("/p/a/b", "3")] {
        let created = other.create(path, data, CreateMode::Persistent).await;
        created.expect("created");
    }
    other.set_data("/p", "4", Version::ANY).await.expect("set");
    let of_the_path = [
        (EventKind::NodeCreated, "/p"),
        (EventKind::NodeChildrenChanged, "/p"),
        (EventKind::NodeDataChanged, "/p"),
    ];
    assert_next_nodes(plain, &of_the_path).await;
    let of_all_below = [
        (EventKind::NodeCreated, "/p"),
        (EventKind::NodeCreated, "/p/a"),
        (EventKind::NodeCreated, "/p/a/b"),
        (EventKind::NodeDataChanged, "/p"),
    ];
    assert_next_nodes(deep, &of_all_below).await;
}

async fn removed_watches_say_so_and_end(
    watching: [&Client; 2],
    plain: &mut WatchEvents,
    deep: &mut WatchEvents,
) {
    let remove = async |client: &Client| {
        let removed = client.remove_watches("/p", WatcherType::Any, Removal::OnServer);
        removed.await
    };
    for client in watching {
        remove(client).await.expect("removed");
    }
    for removed in [next(plain).await, next(deep).await] {
        assert_eq!(removed.event, EventType::PersistentWatchRemoved);
    }
    assert_eq!(plain.next().await, None);
    let none = remove(watching[0]).await.expect_err("there is none");
    assert_eq!(none.code(), ErrorCode::NoWatcher);
}

/// Gives what the watcher hears from then on.
async fn one_watcher_hears_for_many_watches(client: &Client, other: &Client) -> WatchEvents {
    let (watcher, mut events) = client.watcher();
    client.get_data_with("/p", watcher).await.expect("read");
    client.exists_with("/p/z", watcher).await.expect("asked");
    let listed = client.get_children_with("/p", watcher).await;
    listed.expect("listed");
    let added = client.add_watch_with("/p/a", AddWatchMode::Persistent, watcher);
    added.await.expect("set");
    other.set_data("/p", "5", Version::ANY).await.expect("set");
    let created = other.create("/p/z", b"", CreateMode::Persistent).await;
    created.expect("created");
    let changed = other.set_data("/p/a", "6", Version::ANY).await;
    changed.expect("set");
    let expected = [
        (EventKind::NodeDataChanged, "/p"),
        (EventKind::NodeCreated, "/p/z"),
        (EventKind::NodeChildrenChanged, "/p"),
        (EventKind::NodeDataChanged, "/p/a"),
    ];
    assert_next_nodes(&mut events, &expected).await;
    events
}

/// A client that lives under a path sees nothing else.
pub(crate) async fn chroots(at: &str) {
    let outside = connect(at).await;
    outside
        .create("/root", b"", CreateMode::Persistent)
        .await
        .expect("created");
    let inside = connect(&format!("{at}/root")).await;
    assert_eq!(inside.chroot(), "/root");
    let path = inside
        .create("/a-", b"x", CreateMode::PersistentSequential)
        .await;
    assert_eq!(path.as_deref(), Ok("/a-0000000000"));
    let (_, watch) = inside
        .get_data_and_watch("/a-0000000000")
        .await
        .expect("read");
    outside
        .set_data("/root/a-0000000000", b"y", Version::ANY)
        .await
        .expect("set");
    assert_eq!(watch.await.expect("it fires").path, "/a-0000000000");
    let error = inside.get_data("/root").await.expect_err("not seen");
    assert_eq!((error.code(), error.path()), (ErrorCode::NoNode, "/root"));
    // Where the ensemble's configuration is kept, no chroot applies.
    inside.get_config().await.expect("read");
    let (watcher, _events) = inside.watcher();
    inside.get_config_with(watcher).await.expect("read");
    inside.close().await;
    outside.close().await;
}

/// What a single server refuses, and refuses in order.
pub(crate) async fn refusals(at: &str) {
    let client = connect(at).await;
    let reconfig = Reconfig {
        joining: Some("server.9=127.0.0.1:1:2:participant;127.0.0.1:3"),
        leaving: None,
        new_members: None,
        config_id: -1,
    };
    let error = client.reconfig(reconfig).await.expect_err("not possible");
    assert_eq!(error.outcome(), Outcome::Done, "{error}");
    let error = client
        .delete_container("/none")
        .await
        .expect_err("not there");
    assert_eq!(error.outcome(), Outcome::Done, "{error}");
    let error = client
        .create("no/path", b"", CreateMode::Persistent)
        .await
        .expect_err("not a path");
    assert_eq!(
        (error.code(), error.outcome()),
        (ErrorCode::BadArguments, Outcome::NotApplied)
    );
    assert!(matches!(error.kind(), ErrorKind::Rejected(_)), "{error}");
    let error = client
        .check_watches("/", WatcherType::Any)
        .await
        .expect_err("no watch");
    assert_eq!(error.code(), ErrorCode::NoWatcher);
    assert_ne!(client.session_id(), SessionId::NONE);
    client.close().await;
}
