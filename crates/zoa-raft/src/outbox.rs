//! The steps of the log that are under way, and the messages that wait for them.
//!
//! ```text
//!   Ready 7: entries   -> Persist{7}     messages of 7 wait
//!   Ready 8: nothing to write            messages of 8 wait too, for 7
//!   Ready 9: entries   -> Persist{9}     messages of 9 wait
//!   Persisted{7}       -> 7 and 8 are done: their messages leave, in order
//! ```
//!
//! Invariant: a message that vouches for the log leaves only when its own Ready and every earlier
//! one are durable, also when its own has nothing to write. (A repeated append whose entries are
//! still being synced is acknowledged in a later, empty Ready.)

use std::collections::VecDeque;

use raft::eraftpb::Message;

/// One Ready on its way to the disk.
#[derive(Debug)]
struct Step {
    number: u64,
    writes: bool,
    messages: Vec<Message>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    steps: VecDeque<Step>,
    newest: u64,
}

impl Outbox {
    /// Notes a Ready. `writes` says that a `Persist` of this number goes to the log.
    pub(crate) fn push(&mut self, number: u64, writes: bool, messages: Vec<Message>) {
        assert!(
            number > self.newest,
            "the library numbers its Readies in order"
        );
        self.newest = number;
        self.steps.push_back(Step {
            number,
            writes,
            messages,
        });
    }

    /// Takes the steps that are durable when all up to `number` is: the newest number of them, with
    /// their messages in order. `None` if there is no such step.
    pub(crate) fn take_durable(&mut self, number: u64) -> Option<(u64, Vec<Message>)> {
        assert!(
            number <= self.newest,
            "nothing is durable before it was handed out"
        );
        let mut durable = None;
        let mut messages = Vec::new();
        while let Some(step) = self.steps.front_mut() {
            if step.number > number && step.writes {
                break;
            }
            durable = Some(step.number);
            messages.append(&mut step.messages);
            self.steps.pop_front();
        }
        durable.map(|number| (number, messages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(index: u64) -> Message {
        Message {
            index,
            ..Message::default()
        }
    }

    fn check(outbox: &mut Outbox, durable: u64, expected: Option<(u64, &[u64])>) {
        let found = outbox.take_durable(durable);
        let found = found.map(|(number, messages)| {
            (
                number,
                messages
                    .iter()
                    .map(|message| message.index)
                    .collect::<Vec<_>>(),
            )
        });
        assert_eq!(
            found,
            expected.map(|(number, indexes)| (number, indexes.to_vec()))
        );
    }

    #[test]
    fn messages_of_an_empty_step_wait_for_the_write_before_it() {
        let mut outbox = Outbox::default();
        outbox.push(7, true, vec![message(70)]);
        outbox.push(8, false, vec![message(80), message(81)]);
        outbox.push(9, true, vec![message(90)]);
        check(&mut outbox, 6, None);
        check(&mut outbox, 7, Some((8, &[70, 80, 81])));
        check(&mut outbox, 8, None);
        check(&mut outbox, 9, Some((9, &[90])));
    }

    #[test]
    fn one_acknowledgement_may_stand_for_many_steps() {
        let mut outbox = Outbox::default();
        for number in 1..=4 {
            outbox.push(number, true, vec![message(number)]);
        }
        check(&mut outbox, 3, Some((3, &[1, 2, 3])));
        check(&mut outbox, 4, Some((4, &[4])));
    }

    #[test]
    fn an_empty_step_with_nothing_before_it_is_durable_at_once() {
        let mut outbox = Outbox::default();
        outbox.push(1, false, vec![message(1)]);
        check(&mut outbox, 0, Some((1, &[1])));
    }
}
