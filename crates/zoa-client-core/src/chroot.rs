//! The chroot: put in front of every path that goes to the server, taken off every path that comes back.
//!
//! The server knows nothing of it. The watch table holds the server's paths; only what the user sees is stripped.
//!
//! Invariant: for every legal path `strip(join(path)) == path`, and what is not under the chroot is never shown as if it were.

mod reply;
mod request;

pub(crate) use request::Scratch;
pub(crate) use request::check_paths;

#[derive(Debug)]
pub(crate) struct Chroot(String);

impl Chroot {
    /// A chroot as a connect string has it: empty, or a legal path other than `/`.
    pub(crate) fn new(prefix: &str) -> Self {
        Self(prefix.to_owned())
    }

    pub(crate) const fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Writes the server's path for this one: `/` is the chroot itself.
    pub(crate) fn join<'s>(&self, path: &str, text: &'s mut String) -> &'s str {
        let below = if path == "/" && !self.is_none() {
            ""
        } else {
            path
        };
        self.put_before(below, text)
    }

    /// Writes the two one after another.
    fn put_before<'s>(&self, rest: &str, text: &'s mut String) -> &'s str {
        text.clear();
        text.push_str(&self.0);
        text.push_str(rest);
        text
    }

    /// The user's path for the server's; `None` when it is not under the chroot.
    pub(crate) fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        match path.strip_prefix(self.0.as_str())? {
            "" => Some("/"),
            below if self.is_none() || below.starts_with('/') => Some(below),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chroot;

    #[test]
    fn a_path_goes_under_the_chroot_and_comes_back() {
        let mut text = String::new();
        for (prefix, path, there) in [
            ("/app", "/", "/app"),
            ("/app", "/a/b", "/app/a/b"),
            ("/x/y", "/app", "/x/y/app"),
            ("", "/", "/"),
            ("", "/a", "/a"),
        ] {
            let chroot = Chroot::new(prefix);
            assert_eq!(chroot.join(path, &mut text), there);
            assert_eq!(chroot.strip(there), Some(path));
        }
    }

    #[test]
    fn what_only_begins_like_the_chroot_is_not_under_it() {
        let chroot = Chroot::new("/app");
        assert_eq!(chroot.strip("/apple"), None);
        assert_eq!(chroot.strip("/ap"), None);
        assert_eq!(chroot.strip("/zookeeper/config"), None);
    }
}
