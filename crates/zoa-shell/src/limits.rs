//! Every bound of the shell, by name.

/// Bytes of operations in one transaction of `deleteall` and `import`, below what servers accept in a request.
pub(crate) const BATCH_LEN_MAX: usize = 512 << 10;

/// Bytes that `mv` moves in its one transaction; what is larger is refused, since it could not be moved at once.
pub(crate) const MOVE_LEN_MAX: usize = 900 << 10;

/// Lines that are kept in the history file; older ones are dropped.
pub(crate) const HISTORY_LINES_MAX: usize = 1_000;

/// Lines that `history` and `redo` can reach; older ones are forgotten.
pub(crate) const REDO_LINES_MAX: usize = 10_000;

/// Bytes of a file that `import` reads; a larger one is refused.
pub(crate) const IMPORT_LEN_MAX: u64 = 1 << 30;

/// Bytes of a line from a pipe or file; a longer one ends the shell with an error. No request could hold more.
pub(crate) const LINE_LEN_MAX: u64 = 4 << 20;

/// Names that a completion offers; further ones are left out.
pub(crate) const COMPLETIONS_MAX: usize = 2_000;
