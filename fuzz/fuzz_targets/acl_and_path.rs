//! Fuzz target: a path and an ACL on their own.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zoa_proto::fuzzing::acl_and_path(bytes));
