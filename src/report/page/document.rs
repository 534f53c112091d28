//! The page as one file.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::data::Data;
use crate::Result;
use crate::error::Context;

/// Every script, in the order in which they are read; `main` starts when all are there.
const SCRIPT: &str = concat!(
    "'use strict';\n(() => {\n",
    include_str!("dom.js"),
    include_str!("number.js"),
    include_str!("decode.js"),
    include_str!("statistics.js"),
    include_str!("tip.js"),
    include_str!("plot.js"),
    include_str!("table.js"),
    include_str!("card.js"),
    include_str!("heatmap.js"),
    include_str!("scatter.js"),
    include_str!("correlation.js"),
    include_str!("scaling.js"),
    include_str!("parallel.js"),
    include_str!("curves.js"),
    include_str!("filter.js"),
    include_str!("runs.js"),
    include_str!("diff.js"),
    include_str!("conclusions.js"),
    include_str!("audit.js"),
    include_str!("sections.js"),
    include_str!("live.js"),
    include_str!("main.js"),
    "})();\n",
);
const STYLE: &str = concat!(include_str!("style.css"), include_str!("figure.css"), include_str!("print.css"));

/// Where a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As a file that nobody keeps up to date.
    File,
    /// From `sweep serve`, which it asks for news.
    Live,
}

/// The whole page around its data, which [`island`] has made.
#[must_use]
pub fn document(json: &str, title: &str, mode: Mode) -> String {
    let (title, policy) = (escape(title), escape(&policy(mode)));
    let mode = match mode {
        Mode::File => "file",
        Mode::Live => "live",
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\" data-mode=\"{mode}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<noscript><p>This page draws its figures with JavaScript. The same figures are files beside it, and \
         <a href=\"README.md\">README.md</a> shows them.</p></noscript>\n\
         <script type=\"application/json\" id=\"data\">{json}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// The data as JSON that may stand inside a `script` element: nothing in it can end the element or a line of a script,
/// and no character turns the text beside it around.
///
/// # Errors
/// The data cannot be written as JSON, which no data of ours does.
pub fn island(data: &Data) -> Result<String> {
    let json = serde_json::to_string(data).context(|| "cannot write the page's data as JSON".to_owned())?;
    // Outside of texts JSON has none of these characters.
    let mut out = String::with_capacity(json.len() + json.len() / 64);
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c if deceives(c) => out.push('\u{FFFD}'),
            _ => out.push(c),
        }
    }
    Ok(out)
}

/// What the page may do: its own style and script by their digests, no markup from texts, no network but, where it is
/// served, the place that it comes from.
#[must_use]
pub fn policy(mode: Mode) -> String {
    let connect = match mode {
        Mode::File => "",
        Mode::Live => " connect-src 'self';",
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:;{connect} base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        digest(SCRIPT),
        digest(STYLE)
    )
}

fn digest(text: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// Whether a character has no width or turns the text beside it around.
fn deceives(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Text as HTML shows it, also inside quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => out.push(' '),
            c if deceives(c) => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
