//! What every disk, and the log on it, has to pass: one suite for all disks.
//!
//! What it is: cases as functions of an empty directory, and a macro that makes
//! a test of each, so that the real disk and the simulated one are shown to keep
//! the same promises. What it is not: crashes and faults; only the simulated
//! disk can have those at will, and `zoa-testkit` tests them exhaustively.
//! Invariant: a case takes a fresh directory and leaves nothing behind that
//! another case sees. Serves G-19.

mod disk_cases;
mod identity_cases;
mod limit_cases;
mod log_cases;
mod snapshot_cases;

pub use disk_cases::*;
pub use identity_cases::*;
pub use limit_cases::*;
pub use log_cases::*;
pub use snapshot_cases::*;

use bytes::Bytes;

use crate::ClusterId;
use crate::Disk;
use crate::DiskFile;
use crate::Entry;
use crate::EntryKind;
use crate::Founding;
use crate::HardState;
use crate::Log;
use crate::LogError;
use crate::LogIndex;
use crate::LogOptions;
use crate::OpenMode;
use crate::Persist;
use crate::Recovered;

/// The cluster of the suite.
pub const CLUSTER: ClusterId = ClusterId([0xc1; 16]);

/// Options for server 1 with segments of a few blocks, so that a case rotates soon.
pub fn small_options() -> LogOptions {
    LogOptions {
        founding: Some(Founding {
            cluster: CLUSTER,
            salt: [0x5a; 16],
        }),
        segment_len: 32 << 10,
        first_segment_len: 8 << 10,
        tail_entries: 0,
        ..LogOptions::new(1)
    }
}

/// An entry whose data tells its index, its term and its length.
pub fn entry(index: u64, term: u64, len: usize) -> Entry {
    let pattern = format!("{index}/{term};");
    let data: Vec<u8> = pattern.bytes().cycle().take(len).collect();
    let kind = if index.is_multiple_of(7) {
        EntryKind::Config
    } else {
        EntryKind::Normal
    };
    Entry {
        index: LogIndex(index),
        term,
        kind,
        data: Bytes::from(data),
    }
}

/// An order for these entries in this term, with a commit index one behind them.
pub fn order(number: u64, entries: Vec<Entry>) -> Persist {
    let hard_state = entries.last().map(|last| HardState {
        term: last.term,
        vote: 1,
        commit: entries.first().map_or(0, |first| first.index.0 - 1),
    });
    Persist {
        number,
        hard_state,
        entries,
    }
}

/// Opens with the small options.
///
/// # Panics
/// When it is refused.
pub fn open<D: Disk>(disk: &D) -> (Log<D>, Recovered) {
    Log::open(disk.clone(), &small_options()).expect("the case expects a sound directory")
}

/// Why opening is refused.
///
/// # Panics
/// When it is not.
pub fn refusal<D: Disk>(disk: &D, options: &LogOptions) -> LogError {
    match Log::open(disk.clone(), options) {
        Ok((_, recovered)) => panic!("the case expects a refusal, not {recovered:?}"),
        Err(error) => error,
    }
}

/// All entries of the log, read `step_bytes` at a time.
///
/// # Panics
/// When one cannot be read.
pub fn read_all<D: Disk>(log: &Log<D>, step_bytes: u64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut next = log.first_index();
    while next <= log.last_index() {
        let step = log
            .read(next, log.last_index().next(), step_bytes)
            .expect("what the log has can be read");
        next = step
            .last()
            .expect("a read gives at least one entry")
            .index
            .next();
        entries.extend(step);
    }
    entries
}

/// A file with this content, durable.
///
/// # Panics
/// When it is there already, or the disk fails.
pub fn write_file<D: Disk>(disk: &D, name: &str, bytes: &[u8]) {
    let file = disk.open(name, OpenMode::Create).expect("a new name");
    file.write_at(0, bytes)
        .and_then(|()| file.sync())
        .expect("no fault");
}

/// Makes a `#[test]` of every case; the argument is an expression that gives an
/// object with a method `disk()`, a fresh directory that lives as long as it.
#[macro_export]
macro_rules! conformance_suite {
    ($fresh:expr) => {
        $crate::conformance_suite! { @ $fresh;
            bytes_come_back_where_they_were_written
            a_file_is_created_once_and_opened_only_when_it_is_there
            names_change_by_rename_and_remove
            a_durable_overwrite_leaves_its_neighbours_alone
            the_directory_is_held_by_one_at_a_time
            an_empty_directory_is_founded_once_and_only_when_asked
            data_of_another_cluster_or_server_is_refused
            data_of_a_newer_format_is_refused_and_damage_is_not_taken_for_it
            a_directory_in_use_is_refused
            an_agreement_is_remembered_until_it_is_forgotten
            a_log_may_begin_behind_a_snapshot
            snapshots_of_an_earlier_life_are_set_aside
            data_go_on_as_another_clusters
            a_log_without_metadata_and_metadata_without_a_log_are_refused
            a_missing_segment_is_named
            what_was_persisted_is_there_after_reopening
            later_entries_replace_the_suffix
            orders_together_leave_what_orders_one_by_one_leave
            a_vote_alone_is_kept
            a_read_is_bounded_and_gives_at_least_one_entry
            segments_are_reused_and_their_old_content_never_returns
            the_front_is_cut_but_the_tail_stays
            the_tail_that_stays_is_bounded_in_bytes
            a_snapshot_from_the_leader_replaces_the_log
            a_snapshot_from_the_leader_replaces_another_history
            a_snapshot_that_the_log_does_not_hold_replaces_it_at_the_next_start
            the_loop_acknowledges_in_order_and_answers_reads
            the_loop_makes_segments_ahead_of_need
            a_snapshot_comes_back_as_it_was_written
            an_unfinished_snapshot_is_never_seen
            old_snapshots_are_purged
            a_damaged_snapshot_falls_back_only_where_the_log_connects
            a_snapshot_of_another_cluster_is_refused
            a_snapshot_that_arrives_appears_only_when_it_is_whole
            a_snapshot_that_arrives_damaged_or_for_others_is_refused
            an_entry_beyond_the_limit_is_refused_and_harms_nothing
            batches_are_split_at_their_limit
            free_segments_are_bounded
            a_new_segment_is_made_in_bounded_steps
            the_write_buffer_shrinks_when_idle
            recovery_reads_in_windows
            reads_fetch_runs_of_batches
            a_new_file_is_zeros_to_its_end
            snapshot_chunks_and_extra_are_bounded
        }
    };
    (@ $fresh:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                let fresh = $fresh;
                $crate::testing::$case(&fresh.disk());
            }
        )*
    };
}
