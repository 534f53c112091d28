//! What is answered to whom.

use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::Result;
use crate::error::Context;
use crate::report::page::{Mode, policy};

/// A page with its data, ready to be sent.
#[derive(Debug)]
pub struct Snapshot {
    html: Arc<str>,
    json: Arc<str>,
    /// Names the data; equal data have equal names.
    tag: String,
}

impl Snapshot {
    #[must_use]
    pub fn new(html: String, json: String) -> Self {
        let tag = format!("\"{}\"", blake3::hash(json.as_bytes()).to_hex());
        Self { html: html.into(), json: json.into(), tag }
    }
}

/// What a reader has to know to be let in.
#[derive(Debug)]
pub struct Token(String);

impl Token {
    /// 128 random bits.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn draw() -> Result<Self> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut bytes))
            .context(|| "cannot draw a token".to_owned())?;
        Ok(Self(format!("{:032x}", u128::from_be_bytes(bytes))))
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Digests are compared, in constant time: how long it takes says nothing of where a guess goes wrong.
    fn is(&self, guess: &str) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(guess.as_bytes())
    }
}

/// The parts of a request that matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub host: &'a str,
    pub cookie: &'a str,
    pub authorization: &'a str,
    pub if_none_match: &'a str,
}

/// An answer before it is sent.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Arc<str>,
}

/// The page that is served, as it is now.
#[derive(Debug)]
pub struct Site {
    token: Option<Token>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// Why the last look at the store failed.
    trouble: RwLock<Option<String>>,
    asked: AtomicBool,
}

/// The cookie that a browser keeps the token in.
const COOKIE: &str = "sweep-token";

impl Site {
    #[must_use]
    pub fn new(snapshot: Snapshot, token: Option<Token>) -> Self {
        Self {
            token,
            snapshot: RwLock::new(Arc::new(snapshot)),
            trouble: RwLock::new(None),
            asked: AtomicBool::new(false),
        }
    }

    /// Whether anybody has asked for the data since this was asked before.
    pub fn was_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    /// There is news.
    pub fn put(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The news could not be read; what was known stays.
    pub fn put_trouble(&self, trouble: &str) {
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = Some(trouble.to_owned());
    }

    /// Answer a request.
    #[must_use]
    pub fn answer(&self, asked: &Asked) -> Answer {
        match self.guard(asked) {
            Some(refusal) => refusal,
            None if !["GET", "HEAD"].contains(&asked.method) => {
                let mut answer = plain(405, "this page can only be read");
                answer.headers.push(("Allow", "GET, HEAD".to_owned()));
                answer
            }
            None => self.page(asked),
        }
    }

    /// The answer to those who are not let in, or have just shown the token.
    fn guard(&self, asked: &Asked) -> Option<Answer> {
        let Some(token) = &self.token else {
            // A page of another site may have its own name point to this machine ("DNS rebinding"): then it asks here, in
            // its own name. With a token that gains it nothing.
            return (!is_loopback(asked.host)).then(|| plain(403, "ask for this page as `localhost`"));
        };
        if let Some(guess) = asked.query.split('&').find_map(|part| part.strip_prefix("token=")) {
            return Some(if token.is(guess) { enter(guess) } else { plain(403, "this is not the token") });
        }
        let cookies = asked.cookie.split(';').filter_map(|part| part.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        let bearer = asked.authorization.strip_prefix("Bearer ");
        let is_known = cookies.chain(bearer).any(|guess| token.is(guess));
        (!is_known).then(|| plain(401, "open the address that `sweep serve` has printed: it holds a token"))
    }

    fn page(&self, asked: &Asked) -> Answer {
        self.asked.store(true, Ordering::Relaxed);
        let snapshot = Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner));
        match asked.path {
            "/" => {
                let mut answer = answer(200, "text/html; charset=utf-8", Arc::clone(&snapshot.html));
                // What cannot be said within the page: nobody else's page may frame it.
                let policy = format!("{}; frame-ancestors 'none'", policy(Mode::Live));
                answer.headers.push(("Content-Security-Policy", policy));
                answer
            }
            "/data" => {
                let is_known = asked.if_none_match == snapshot.tag;
                let (status, body) = if is_known { (304, "".into()) } else { (200, Arc::clone(&snapshot.json)) };
                let mut answer = answer(status, "application/json", body);
                answer.headers.push(("ETag", snapshot.tag.clone()));
                let trouble = self.trouble.read().unwrap_or_else(PoisonError::into_inner);
                answer.headers.extend(trouble.iter().map(|trouble| ("X-Sweep-Trouble", header(trouble))));
                answer
            }
            _ => plain(404, "there is only one page here, at /"),
        }
    }
}

/// Whether a `Host` header names this machine for itself, at any port: tunnels have ports of their own.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    ["localhost", "127.0.0.1", "::1"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Keep the token in a cookie, and take it out of the address, which browsers remember and people pass on.
fn enter(token: &str) -> Answer {
    let mut answer = plain(303, "");
    answer.headers.push(("Location", "/".to_owned()));
    answer.headers.push(("Set-Cookie", format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/")));
    answer
}

fn plain(status: u16, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", text.into())
}

fn answer(status: u16, kind: &'static str, body: Arc<str>) -> Answer {
    let headers = [
        ("Content-Type", kind),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ];
    Answer { status, headers: headers.map(|(name, value)| (name, value.to_owned())).into(), body }
}

/// Text that a header can hold.
fn header(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}
