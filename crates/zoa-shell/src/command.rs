//! What a command is: its name, its options, what it does, and how it is told.
//!
//! The commands themselves are in [`commands`](crate::commands), one file each. Invariant: the words behind a name are read before
//! anything is done, so a command line that is wrong changes nothing.

use serde_json::Value;

use crate::console::Console;
use crate::error::Answer;
use crate::error::ShellError;
use crate::keeper::Keeper;
use crate::options::Choice;
use crate::options::OptionSpec;
use crate::options::Parsed;
use crate::options::parse_options;
use crate::shell::Shell;

/// One command of the shell.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// What stands behind the name in the usage line.
    pub(crate) arguments: &'static str,
    pub(crate) options: &'static [OptionSpec],
    pub(crate) choice: Choice,
    /// How many arguments it takes, at least and at most; more than the most are left alone when there is no limit.
    pub(crate) arguments_min: usize,
    pub(crate) arguments_max: usize,
    /// Whether its usage has a line for each option, as some of the original have since 3.9.
    pub(crate) lists_options: bool,
    /// One sentence for the help.
    pub(crate) about: &'static str,
    pub(crate) examples: &'static [&'static str],
    pub(crate) run: Run,
}

/// What a command works on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Run {
    /// The servers: it needs a session.
    Keeper(fn(&Context<'_>) -> Answer<()>),
    /// The shell itself; gets all words, the name first.
    Shell(fn(&mut Shell, &[String]) -> Answer<()>),
}

impl Command {
    /// What the fields are for most commands: no options, any number of arguments.
    pub(crate) const PLAIN: Self = Self {
        name: "",
        arguments: "",
        options: &[],
        choice: Choice::Free,
        arguments_min: 0,
        arguments_max: usize::MAX,
        lists_options: false,
        about: "",
        examples: &[],
        run: Run::Shell(|_, _| Ok(())),
    };

    /// Reads the words behind the name.
    pub(crate) fn parse(&self, words: &[String]) -> Answer<Parsed> {
        let parsed = parse_options(self.options, self.choice, words)
            .map_err(|error| self.wrong(error.to_string()))?;
        let count = parsed.arguments.len();
        if !parsed.is_help && !(self.arguments_min..=self.arguments_max).contains(&count) {
            return Err(self.usage_error());
        }
        Ok(parsed)
    }

    /// The usage line, as the original's help has it.
    pub(crate) fn usage_line(&self) -> String {
        format!("{} {}", self.name, self.arguments)
    }

    /// What the original says when arguments are missing.
    pub(crate) fn usage_error(&self) -> ShellError {
        let mut usage = self.usage_line();
        if self.lists_options {
            usage += "\n";
            usage += &self.option_lines();
        }
        self.wrong(usage)
    }

    fn wrong(&self, message: String) -> ShellError {
        ShellError::new(message).with_hint(format!("`{} --help` has examples", self.name))
    }

    /// A line for each option, in the order and form of the original.
    pub(crate) fn option_lines(&self) -> String {
        let mut options: Vec<&OptionSpec> = self.options.iter().collect();
        options.sort_by_key(|option| option.name.to_lowercase());
        let head = |option: &OptionSpec| {
            let value = if option.takes_value { " <arg>" } else { "" };
            format!(" -{}{value}", option.name)
        };
        let width = options
            .iter()
            .map(|option| head(option).len())
            .max()
            .unwrap_or(0);
        let line = |option: &&OptionSpec| format!("{:<width$}   {}\n", head(option), option.about);
        options.iter().map(line).collect()
    }

    /// The answer to `--help`.
    pub(crate) fn help(&self) -> String {
        let mut text = format!("usage: {}\n\n{}\n", self.usage_line(), self.about);
        if !self.options.is_empty() {
            text += "\n";
            text += &self.option_lines();
        }
        if !self.examples.is_empty() {
            text += "\nexamples:\n";
            self.examples
                .iter()
                .for_each(|example| text += &format!("  {example}\n"));
        }
        text.trim_end().to_owned()
    }
}

/// What a command that talks to the servers has at hand.
pub(crate) struct Context<'a> {
    pub(crate) keeper: &'a Keeper,
    pub(crate) console: &'a Console,
    pub(crate) line: Parsed,
}

impl Context<'_> {
    /// The first argument; there is one, as `arguments_min` says.
    pub(crate) fn path(&self) -> &str {
        self.line.argument(0).unwrap_or_default()
    }

    pub(crate) fn is_json(&self) -> bool {
        self.line.is_json || self.console.is_json()
    }

    /// A line of the answer.
    pub(crate) fn say(&self, line: &str) -> Answer<()> {
        Ok(self.console.say(line)?)
    }

    /// The answer, or a line of it, as JSON.
    pub(crate) fn say_json(&self, value: &Value) -> Answer<()> {
        self.say(&value.to_string())
    }

    /// The answer in one of both forms.
    pub(crate) fn answer(
        &self,
        text: impl FnOnce() -> String,
        json: impl FnOnce() -> Value,
    ) -> Answer<()> {
        if self.is_json() {
            return self.say_json(&json());
        }
        self.say(&text())
    }

    /// Something that is not the answer.
    pub(crate) fn tell(&self, line: &str) {
        self.console.tell(line);
    }

    /// The number behind an option; `None` when the option was not given.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str, kind: &str) -> Answer<Option<N>> {
        let wrong = |_| ShellError::new(format!("-{name} argument must be {kind} value"));
        self.line
            .value(name)
            .map(|text| text.parse().map_err(wrong))
            .transpose()
    }

    /// `-v`, the version that the znode must have; any without it.
    pub(crate) fn version(&self) -> Answer<zoa_proto::Version> {
        let number = self.number("v", "an int")?;
        Ok(number.map_or(zoa_proto::Version::ANY, zoa_proto::Version))
    }
}

#[cfg(test)]
mod tests {
    use crate::commands;

    #[test]
    fn usage_with_options_looks_as_in_the_original() {
        let set = commands::find("set").expect("a command");
        let said = "set path data [-s] [-v version] [-b]\n -b         Supply data in base64 format\n \
                    -s         Print znode stats additionally\n -v <arg>   Set with an expected version\n";
        assert_eq!(set.usage_error().message, said);
    }

    #[test]
    fn every_command_tells_what_it_does_and_shows_how() {
        for command in commands::ALL {
            assert!(!command.about.is_empty(), "{}", command.name);
            assert!(!command.examples.is_empty(), "{}", command.name);
            let help = command.help();
            assert!(
                help.contains(command.name) && !help.ends_with('\n'),
                "{help}"
            );
            for example in command.examples {
                let words = crate::words::split_words(example);
                let (name, words) = words.split_first().expect("an example has words");
                // Some examples go through a pipe; what stands before it is the command.
                let end = words
                    .iter()
                    .position(|word| word == "|" || word == ">")
                    .unwrap_or(words.len());
                assert_eq!(name, command.name);
                command
                    .parse(&words[..end])
                    .unwrap_or_else(|error| panic!("{example}: {}", error.message));
            }
        }
    }
}
