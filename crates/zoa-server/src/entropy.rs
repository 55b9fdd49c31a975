//! The only random source of the server: the operating system's.

/// Fills `bytes`. Without randomness no session may be opened, so its absence ends the process.
pub(crate) fn fill(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
}
