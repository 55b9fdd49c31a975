//! Who is to be called, and for what: a stream of the client, and a PHP callable.
//!
//! A watch has a watcher of its own, made before the request is sent, so that an event can never be taken for that of an earlier
//! or later watch of the same path. Invariant: the mailbox has the number of a registration once for each piece of news that it
//! has to tell, in the order in which they happened, those of other registrations in between.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use futures_core::Stream;
use zoa_client::Error;
use zoa_client::EventType;
use zoa_client::Listener;
use zoa_client::Missed;
use zoa_client::Notice;
use zoa_client::Pending;
use zoa_client::SessionEvent;
use zoa_client::WatchEvent;
use zoa_client::WatchEvents;
use zoa_client::Watcher;

use crate::engine::Callable;
use crate::limits::LOG_LINES_MAX;
use crate::log::Line;
use crate::process::OfProcess;

/// Which watch: a callable is told once of a change, however often it asked on the same path for the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WatchKind {
    Data,
    Exists,
    Children,
    Config,
    /// Stays until it is removed.
    Persistent,
    /// The same, for all that is below, too.
    PersistentRecursive,
}

/// The watch behind a registration.
#[derive(Debug)]
pub(crate) struct WatchOf {
    pub(crate) kind: WatchKind,
    pub(crate) path: String,
    pub(crate) watcher: Watcher,
}

/// Where the news come from.
#[derive(Debug)]
pub(crate) enum Source {
    Watch(WatchEvents),
    Session(Listener<SessionEvent>),
    /// For who must know how the session stands: its doubts, too.
    Standing(Listener<SessionEvent>),
    Auth(Pending<()>),
    /// For a log: the attempts to connect.
    Notices(Listener<Notice>),
    /// For a log: what happens to the session.
    LoggedSession(Listener<SessionEvent>, zoa_client::Client),
}

/// What came out of it.
#[derive(Debug)]
pub(crate) enum News {
    Watch(WatchEvent),
    /// Events were left out.
    Missed,
    Session(SessionEvent),
    Standing(SessionEvent),
    Auth(Result<(), Error>),
    Line(Line),
    /// There will be nothing more.
    End,
    /// Nothing yet; the mailbox hears of it.
    NotYet,
}

/// Who is to be called for what.
#[derive(Debug)]
pub(crate) struct Registration {
    session: u64,
    watch: Option<WatchOf>,
    source: RefCell<OfProcess<Source>>,
    waker: Waker,
    /// Nobody: a log without a logger, which may have a stream.
    callable: Option<Rc<Callable>>,
    /// What is told before what the source has: what happened before anybody listened, and lines of our own.
    ahead: RefCell<VecDeque<News>>,
    /// How many events of a watch that fires once are to come: one more for each time it was asked for again after it fired, and
    /// before that was told.
    left: Cell<usize>,
}

impl Registration {
    pub(crate) fn new(
        session: u64,
        watch: Option<WatchOf>,
        source: Source,
        (waker, callable): (Waker, Option<Rc<Callable>>),
    ) -> Self {
        Self {
            session,
            watch,
            source: RefCell::new(OfProcess::new(source)),
            waker,
            callable,
            ahead: RefCell::default(),
            left: Cell::new(1),
        }
    }

    pub(crate) const fn session(&self) -> u64 {
        self.session
    }

    pub(crate) const fn watch(&self) -> Option<&WatchOf> {
        self.watch.as_ref()
    }

    pub(crate) const fn callable(&self) -> Option<&Rc<Callable>> {
        self.callable.as_ref()
    }

    /// The same, with what happened before.
    pub(crate) fn after(self, first: Option<News>) -> Self {
        self.ahead.borrow_mut().extend(first);
        self
    }

    /// Adds a line of our own; the mailbox is to hear of it when this is true.
    pub(crate) fn add_line(&self, line: Line) -> bool {
        let mut ahead = self.ahead.borrow_mut();
        let has_room = ahead.len() < LOG_LINES_MAX;
        if has_room {
            ahead.push_back(News::Line(line));
        }
        has_room
    }

    /// Whether it tells a log.
    pub(crate) fn is_log(&self) -> bool {
        let source = self.source.borrow();
        matches!(
            source.get(),
            Some(Source::Notices(_) | Source::LoggedSession(..))
        )
    }

    /// From now on the mailbox hears of each piece of news. Gives how many there are already, for which it did not.
    pub(crate) fn listen(&self) -> usize {
        let mut source = self.source.borrow_mut();
        let there = match source.get_mut() {
            Some(Source::Watch(events)) => events.ring_each(self.waker.clone()),
            Some(
                Source::Session(listener)
                | Source::Standing(listener)
                | Source::LoggedSession(listener, _),
            ) => listener.ring_each(self.waker.clone()),
            Some(Source::Notices(listener)) => listener.ring_each(self.waker.clone()),
            // It is asked once, and then promises.
            Some(Source::Auth(_)) => 1,
            None => 0,
        };
        there + self.ahead.borrow().len()
    }

    /// It was asked for again, and the answer is there: events that are not yet told are of the earlier watch.
    pub(crate) fn ask_again(&self) {
        let source = self.source.borrow();
        if let Some(Source::Watch(events)) = source.get() {
            self.left.set(events.waiting_count() + 1);
        }
    }

    /// Whether nothing will come after this event of a watch, which is told now.
    pub(crate) fn ends_with(&self, event: &WatchEvent) -> bool {
        let Some(watch) = &self.watch else {
            return false;
        };
        match watch.kind {
            WatchKind::Data | WatchKind::Exists | WatchKind::Children | WatchKind::Config => {
                let left = self.left.get().saturating_sub(1);
                self.left.set(left);
                left == 0 || !matches!(event.event, EventType::Node(_))
            }
            WatchKind::Persistent | WatchKind::PersistentRecursive => {
                event.event == EventType::PersistentWatchRemoved
            }
        }
    }

    /// The next piece of news.
    pub(crate) fn poll(&self) -> News {
        if let Some(first) = self.ahead.borrow_mut().pop_front() {
            return first;
        }
        let mut source = self.source.borrow_mut();
        let Some(source) = source.get_mut() else {
            return News::End;
        };
        let context = &mut Context::from_waker(&self.waker);
        match source {
            Source::Watch(events) => match Pin::new(events).poll_next(context) {
                Poll::Ready(Some(Ok(event))) => News::Watch(event),
                Poll::Ready(Some(Err(Missed(_)))) => News::Missed,
                Poll::Ready(None) => News::End,
                Poll::Pending => News::NotYet,
            },
            Source::Session(listener) => match Pin::new(listener).poll_next(context) {
                Poll::Ready(Some(event)) => News::Session(event),
                Poll::Ready(None) => News::End,
                Poll::Pending => News::NotYet,
            },
            Source::Standing(listener) => match Pin::new(listener).poll_next(context) {
                Poll::Ready(Some(event)) => News::Standing(event),
                Poll::Ready(None) => News::End,
                Poll::Pending => News::NotYet,
            },
            Source::Notices(listener) => match Pin::new(listener).poll_next(context) {
                Poll::Ready(Some(notice)) => News::Line(Line::of_notice(&notice)),
                Poll::Ready(None) => News::End,
                Poll::Pending => News::NotYet,
            },
            Source::LoggedSession(listener, client) => {
                match Pin::new(listener).poll_next(context) {
                    Poll::Ready(Some(event)) => News::Line(Line::of_session(event, client)),
                    Poll::Ready(None) => News::End,
                    Poll::Pending => News::NotYet,
                }
            }
            Source::Auth(pending) => match Pin::new(pending).poll(context) {
                Poll::Ready(result) => News::Auth(result),
                Poll::Pending => News::NotYet,
            },
        }
    }
}
