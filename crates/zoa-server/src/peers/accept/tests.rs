//! What is said about the places where this server listens for the others, and about strangers there.

use std::fmt::Debug;
use std::fmt::Write as _;
use std::time::Duration;

use tokio::runtime::Builder;
use tracing::Event;
use tracing::Level;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing::span;

use super::*;
use crate::peers::Finding;
use crate::peers::Names;
use crate::peers::PeerOptions;
use crate::peers::Plain;
use crate::peers::Security;
use crate::peers::stream::Accepting;
use crate::peers::stream::Securing;

/// The warnings of one thread.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
                write!(self.0, "{value:?}").expect("a string takes everything");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().push(text.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Names that lead nowhere at first, and after some tries to an address of this machine.
#[derive(Debug)]
struct Later(Mutex<u32>, SocketAddr);

impl Names for Later {
    fn find<'a>(&'a self, _: &'a str, _: u16) -> Finding<'a> {
        let mut tries = self.0.lock();
        *tries = tries.saturating_sub(1);
        let found = if *tries == 0 {
            Ok(vec![self.1])
        } else {
            Err(io::Error::other("no such name"))
        };
        Box::pin(std::future::ready(found))
    }
}

/// Says that it proves who the others are.
#[derive(Debug)]
struct Proof;

impl Security for Proof {
    fn dialed(&self, _: TcpStream, _: &str) -> Securing {
        Box::pin(std::future::pending())
    }

    fn accepted(&self, _: TcpStream) -> Accepting {
        Box::pin(std::future::pending())
    }

    fn proves_who(&self) -> bool {
        true
    }
}

fn place(host: &str) -> PeerAddress {
    PeerAddress {
        host: host.to_owned(),
        port: 0,
    }
}

/// What is said when this server listens there, until its name has an address.
fn said(host: &str, security: Arc<dyn Security>, names: Later) -> Vec<String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let tries = *names.0.lock();
    let context = Arc::new(Context::new(PeerOptions {
        listen: vec![place(host)],
        listen_on_all: false,
        silence_max: Duration::from_secs(1),
        names: Arc::new(names),
        security,
        sink: Arc::new(drop),
        take_in: Arc::new(|_, _, _| Ok(())),
    }));
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || {
        start(runtime.handle(), &context).unwrap();
        runtime.block_on(async { tokio::time::sleep(LISTEN_AGAIN * (tries + 1)).await });
    });
    let said = warnings.0.lock();
    said.clone()
}

fn at(ip: [u8; 4]) -> SocketAddr {
    SocketAddr::from((ip, 0))
}

const BEYOND: &str = "beyond this machine, and nothing proves who they are";

#[test]
fn a_port_beyond_this_machine_without_tls_is_warned_about_at_start() {
    let never = || Later(Mutex::new(0), at([127, 0, 0, 1]));
    let open = said("0.0.0.0", Arc::new(Plain), never());
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0].contains(BEYOND) && open[0].contains("sslQuorum=true"));
    assert!(said("0.0.0.0", Arc::new(Proof), never()).is_empty());
    assert!(said("127.0.0.1", Arc::new(Plain), never()).is_empty());
}

#[test]
fn a_name_that_gets_its_address_later_is_warned_about_as_well() {
    let later = Later(Mutex::new(3), at([0, 0, 0, 0]));
    let found = said("zk1.invalid", Arc::new(Plain), later);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("quorumListenOnAllIPs=true"), "{found:?}");
    assert!(found[1].contains(BEYOND), "{found:?}");
}

#[test]
fn who_cannot_listen_is_told_again_each_minute() {
    let later = Later(Mutex::new(2 * TRIES_PER_WARNING + 2), at([127, 0, 0, 1]));
    let found = said("zk1.invalid", Arc::new(Plain), later);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|it| it.contains("zk1.invalid")));
}

#[test]
fn who_comes_without_a_certificate_again_and_again_does_not_fill_the_log() {
    let strangers = Strangers::default();
    let told: Vec<u64> = (0..=2 * STRANGERS_TOLD_EVERY_MS)
        .filter(|now_ms| strangers.are_due(*now_ms))
        .collect();
    assert_eq!(
        told,
        [0, STRANGERS_TOLD_EVERY_MS, 2 * STRANGERS_TOLD_EVERY_MS]
    );
}
