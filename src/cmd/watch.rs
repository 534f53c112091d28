//! `sweep watch`: the same as `sweep status`, live, down to a task's log and curves.

mod detail;
mod facts;
mod scout;
mod screen;
mod window;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::current::Which;
use crate::error::Context;
use crate::project::Project;
use crate::{Error, Result};
use detail::Detail;
use facts::Facts;
use scout::Scout;
use screen::{Pressed, Screen};
use window::Window;

#[derive(Debug, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    which: Which,
}

/// Between two looks at the keyboard, and at the files of a task that is shown.
const TICK: Duration = Duration::from_millis(250);

impl WatchArgs {
    /// Show until the user has seen enough.
    ///
    /// # Errors
    /// There is no plan or no terminal, or the store cannot be read.
    pub fn run(self) -> Result<ExitCode> {
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            let error = Error::usage("`sweep watch` needs a terminal to draw on and a keyboard");
            return Err(error.hint("`sweep status` writes the same anywhere, `sweep logs -f` what jobs write"));
        }
        let project = Project::require(Path::new("."))?;
        let first = Facts::look(&project, &self.which)?;
        let asked_to_end = AskedToEnd::listen()?;
        let mut window = Window::open()?;
        let scout = Scout::send(project, self.which, first.clone());
        watch(first, &scout, &mut window, &asked_to_end)?;
        Ok(asked_to_end.exit_code())
    }
}

fn watch(mut facts: Facts, scout: &Scout, window: &mut Window, asked_to_end: &AskedToEnd) -> Result<()> {
    let mut screen = Screen::default();
    while !asked_to_end.is_set() {
        match scout.news() {
            Some(Ok(news)) => facts = news,
            Some(Err(error)) => facts.trouble = Some(error.to_string()),
            None => {}
        }
        let detail = screen.task(&facts).map(|task| Detail::read(&task.folder));
        window.draw(|frame| screen.draw(frame, &facts, detail.as_ref()))?;
        match window.key_within(TICK)?.and_then(|key| screen.press(key, &facts)) {
            Some(Pressed::Quit) => return Ok(()),
            Some(Pressed::LookAgain) => scout.hurry(),
            None => {}
        }
    }
    Ok(())
}

/// A signal that asks this process to end, which has a terminal to give back first.
struct AskedToEnd(Arc<AtomicUsize>);

impl AskedToEnd {
    fn listen() -> Result<Self> {
        let asked = Arc::new(AtomicUsize::new(0));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&asked), number)
                .context(|| format!("cannot listen to {}", low_level::signal_name(signal).unwrap_or("a signal")))?;
        }
        Ok(Self(asked))
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// As a shell says it.
    fn exit_code(&self) -> ExitCode {
        match self.0.load(Ordering::Relaxed) {
            0 => ExitCode::SUCCESS,
            signal => ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
        }
    }
}
