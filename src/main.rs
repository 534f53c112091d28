//! The command line: parse, dispatch, print the error with its hints, exit with its code.

use std::process::ExitCode;

use clap::Parser;
use sweep::cmd::Cli;
use sweep::ui;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            ui::print_error(&error);
            error.kind().exit_code()
        }
    }
}
