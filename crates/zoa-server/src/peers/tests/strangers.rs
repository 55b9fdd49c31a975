//! Who is no peer, or not yet: it is refused, is never heard, and takes little.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use tokio::runtime::Builder;
use zoa_ensemble::Hello;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::HelloState;
use zoa_ensemble::Purpose;
use zoa_ensemble::limits::HELLO_LEN_MAX;
use zoa_proto::PeerId;

use super::Given;
use super::Node;
use super::connect;
use super::greeted_as;
use super::identity;
use super::pipe;
use super::say;
use crate::limits::GREETING_TIME;
use crate::limits::GREETINGS_MAX;
use crate::limits::GREETINGS_PER_ADDRESS_MAX;
use crate::limits::STRANGER_FRAME_LEN_MAX;
use crate::peers::framing;
use crate::peers::greeting;

#[test]
fn a_server_of_another_cluster_is_refused_on_both_sides() {
    let mut one = Node::start(1);
    let other = Given {
        cluster: 8,
        ..Given::default()
    };
    let two = Node::given(2, other);
    one.reach(&two);
    assert_eq!(one.refused(), (PeerId(2), HelloRefusal::OtherCluster));
    two.assert_heard_nothing();
}

#[test]
fn a_server_that_is_not_the_one_it_was_taken_for_is_refused() {
    let mut one = Node::start(1);
    let two = Node::start(2);
    one.reach_at(PeerId(3), two.place());
    let not_me = HelloRefusal::NotMe { me: PeerId(2) };
    assert_eq!(one.refused(), (PeerId(3), not_me));
    two.assert_heard_nothing();
}

/// Whatever others have done to this server, it and a peer hear each other.
fn assert_speaks_with_a_peer(mut two: Node) {
    let mut one = Node::start(1);
    one.reach(&two);
    two.reach(&one);
    assert_eq!((one.up().1, two.up().1), (PeerId(2), PeerId(1)));
}

#[test]
fn hostile_bytes_go_nowhere_and_harm_no_one() {
    let two = Node::start(2);
    let hello = identity(1).hello(PeerId(2), Purpose::Messages).encode();
    let mut greeting = framing::head(&hello).to_vec();
    greeting.extend_from_slice(&hello);
    let mut damaged = greeting.clone();
    damaged[20] ^= 1;
    let mut endless = vec![0, 0, 0xff, 0xff];
    endless.resize(100_000, 7);
    let words: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0; 64],
        &[0xff; 64],
        &damaged,
        &endless,
    ];
    for bytes in words {
        let mut socket = connect(&two);
        // It may be cut off while it still talks.
        drop(socket.write_all(bytes));
        let mut answer = Vec::new();
        drop(socket.read_to_end(&mut answer));
        assert!(answer.len() <= 2 * HELLO_LEN_MAX);
    }
    // None of it was taken for a peer.
    two.assert_heard_nothing();
    assert_speaks_with_a_peer(two);
}

/// Its frames are whole, its hello is not that of a member: nobody hears the frame behind it.
#[test]
fn who_is_not_judged_to_be_a_peer_is_never_heard() {
    let two = Node::start(2);
    let right = identity(1).hello(PeerId(2), Purpose::Messages).encode();
    let judges = identity(2);
    let is_taken = |bytes: &[u8]| {
        let hello = Hello::decode(bytes);
        hello.is_ok_and(|hello| zoa_ensemble::judge(&judges, &hello).is_ok())
    };
    assert!(is_taken(&right));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).expect("it is small") % below
    };
    let mut refused = 0;
    while refused < 200 {
        let mut hello = right.clone();
        for _ in 0..=random(3) {
            let at = random(hello.len());
            hello[at] ^= u8::try_from(1 + random(255)).expect("it is one byte");
        }
        if is_taken(&hello) {
            continue;
        }
        refused += 1;
        let mut socket = connect(&two);
        for frame in [&hello[..], &zoa_ensemble::encode_answer(Ok(())), b"heard"] {
            say(&mut socket, frame);
        }
        drop(socket.read_to_end(&mut Vec::new()));
    }
    two.assert_heard_nothing();
}

#[test]
fn a_greeted_peer_that_sends_damage_is_cut_off() {
    let two = Node::start(2);
    let mut socket = greeted_as(&identity(1), &two, Purpose::Messages);
    say(&mut socket, b"a good frame");
    let (link, ..) = two.up();
    assert_eq!(two.frames(1), [&b"a good frame"[..]]);
    socket.write_all(&[0, 0, 0, 1, 9, 9, 9, 9, 9]).unwrap();
    two.down(link);
}

/// Connects from an address of this machine.
fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let connecting = async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        socket.connect(to).await?.into_std()
    };
    let socket = runtime.block_on(connecting).unwrap();
    socket.set_nonblocking(false).unwrap();
    let patience = Duration::from_millis(300);
    socket.set_read_timeout(Some(patience)).unwrap();
    socket
}

fn is_closed(mut socket: &TcpStream) -> bool {
    matches!(socket.read(&mut [0]), Ok(0))
}

#[test]
fn no_more_than_greetings_max_strangers_are_listened_to() {
    let two = Node::start(2);
    let address = two.address();
    let stranger = |number: usize| {
        let last = 1 + number / GREETINGS_PER_ADDRESS_MAX;
        connect_from([127, 0, 0, u8::try_from(last).unwrap()], address)
    };
    let silent: Vec<TcpStream> = (0..GREETINGS_MAX).map(stranger).collect();
    let one_more = stranger(GREETINGS_MAX);
    assert!(is_closed(&one_more), "there is no room for one more");
    assert!(!is_closed(&silent[0]), "the others have their time");
}

#[test]
fn who_fills_the_place_of_one_address_keeps_nobody_else_out() {
    let two = Node::start(2);
    let address = two.address();
    let silent: Vec<TcpStream> = (0..GREETINGS_MAX)
        .map(|_| connect_from([127, 0, 0, 2], address))
        .collect();
    let open = silent.iter().filter(|socket| !is_closed(socket)).count();
    assert!(open <= GREETINGS_PER_ADDRESS_MAX, "{open}");
    assert_speaks_with_a_peer(two);
}

/// Anybody can say that it is an empty server, and is accepted as one.
#[test]
fn a_server_without_data_is_heard_up_to_stranger_frame_len_max() {
    let two = Node::start(2);
    let mut empty = identity(9);
    empty.state = HelloState::Empty;
    let mut socket = greeted_as(&empty, &two, Purpose::Messages);
    let (link, ..) = two.up();
    say(&mut socket, &vec![7; STRANGER_FRAME_LEN_MAX]);
    assert_eq!(two.frames(1)[0].len(), STRANGER_FRAME_LEN_MAX);
    say(&mut socket, &vec![7; STRANGER_FRAME_LEN_MAX + 1]);
    two.down(link);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_say_who_it_is_within_greeting_time_is_left() {
    let (_silent, mut ours) = pipe();
    let begun = tokio::time::Instant::now();
    let fault = greeting::answer(&mut ours, &identity(2), |_| Ok(()))
        .await
        .unwrap_err();
    assert!(fault.to_string().contains("in time"), "{fault}");
    assert_eq!(begun.elapsed(), GREETING_TIME);
}
