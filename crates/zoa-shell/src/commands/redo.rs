//! `redo`: an earlier line again.

use crate::command::Command;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::shell::Shell;

pub(crate) const COMMAND: Command = Command {
    name: "redo",
    arguments: "cmdno",
    about: "Runs an earlier line again, by its number in the history.",
    examples: &["redo 3"],
    run: Run::Shell(run),
    ..Command::PLAIN
};

fn run(shell: &mut Shell, words: &[String]) -> Answer<()> {
    let Some(word) = words.get(1) else {
        return Err(COMMAND.usage_error());
    };
    let number = decode(word)
        .ok_or_else(|| ShellError::new(format!("{word} is not a number of the history")))?;
    let line = usize::try_from(number)
        .ok()
        .and_then(|number| shell.history().line(number));
    let Some(line) = line.map(str::to_owned) else {
        return Err(ShellError::new("Command index out of range"));
    };
    shell.redo(&line)
}

/// A number as Java's `Integer.decode` reads it: decimal, `0x` or `#` for hexadecimal, a leading zero for octal.
fn decode(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = ["0x", "0X", "#"]
        .iter()
        .find_map(|prefix| digits.strip_prefix(prefix));
    let number = match (hexadecimal, digits.strip_prefix('0')) {
        (Some(digits), _) => u32::from_str_radix(digits, 16),
        (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8),
        (None, _) => digits.parse(),
    };
    number.ok().map(|number| sign * i64::from(number))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        let read = [
            "7", "+7", "-7", "0x1f", "#1f", "017", "0", "08", "x", "", "1 ",
        ]
        .map(decode);
        let expected = [
            Some(7),
            Some(7),
            Some(-7),
            Some(31),
            Some(31),
            Some(15),
            Some(0),
            None,
            None,
            None,
            None,
        ];
        assert_eq!(read, expected);
    }
}
