//! `mntr`: one `zk_<key>` and its value a line, for monitoring. Every key of the original that means something here, under its name.

use std::fmt::Display;
use std::fmt::Write;

use super::server_words;
use crate::config::EnsembleGauges;
use crate::config::Gauges;
use crate::core::Core;
use crate::ensemble::Role;
use crate::stats::Latency;
use crate::stats::Sizes;
use crate::stats::Summary;

pub(super) fn mntr(core: &Core, text: &mut String) {
    line(text, "version", server_words::full_version(core));
    line(text, "server_state", server_words::mode(core));
    let seen = (core.config.facts.gauges)();
    if let Some(state) = core.role().peer_state() {
        line(text, "peer_state", state);
    }
    gauges(core, &seen, text);
    ensemble(core, &seen.ensemble.unwrap_or_default(), text);
    counters(core, text);
    summaries(core, text);
    latency(text, "readlatency", &core.stats().read_latency);
    latency(text, "updatelatency", &core.stats().write_latency);
}

fn gauges(core: &Core, gauges: &Gauges, text: &mut String) {
    let (min, average, max) = server_words::latency(core);
    let stats = core.stats();
    line(text, "avg_latency", server_words::double(average));
    line(text, "max_latency", max);
    line(text, "min_latency", min);
    line(text, "packets_received", stats.packets_received.value());
    line(text, "packets_sent", stats.packets_sent.value());
    line(text, "num_alive_connections", core.connections_count());
    line(text, "outstanding_requests", core.outstanding());
    line(text, "uptime", gauges.uptime_ms);
    let watches = core.watches.lock().counts().tables;
    core.with_tree(|tree| {
        line(text, "znode_count", tree.node_count());
        line(text, "watch_count", watches);
        line(text, "ephemerals_count", tree.ephemerals_count());
        line(text, "approximate_data_size", tree.approximate_data_size());
        line(text, "global_sessions", tree.sessions_count());
    });
    line(text, "local_sessions", core.local.lock().len());
    line(text, "open_file_descriptor_count", gauges.file_descriptors);
    // The original hands on what the system says, which of no limit is -1.
    let or_none = |value: Option<u64>| value.map_or_else(|| "-1".to_owned(), |it| it.to_string());
    line(
        text,
        "max_file_descriptor_count",
        or_none(gauges.file_descriptors_max),
    );
    three_sizes(text, "client_response_size", &stats.reply_sizes);
    line(
        text,
        "auth_failed_count",
        stats.authentications_failed.value(),
    );
}

/// What only a server of an ensemble has, and more of it a leader.
fn ensemble(core: &Core, gauges: &EnsembleGauges, text: &mut String) {
    match core.role() {
        Role::Standalone => {}
        Role::Looking | Role::Follower | Role::Observer => {
            line(text, "quorum_size", gauges.quorum_size);
        }
        Role::Leader => {
            line(text, "quorum_size", gauges.quorum_size);
            line(text, "learners", gauges.learners);
            line(text, "synced_followers", gauges.synced_followers);
            let non_voting = gauges.synced_non_voting_followers;
            line(text, "synced_non_voting_followers", non_voting);
            line(text, "synced_observers", gauges.synced_observers);
            line(text, "pending_syncs", gauges.pending_syncs);
            line(text, "leader_uptime", gauges.leader_uptime_ms);
            three_sizes(text, "proposal_size", &core.stats().proposal_sizes);
        }
    }
}

/// The last, the smallest and the largest; -1 before the first.
fn three_sizes(text: &mut String, name: &str, sizes: &Sizes) {
    let sizes = sizes.values();
    for (index, which) in ["last", "min", "max"].iter().enumerate() {
        let size = sizes.and_then(|sizes| sizes.get(index).copied());
        let size = size.map_or_else(|| "-1".to_owned(), |size| size.to_string());
        line(text, &format!("{which}_{name}"), size);
    }
}

fn counters(core: &Core, text: &mut String) {
    let stats = core.stats();
    line(text, "bytes_received_count", stats.bytes_received.value());
    // As the original: what a leader or a server alone proposes, and what a learner is sent.
    let followed = stats.entries_followed.value();
    let led = stats.entries_applied.value().saturating_sub(followed);
    let is_observer = core.role() == Role::Observer;
    let proposed_to = if is_observer { 0 } else { followed };
    line(text, "commit_count", led);
    line(text, "proposal_count", led);
    line(text, "learner_commit_received_count", followed);
    line(text, "learner_proposal_received_count", proposed_to);
    line(text, "looking_count", stats.looked_for_leader.value());
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
    line(text, "snap_count", stats.snapshots_sent.value());
    line(text, "snapshot_error_count", stats.snapshots_failed.value());
    line(text, "response_bytes", stats.reply_bytes.value());
    line(text, "watch_bytes", stats.event_bytes.value());
    line(
        text,
        "sessionless_connections_expired",
        stats.sessionless_expired.value(),
    );
}

fn summaries(core: &Core, text: &mut String) {
    let stats = core.stats();
    let names = [
        "node_created_watch_count",
        "node_deleted_watch_count",
        "node_changed_watch_count",
        "node_children_watch_count",
    ];
    for (name, told) in names.iter().zip(&stats.events) {
        summary(text, name, told);
    }
    summary(text, "fsynctime", &stats.sync_time);
    summary(text, "sync_processor_batch_size", &stats.sync_entries);
    summary(text, "snapshottime", &stats.snapshot_time);
    summary(text, "dbinittime", &stats.recovery_time);
    summary(text, "startup_snap_load_time", &stats.snapshot_load_time);
    summary(text, "startup_txns_load_time", &stats.replay_time);
    summary(text, "startup_txns_loaded", &stats.entries_replayed);
    summary(text, "election_time", &stats.election_time);
    summary(text, "unavailable_time", &stats.unavailable_time);
    let leader_unavailable = &stats.leader_unavailable_time;
    summary(text, "leader_unavailable_time", leader_unavailable);
}

fn summary(text: &mut String, name: &str, summary: &Summary) {
    let (count, sum) = (summary.count(), summary.sum());
    let bounds = (summary.min(), summary.max());
    five_keys(text, name, bounds, (count, sum));
}

fn latency(text: &mut String, name: &str, latency: &Latency) {
    let (count, sum) = (latency.count(), latency.sum());
    five_keys(text, name, (latency.min(), latency.max()), (count, sum));
    for (key, per_mille) in [("p50", 500), ("p95", 950), ("p99", 990), ("p999", 999)] {
        line(
            text,
            &format!("{key}_{name}"),
            latency.percentile(per_mille),
        );
    }
}

fn five_keys(text: &mut String, name: &str, (min, max): (u64, u64), (count, sum): (u64, u64)) {
    let average = server_words::double(server_words::average(sum, count));
    line(text, &format!("avg_{name}"), average);
    line(text, &format!("min_{name}"), min);
    line(text, &format!("max_{name}"), max);
    line(text, &format!("cnt_{name}"), count);
    line(text, &format!("sum_{name}"), sum);
}

fn line(text: &mut String, key: &str, value: impl Display) {
    writeln!(text, "zk_{key}\t{value}").ok();
}
