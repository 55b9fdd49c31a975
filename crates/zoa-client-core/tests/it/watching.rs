//! Watches: registered as the reply says, told once, set again after a loss, removed.

use zoa_client_core::SubmitError;
use zoa_client_core::WatchRemoval;
use zoa_client_core::WatcherId;
use zoa_proto::AddWatchMode;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Reply;
use zoa_proto::Request;
use zoa_proto::Stat;
use zoa_proto::WatcherType;
use zoa_proto::request::AddWatch;
use zoa_proto::request::GetChildren;

use crate::script::Script;
use crate::script::config;
use crate::script::delete;
use crate::script::exists;
use crate::script::found;
use crate::script::read;

const STAT: Result<Reply<'static>, ErrorCode> = Ok(Reply::ErrorResponse(None));

fn children(path: &str) -> Request<'_> {
    Request::GetChildren(GetChildren { path, watch: true })
}

fn persistent(path: &str, mode: AddWatchMode) -> Request<'_> {
    Request::AddWatch(AddWatch { path, mode })
}

/// Sends the watches of `requests`, numbered from 1, and answers each as told.
fn set(script: &mut Script, requests: &[(Request<'_>, Result<Reply<'_>, ErrorCode>)]) {
    for (tag, (request, _)) in (1..).zip(requests) {
        script.watch(tag, *request);
    }
    script.sent();
    for (xid, (_, result)) in (1..).zip(requests) {
        script.reply(xid, 10, *result);
    }
    assert_eq!(script.events().len(), requests.len());
}

#[test]
fn a_watch_is_set_only_when_the_reply_says_so() {
    let stat = Ok(Reply::Stat(Stat::default()));
    let names = Ok(Reply::Children(zoa_proto::PathList::empty()));
    for (request, result, count) in [
        (read("/a", true), Ok(found()), 1),
        (read("/a", true), Err(ErrorCode::NoNode), 0),
        (exists("/a"), stat, 1),
        (exists("/a"), Err(ErrorCode::NoNode), 1),
        (exists("/a"), Err(ErrorCode::NoAuth), 0),
        (children("/a"), names, 1),
        (children("/a"), Err(ErrorCode::NoNode), 0),
        (persistent("/a", AddWatchMode::Persistent), STAT, 1),
        (
            persistent("/a", AddWatchMode::Persistent),
            Err(ErrorCode::MarshallingError),
            0,
        ),
    ] {
        let mut script = Script::connected();
        set(&mut script, &[(request, result)]);
        assert_eq!(
            script.client.watch_count(),
            count,
            "{request:?} answered {result:?}"
        );
    }
}

// G-07
#[test]
fn a_standard_watch_fires_once_and_a_persistent_one_goes_on() {
    let mut script = Script::connected();
    let recursive = persistent("/a", AddWatchMode::PersistentRecursive);
    set(
        &mut script,
        &[(read("/a", true), Ok(found())), (recursive, STAT)],
    );
    script.event(EventKind::NodeDataChanged, "/a", 11);
    script.event(EventKind::NodeDataChanged, "/a", 12);
    script.event(EventKind::NodeCreated, "/a/b", 13);
    script.event(EventKind::NodeCreated, "/c", 14);
    let due = [
        "NodeDataChanged /a [1, 2]",
        "NodeDataChanged /a [2]",
        "NodeCreated /a/b [2]",
    ];
    assert_eq!(script.events(), due);
}

#[test]
fn events_come_without_the_chroot() {
    let mut script = Script::connected_with(config("127.0.0.1/app"));
    set(
        &mut script,
        &[
            (exists("/"), Err(ErrorCode::NoNode)),
            (exists("/x"), Err(ErrorCode::NoNode)),
        ],
    );
    script.event(EventKind::NodeCreated, "/app", 11);
    script.event(EventKind::NodeCreated, "/app/x", 12);
    script.event(EventKind::NodeCreated, "/x", 13);
    assert_eq!(script.events(), ["NodeCreated / [1]", "NodeCreated /x [2]"]);
}

#[test]
fn watches_are_set_again_before_anything_else_and_fire_once() {
    let mut script = Script::connected();
    let stat = Ok(Reply::Stat(Stat::default()));
    set(
        &mut script,
        &[(exists("/d"), stat), (exists("/e"), Err(ErrorCode::NoNode))],
    );
    script
        .client
        .handle_disconnected(0, script.connection, None);
    script.events();
    script.submit(9, delete("/x"));
    script.connect();
    script.grant();
    script.events();
    let sent = script.sent();
    let due = "-8: SetWatches(SetWatches { relative_zxid: Zxid(0xa), data_watches: [\"/d\"], exist_watches: [\"/e\"], child_watches: [] })";
    assert_eq!(sent[0], due);
    assert!(
        sent[1].starts_with("3: Delete"),
        "the request comes behind the watches: {sent:?}"
    );
    script.event(EventKind::NodeDeleted, "/d", u64::MAX);
    script.reply(-8, 20, Ok(Reply::Empty));
    script.event(EventKind::NodeDeleted, "/d", 21);
    assert_eq!(script.events(), ["NodeDeleted /d [1]"]);
    script.reattach();
    script.events();
    let sent = script.sent();
    assert!(
        sent[0].contains("Zxid(0x14), data_watches: [], exist_watches: [\"/e\"]"),
        "{sent:?}"
    );
}

#[test]
fn a_second_loss_before_all_is_set_does_not_move_the_zxid() {
    // A reply in between shows a newer zxid, but what happened to watches not yet set again before it was never told.
    let mut script = Script::connected();
    set(&mut script, &[(read("/a", true), Ok(found()))]);
    script.reattach();
    script.events();
    script.pass_to(3_000);
    script.sent();
    script.reply(-2, 99, Ok(Reply::Empty));
    script.reattach();
    script.events();
    let sent = script.sent();
    assert!(sent[0].contains("relative_zxid: Zxid(0xa)"), "{sent:?}");
}

#[test]
fn the_zxid_of_an_event_does_not_hide_others_of_its_transaction() {
    let mut script = Script::connected();
    set(
        &mut script,
        &[
            (read("/a", true), Ok(found())),
            (read("/b", true), Ok(found())),
        ],
    );
    script.event(EventKind::NodeDataChanged, "/a", 50);
    script
        .client
        .handle_disconnected(0, script.connection, None);
    script.events();
    script.connect();
    assert_eq!(
        script.asked().1,
        zoa_proto::Zxid(50),
        "no server before the event may serve"
    );
    script.grant_asked();
    script.events();
    let sent = script.sent();
    assert!(
        sent[0].contains("Zxid(0xa), data_watches: [\"/b\"]"),
        "{sent:?}"
    );
}

#[test]
fn a_server_too_old_for_persistent_watches_ends_them_visibly_and_keeps_the_others() {
    let mut script = Script::connected();
    let persistent = persistent("/p", AddWatchMode::Persistent);
    set(
        &mut script,
        &[(read("/a", true), Ok(found())), (persistent, STAT)],
    );
    script.reattach();
    script.events();
    assert!(script.sent()[0].contains("SetWatches2"));
    script.reply(-8, 0, Err(ErrorCode::Unimplemented));
    assert_eq!(
        script.events(),
        [
            "PersistentWatchRemoved /p [2] unasked",
            "suspended: the server refused to set the watches again: UNIMPLEMENTED (-6)",
        ]
    );
    script.connect();
    script.grant();
    script.events();
    let sent = script.sent();
    assert!(
        sent[0].contains("SetWatches(") && sent[0].contains("[\"/a\"]"),
        "{sent:?}"
    );
}

fn removal(path: &str, watcher_type: WatcherType, watcher: Option<u64>) -> WatchRemoval<'_> {
    WatchRemoval {
        path,
        watcher_type,
        watcher: watcher.map(WatcherId),
        local: false,
    }
}

#[test]
fn the_last_watcher_removes_the_servers_watch_and_others_only_ask() {
    let mut script = Script::connected();
    set(
        &mut script,
        &[
            (read("/a", true), Ok(found())),
            (read("/a", true), Ok(found())),
        ],
    );
    let remove = |script: &mut Script, watcher, xid| {
        let removal = removal("/a", WatcherType::Data, Some(watcher));
        script
            .client
            .remove_watches(0, removal, 7)
            .expect("it is taken");
        let sent = script.sent();
        script.reply(xid, 11, Ok(Reply::Empty));
        (sent, script.events())
    };
    let (sent, events) = remove(&mut script, 1, 3);
    assert!(sent[0].contains("CheckWatches"), "{sent:?}");
    assert_eq!(events, ["7: Empty", "DataWatchRemoved /a [1]"]);
    let (sent, events) = remove(&mut script, 2, 4);
    assert!(sent[0].contains("RemoveWatches"), "{sent:?}");
    assert_eq!(events, ["7: Empty", "DataWatchRemoved /a [2]"]);
    let none = script
        .client
        .remove_watches(0, removal("/a", WatcherType::Any, None), 8);
    assert_eq!(
        none.map_err(|refused| refused.error),
        Err(SubmitError::NoWatcher)
    );
}

#[test]
fn a_watch_on_its_way_is_not_removed_with_another_ones() {
    let mut script = Script::connected();
    set(&mut script, &[(read("/a", true), Ok(found()))]);
    script.watch(5, read("/a", true));
    script
        .client
        .remove_watches(0, removal("/a", WatcherType::Data, Some(1)), 6)
        .expect("it is taken");
    let sent = script.sent();
    assert!(sent[1].contains("CheckWatches"), "{sent:?}");
    script.reply(2, 11, Ok(found()));
    script.reply(3, 11, Ok(Reply::Empty));
    script.event(EventKind::NodeDeleted, "/a", 12);
    let due = [
        "5: Data",
        "6: Empty",
        "DataWatchRemoved /a [1]",
        "NodeDeleted /a [5]",
    ];
    assert_eq!(script.events(), due);
}

#[test]
fn a_local_removal_needs_no_server() {
    let mut script = Script::connected();
    set(&mut script, &[(read("/a", true), Ok(found()))]);
    let mut local = removal("/a", WatcherType::Any, None);
    local.local = true;
    script
        .client
        .remove_watches(0, local, 6)
        .expect("it is taken");
    script.sent();
    script
        .client
        .handle_disconnected(0, script.connection, None);
    let events = script.events();
    assert_eq!(events[2], "DataWatchRemoved /a [1]", "{events:?}");
    assert_eq!(script.client.watch_count(), 0);
}
