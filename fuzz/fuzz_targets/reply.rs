//! Fuzz target: what a server sends.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zoa_proto::fuzzing::reply(bytes));
