//! `mntr`: one `zk_<key>` and its value a line, for monitoring. Every key of the original that means something here, under its name.

use std::fmt::Display;
use std::fmt::Write;

use super::server_words;
use crate::core::Core;
use crate::stats::Latency;

pub(super) fn mntr(core: &Core, text: &mut String) {
    line(text, "version", server_words::full_version(core));
    line(text, "server_state", "standalone");
    gauges(core, text);
    counters(core, text);
    summary(text, "readlatency", &core.stats().read_latency);
    summary(text, "updatelatency", &core.stats().write_latency);
}

fn gauges(core: &Core, text: &mut String) {
    let (min, average, max) = server_words::latency(core);
    let gauges = (core.config.facts.gauges)();
    let stats = core.stats();
    line(text, "avg_latency", server_words::double(average));
    line(text, "max_latency", max);
    line(text, "min_latency", min);
    line(text, "packets_received", stats.packets_received.value());
    line(text, "packets_sent", stats.packets_sent.value());
    line(text, "num_alive_connections", core.connections_count());
    line(text, "outstanding_requests", core.outstanding());
    line(text, "uptime", gauges.uptime_ms);
    let watches = core.watches.lock().counts().watches;
    core.with_tree(|tree| {
        line(text, "znode_count", tree.node_count());
        line(text, "watch_count", watches);
        line(text, "ephemerals_count", tree.ephemerals_count());
        line(text, "approximate_data_size", tree.approximate_data_size());
        line(text, "global_sessions", tree.sessions_count());
    });
    line(text, "local_sessions", 0);
    line(text, "open_file_descriptor_count", gauges.file_descriptors);
    line(
        text,
        "max_file_descriptor_count",
        gauges.file_descriptors_max,
    );
    line(
        text,
        "auth_failed_count",
        stats.authentications_failed.value(),
    );
}

fn counters(core: &Core, text: &mut String) {
    let stats = core.stats();
    let snapshots = (core.config.facts.gauges)().snapshots;
    line(text, "bytes_received_count", stats.bytes_received.value());
    line(text, "commit_count", stats.entries_applied.value());
    line(text, "proposal_count", stats.entries_applied.value());
    line(
        text,
        "connection_request_count",
        stats.connections_accepted.value(),
    );
    line(
        text,
        "connection_rejected",
        stats.connections_rejected.value(),
    );
    line(
        text,
        "stale_sessions_expired",
        stats.sessions_expired.value(),
    );
    line(text, "snap_count", snapshots);
    let names = [
        "node_created",
        "node_deleted",
        "node_changed",
        "node_children",
    ];
    for (name, counter) in names.iter().zip(&stats.events) {
        line(text, &format!("cnt_{name}_watch_count"), counter.value());
    }
}

fn summary(text: &mut String, name: &str, latency: &Latency) {
    let average = latency.sum().checked_div(latency.count()).unwrap_or(0);
    line(text, &format!("avg_{name}"), average);
    line(text, &format!("min_{name}"), latency.min());
    line(text, &format!("max_{name}"), latency.max());
    line(text, &format!("cnt_{name}"), latency.count());
    line(text, &format!("sum_{name}"), latency.sum());
}

fn line(text: &mut String, key: &str, value: impl Display) {
    writeln!(text, "zk_{key}\t{value}").ok();
}
