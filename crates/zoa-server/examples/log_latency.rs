//! What a durable order costs, beside the bare write that it cannot be faster than.
//!
//! `cargo run --release -p zoa-server --example log_latency [directory]` prints, for each kind of write, the latency in
//! microseconds of: one bare direct write of a block, an order of one entry, an order of 64. The rounds are interleaved, since
//! disks have moods; compare the lines of one run, never those of two.
#![expect(clippy::disallowed_methods, reason = "it measures")]
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use zoa_log::BlockBuf;
use zoa_log::ClusterId;
use zoa_log::Disk;
use zoa_log::DiskFile;
use zoa_log::Entry;
use zoa_log::EntryKind;
use zoa_log::Founding;
use zoa_log::HardState;
use zoa_log::Log;
use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_log::LogLoop;
use zoa_log::LogOptions;
use zoa_log::LogOutput;
use zoa_log::OpenMode;
use zoa_log::Persist;
use zoa_server::disk::RealDisk;

const ROUNDS: usize = 7;
const WRITES: usize = 400;
const ENTRY_LEN: usize = 200;
const BARE_FILE: &str = "bare";
const BARE_BLOCKS: u64 = 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(
        std::env::args()
            .nth(1)
            .unwrap_or_else(|| "target/log-latency".to_owned()),
    );
    for (name, buffered) in [("direct", false), ("buffered", true)] {
        let dir = root.join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        let disk = open(&dir, buffered)?;
        println!(
            "{name}: {:?} writes in {}",
            disk.write_mode(),
            dir.display()
        );
        measure(&disk)?;
    }
    fs::remove_dir_all(&root)?;
    Ok(())
}

fn open(dir: &Path, buffered: bool) -> std::io::Result<RealDisk> {
    if buffered {
        RealDisk::open_buffered(dir)
    } else {
        RealDisk::open(dir)
    }
}

fn measure(disk: &RealDisk) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let mut log_loop = open_log(disk)?;
    println!("  open an empty directory {:>9.0}", micros(begun.elapsed()));
    while let Some(input) = log_loop.idle() {
        log_loop.handle([input]);
    }
    let bare = prepare_bare(disk)?;
    let (mut bares, mut singles, mut batches) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bares.extend(bare_writes(&bare)?);
        singles.extend(orders(&mut log_loop, 1));
        batches.extend(orders(&mut log_loop, 64));
    }
    print_line("one bare block", bares);
    print_line("one entry of 200 B", singles);
    print_line("64 entries of 200 B", batches);
    let (last, len) = (log_loop.log().last_index(), log_loop.log().len_on_disk());
    drop(log_loop);
    let begun = Instant::now();
    drop(open_log(disk)?);
    println!(
        "  open {last} entries, {} MB {:>9.0}",
        len >> 20,
        micros(begun.elapsed())
    );
    Ok(())
}

fn open_log(disk: &RealDisk) -> Result<LogLoop<RealDisk>, Box<dyn Error>> {
    let mut options = LogOptions::new(1);
    options.founding = Some(Founding {
        cluster: ClusterId([1; 16]),
        salt: [2; 16],
    });
    Ok(LogLoop::new(Log::open(disk.clone(), &options)?.0))
}

fn prepare_bare(disk: &RealDisk) -> std::io::Result<<RealDisk as Disk>::File> {
    let file = disk.open(BARE_FILE, OpenMode::Create)?;
    for block in 0..BARE_BLOCKS {
        file.write_at(block * 4096, &[0; 4096])?;
    }
    file.sync()?;
    disk.open(BARE_FILE, OpenMode::Blocks)
}

fn bare_writes(file: &<RealDisk as Disk>::File) -> std::io::Result<Vec<Duration>> {
    let block = BlockBuf::zeros(1);
    let mut latencies = Vec::with_capacity(WRITES);
    for number in (0..BARE_BLOCKS).cycle().take(WRITES) {
        let begun = Instant::now();
        file.overwrite_durable(number * 4096, &block)?;
        latencies.push(begun.elapsed());
    }
    Ok(latencies)
}

/// Orders of `count` entries each, one after another, as a driver does it.
fn orders(log_loop: &mut LogLoop<RealDisk>, count: u64) -> Vec<Duration> {
    let mut latencies = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let last = log_loop.log().last_index().0;
        let data = bytes::Bytes::from(vec![7; ENTRY_LEN]);
        let entry = |index| Entry {
            index: LogIndex(index),
            term: 1,
            kind: EntryKind::Normal,
            data: data.clone(),
        };
        let entries = (last + 1..=last + count).map(entry).collect();
        let hard_state = Some(HardState {
            term: 1,
            vote: 1,
            commit: last,
        });
        let begun = Instant::now();
        let outputs = log_loop.handle([LogInput::Persist(Persist {
            number: last,
            hard_state,
            entries,
        })]);
        latencies.push(begun.elapsed());
        assert!(
            matches!(outputs.as_slice(), [LogOutput::Persisted { .. }]),
            "{outputs:?}"
        );
        // Not part of anybody's waiting unless the next order is there already.
        if let Some(input) = log_loop.due() {
            log_loop.handle([input]);
        }
    }
    latencies
}

fn print_line(name: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let at = |permille: usize| {
        latencies
            .get(latencies.len() * permille / 1000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "  {name:<22} p50 {:>7.0}  p90 {:>7.0}  p99 {:>7.0}  p99.9 {:>8.0}",
        micros(at(500)),
        micros(at(900)),
        micros(at(990)),
        micros(at(999))
    );
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
