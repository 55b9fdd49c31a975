//! Fuzz target: the first frame of a client.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zoa_proto::fuzzing::connect_request(bytes));
