//! Other people's programs, in the folder of Python packages that `cargo xtask test` makes for them.

use std::path::Path;

use crate::project::Project;

/// Names the folder. Without it, what needs it says that it was left out, and `cargo xtask test` says
/// so once more where everybody sees it.
const VARIABLE: &str = "SWEEP_TEST_PACKAGES";

/// Run `program` in the project's folder and return what it prints; `None` where there is no such folder.
pub fn run(project: &Project, program: &str) -> Option<String> {
    let Some(packages) = std::env::var_os(VARIABLE).filter(|packages| !packages.is_empty()) else {
        eprintln!("LEFT OUT: {VARIABLE} names no folder with the packages of tests/exchange/requirements.txt");
        return None;
    };
    let common = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchange/programs");
    #[expect(clippy::disallowed_methods, reason = "tests start other people's programs")]
    let output = std::process::Command::new("python3")
        .arg(common.join(program))
        .current_dir(project.path())
        // A warning about a new version is none of ours; a home of its own keeps caches out of the user's.
        .env("PYTHONPATH", packages)
        .env("PYTHONWARNINGS", "ignore")
        .env("HOME", project.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program}: {out}\n{err}");
    Some(out.into_owned())
}
