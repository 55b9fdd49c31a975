//! The lines typed so far, by number, for `history` and `redo`.
//!
//! The history that the line editor keeps in a file is another one. Invariant: numbers only rise, also when the oldest lines are
//! forgotten.

use std::collections::VecDeque;

use crate::limits::REDO_LINES_MAX;

/// How many lines `history` shows, the last one included.
const SHOWN: usize = 11;

/// Numbered lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    lines: VecDeque<String>,
    /// The number of the line being executed.
    current: usize,
}

impl History {
    /// The number of the line to come, as the prompt shows it.
    pub(crate) const fn current(&self) -> usize {
        self.current
    }

    /// A line is about to be executed.
    pub(crate) fn begin(&mut self, line: &str) {
        if self.lines.len() == REDO_LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    /// It was executed.
    pub(crate) const fn end(&mut self) {
        self.current += 1;
    }

    /// The line that stands for another one, `redo 3`, counts as that one.
    pub(crate) fn replace_current(&mut self, line: &str) {
        if let Some(last) = self.lines.back_mut() {
            line.clone_into(last);
        }
    }

    /// An earlier line.
    pub(crate) fn line(&self, number: usize) -> Option<&str> {
        let oldest = (self.current + 1).checked_sub(self.lines.len())?;
        let line = self.lines.get(number.checked_sub(oldest)?)?;
        (number < self.current).then_some(line)
    }

    /// The last lines with their numbers, the one being executed included.
    pub(crate) fn last_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let oldest = (self.current + 1).saturating_sub(self.lines.len());
        let numbered = self
            .lines
            .iter()
            .enumerate()
            .map(move |(at, line)| (oldest + at, line.as_str()));
        numbered.skip(self.lines.len().saturating_sub(SHOWN))
    }
}

#[cfg(test)]
mod tests {
    use super::History;
    use crate::limits::REDO_LINES_MAX;

    fn with_lines(count: usize) -> History {
        let mut history = History::default();
        for number in 0..count {
            history.begin(&format!("line {number}"));
            history.end();
        }
        history
    }

    #[test]
    fn the_last_eleven_are_shown_with_their_numbers() {
        let mut history = with_lines(15);
        history.begin("history");
        let shown: Vec<_> = history.last_lines().collect();
        assert_eq!(shown.len(), 11);
        assert_eq!(shown.first(), Some(&(5, "line 5")));
        assert_eq!(shown.last(), Some(&(15, "history")));
    }

    #[test]
    fn only_earlier_lines_can_be_had_again() {
        let mut history = with_lines(3);
        history.begin("redo 3");
        assert_eq!(history.line(2), Some("line 2"));
        assert_eq!(history.line(3), None);
        history.replace_current("line 2");
        assert_eq!(history.last_lines().last(), Some((3, "line 2")));
    }

    #[test]
    fn old_lines_are_forgotten_and_numbers_stay() {
        let mut history = with_lines(REDO_LINES_MAX + 5);
        history.begin("x");
        assert_eq!(history.line(0), None);
        assert_eq!(history.line(100), Some("line 100"));
    }
}
