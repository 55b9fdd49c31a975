//! What the table of a comparison shows, and what the left server is to reach.
//!
//! Only numbers: how they are held against the results is `table`.

/// Where a floor stands: the row of the floor server, and the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    /// None is known.
    None,
    /// The same figure of this row.
    Row(&'static str),
    /// One bare sync of the disk and the floor's read, both medians: nothing durable is faster.
    SyncAndRead(&'static str),
}

/// What the left server is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// It is only shown.
    None,
    /// At most this share of the right server's figure.
    ShareOfRight(f64),
    /// At least so many times the right server's figure.
    TimesRight(f64),
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At most this much above the floor, in the figure's unit.
    AboveFloor(f64),
    /// At most this, in the figure's unit.
    AtMost(f64),
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) row: &'static str,
    pub(crate) figure: &'static str,
    pub(crate) key: &'static str,
    pub(crate) floor: Floor,
    pub(crate) goal: Goal,
}

/// The key that most rows are about.
pub(crate) const CPU: &str = "server_cpu_us_per_op";

/// A line of the table.
pub(crate) const fn line(
    row: &'static str,
    (figure, key): (&'static str, &'static str),
    floor: Floor,
    goal: Goal,
) -> Line {
    Line {
        row,
        figure,
        key,
        floor,
        goal,
    }
}

/// All lines, in the order of the table.
pub(crate) const LINES: &[Line] = &[
    line(
        "read 64x1",
        ("server CPU per op", CPU),
        Floor::Row("read 64x1"),
        Goal::TimesFloor(1.3),
    ),
    line(
        "read 64x1",
        ("rate", "ops_per_s"),
        Floor::Row("read 64x1"),
        Goal::TimesRight(2.0),
    ),
    line(
        "read 64x1",
        ("p99", "p99_us"),
        Floor::Row("read 64x1"),
        Goal::None,
    ),
    line(
        "read 64x16",
        ("server CPU per op", CPU),
        Floor::Row("read 64x16"),
        Goal::TimesFloor(2.0),
    ),
    line(
        "read 64x16",
        ("rate", "ops_per_s"),
        Floor::Row("read 64x16"),
        Goal::TimesRight(12.0),
    ),
    line(
        "read 64x16",
        ("p99", "p99_us"),
        Floor::Row("read 64x16"),
        Goal::None,
    ),
    line(
        "read 1x1",
        ("p50", "p50_us"),
        Floor::Row("read 1x1"),
        Goal::TimesFloor(1.2),
    ),
    line(
        "write 64x1",
        ("server CPU per op", CPU),
        Floor::Row("read 64x1"),
        Goal::ShareOfRight(0.25),
    ),
    line(
        "write 64x1",
        ("rate", "ops_per_s"),
        Floor::None,
        Goal::TimesRight(2.0),
    ),
    line("write 64x1", ("p99", "p99_us"), Floor::None, Goal::None),
    line(
        "write 64x16",
        ("server CPU per op", CPU),
        Floor::Row("read 64x16"),
        Goal::ShareOfRight(1.0 / 7.0),
    ),
    line(
        "write 64x16",
        ("rate", "ops_per_s"),
        Floor::None,
        Goal::TimesRight(4.0),
    ),
    line("write 64x16", ("p99", "p99_us"), Floor::None, Goal::None),
    line(
        "write 1x1",
        ("p50", "p50_us"),
        Floor::SyncAndRead("read 1x1"),
        Goal::AboveFloor(60.0),
    ),
    line(
        "create+delete 64x16",
        ("server CPU per op", CPU),
        Floor::Row("read 64x16"),
        Goal::ShareOfRight(0.2),
    ),
    line(
        "create+delete 64x16",
        ("rate", "ops_per_s"),
        Floor::None,
        Goal::None,
    ),
    line(
        "multi of 100, 64x1",
        ("server CPU per op inside", CPU),
        Floor::None,
        Goal::ShareOfRight(0.2),
    ),
    line(
        "multi of 100, 64x1",
        ("rate of ops inside", "ops_per_s"),
        Floor::None,
        Goal::None,
    ),
    line(
        "read at half the right's rate",
        ("p99", "p99_us"),
        Floor::None,
        Goal::ShareOfRight(0.5),
    ),
    line(
        "write at half the right's rate",
        ("p99", "p99_us"),
        Floor::None,
        Goal::ShareOfRight(0.5),
    ),
    line(
        "create+delete at half the right's rate",
        ("p99", "p99_us"),
        Floor::None,
        Goal::ShareOfRight(0.5),
    ),
    line(
        "one write, 5,000 watchers",
        ("last event, p50", "last_event_p50_us"),
        Floor::Row("one write, 5,000 watchers"),
        Goal::ShareOfRight(0.125),
    ),
    line(
        "one write, 5,000 watchers",
        ("server CPU per event", CPU),
        Floor::Row("one write, 5,000 watchers"),
        Goal::ShareOfRight(0.125),
    ),
    line(
        "a million znodes of 100 B",
        ("memory per znode", "memory_per_node_bytes"),
        Floor::None,
        Goal::AtMost(300.0),
    ),
    line(
        "a million znodes of 100 B",
        ("created through multis", "nodes_per_s"),
        Floor::None,
        Goal::TimesRight(5.0),
    ),
    line(
        "restart with them",
        ("until the first read", "restart_ms"),
        Floor::None,
        Goal::AtMost(600.0),
    ),
    line(
        "writes beside lists of 1,000,000",
        ("p99 with / without", "write_p99_with_to_without_ratio"),
        Floor::None,
        Goal::AtMost(2.0),
    ),
    line(
        "writes beside lists of 1,000,000",
        ("lists", "lists_per_s"),
        Floor::None,
        Goal::None,
    ),
    line(
        "empty server",
        ("start to serving", "start_empty_ms"),
        Floor::Row("empty server"),
        Goal::AtMost(30.0),
    ),
    line(
        "empty server",
        ("memory", "server_rss_bytes"),
        Floor::Row("empty server"),
        Goal::AtMost(8.0 * 1024.0 * 1024.0),
    ),
    line(
        "10,000 idle sessions",
        ("memory each", "memory_per_session_bytes"),
        Floor::Row("10,000 idle sessions"),
        Goal::AtMost(3.0 * 1024.0),
    ),
    line(
        "10,000 idle sessions",
        ("CPU at rest", "server_at_rest_cores"),
        Floor::Row("10,000 idle sessions"),
        Goal::ShareOfRight(0.2),
    ),
    line(
        "10,000 idle sessions",
        ("server CPU per connect", CPU),
        Floor::Row("10,000 idle sessions"),
        Goal::ShareOfRight(0.1),
    ),
    line(
        "10,000 idle sessions",
        ("connects", "connects_per_s"),
        Floor::Row("10,000 idle sessions"),
        Goal::None,
    ),
];
