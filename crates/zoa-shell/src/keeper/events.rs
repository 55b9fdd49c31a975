//! What happens to the session and to watched znodes, shown as it comes.
//!
//! Two threads wait, one for each stream of zoa-client; both end with the session. Invariant: the session's first state is shown
//! even when a server was found before anybody listened.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use zoa_client::EventKind;
use zoa_client::EventType;
use zoa_client::KeeperState;
use zoa_client::SessionEvent;
use zoa_client::SessionState;
use zoa_client::WatchEvent;
use zoa_client::WatchEvents;
use zoa_client::blocking::Client;

use crate::console::Console;
use crate::text::event::Shown;

/// How long the end of the session waits for the last events to be shown. The line editor may hold one back until the next
/// prompt, which then never comes.
const LAST_EVENTS_WAIT: Duration = Duration::from_secs(1);

/// The threads that show events, each with a sender that goes away when it ends.
pub(super) struct Events {
    ended: Receiver<()>,
}

impl Events {
    pub(super) fn listen(client: &Client, watched: WatchEvents, console: &Arc<Console>) -> Self {
        let (running, ended) = channel();
        show_session(client, Arc::clone(console), running.clone());
        show_watched(watched, Arc::clone(console), running);
        Self { ended }
    }

    /// Waits until all has been shown; the session has ended.
    pub(super) fn join(self) {
        // Nothing is ever sent: it ends with the last sender, or in time.
        let _ended = self.ended.recv_timeout(LAST_EVENTS_WAIT);
    }
}

fn show_session(client: &Client, console: Arc<Console>, running: Sender<()>) {
    let mut events = client.handle().session_events();
    let state = client.handle().state();
    let first = events.try_next();
    if first.is_none() && state == SessionState::Connected {
        console.show_event(&Shown::of_session("SyncConnected"));
    }
    spawn("zoa-session-events", move || {
        let _running = running;
        let mut next = first.or_else(|| events.wait());
        while let Some(event) = next {
            if let Some(state) = state_of(&event) {
                console.show_event(&Shown::of_session(state));
            }
            next = events.wait();
        }
    });
}

fn show_watched(mut watched: WatchEvents, console: Arc<Console>, running: Sender<()>) {
    spawn("zoa-watch-events", move || {
        let _running = running;
        while let Some(event) = watched.wait() {
            match event {
                Ok(event) => console.show_event(&shown(event)),
                Err(missed) => console.tell(&missed.to_string()),
            }
        }
    });
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) {
    // Without the thread events are not shown, and all else works.
    drop(thread::Builder::new().name(name.to_owned()).spawn(run));
}

/// The state that the original tells of; it has no word for "may have expired".
const fn state_of(event: &SessionEvent) -> Option<&'static str> {
    match event {
        SessionEvent::Connected {
            read_only: true, ..
        } => Some("ConnectedReadOnly"),
        SessionEvent::Connected { .. } => Some("SyncConnected"),
        SessionEvent::Suspended(_) => Some("Disconnected"),
        SessionEvent::Expired(_) => Some("Expired"),
        SessionEvent::AuthFailed => Some("AuthFailed"),
        SessionEvent::Closed { .. } => Some("Closed"),
        SessionEvent::MayHaveExpired => None,
    }
}

fn shown(event: WatchEvent) -> Shown {
    let kind = match event.event {
        EventType::None => "None",
        EventType::Node(EventKind::NodeCreated) => "NodeCreated",
        EventType::Node(EventKind::NodeDeleted) => "NodeDeleted",
        EventType::Node(EventKind::NodeDataChanged) => "NodeDataChanged",
        EventType::Node(EventKind::NodeChildrenChanged) => "NodeChildrenChanged",
        EventType::DataWatchRemoved => "DataWatchRemoved",
        EventType::ChildWatchRemoved => "ChildWatchRemoved",
        EventType::PersistentWatchRemoved => "PersistentWatchRemoved",
    };
    Shown {
        state: match event.state {
            KeeperState::ConnectedReadOnly => "ConnectedReadOnly",
            KeeperState::Disconnected => "Disconnected",
            _ => "SyncConnected",
        },
        kind,
        path: Some(event.path),
        zxid: event.zxid.map_or(-1, zoa_proto::Zxid::to_wire),
    }
}
