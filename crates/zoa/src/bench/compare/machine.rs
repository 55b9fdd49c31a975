//! What a comparison ran on: without it, no figure means anything.

use std::path::Path;

use serde_json::Value;
use serde_json::json;

/// The machine, as far as the system tells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) file_system: String,
    /// Load average over a minute when the comparison began: what others were doing.
    pub(crate) load: String,
}

impl Machine {
    /// Looks at this machine, and at the file system that holds `dir`.
    pub(crate) fn look(dir: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let first = |text: String| {
            text.split_whitespace()
                .next()
                .unwrap_or("unknown")
                .to_owned()
        };
        Self {
            cpu: parse_cpu(&read("/proc/cpuinfo")),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: first(read("/proc/sys/kernel/osrelease")),
            file_system: parse_file_system(&read("/proc/mounts"), dir),
            load: first(read("/proc/loadavg")),
        }
    }

    /// For people: one line.
    pub(crate) fn line(&self) -> String {
        let Self {
            cpu,
            cores,
            kernel,
            file_system,
            load,
        } = self;
        format!(
            "{cores} cores ({cpu}), Linux {kernel}, data on {file_system}, load average at the start {load}"
        )
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "cpu": self.cpu,
            "cores": self.cores,
            "kernel": self.kernel,
            "file_system": self.file_system,
            "load_average": self.load,
        })
    }
}

fn parse_cpu(cpuinfo: &str) -> String {
    let line = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    line.map_or("unknown CPU", |line| {
        line.trim_start_matches([' ', '\t', ':'])
    })
    .to_owned()
}

/// The type of the deepest mount that holds `dir`, from `/proc/mounts`: device, place, type,
/// options.
fn parse_file_system(mounts: &str, dir: &Path) -> String {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        dir.starts_with(place).then_some((place.len(), kind))
    });
    mounts
        .max_by_key(|(depth, _)| *depth)
        .map_or("an unknown file system", |(_, kind)| kind)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_that_of_the_deepest_mount() {
        let mounts =
            "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmpfoo xfs rw 0 0\n";
        assert_eq!(parse_file_system(mounts, Path::new("/tmp/x/y")), "tmpfs");
        assert_eq!(parse_file_system(mounts, Path::new("/tmpfool")), "ext4");
        assert_eq!(parse_file_system(mounts, Path::new("/home")), "ext4");
        assert_eq!(
            parse_file_system("", Path::new("/home")),
            "an unknown file system"
        );
    }

    #[test]
    fn the_cpu_is_named_by_its_model() {
        assert_eq!(
            parse_cpu("processor\t: 0\nmodel name\t: AMD EPYC 7763\n"),
            "AMD EPYC 7763"
        );
        assert_eq!(parse_cpu("Features: fp\n"), "unknown CPU");
    }
}
