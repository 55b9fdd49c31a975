//! Connections that have not said yet who they are.
//!
//! What it is not: the greeting. Invariant: no more than [`GREETINGS_MAX`] of them are open at a time, and no more than
//! [`GREETINGS_PER_ADDRESS_MAX`] from one address: one stranger's silence does not keep the servers from each other.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::limits::GREETINGS_MAX;
use crate::limits::GREETINGS_PER_ADDRESS_MAX;

/// See the module; clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Greetings(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place among them, given back when it goes.
#[derive(Debug)]
pub(super) struct Turn {
    greetings: Greetings,
    share: IpAddr,
}

impl Greetings {
    /// A place for a connection from there, if there is one.
    pub(super) fn begin(&self, from: IpAddr) -> Option<Turn> {
        let share = share(from);
        let mut open = self.0.lock();
        let all: usize = open.values().sum();
        let own = open.get(&share).copied().unwrap_or_default();
        if all >= GREETINGS_MAX || own >= GREETINGS_PER_ADDRESS_MAX {
            return None;
        }
        open.insert(share, own + 1);
        Some(Turn {
            greetings: self.clone(),
            share,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut open = self.greetings.0.lock();
        if let Some(own) = open.get_mut(&self.share) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.share);
            }
        }
    }
}

/// What counts as one address: with IPv6 the network of 64 bits that a host has for itself.
fn share(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_has_no_more_than_greetings_per_address_max_and_gets_them_back() {
        let greetings = Greetings::default();
        let mut turns: Vec<Turn> = (0..GREETINGS_PER_ADDRESS_MAX)
            .map(|_| greetings.begin(ip("10.0.0.1")).expect("there is room"))
            .collect();
        for same in ["10.0.0.1", "::ffff:10.0.0.1"] {
            assert!(greetings.begin(ip(same)).is_none(), "{same}");
        }
        assert!(greetings.begin(ip("10.0.0.2")).is_some());
        assert!(greetings.begin(ip("::ffff:10.0.0.3")).is_some());
        turns.pop();
        assert!(greetings.begin(ip("10.0.0.1")).is_some());
        turns.clear();
        assert!(greetings.0.lock().is_empty());
    }

    #[test]
    fn a_network_of_one_host_is_one_address() {
        let greetings = Greetings::default();
        let turns: Vec<Option<Turn>> = (0..=GREETINGS_PER_ADDRESS_MAX)
            .map(|host| greetings.begin(ip(&format!("2001:db8::{host:x}"))))
            .collect();
        assert_eq!(turns.iter().flatten().count(), GREETINGS_PER_ADDRESS_MAX);
        assert!(greetings.begin(ip("2001:db8:0:1::1")).is_some());
    }
}
