//! Fuzz target: the operations of a multi or multiRead.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zoa_proto::fuzzing::multi(bytes));
