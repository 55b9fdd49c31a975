//! What can be wrong with a configuration, said so that it can be put right at once.
//!
//! ```text
//! conf/zoo.cfg:3: tickTime=abc: expected a whole number of milliseconds from 1 to 2147483647
//! ```

use std::fmt;

/// The longest piece of a value that an error shows, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, in this line, counted from 1.
    Line {
        /// The file, as it was named at start.
        file: String,
        /// The line in which the setting begins.
        line: u32,
    },
    /// In a file, but in no line: something is missing there.
    File {
        /// The file, as it was named at start.
        file: String,
    },
    /// Among the words given at start, as `-Dkey=value`.
    CommandLine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::File { file } => f.write_str(file),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    Unreadable(String),
    /// The line is not in the syntax of Java's properties.
    Syntax(&'static str),
    /// The value is not one this key can have.
    BadValue {
        /// The key.
        key: String,
        /// The value, unless it is secret.
        value: Option<String>,
        /// What can stand there.
        expected: String,
    },
    /// A key that must be there is not.
    Missing {
        /// The key.
        key: &'static str,
        /// What can stand there.
        expected: &'static str,
    },
    /// Settings that cannot go together.
    Conflict(String),
    /// This version cannot do what is asked for, and to ignore it would not be safe.
    Unsupported(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, problem } = self;
        write!(f, "{place}: ")?;
        match problem {
            Problem::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Problem::Syntax(what) => f.write_str(what),
            Problem::BadValue {
                key,
                value: None,
                expected,
            } => {
                write!(f, "{key}=(not shown): expected {expected}")
            }
            Problem::BadValue {
                key,
                value: Some(value),
                expected,
            } => {
                let shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
                let dots = if shown.len() < value.len() { "..." } else { "" };
                write!(
                    f,
                    "{key}={}{dots}: expected {expected}",
                    shown.escape_debug()
                )
            }
            Problem::Missing { key, expected } => {
                write!(f, "{key} is missing: expected {key}={expected}")
            }
            Problem::Conflict(what) | Problem::Unsupported(what) => f.write_str(what),
        }
    }
}

/// All that is wrong with a configuration, so that it takes few rounds to put it right. What binds
/// several settings is looked at once each by itself is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
