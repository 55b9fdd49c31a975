//! Compiles the one function that Rust cannot define: `log_message`, which takes a variable number of arguments.
//!
//! It sets nothing else; the shared libraries are linked by `cargo xtask ffi build`.

fn main() {
    println!("cargo:rerun-if-changed=c/log_message.c");
    cc::Build::new()
        .file("c/log_message.c")
        .flag_if_supported("-Wall")
        .flag_if_supported("-Wextra")
        .compile("zoa_log_message");
}
