//! Compiles the C shim against the headers of the PHP that `php-config` names, and sets what the linker must know.
//!
//! It finds nothing by itself: which PHP is meant is said by `PHP_CONFIG`, or by the path.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=shim/shim.c");
    println!("cargo:rerun-if-env-changed=PHP_CONFIG");
    println!("cargo:rerun-if-env-changed=ZOA_WITHOUT_SESSION");
    let php_config = env::var("PHP_CONFIG").unwrap_or_else(|_| "php-config".to_owned());
    let output = Command::new(&php_config)
        .arg("--includes")
        .output()
        .unwrap_or_else(|error| {
            panic!("{php_config} does not run: {error}; install PHP's development files")
        });
    let includes = String::from_utf8_lossy(&output.stdout);
    let mut build = cc::Build::new();
    for folder in includes
        .split_whitespace()
        .filter_map(|flag| flag.strip_prefix("-I"))
    {
        // As system headers, so that their warnings are not ours.
        build.flag("-isystem").flag(folder);
    }
    if env::var("ZOA_WITHOUT_SESSION").is_ok_and(|value| !value.is_empty()) {
        build.define("ZOA_WITHOUT_SESSION", "1");
    }
    build
        .file("shim/shim.c")
        .flag_if_supported("-Wall")
        .compile("zoa_shim");

    // PHP itself resolves its symbols when it loads the extension.
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "macos") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-undefined,dynamic_lookup");
    } else {
        // Threads of the client may still run when PHP unloads its modules: the code must stay where it is.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
