//! How the executable is linked.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var_os(name).is_some_and(|set| set == value);
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    // A fixed address needs no relocations: 340,000 of them cost more than half of a short statement.
    // docs/decisions/0015-fixed-address.md
    println!("cargo:rustc-link-arg-bins=-no-pie");
    // Functions that came out the same are one, if the linker is the one that comes with Rust.
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_ARCH", "x86_64") && links_with_lld() {
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    }
}

/// True if nobody chose a linker, and the compiler has its own.
fn links_with_lld() -> bool {
    let flags = env::var_os("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if env::var_os("RUSTC_LINKER").is_some() || flags.to_string_lossy().contains("link") {
        return false;
    }
    let (Some(rustc), Some(target)) = (env::var_os("RUSTC"), env::var_os("TARGET")) else {
        return false;
    };
    let Ok(said) = Command::new(rustc).args(["--print", "sysroot"]).output() else { return false };
    let sysroot = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    Path::new(&sysroot).join("lib/rustlib").join(target).join("bin/gcc-ld/ld.lld").is_file()
}
