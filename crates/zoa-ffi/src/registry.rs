//! Which handles there are: a `zhandle_t *` is a number, looked up here and never followed.
//!
//! ```text
//! pointer  = generation << 20 | slot << 4          looks like no address, is never 0
//! slot     -> generation now, Arc<Handle> or nothing
//! ```
//!
//! Invariants: a closed handle's number is never given again before its slot has had 2^43 others. A child of fork() finds the
//! table unlocked and its parent's handles refused: the threads behind them are not there.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::Once;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockWriteGuard;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use crate::abi::ZHandle;
use crate::codes::ZBADARGUMENTS;
use crate::codes::ZINVALIDSTATE;
use crate::handle::Handle;
use crate::limits::HANDLES_MAX;

const SLOT_SHIFT: u32 = 4;
const GENERATION_SHIFT: u32 = 20;

#[derive(Default)]
struct Slot {
    generation: usize,
    is_taken: bool,
    handle: Option<Arc<Handle>>,
}

struct Table {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

// The standard library's lock and not parking_lot's: it keeps nothing outside itself, so a child of fork() can release it.
static TABLE: RwLock<Table> = RwLock::new(Table {
    slots: Vec::new(),
    free: Vec::new(),
});

/// How many forks lie between the first process and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The number of this process among those that fork() made.
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// A place for a handle that is being made.
#[derive(Debug)]
pub(crate) struct Reserved(usize);

impl Reserved {
    /// Takes a free place; `None` when there are too many handles.
    pub(crate) fn take() -> Option<Self> {
        watch_forks();
        let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
        let slot = match table.free.pop() {
            Some(slot) => slot,
            None if table.slots.len() < HANDLES_MAX => {
                table.slots.push(Slot::default());
                table.slots.len() - 1
            }
            None => return None,
        };
        let entry = table.slots.get_mut(slot)?;
        entry.generation += 1;
        entry.is_taken = true;
        Some(Self(
            entry.generation << GENERATION_SHIFT | slot << SLOT_SHIFT,
        ))
    }

    /// The pointer that C code will know the handle by.
    pub(crate) const fn pointer(&self) -> *mut ZHandle {
        std::ptr::without_provenance_mut(self.0)
    }

    /// Puts the handle there.
    pub(crate) fn fill(self, handle: Arc<Handle>) {
        let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = table.slots.get_mut(slot_of(self.0)) {
            entry.handle = Some(handle);
        }
    }

    /// Gives the place back.
    pub(crate) fn abandon(self) {
        drop(remove(self.pointer()));
    }
}

const fn slot_of(number: usize) -> usize {
    (number >> SLOT_SHIFT) & (HANDLES_MAX - 1)
}

/// The handle behind a pointer.
///
/// # Errors
/// `ZINVALIDSTATE` for one that is closed or belongs to another process, `ZBADARGUMENTS` for what never was one.
pub(crate) fn find(pointer: *const ZHandle) -> Result<Arc<Handle>, c_int> {
    let handle = find_anywhere(pointer)?;
    if handle.forks == forks() {
        Ok(handle)
    } else {
        Err(ZINVALIDSTATE)
    }
}

/// The same, of a parent process too.
pub(crate) fn find_anywhere(pointer: *const ZHandle) -> Result<Arc<Handle>, c_int> {
    let number = pointer.addr();
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    let is_ours = number & ((1 << SLOT_SHIFT) - 1) == 0;
    let entry = table.slots.get(slot_of(number)).filter(|_| is_ours);
    let entry = entry.ok_or(ZBADARGUMENTS)?;
    let generation = number >> GENERATION_SHIFT;
    match &entry.handle {
        Some(handle) if generation == entry.generation => Ok(Arc::clone(handle)),
        _ if (1..=entry.generation).contains(&generation) => Err(ZINVALIDSTATE),
        _ => Err(ZBADARGUMENTS),
    }
}

/// Takes a handle out; its pointer is that of a closed one from now on.
pub(crate) fn remove(pointer: *const ZHandle) -> Option<Arc<Handle>> {
    let number = pointer.addr();
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let slot = slot_of(number);
    let entry = table.slots.get_mut(slot)?;
    if entry.generation != number >> GENERATION_SHIFT {
        return None;
    }
    let handle = entry.handle.take();
    if std::mem::take(&mut entry.is_taken) {
        table.free.push(slot);
    }
    handle
}

/// The table's lock while the process forks.
struct Held(UnsafeCell<Option<RwLockWriteGuard<'static, Table>>>);

// SAFETY: only who holds the table's write lock touches the cell, and it holds that very guard.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(None));

extern "C" fn before_fork() {
    let guard = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: this thread holds the write lock, see `Held`.
    unsafe { *HELD.0.get() = Some(guard) };
}

extern "C" fn after_fork_in_parent() {
    // SAFETY: this thread took the lock in `before_fork` and has it still.
    drop(unsafe { (*HELD.0.get()).take() });
}

extern "C" fn after_fork_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the thread that took the lock is the one that lives on in the child.
    drop(unsafe { (*HELD.0.get()).take() });
}

fn watch_forks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: three functions that live as long as the library, which is never unloaded (-z nodelete).
        unsafe {
            libc::pthread_atfork(
                Some(before_fork),
                Some(after_fork_in_parent),
                Some(after_fork_in_child),
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use super::Reserved;
    use super::find;
    use super::remove;
    use crate::abi::ZHandle;
    use crate::codes::ZBADARGUMENTS;
    use crate::codes::ZINVALIDSTATE;
    use crate::limits::HANDLES_MAX;

    #[test]
    fn what_never_was_a_handle_is_a_bad_argument_and_what_was_closed_a_bad_state() {
        let reserved = Reserved::take().expect("a place");
        let pointer = reserved.pointer();
        reserved.abandon();
        assert_eq!(find(pointer).err(), Some(ZINVALIDSTATE));
        for wild in [0, 8, 0x7fff_dead_beef, usize::MAX, usize::MAX - 15] {
            let wild: *const ZHandle = std::ptr::without_provenance(wild);
            assert_eq!(find(wild).err(), Some(ZBADARGUMENTS), "{wild:?}");
        }
        assert!(remove(std::ptr::null()).is_none());
    }

    #[test]
    fn one_handle_too_many_gets_no_place_and_a_closed_one_makes_room() {
        let mut taken = Vec::new();
        while let Some(reserved) = Reserved::take() {
            taken.push(reserved);
        }
        assert!(taken.len() <= HANDLES_MAX && taken.len() > HANDLES_MAX - 16);
        taken.pop().expect("many were taken").abandon();
        let again = Reserved::take();
        assert!(again.is_some());
        taken.extend(again);
        taken.into_iter().for_each(Reserved::abandon);
    }
}
