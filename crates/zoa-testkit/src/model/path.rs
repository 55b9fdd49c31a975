//! Which paths are paths, by the reference's section 2.6.

/// Whether a znode may have this path.
pub(crate) fn is_valid(path: &str) -> bool {
    if path == "/" {
        return true;
    }
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    rest.split('/')
        .all(|name| !name.is_empty() && name != "." && name != ".." && name.chars().all(is_allowed))
}

fn is_allowed(character: char) -> bool {
    !matches!(u32::from(character), 0x00..=0x1f | 0x7f..=0x9f | 0xd800..=0xf8ff | 0xfff0..=0xffff)
}

/// The path above, `/` for a child of the root, and nothing for a string without a slash.
pub fn parent_of(path: &str) -> Option<&str> {
    let slash = path.rfind('/')?;
    Some(if slash == 0 {
        "/"
    } else {
        path.split_at(slash).0
    })
}

/// The znodes that nobody may delete.
pub(crate) fn is_special(path: &str) -> bool {
    matches!(
        path,
        "/" | "/zookeeper" | "/zookeeper/quota" | "/zookeeper/config"
    )
}
