//! Fuzz target: what a client sends after the handshake.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zoa_proto::fuzzing::client_frame(bytes));
