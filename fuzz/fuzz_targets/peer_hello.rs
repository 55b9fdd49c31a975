//! Fuzz target: the first frame of whoever connects to the peer port.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zoa_ensemble::fuzzing::peer_hello(bytes));
