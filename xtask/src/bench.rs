//! `cargo xtask bench`: builds `sweep` and the comparisons, then runs these.

use std::path::Path;

use clap::Args;

use crate::failure::Result;
use crate::{libtorch, repo, tool};

#[derive(Args)]
pub struct Bench {
    /// What to compare and how, as `bench compare --help` has it; everything without
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Bench {
    pub fn run(&self) -> Result<()> {
        let root = repo::root();
        libtorch::provide(&root)?;
        repo::build_release(&root)?;
        tool::run(
            "cargo",
            &["build", "--release", "-p", "sweep", "-p", "vpit", "-p", "bench", "--example", "measure"],
            &root,
        )?;
        let release = repo::target(&root)?.join("release");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let (sweep, peers) = (text(&release.join("sweep")), text(&root.join("benches/peers")));
        let measure = text(&release.join("examples/measure"));
        let mut args = vec!["compare", "--sweep", &sweep, "--measure", &measure, "--peers", &peers];
        args.extend(self.args.iter().map(String::as_str));
        tool::run(&text(&release.join("bench")), &args, &root)
    }
}
