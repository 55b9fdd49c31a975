//! Fuzz target: the first bytes of a connection.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zoa_proto::fuzzing::four_letter(bytes));
