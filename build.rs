//! How the program is linked.

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        // A position-independent program of 30 MB has its addresses written into 400 pages at every start, which is most of
        // what `sweep --help` takes. Nothing here runs with other people's rights, so that a random place buys nothing.
        println!("cargo::rustc-link-arg-bin=sweep=-no-pie");
    }
}
