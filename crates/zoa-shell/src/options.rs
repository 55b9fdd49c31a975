//! The options of one command line, read as commons-cli's `DefaultParser` reads them for the original.
//!
//! Options stand anywhere, may be run together (`-sw`), take their value from the same word (`-v1`, `-v=1`) or from the next one,
//! and end at `--`. A negative number is a value where one is due, and an unknown option elsewhere. `--json` and `--help` are
//! ours, for every command: the original refuses all options with two dashes.
//!
//! Invariant: no words make it panic, and what it takes is either an option that the command has or an argument.

use std::fmt;

/// An option of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OptionSpec {
    /// Without its dash.
    pub(crate) name: &'static str,
    /// Whether a value follows.
    pub(crate) takes_value: bool,
    /// What it does.
    pub(crate) about: &'static str,
}

impl OptionSpec {
    pub(crate) const fn flag(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            takes_value: false,
            about,
        }
    }

    pub(crate) const fn value(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            takes_value: true,
            about,
        }
    }
}

/// How the options of a command go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// Any of them.
    Free,
    /// One of them, or none.
    AtMostOne,
    /// One of them.
    One,
}

/// What a command line says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Parsed {
    options: Vec<(&'static str, Option<String>)>,
    /// What is not an option, without the command.
    pub(crate) arguments: Vec<String>,
    /// `--json` was among the words.
    pub(crate) is_json: bool,
    /// `--help` was among the words.
    pub(crate) is_help: bool,
}

impl Parsed {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// The value of an option, the first one when it was given twice.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.options.iter().find(|(given, _)| *given == name)?;
        value.as_deref()
    }

    /// The argument at this place, counted from 0.
    pub(crate) fn argument(&self, at: usize) -> Option<&str> {
        self.arguments.get(at).map(String::as_str)
    }
}

/// Why words are not a command line of the command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum OptionError {
    Unrecognized(String),
    MissingArgument(&'static str),
    AlreadySelected {
        option: &'static str,
        selected: &'static str,
    },
    /// The texts of all that one could be given.
    MissingOption(String),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrecognized(word) => write!(f, "Unrecognized option: {word}"),
            Self::MissingArgument(option) => write!(f, "Missing argument for option: {option}"),
            Self::AlreadySelected { option, selected } => write!(
                f,
                "The option '{option}' was specified but an option from this group has already been selected: '{selected}'"
            ),
            Self::MissingOption(options) => write!(f, "Missing required option: [{options}]"),
        }
    }
}

/// Reads the words behind the name of a command.
pub(crate) fn parse_options(
    specs: &'static [OptionSpec],
    choice: Choice,
    words: &[String],
) -> Result<Parsed, OptionError> {
    let mut parser = Parser {
        specs,
        choice,
        parsed: Parsed::default(),
        waiting: None,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            parser.parsed.arguments.extend(words.by_ref().cloned());
        } else {
            parser.take(word)?;
        }
    }
    parser.finish()
}

struct Parser {
    specs: &'static [OptionSpec],
    choice: Choice,
    parsed: Parsed,
    /// The option whose value is due.
    waiting: Option<&'static str>,
}

impl Parser {
    fn take(&mut self, word: &str) -> Result<(), OptionError> {
        if let Some(name) = self.waiting
            && (!self.looks_like_option(word) || is_negative_number(word))
        {
            self.waiting = None;
            self.set_value(name, word);
            return Ok(());
        }
        match word {
            "--json" => self.parsed.is_json = true,
            "--help" => self.parsed.is_help = true,
            _ if word.starts_with("--") => return Err(unrecognized(word)),
            _ if word.starts_with('-') && word != "-" => return self.take_option(word),
            _ => self.parsed.arguments.push(word.to_owned()),
        }
        Ok(())
    }

    fn take_option(&mut self, word: &str) -> Result<(), OptionError> {
        let text = word.strip_prefix('-').unwrap_or(word);
        if let Some((name, value)) = text.split_once('=') {
            // Only an option of one letter takes its value so.
            let spec = self
                .spec(name)
                .filter(|spec| name.len() == 1 && spec.takes_value);
            let spec = spec.ok_or_else(|| unrecognized(word))?;
            self.begin(spec)?;
            self.waiting = None;
            self.set_value(spec.name, value);
            return Ok(());
        }
        match self.spec(text) {
            Some(spec) => self.begin(spec),
            None => self.take_letters(word, text),
        }
    }

    /// Options of one letter, run together; what follows one that takes a value is its value.
    fn take_letters(&mut self, word: &str, text: &str) -> Result<(), OptionError> {
        for (at, letter) in text.char_indices() {
            let behind = at + letter.len_utf8();
            let spec = text.get(at..behind).and_then(|name| self.spec(name));
            let spec = spec.ok_or_else(|| unrecognized(word))?;
            self.begin(spec)?;
            if let Some(rest) = text
                .get(behind..)
                .filter(|rest| spec.takes_value && !rest.is_empty())
            {
                self.waiting = None;
                self.set_value(spec.name, rest);
                return Ok(());
            }
        }
        Ok(())
    }

    fn begin(&mut self, spec: &OptionSpec) -> Result<(), OptionError> {
        self.check_nothing_waits()?;
        let selected = self.parsed.options.first().map(|(name, _)| *name);
        if let Some(selected) = selected.filter(|name| *name != spec.name)
            && self.choice != Choice::Free
        {
            return Err(OptionError::AlreadySelected {
                option: spec.name,
                selected,
            });
        }
        self.parsed.options.push((spec.name, None));
        self.waiting = spec.takes_value.then_some(spec.name);
        Ok(())
    }

    fn set_value(&mut self, name: &str, value: &str) {
        let newest = self
            .parsed
            .options
            .iter_mut()
            .rev()
            .find(|(given, _)| *given == name);
        if let Some((_, place)) = newest {
            *place = Some(without_double_quotes(value).to_owned());
        }
    }

    fn finish(self) -> Result<Parsed, OptionError> {
        self.check_nothing_waits()?;
        if self.choice == Choice::One && self.parsed.options.is_empty() && !self.parsed.is_help {
            let texts: Vec<String> = self
                .specs
                .iter()
                .map(|spec| format!("-{} {}", spec.name, spec.about))
                .collect();
            return Err(OptionError::MissingOption(texts.join(", ")));
        }
        Ok(self.parsed)
    }

    fn check_nothing_waits(&self) -> Result<(), OptionError> {
        match self.waiting {
            Some(name) if !self.parsed.is_help => Err(OptionError::MissingArgument(name)),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a word that stands where a value is due is an option all the same.
    fn looks_like_option(&self, word: &str) -> bool {
        if matches!(word, "--json" | "--help") {
            return true;
        }
        let Some(text) = word.strip_prefix('-').filter(|text| !text.is_empty()) else {
            return false;
        };
        let name = text.split('=').next().unwrap_or(text);
        let first = name.chars().next().map(|letter| letter.to_string());
        self.spec(name).is_some() || first.is_some_and(|first| self.spec(&first).is_some())
    }

    fn spec(&self, name: &str) -> Option<&'static OptionSpec> {
        self.specs.iter().find(|spec| spec.name == name)
    }
}

fn unrecognized(word: &str) -> OptionError {
    OptionError::Unrecognized(word.to_owned())
}

fn is_negative_number(word: &str) -> bool {
    word.starts_with('-') && word.parse::<f64>().is_ok()
}

/// A value in double quotes loses them, when there are none inside.
fn without_double_quotes(value: &str) -> &str {
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests;
