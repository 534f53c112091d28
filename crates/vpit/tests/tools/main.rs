//! Tools that grade pictures against their reference implementations; `golden/tools.py` made the numbers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test starts the program under test")]

mod clip_score;
mod convert;
mod distances;
mod pictures;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the generator writes.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tools").join(name)
}

/// Run `vpit`; what it prints, or the error that it ends with.
fn vpit(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_vpit")).args(arguments).env("OMP_NUM_THREADS", "2").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}
