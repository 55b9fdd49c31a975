//! Input no client should send, and clients that do not behave.

use zoa_core::ConnectionRefused;
use zoa_core::Progress;
use zoa_core::limits;
use zoa_proto::OpCode;
use zoa_proto::Request;
use zoa_proto::request;

use crate::world::World;
use crate::world::get_data;
use crate::world::raw;
use crate::world::set_data;

#[test]
fn lengths_that_are_no_frame_end_the_connection() {
    for start in [-1_i32, i32::MIN, 0x10_0000, i32::MAX] {
        let mut world = World::new();
        let mut client = world.dial();
        assert_eq!(
            world.send(&mut client, &start.to_be_bytes()),
            Progress::Closed,
            "{start}"
        );
    }
}

#[test]
fn http_and_tls_on_the_plain_port_end_the_connection() {
    for start in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00",
    ] {
        let mut world = World::new();
        let mut client = world.dial();
        assert_eq!(world.send(&mut client, start), Progress::Closed);
    }
}

#[test]
fn an_empty_frame_or_half_a_connect_request_ends_the_connection() {
    for start in [&[0, 0, 0, 0][..], &[0, 0, 0, 4, 0, 0, 0, 0]] {
        let mut world = World::new();
        let mut client = world.dial();
        assert_eq!(world.send(&mut client, start), Progress::Closed);
    }
}

#[test]
fn a_connection_without_a_session_has_a_deadline() {
    let mut world = World::new();
    let mut client = world.dial();
    let deadline_ms = client
        .connection
        .deadline_ms()
        .expect("it has said nothing yet");
    assert_eq!(deadline_ms, world.now.mono_ms + limits::HANDSHAKE_MS_MAX);
    world.send(&mut client, &[0, 0]);
    assert!(
        client.connection.deadline_ms().is_some(),
        "half a frame does not put it off"
    );
}

#[test]
fn a_request_that_stops_half_way_waits_and_one_byte_at_a_time_is_served() {
    let mut world = World::new();
    let mut client = world.connect();
    let request = raw(OpCode::Ping, -2, &[]);
    for byte in &request[..request.len() - 1] {
        assert_eq!(world.send(&mut client, &[*byte]), Progress::Reading);
        assert!(client.take_all().is_empty());
    }
    world.send(&mut client, &request[request.len() - 1..]);
    assert_eq!(client.reply(-2).error(), 0);
}

#[test]
fn counts_that_claim_more_than_the_frame_holds_are_a_marshalling_error() {
    let mut world = World::new();
    let mut client = world.connect();
    // setWatches with 2^31 - 1 data watches; create with as many ACL entries.
    let mut watches = 0_i64.to_be_bytes().to_vec();
    watches.extend_from_slice(&i32::MAX.to_be_bytes());
    world.send(&mut client, &raw(OpCode::SetWatches, 5, &watches));
    assert_eq!(client.reply(5).error(), -5);
    let mut create = b"\0\0\0\x02/a\0\0\0\x00".to_vec();
    create.extend_from_slice(&i32::MAX.to_be_bytes());
    world.send(&mut client, &raw(OpCode::Create, 6, &create));
    world.commit_all();
    assert_eq!(client.reply(6).error(), -5);
    assert!(!client.ended);
}

#[test]
fn a_write_cut_short_is_answered_in_its_turn_and_takes_no_zxid() {
    let mut world = World::new();
    let mut client = world.connect();
    let before = world.core.last_zxid();
    let first = world.request(&mut client, &set_data("/nowhere", b""));
    world.send(&mut client, &raw(OpCode::SetData, 50, b"\0\0"));
    world.send(&mut client, &raw(OpCode::Sync, 51, b""));
    assert!(
        client.take_all().is_empty(),
        "behind an unanswered write it waits"
    );
    world.commit_all();
    world.wake(&mut client);
    assert_eq!(client.reply(first).error(), -101);
    assert_eq!(client.reply(50).error(), -5);
    assert_eq!(client.reply(51).error(), -5);
    assert_eq!(
        world.core.last_zxid().0,
        before.0 + 1,
        "only the whole write took one"
    );
    assert!(!client.ended);
}

#[test]
fn an_unknown_opcode_and_a_lone_check_are_answered_and_end_the_connection() {
    for request in [
        [
            &12_i32.to_be_bytes()[..],
            &7_i32.to_be_bytes(),
            &9_999_i32.to_be_bytes(),
            &[0; 4],
        ]
        .concat(),
        raw(OpCode::Check, 7, b"\0\0\0\x01/\xff\xff\xff\xff"),
    ] {
        let mut world = World::new();
        let mut client = world.connect();
        assert_eq!(world.send(&mut client, &request), Progress::Closed);
        assert_eq!(client.reply(7).error(), -6);
        assert!(client.ended);
    }
}

#[test]
fn malformed_paths_are_answered_and_nothing_breaks() {
    let mut world = World::new();
    let mut client = world.connect();
    // A missing parent would be noticed first.
    assert_eq!(world.create(&mut client, "/a", 0).error(), 0);
    for path in [
        "a",
        "/a/",
        "//",
        "/.",
        "/a/..",
        "/a\u{0}b",
        "/\u{1}",
        "/\u{d7ff}\u{e000}",
    ] {
        assert_eq!(world.create(&mut client, path, 0).error(), -8, "{path:?}");
        assert_eq!(
            world.write(&mut client, &set_data(path, b"")).error(),
            -8,
            "{path:?}"
        );
        let read = world.request(&mut client, &get_data(path, true));
        assert_eq!(client.reply(read).error(), -101, "{path:?}");
    }
}

#[test]
fn a_client_that_does_not_read_is_not_read_and_costs_a_bounded_amount() {
    let mut world = World::new();
    let mut writer = world.connect();
    world.create(&mut writer, "/a", 0);
    world.write(&mut writer, &set_data("/a", &vec![7; 100_000]));
    let mut client = world.connect();
    let request = raw(OpCode::GetData, 1, b"\0\0\0\x02/a\0");
    let burst: Vec<u8> = request.repeat(100);
    let mut proposals = zoa_core::Proposals::default();
    let mut turn = zoa_core::Turn {
        now: world.now,
        random: &mut |_| {},
        proposals: &mut proposals,
    };
    let progress = client.connection.handle_input(&burst, &mut turn);
    assert_eq!(
        progress,
        Progress::Blocked,
        "its next requests are left unread"
    );
    let waiting = client.connection.output(None).bytes.len();
    assert!(
        waiting <= limits::OUTBOX_HIGH_WATER + 200_000,
        "{waiting} bytes wait"
    );
}

#[test]
fn a_client_that_leaves_its_events_unread_is_cut() {
    let mut world = World::new();
    let mut writer = world.connect();
    let long_name = format!("/{}", "n".repeat(50_000));
    world.create(&mut writer, &long_name, 0);
    let mut lazy = world.connect();
    let add = Request::AddWatch(request::AddWatch {
        path: &long_name,
        mode: zoa_proto::AddWatchMode::Persistent,
    });
    let xid = world.request(&mut lazy, &add);
    lazy.reply(xid);
    for _ in 0..(limits::OUTBOX_EVENTS_LEN_MAX / 50_000 + 2) {
        world.write(&mut writer, &set_data(&long_name, b""));
    }
    let output = lazy.connection.output(None);
    assert!(output.is_last, "it is over");
    assert!(output.bytes.is_empty(), "and what waited is given back");
}

#[test]
fn connections_are_limited_by_address_and_in_all() {
    let world = World::with(|config| config.connections_per_address_max = 2);
    let (_one, _two) = (world.dial(), world.dial());
    let peer = core::net::SocketAddr::from((core::net::Ipv4Addr::LOCALHOST, 1));
    let refused = world
        .core
        .accept(peer, world.now)
        .expect_err("one too many");
    assert_eq!(refused, ConnectionRefused::TooManyFromAddress { limit: 2 });
    drop(_one);
    assert!(
        world.core.accept(peer, world.now).is_ok(),
        "a closed connection counts no more"
    );
    let world = World::with(|config| config.connections_max = 1);
    let _one = world.dial();
    let refused = world
        .core
        .accept(peer, world.now)
        .expect_err("one too many");
    assert_eq!(refused, ConnectionRefused::TooMany { limit: 1 });
}

#[test]
fn identities_of_a_connection_are_bounded() {
    let mut world = World::new();
    let mut client = world.connect();
    for number in 0..limits::IDENTITIES_PER_CONNECTION_MAX + 1 {
        let token = format!("user{number}:x");
        let auth = request::Auth {
            auth_type: 0,
            scheme: "digest",
            auth: Some(token.as_bytes()),
        };
        world.request(&mut client, &Request::Auth(auth));
    }
    assert!(client.ended, "the one too many fails its authentication");
}

#[test]
fn identities_that_travel_in_every_write_are_bounded_in_their_length() {
    let mut world = World::new();
    let mut client = world.connect();
    let authenticate = |world: &mut World, client: &mut crate::world::Client, token: &[u8]| {
        let auth = request::Auth {
            auth_type: 0,
            scheme: "digest",
            auth: Some(token),
        };
        world.request(client, &Request::Auth(auth));
        client.ended
    };
    let half = "u".repeat(limits::IDENTITIES_LEN_PER_CONNECTION_MAX / 2);
    assert!(!authenticate(&mut world, &mut client, half.as_bytes()));
    let before = world.proposed_bytes();
    world.request(&mut client, &set_data("/nowhere", b""));
    let write_len = world.proposed_bytes() - before;
    assert!(write_len > half.len(), "it travels in the write");
    assert!(write_len <= limits::IDENTITIES_LEN_PER_CONNECTION_MAX + 200);
    world.commit_all();
    // Bytes that are no text become longer ones.
    assert!(authenticate(&mut world, &mut client, &[0xff; 3_000]));
    assert_eq!(
        client.take_all().last().map(|last| last.error()),
        Some(-115)
    );
}

#[test]
fn what_is_kept_for_unanswered_syncs_is_limited_by_its_bytes() {
    let mut world = World::new();
    let mut client = world.connect();
    let path = format!("/{}", "p".repeat(1_000_000));
    let sync = Request::Sync(request::Sync { path: &path });
    let mut sent = 0;
    while world.core.outstanding() == sent {
        world.request(&mut client, &sync);
        sent += 1;
        assert!(
            sent <= limits::OUTSTANDING_BYTES_MAX / path.len() + 2,
            "the limit is never reached"
        );
    }
}

#[test]
fn too_many_unanswered_writes_leave_input_unread_until_there_is_room() {
    let mut world = World::new();
    let mut client = world.connect();
    let write = raw(OpCode::Delete, 1, b"\0\0\0\x02/x\xff\xff\xff\xff");
    let burst = write.repeat(limits::PENDING_PER_CONNECTION_MAX + 10);
    assert_eq!(world.send(&mut client, &burst), Progress::Blocked);
    assert_eq!(world.proposed_count(), limits::PENDING_PER_CONNECTION_MAX);
    world.commit_all();
    assert_eq!(world.wake(&mut client), Progress::Reading);
    assert_eq!(world.proposed_count(), 10);
}

#[test]
fn all_connections_together_may_have_only_so_much_unanswered() {
    let mut world = World::new();
    let write = raw(OpCode::Delete, 1, b"\0\0\0\x02/x\xff\xff\xff\xff");
    let burst = write.repeat(limits::PENDING_PER_CONNECTION_MAX);
    let mut clients = Vec::new();
    while world.core.outstanding() < limits::OUTSTANDING_MAX {
        let mut client = world.dial();
        let before = world.proposed_count();
        let _ = before;
        clients.push({
            let request = zoa_proto::ConnectRequest {
                protocol_version: 0,
                last_zxid_seen: zoa_proto::Zxid::ZERO,
                timeout_ms: 10_000,
                session: zoa_proto::SessionId::NONE,
                password: &[],
                read_only: None,
            };
            let mut bytes = Vec::new();
            request.encode_frame(&mut bytes).expect("short");
            world.send(&mut client, &bytes);
            client
        });
        if clients.len() > 40 {
            break;
        }
        if clients.len() == 21 {
            world.commit_all();
            for client in &mut clients {
                world.wake(client);
                world.send(client, &burst);
            }
        }
    }
    assert_eq!(world.core.outstanding(), limits::OUTSTANDING_MAX);
    world.commit_all();
    assert!(world.core.outstanding() < limits::OUTSTANDING_MAX / 2);
}

#[test]
fn large_writes_are_limited_by_their_bytes() {
    let mut world = World::new();
    let mut client = world.connect();
    let data = vec![7; 1_000_000];
    let mut sent = 0;
    while world.core.outstanding() == sent {
        world.request(&mut client, &set_data("/nowhere", &data));
        sent += 1;
        assert!(
            sent <= limits::OUTSTANDING_BYTES_MAX / data.len() + 2,
            "the limit is never reached"
        );
    }
    assert!(world.core.outstanding() * data.len() <= limits::OUTSTANDING_BYTES_MAX + data.len());
}
