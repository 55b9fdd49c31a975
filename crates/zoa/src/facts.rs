//! What only the program knows about itself, for `conf`, `envi`, `dirs` and `mntr`.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::Resource;
use rustix::process::getrlimit;
use rustix::system::uname;
use zoa_core::Facts;
use zoa_core::Gauges;
use zoa_server::EnsembleView;

use crate::version;

/// Gathers the facts of this process.
#[expect(clippy::disallowed_methods, reason = "uptime counts from here")]
pub(crate) fn gather(
    configuration: Vec<(String, String)>,
    data_dir: PathBuf,
    log_dir: PathBuf,
    view: Arc<EnsembleView>,
) -> Facts {
    let started = Instant::now();
    Facts {
        version: version::for_clients(),
        built_on: version::BUILT_ON.to_owned(),
        configuration,
        environment: environment(),
        gauges: Box::new(move || Gauges {
            file_descriptors: std::fs::read_dir("/proc/self/fd")
                .map_or(0, |entries| entries.count() as u64),
            file_descriptors_max: getrlimit(Resource::Nofile).current,
            data_dir_len: dir_len(&data_dir.join("snap")),
            log_dir_len: dir_len(&log_dir.join("log")),
            uptime_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ensemble: view.gauges(),
        }),
    }
}

fn environment() -> Vec<(String, String)> {
    let system = uname();
    let text = |name: &std::ffi::CStr| name.to_string_lossy().into_owned();
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let dir = std::env::current_dir().unwrap_or_default();
    [
        ("host.name", text(system.nodename())),
        ("os.name", text(system.sysname())),
        ("os.arch", text(system.machine())),
        ("os.version", text(system.release())),
        ("user.name", variable("USER")),
        ("user.home", variable("HOME")),
        ("user.dir", dir.display().to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

/// Bytes of log and snapshots under a data directory.
pub(crate) fn tree_len(dir: &Path) -> u64 {
    dir_len(&dir.join("log")) + dir_len(&dir.join("snap"))
}

/// Bytes of the files right in `dir`.
fn dir_len(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}
