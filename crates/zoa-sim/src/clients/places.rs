//! The hosts that connect strings name: the servers, and what else a client meets in the wild.
//!
//! ```text
//!   10.0.0.1, zk1   the server, where there is one      10.0.0.4   accepts and never says a word
//!   10.0.0.2        nobody listens: refused             10.0.0.5   speaks, but not ZooKeeper
//!   10.0.0.3        no answer at all                    zk2, zk3   names that move, fail, or have many addresses
//!   10.1.0.1 ...    the servers of an ensemble          zoo1 ...   their names; zoo is that of all of them
//! ```

use core::net::IpAddr;
use core::net::Ipv4Addr;

use zoa_testkit::rng::Rng;

/// So many servers are there where there are several.
pub(crate) const ENSEMBLE_COUNT: u8 = 3;

/// What stands at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Which, from 0.
    Server(usize),
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

/// The address of a server of an ensemble, from 1, as in its line.
const fn address_of(server: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 1, 0, server))
}

/// The addresses of all of them.
fn addresses() -> impl Iterator<Item = IpAddr> {
    (1..=ENSEMBLE_COUNT).map(address_of)
}

/// What a client finds there.
pub(crate) fn place_of(at: IpAddr) -> Place {
    if let Some(server) = addresses().position(|address| address == at) {
        return Place::Server(server);
    }
    match at {
        at if at == address(1) => Place::Server(0),
        at if at == address(3) => Place::Hole,
        at if at == address(4) => Place::Mute,
        at if at == address(5) => Place::Fake,
        _ => Place::Refusing,
    }
}

/// Hosts besides those of the servers.
const OTHERS: [&str; 6] = [
    "10.0.0.2:2181",
    "10.0.0.3:2181",
    "10.0.0.4:2181",
    "10.0.0.5:2181",
    "zk2:2181",
    "zk3",
];

/// A list of hosts; all servers are among them.
pub(crate) fn draw_hosts(is_ensemble: bool, rng: &mut Rng) -> String {
    let mut hosts = if is_ensemble {
        draw_ensemble(rng)
    } else {
        let good = rng.pick(&["10.0.0.1", "zk1:2181"]).unwrap_or(&"zk1");
        vec![(*good).to_owned()]
    };
    for _ in 0..rng.weighted(&[40, 25, 20, 15]) {
        let at = rng.index(hosts.len() + 1);
        let other = rng.pick(&OTHERS).unwrap_or(&"zk2");
        hosts.insert(at, (*other).to_owned());
    }
    hosts.join(",")
}

/// The servers of an ensemble: under one name for all, or each under its own name or address.
fn draw_ensemble(rng: &mut Rng) -> Vec<String> {
    if rng.percent(20) {
        return vec!["zoo".to_owned()];
    }
    let host = |server: u8| match rng.percent(50) {
        true => format!("{}:2181", address_of(server)),
        false => format!("zoo{server}"),
    };
    (1..=ENSEMBLE_COUNT).map(host).collect()
}

/// What a name server says just now; `zk1` and the names of an ensemble are always right, the others are when all is calm.
pub(crate) fn resolve(name: &str, is_busy: bool, rng: &mut Rng) -> Vec<IpAddr> {
    if let Some(number) = name.strip_prefix("zoo") {
        let server = number.parse().map(|server| vec![address_of(server)]);
        return server.unwrap_or_else(|_| addresses().collect());
    }
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

#[cfg(test)]
mod tests {
    use super::ENSEMBLE_COUNT;
    use super::Place;
    use super::draw_hosts;
    use super::place_of;
    use super::resolve;
    use core::net::IpAddr;
    use std::collections::BTreeSet;
    use zoa_testkit::rng::Rng;

    #[test]
    fn every_list_of_hosts_leads_to_all_servers() {
        let mut rng = Rng::new(1);
        for round in 0..200 {
            let is_ensemble = round % 2 == 0;
            let hosts = draw_hosts(is_ensemble, &mut rng);
            let servers: BTreeSet<usize> = hosts
                .split(',')
                .filter_map(|host| host.split(':').next())
                .flat_map(|name| match name.parse::<IpAddr>() {
                    Ok(address) => vec![address],
                    Err(_) => resolve(name, false, &mut rng),
                })
                .filter_map(|address| match place_of(address) {
                    Place::Server(server) => Some(server),
                    _ => None,
                })
                .collect();
            let count = if is_ensemble { ENSEMBLE_COUNT } else { 1 };
            assert_eq!(servers.len(), usize::from(count), "{hosts}");
        }
    }
}
