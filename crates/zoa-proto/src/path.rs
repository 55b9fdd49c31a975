//! Znode paths: legal ones have a type of their own.
//!
//! Only requests that need a legal path parse one (create, setData, setACL, check); the others
//! look up whatever they were given and find nothing under a malformed path, as the reference
//! does. There is no chroot here: that is the client's.
//!
//! Invariant: a [`Path`] starts with `/`, does not end with one unless it is the root, has no
//! empty, `.` or `..` component and no character that [`PathError::ForbiddenCharacter`] names.

use std::fmt;

/// Why a string is not a znode's path; the server answers BADARGUMENTS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Nothing at all.
    #[error("path is empty")]
    Empty,
    /// It does not start with a slash.
    #[error("path does not start with /")]
    NotAbsolute,
    /// It ends with a slash and is not the root.
    #[error("path ends with /")]
    TrailingSlash,
    /// Two slashes in a row.
    #[error("path has an empty component")]
    EmptyComponent,
    /// A component `.` or `..`.
    #[error("path has a relative component")]
    RelativeComponent,
    /// A control character, a surrogate or private one (also all beyond U+FFFF, which are two
    /// surrogates to the reference), or one of U+FFF0 to U+FFFF.
    #[error("path has the forbidden character U+{0:04X}")]
    ForbiddenCharacter(u32),
}

/// The path of a znode, legal and absolute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Path<'a>(&'a str);

impl<'a> Path<'a> {
    /// The root.
    pub const ROOT: Path<'static> = Path("/");

    /// Accepts a legal path.
    ///
    /// ```
    /// use zoa_proto::{Path, PathError};
    /// assert_eq!(Path::parse("/a/b").map(|path| path.name()), Ok("b"));
    /// assert_eq!(Path::parse("/a/"), Err(PathError::TrailingSlash));
    /// ```
    pub fn parse(path: &'a str) -> Result<Self, PathError> {
        check_components(path.as_bytes())?;
        check_characters(path)?;
        Ok(Self(path))
    }

    /// Accepts what may be a component: the last one of a path of which the rest is legal.
    ///
    /// # Errors
    ///
    /// As [`Path::parse`] of the whole.
    pub fn check_name(name: &str) -> Result<(), PathError> {
        if name.contains('/') {
            return Err(PathError::EmptyComponent);
        }
        match name {
            "" => return Err(PathError::TrailingSlash),
            "." | ".." => return Err(PathError::RelativeComponent),
            _ => {}
        }
        check_characters(name)
    }

    /// Accepts the path of a sequential create, to which the server appends a number: legal is
    /// what becomes legal by it, so `/a/` and `/a/.` are.
    pub fn parse_sequential(path: &'a str) -> Result<SequentialPath<'a>, PathError> {
        check_characters(path)?;
        let slash = match path.rfind('/') {
            Some(slash) => slash,
            None if path.is_empty() => return Err(PathError::Empty),
            None => return Err(PathError::NotAbsolute),
        };
        let (parent, name_prefix) = path.split_at(slash);
        let parent = match parent {
            "" => Self::ROOT,
            _ if parent.ends_with('/') => return Err(PathError::EmptyComponent),
            _ => Self::parse(parent)?,
        };
        let name_prefix = name_prefix.strip_prefix('/').unwrap_or(name_prefix);
        Ok(SequentialPath {
            parent,
            name_prefix,
        })
    }

    /// The path as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether this is `/`.
    #[must_use]
    pub const fn is_root(self) -> bool {
        self.0.len() == 1
    }

    /// The path above; the root has none.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        match self.0.rsplit_once('/') {
            Some((_, "")) | None => None,
            Some(("", _)) => Some(Self::ROOT),
            Some((parent, _)) => Some(Self(parent)),
        }
    }

    /// The last component; the root's is empty.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// The components from the top; the root has none.
    pub fn components(self) -> impl DoubleEndedIterator<Item = &'a str> + Clone {
        // Only the root has an empty component: the one after its slash.
        self.0.split('/').filter(|component| !component.is_empty())
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A path whose last component still lacks its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SequentialPath<'a> {
    parent: Path<'a>,
    name_prefix: &'a str,
}

impl<'a> SequentialPath<'a> {
    /// The parent of the znode to be made.
    #[must_use]
    pub const fn parent(self) -> Path<'a> {
        self.parent
    }

    /// What its name starts with; may be empty.
    #[must_use]
    pub const fn name_prefix(self) -> &'a str {
        self.name_prefix
    }

    /// The full path with this number: ten digits at least, as clients parse it (G-13).
    #[must_use]
    pub fn with_number(self, number: i32) -> String {
        // Java's %010d counts the sign among the ten, and so does this.
        let parent = if self.parent.is_root() {
            ""
        } else {
            self.parent.as_str()
        };
        format!("{parent}/{}{number:010}", self.name_prefix)
    }
}

/// Checks the slashes and what stands between them.
fn check_components(path: &[u8]) -> Result<(), PathError> {
    let components = match path {
        [] => return Err(PathError::Empty),
        b"/" => return Ok(()),
        [b'/', components @ ..] => components,
        _ => return Err(PathError::NotAbsolute),
    };
    if components.last() == Some(&b'/') {
        return Err(PathError::TrailingSlash);
    }
    for component in components.split(|byte| *byte == b'/') {
        match component {
            b"" => return Err(PathError::EmptyComponent),
            b"." | b".." => return Err(PathError::RelativeComponent),
            _ => {}
        }
    }
    Ok(())
}

/// Checks the characters.
fn check_characters(path: &str) -> Result<(), PathError> {
    // Nearly all paths are printable ASCII; those need no decoding.
    if path.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return Ok(());
    }
    match path.chars().find(|character| is_forbidden(*character)) {
        Some(character) => Err(PathError::ForbiddenCharacter(u32::from(character))),
        None => Ok(()),
    }
}

/// Whether no path may have this character.
const fn is_forbidden(character: char) -> bool {
    // U+D800 to U+DFFF cannot be a char; the reference forbids them and, with them, everything
    // beyond U+FFFF.
    matches!(
        character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..
    )
}

#[cfg(test)]
mod tests;
