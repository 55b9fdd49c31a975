//! A server for the tests and examples of other crates: in this process, on a free port of the loopback, over a folder that goes
//! away with it. It is the real one, disk and all.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use zoa_core::ContainerRules;
use zoa_core::CoreConfig;
use zoa_core::Facts;
use zoa_core::Gauges;
use zoa_core::SessionRules;
use zoa_core::WordList;
use zoa_proto::PeerId;
use zoa_proto::frame::FrameLimits;
use zoa_tree::HashKey;
use zoa_tree::Settings;

use crate::Options;
use crate::SecureClient;
use crate::Server;
use crate::SnapshotRule;
use crate::TlsFiles;

/// A running server; dropping it stops it and removes its data.
#[derive(Debug)]
pub struct LocalServer {
    server: Option<Server>,
    address: SocketAddr,
    files: Option<TlsFiles>,
    folder: PathBuf,
}

impl LocalServer {
    /// Starts a server with extended types and reconfiguration allowed, and sessions from 200 ms on.
    ///
    /// # Panics
    /// When it does not start: a test cannot go on without it.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// As [`Self::start`], with a second port that speaks TLS.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_secure(files: TlsFiles) -> Self {
        Self::start_with(Some(files))
    }

    fn start_with(files: Option<TlsFiles>) -> Self {
        let folder = new_folder();
        let server = run(&folder, 0, files.as_ref());
        let address = server.address();
        Self {
            server: Some(server),
            address,
            files,
            folder,
        }
    }

    /// Where clients connect with TLS.
    ///
    /// # Panics
    /// When the server has no such port, or is stopped.
    #[must_use]
    pub fn secure_address(&self) -> SocketAddr {
        let server = self.server.as_ref();
        let address = server.and_then(Server::secure_address);
        address.expect("this server was started with a secure port")
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients connect, as text.
    #[must_use]
    pub fn connect_string(&self) -> String {
        self.address.to_string()
    }

    /// Stops the server; its data stay.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            // On a thread of its own: the caller may be a task, and a runtime must not end inside another one.
            let stopping = std::thread::spawn(move || server.stop());
            stopping.join().expect("a server stops");
        }
    }

    /// Starts it again, at the same address and with its data.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.stop();
        let (port, files) = (self.address.port(), self.files.as_ref());
        self.server = Some(run(&self.folder, port, files));
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.stop();
        // What is left over lies in the system's temporary folder.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn new_folder() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("zoa-local-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the system has a temporary folder");
    folder
}

fn run(folder: &std::path::Path, port: u16, files: Option<&TlsFiles>) -> Server {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = Options {
        data_dir: folder.to_owned(),
        log_dir: folder.to_owned(),
        client_addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))],
        secure_client: files.map(|files| SecureClient {
            addresses: vec![free],
            files: files.clone(),
        }),
        backlog: 128,
        snapshots: SnapshotRule::default(),
        retain: Some(3),
        workers: 2,
        keep_alive: false,
        may_found: true,
        slow_sync: Duration::from_secs(1),
        view: Arc::default(),
        ensemble: None,
    };
    Server::start(&options, core_config()).expect("a server on the loopback starts")
}

fn core_config() -> CoreConfig {
    static FIRST: AtomicU64 = AtomicU64::new(1);
    CoreConfig {
        server: PeerId(1),
        tick_ms: 100,
        session_timeout_ms_min: 200,
        session_timeout_ms_max: 60_000,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 0,
        settings: Settings::EXTENDED_TYPES
            .union(Settings::RECONFIG_ENABLED)
            .union(Settings::X509_ACLS),
        super_digest: None,
        words: WordList::All,
        facts: Facts {
            version: "3.9.5-zoarium-test".to_owned(),
            built_on: String::new(),
            configuration: Vec::new(),
            environment: Vec::new(),
            gauges: Box::new(Gauges::default),
        },
        sessions: SessionRules::default(),
        containers: ContainerRules::default(),
        hash_key: HashKey([5, 6]),
        first_connection: FIRST.fetch_add(1_000_000, Ordering::Relaxed),
    }
}
