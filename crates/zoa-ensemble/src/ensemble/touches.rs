//! Sessions that this server's clients spoke for, on their way to the leader.
//!
//! A report is kept until the leader says that it has it: one that is lost with its connection goes again on the next, with its true
//! age. So nobody expires who was heard of while two servers could not speak to each other for a moment (G-11). A leader keeps what it has
//! heard lately, too: when it finds that another one leads, that one has not heard of it yet.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use zoa_proto::SessionId;
use zoa_tree::Touch;

use crate::event::LinkId;
use crate::limits::TOUCHES_KEPT_MS;
use crate::limits::TOUCHES_PER_FRAME_MAX;
use crate::limits::TOUCHES_WAITING_MAX;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TouchBook {
    /// When each was heard of, in milliseconds of the monotonic clock.
    waiting: BTreeMap<SessionId, u64>,
    sent: VecDeque<Report>,
    sent_count: usize,
    /// Where the reports in `sent` went.
    link: Option<LinkId>,
    number: u64,
    /// When what is old was left out last.
    kept_ms: u64,
}

#[derive(Debug)]
struct Report {
    number: u64,
    heard: Vec<(SessionId, u64)>,
}

impl TouchBook {
    /// Takes note of what was heard until `now_ms`.
    pub(super) fn add(&mut self, now_ms: u64, touches: &[Touch]) {
        for touch in touches {
            let heard_ms = now_ms.saturating_sub(u64::from(touch.age_ms));
            self.note(touch.session, heard_ms);
        }
    }

    /// The reports for the leader, to be sent on `link` at `now_ms`; all that it has not confirmed if the link is a new one.
    pub(super) fn take_reports(&mut self, link: LinkId, now_ms: u64) -> Vec<(u64, Vec<Touch>)> {
        if self.link != Some(link) {
            self.link = Some(link);
            self.unsend();
        }
        let mut reports = Vec::new();
        while !self.waiting.is_empty() {
            let mut heard = Vec::new();
            while heard.len() < TOUCHES_PER_FRAME_MAX
                && let Some(first) = self.waiting.pop_first()
            {
                heard.push(first);
            }
            self.number += 1;
            let touches = heard.iter().map(|(session, heard_ms)| Touch {
                session: *session,
                age_ms: u32::try_from(now_ms.saturating_sub(*heard_ms)).unwrap_or(u32::MAX),
            });
            reports.push((self.number, touches.collect()));
            self.sent_count += heard.len();
            self.sent.push_back(Report {
                number: self.number,
                heard,
            });
        }
        reports
    }

    /// How many signs of life are kept.
    pub(super) fn count(&self) -> usize {
        self.waiting.len() + self.sent_count
    }

    /// The leader has all reports up to `number` that went to it on `link`.
    pub(super) fn confirm(&mut self, link: LinkId, number: u64) {
        if self.link != Some(link) {
            return;
        }
        while let Some(first) = self.sent.front()
            && first.number <= number
        {
            self.sent_count -= first.heard.len();
            self.sent.pop_front();
        }
    }

    /// This server leads, and knows all this itself: what it heard lately is kept for whoever may lead next.
    pub(super) fn keep_lately(&mut self, now_ms: u64) {
        self.unsend();
        if now_ms < self.kept_ms.saturating_add(TOUCHES_KEPT_MS / 2) {
            return;
        }
        self.kept_ms = now_ms;
        let since_ms = now_ms.saturating_sub(TOUCHES_KEPT_MS);
        self.waiting.retain(|_, heard_ms| *heard_ms >= since_ms);
    }

    fn unsend(&mut self) {
        self.sent_count = 0;
        for report in std::mem::take(&mut self.sent) {
            for (session, heard_ms) in report.heard {
                self.note(session, heard_ms);
            }
        }
    }

    fn note(&mut self, session: SessionId, heard_ms: u64) {
        let is_full = self.waiting.len() + self.sent_count >= TOUCHES_WAITING_MAX;
        if let Some(known) = self.waiting.get_mut(&session) {
            *known = heard_ms.max(*known);
        } else if !is_full {
            self.waiting.insert(session, heard_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(session: i64, age_ms: u32) -> Touch {
        Touch {
            session: SessionId(session),
            age_ms,
        }
    }

    #[test]
    fn what_is_not_confirmed_goes_again_on_a_new_link_with_its_true_age() {
        let mut book = TouchBook::default();
        book.add(100, &[touch(1, 10), touch(2, 0)]);
        let first = book.take_reports(LinkId(1), 100);
        assert_eq!(first, [(1, vec![touch(1, 10), touch(2, 0)])]);
        book.add(200, &[touch(2, 0)]);
        assert_eq!(book.take_reports(LinkId(1), 200), [(2, vec![touch(2, 0)])]);
        book.confirm(LinkId(1), 1);
        assert_eq!(
            book.take_reports(LinkId(2), 300),
            [(3, vec![touch(2, 100)])]
        );
        book.confirm(LinkId(1), 3);
        assert_eq!(book.take_reports(LinkId(3), 300).len(), 1);
        book.confirm(LinkId(3), 4);
        assert_eq!(book.take_reports(LinkId(4), 300), []);
    }

    // Goal: what a leader heard while it did not know yet that another one leads is told to that one.
    #[test]
    fn what_a_leader_heard_lately_is_told_to_the_next_one_and_older_things_are_not() {
        let mut book = TouchBook::default();
        book.add(1_000, &[touch(1, 0)]);
        book.keep_lately(1_000 + TOUCHES_KEPT_MS + 1);
        let later_ms = 1_000 + TOUCHES_KEPT_MS + 1;
        book.add(later_ms, &[touch(2, 0)]);
        book.keep_lately(later_ms + 100);
        let told = book.take_reports(LinkId(1), later_ms + 200);
        assert_eq!(told, [(1, vec![touch(2, 200)])]);
    }

    #[test]
    fn no_more_than_touches_waiting_max_are_kept_in_frames_of_touches_per_frame_max() {
        let mut book = TouchBook::default();
        let count = i64::try_from(TOUCHES_WAITING_MAX).unwrap_or(i64::MAX);
        let all: Vec<Touch> = (0..=count).map(|id| touch(id, 0)).collect();
        book.add(0, &all);
        let reports = book.take_reports(LinkId(1), 0);
        let sent: usize = reports.iter().map(|(_, touches)| touches.len()).sum();
        assert_eq!(sent, TOUCHES_WAITING_MAX);
        let longest = reports.iter().map(|(_, touches)| touches.len()).max();
        assert_eq!(longest, Some(TOUCHES_PER_FRAME_MAX));
        book.add(0, &[touch(-1, 0)]);
        assert_eq!(book.take_reports(LinkId(1), 0), []);
    }
}
