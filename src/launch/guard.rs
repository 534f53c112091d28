//! A process that outlives the launcher for a moment: when the launcher has ended, however it did, nothing that it
//! started goes on unseen.
//!
//! It waits for the end of a pipe whose other end the launcher alone holds; the kernel closes that even when the
//! launcher is killed.

use std::io::{PipeWriter, Read};
use std::os::unix::process::CommandExt;

use crate::Result;
use crate::error::Context;
use crate::worker::orphans;

/// Name of the hidden verb.
pub const VERB: &str = "guard";

/// The launcher's side.
#[derive(Debug)]
pub struct Guard {
    process: duct::Handle,
    line: PipeWriter,
}

impl Guard {
    /// Start a guard over everything that the launcher called `token` will start.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(token: &str) -> Result<Self> {
        let about = || "cannot start the process that guards over jobs".to_owned();
        let program = std::env::current_exe().context(about)?;
        let (end, line) = std::io::pipe().context(about)?;
        let process = duct::cmd(program, [VERB, token])
            .stdin_file(end)
            .stdout_null()
            .stderr_null()
            .unchecked()
            // Ctrl-C goes to the launcher's group; the guard is to see what comes of it.
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            })
            .start()
            .context(about)?;
        Ok(Self { process, line })
    }

    /// All jobs have ended: wait until what they left behind has as well.
    pub fn dismiss(self) {
        drop(self.line);
        let _ = self.process.wait();
    }
}

/// The guard's side: wait for the launcher's end, then end what it started.
pub fn watch(token: &str) {
    // Nothing is ever sent; whatever ends the reading, the launcher is gone.
    let _ = std::io::stdin().read(&mut [0]);
    orphans::end_all(token);
}
