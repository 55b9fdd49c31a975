//! The hosts that connect strings name: one is the server, the others are what a client meets in the wild.
//!
//! ```text
//!   10.0.0.1, zk1   the server                          10.0.0.4   accepts and never says a word
//!   10.0.0.2        nobody listens: refused             10.0.0.5   speaks, but not ZooKeeper
//!   10.0.0.3        no answer at all                    zk2, zk3   names that move, fail, or have many addresses
//! ```

use core::net::IpAddr;
use core::net::Ipv4Addr;

use zoa_testkit::rng::Rng;

/// What stands at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Server,
    /// Nobody listens.
    Refusing,
    /// Packets vanish.
    Hole,
    /// Accepts and never answers.
    Mute,
    /// Answers with something else.
    Fake,
}

const fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
}

/// What a client finds there.
pub(crate) fn place_of(at: IpAddr) -> Place {
    match at {
        at if at == address(1) => Place::Server,
        at if at == address(3) => Place::Hole,
        at if at == address(4) => Place::Mute,
        at if at == address(5) => Place::Fake,
        _ => Place::Refusing,
    }
}

/// Hosts besides one that is always the server.
const OTHERS: [&str; 6] = [
    "10.0.0.2:2181",
    "10.0.0.3:2181",
    "10.0.0.4:2181",
    "10.0.0.5:2181",
    "zk2:2181",
    "zk3",
];

/// A list of hosts; at least one of them is the server.
pub(crate) fn draw_hosts(rng: &mut Rng) -> String {
    let good = *rng.pick(&["10.0.0.1", "zk1:2181"]).unwrap_or(&"zk1");
    let mut hosts = vec![good];
    for _ in 0..rng.weighted(&[40, 25, 20, 15]) {
        let at = rng.index(hosts.len() + 1);
        hosts.insert(at, rng.pick(&OTHERS).unwrap_or(&good));
    }
    hosts.join(",")
}

/// What a name server says just now; `zk1` is always right, the others are when all is calm.
pub(crate) fn resolve(name: &str, is_busy: bool, rng: &mut Rng) -> Vec<IpAddr> {
    match name {
        "zk2" if is_busy => match rng.weighted(&[30, 30, 20, 20]) {
            0 => vec![address(1)],
            1 => Vec::new(),
            2 => vec![address(2)],
            _ => vec![address(3)],
        },
        "zk3" => vec![address(2), address(4), address(1)],
        _ => vec![address(1)],
    }
}

/// What one says who speaks no ZooKeeper, or speaks it badly.
pub(crate) fn fake_words(rng: &mut Rng) -> &'static [u8] {
    let words: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x04oops",
        b"\x00\x00\x00\x00",
        b"",
    ];
    words.get(rng.index(words.len())).copied().unwrap_or(b"")
}
