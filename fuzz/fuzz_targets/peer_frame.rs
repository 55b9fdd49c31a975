//! Fuzz target: a frame of a server that was greeted.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zoa_ensemble::fuzzing::peer_frame(bytes));
