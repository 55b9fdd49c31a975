//! Host lists: `host:port,host:port/chroot`, as the original reads them.
//!
//! Stricter than the core's connect string in one thing: a port must be there. Looser in another: the last colon tells the port, so
//! an IPv6 address needs no brackets. Invariant: what is accepted here the core accepts too.

use zoa_client_core::ConnectString;
use zoa_client_core::Host;

/// Reads a list; an error is a sentence for the log.
pub(crate) fn parse(text: &str) -> Result<ConnectString, String> {
    let (hosts, chroot) = match text.find('/') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mut written = Vec::new();
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        written.push(rewrite(host.trim())?);
    }
    if written.is_empty() {
        return Err(format!("there is no host in {text:?}"));
    }
    let chroot = if chroot == "/" { "" } else { chroot };
    let joined = written.join(",") + chroot;
    ConnectString::parse(&joined).map_err(|error| error.to_string())
}

/// One host with its port, an IPv6 address in brackets.
fn rewrite(host: &str) -> Result<String, String> {
    let (name, port) = host
        .rsplit_once(':')
        .ok_or_else(|| format!("there is no port in {host:?}"))?;
    let number: u16 = port
        .parse()
        .map_err(|_| format!("{port:?} is not a port, in {host:?}"))?;
    if number == 0 {
        return Err(format!("0 is not a port, in {host:?}"));
    }
    if name.contains(':') && !name.starts_with('[') {
        return Ok(format!("[{name}]:{number}"));
    }
    Ok(format!("{name}:{number}"))
}

/// The hosts of a session in the order in which they are tried, and where its next one stands.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    list: Vec<Host>,
    chroot: String,
}

impl Hosts {
    pub(crate) fn new(parsed: &ConnectString) -> Self {
        Self {
            list: parsed.hosts().to_vec(),
            chroot: parsed.chroot().to_owned(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn contains(&self, host: &Host) -> bool {
        self.list.contains(host)
    }

    /// Puts the hosts into an order that `random` draws, those of `first` before all others.
    pub(crate) fn arrange(
        &mut self,
        mut random: impl FnMut() -> u64,
        first: impl Fn(&Host) -> bool,
    ) {
        for at in (1..self.list.len()).rev() {
            let bound = u64::try_from(at + 1).unwrap_or(u64::MAX);
            let other = usize::try_from(random() % bound).unwrap_or(0);
            self.list.swap(at, other);
        }
        self.arrange_new_first(first);
    }

    /// Puts those of which `is_first` says so before all others, and changes the order no further.
    pub(crate) fn arrange_new_first(&mut self, is_first: impl Fn(&Host) -> bool) {
        self.list.sort_by_key(|host| !is_first(host));
    }

    /// Makes the host behind this one the first; tells which it is.
    pub(crate) fn cycle(&mut self, current: Option<&Host>) -> Option<&Host> {
        let at = self.list.iter().position(|host| Some(host) == current);
        let by = at.map_or(0, |at| at + 1) % self.list.len().max(1);
        self.list.rotate_left(by);
        self.list.first()
    }

    /// As the core reads them.
    pub(crate) fn connect_string(&self) -> Option<ConnectString> {
        let hosts: Vec<String> = self.list.iter().map(ToString::to_string).collect();
        ConnectString::parse(&(hosts.join(",") + &self.chroot)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Hosts;
    use super::parse;

    fn check(text: &str, expected: Option<&str>) {
        let parsed = parse(text).map(|parsed| parsed.to_string());
        assert_eq!(parsed.ok().as_deref(), expected, "{text:?}");
    }

    #[test]
    fn lists_are_read_as_the_original_reads_them() {
        check("a:1", Some("a:1"));
        check("a:1,b:2/x", Some("a:1,b:2/x"));
        check("a:1, b:2/", Some("a:1,b:2"));
        check("::1:2181", Some("[::1]:2181"));
        check("[::1]:2181,a:1", Some("[::1]:2181,a:1"));
        check("a:1,,b:2", Some("a:1,b:2"));
    }

    #[test]
    fn bad_entries_are_refused() {
        for text in [
            "", ",", "a", "a:", "a:0", "a:x", "a:70000", "a:-1", "a:1,b", "a:1/x//y", "a:1/x/",
            ":1",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn the_next_host_is_the_one_behind_and_the_first_come_first() {
        let parsed = parse("a:1,b:1,c:1").expect("a list");
        let mut hosts = Hosts::new(&parsed);
        let b = parsed.hosts()[1].clone();
        assert_eq!(
            hosts.cycle(Some(&b)).map(|host| host.name.as_str()),
            Some("c")
        );
        hosts.arrange(|| 1, |host| host.name == "b");
        assert_eq!(hosts.cycle(None).map(|host| host.name.as_str()), Some("b"));
    }
}
