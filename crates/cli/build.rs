//! How the executable is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A fixed address needs no relocations: 340,000 of them cost more than half of a short statement.
    // docs/decisions/0015-fixed-address.md
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|set| set == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
