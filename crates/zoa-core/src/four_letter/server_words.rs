//! Words about the server as a whole: `srvr`, `stat`, `conf`, `envi`, `dirs`, `srst`, `hash`.

use std::fmt::Write;

use super::connection_words;
use crate::core::Core;
use crate::ensemble::Role;
use crate::ensemble::Serving;

pub(super) fn srvr(core: &Core, text: &mut String) {
    version_line(core, text);
    read_only_line(core, text);
    server_block(core, text);
}

pub(super) fn stat(core: &Core, text: &mut String) {
    version_line(core, text);
    read_only_line(core, text);
    text.push_str("Clients:\n");
    connection_words::brief(core, text);
    text.push('\n');
    server_block(core, text);
}

pub(super) fn conf(core: &Core, text: &mut String) {
    let gauges = (core.config.facts.gauges)();
    for (key, value) in &core.config.facts.configuration {
        match key.as_str() {
            // These were told at start, and have grown since.
            "dataDirSize" => writeln!(text, "{key}={}", gauges.data_dir_len).ok(),
            "dataLogSize" => writeln!(text, "{key}={}", gauges.log_dir_len).ok(),
            _ => writeln!(text, "{key}={value}").ok(),
        };
    }
    let members = core.with_tree(|tree| tree.members().clone());
    if !members.is_empty() {
        // The original's last line has no end.
        write!(text, "membership: \n{members}").ok();
    }
}

pub(super) fn envi(core: &Core, text: &mut String) {
    text.push_str("Environment:\n");
    writeln!(text, "zookeeper.version={}", full_version(core)).ok();
    pairs(&core.config.facts.environment, text);
}

pub(super) fn dirs(core: &Core, text: &mut String) {
    let gauges = (core.config.facts.gauges)();
    writeln!(
        text,
        "datadir_size: {}\nlogdir_size: {}",
        gauges.data_dir_len, gauges.log_dir_len
    )
    .ok();
}

pub(super) fn srst(core: &Core, text: &mut String) {
    let stats = core.stats();
    stats.packets_received.reset();
    stats.packets_sent.reset();
    stats.reply_sizes.reset();
    stats.proposal_sizes.reset();
    stats.read_latency.reset();
    stats.write_latency.reset();
    text.push_str("Server stats reset.\n");
}

/// The digest of the tree as it is now; older ones are not kept.
pub(super) fn hash(core: &Core, text: &mut String) {
    let (zxid, digest) = core.with_tree(|tree| (tree.last_zxid(), tree.digest()));
    writeln!(text, "{:x}: {digest}", zxid.0).ok();
}

/// `<version>, built on <date>`, which clients and scripts parse.
pub(super) fn full_version(core: &Core) -> String {
    let facts = &core.config.facts;
    format!("{}, built on {}", facts.version, facts.built_on)
}

/// Smallest, average and largest latency over reads and writes, in milliseconds.
pub(super) fn latency(core: &Core) -> (u64, f64, u64) {
    let (reads, writes) = (&core.stats().read_latency, &core.stats().write_latency);
    let count = reads.count() + writes.count();
    let sum = reads.sum() + writes.sum();
    let min = match (reads.count(), writes.count()) {
        (0, _) => writes.min(),
        (_, 0) => reads.min(),
        (_, _) => reads.min().min(writes.min()),
    };
    (min, average(sum, count), reads.max().max(writes.max()))
}

/// As Java prints a double: at least one decimal, here at most four.
pub(super) fn double(value: f64) -> String {
    let text = format!("{value:.4}");
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') {
        format!("{trimmed}0")
    } else {
        trimmed.to_owned()
    }
}

pub(super) fn average(sum: u64, count: u64) -> f64 {
    if count == 0 {
        0.0
    } else {
        to_float(sum) / to_float(count)
    }
}

fn to_float(value: u64) -> f64 {
    // Counters far below 2^53; beyond, a rounded average is good enough.
    u32::try_from(value).map_or_else(|_| value.to_string().parse().unwrap_or(f64::MAX), f64::from)
}

fn version_line(core: &Core, text: &mut String) {
    writeln!(text, "Zookeeper version: {}", full_version(core)).ok();
}

fn read_only_line(core: &Core, text: &mut String) {
    if core.serving() == Serving::ReadOnly {
        text.push_str("READ-ONLY mode; serving only read-only clients\n");
    }
}

/// What this server is, as scripts look for it.
pub(super) fn mode(core: &Core) -> &'static str {
    match core.serving() {
        Serving::ReadOnly => "read-only",
        Serving::No | Serving::Full => core.role().name(),
    }
}

fn server_block(core: &Core, text: &mut String) {
    let stats = core.stats();
    let (min, average, max) = latency(core);
    let (zxid, node_count) = core.with_tree(|tree| (tree.last_zxid(), tree.node_count()));
    writeln!(text, "Latency min/avg/max: {min}/{}/{max}", double(average)).ok();
    writeln!(text, "Received: {}", stats.packets_received.value()).ok();
    writeln!(text, "Sent: {}", stats.packets_sent.value()).ok();
    writeln!(text, "Connections: {}", core.connections_count()).ok();
    writeln!(text, "Outstanding: {}", core.outstanding()).ok();
    writeln!(text, "Zxid: {zxid}").ok();
    writeln!(text, "Mode: {}", mode(core)).ok();
    writeln!(text, "Node count: {node_count}").ok();
    if core.role() == Role::Leader {
        let sizes = stats.proposal_sizes.values();
        // The original says -1 before the first.
        let [last, min, max] = sizes.map_or_else(
            || ["-1"; 3].map(str::to_owned),
            |it| it.map(|size| size.to_string()),
        );
        writeln!(text, "Proposal sizes last/min/max: {last}/{min}/{max}").ok();
    }
}

fn pairs(pairs: &[(String, String)], text: &mut String) {
    for (key, value) in pairs {
        writeln!(text, "{key}={value}").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::double;

    #[test]
    fn averages_are_printed_as_the_original_prints_them() {
        assert_eq!(double(0.0), "0.0");
        assert_eq!(double(1.5), "1.5");
        assert_eq!(double(2.0 / 3.0), "0.6667");
    }
}
