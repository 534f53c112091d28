//! The terminal: taken over, drawn on, and given back however this program ends.

use std::io::{Stdout, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use ratatui::backend::TermionBackend;
use ratatui::termion::event::Key;
use ratatui::termion::input::TermRead;
use ratatui::termion::raw::{IntoRawMode, RawTerminal};
use ratatui::termion::{cursor, screen};
use ratatui::{Frame, Terminal};

use crate::error::Context;
use crate::{Error, Result};

/// A screen of our own until this is dropped.
pub struct Window {
    terminal: Terminal<TermionBackend<Stdout>>,
    keys: Receiver<std::io::Result<Key>>,
    raw: Arc<RawTerminal<Stdout>>,
}

impl Window {
    /// Take the terminal over; a panic gives it back before it says anything.
    ///
    /// # Errors
    /// It is none, or it refuses.
    pub fn open() -> Result<Self> {
        let about = || "cannot take over the terminal".to_owned();
        let raw = Arc::new(std::io::stdout().into_raw_mode().context(about)?);
        let earlier = std::panic::take_hook();
        let given_back = Arc::clone(&raw);
        std::panic::set_hook(Box::new(move |panic| {
            give_back(&given_back);
            earlier(panic);
        }));
        let mut stdout = std::io::stdout();
        write!(stdout, "{}{}", screen::ToAlternateScreen, cursor::Hide).context(about)?;
        let terminal = Terminal::new(TermionBackend::new(stdout)).context(about)?;
        let (pressed, keys) = channel();
        // It ends with this process: nothing else interrupts who waits for a key.
        std::thread::spawn(move || std::io::stdin().keys().try_for_each(|key| pressed.send(key)));
        Ok(Self { terminal, keys, raw })
    }

    /// Draw what has changed.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<()> {
        self.terminal.draw(draw).map(drop).context(|| "cannot draw on the terminal".to_owned())
    }

    /// The next key, if one is pressed in time.
    ///
    /// # Errors
    /// The keyboard is gone.
    pub fn key_within(&self, time: Duration) -> Result<Option<Key>> {
        match self.keys.recv_timeout(time) {
            Ok(key) => key.map(Some).context(|| "cannot read the keyboard".to_owned()),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Error::general("the keyboard is gone")),
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        give_back(&self.raw);
    }
}

/// Where the terminal is gone, there is nothing to give back.
fn give_back(raw: &RawTerminal<Stdout>) {
    let mut stdout = std::io::stdout();
    let _ = write!(stdout, "{}{}", screen::ToMainScreen, cursor::Show);
    let _ = stdout.flush();
    let _ = raw.suspend_raw_mode();
}
