//! Commands as argument lists with places for values. No shell is involved: what is filled in stays one argument.
//!
//! `{lr}` is the value of a parameter that the stage uses, `{config}` the path of the configuration file, `{out}` the
//! attempt's folder, `{threads}` the number of threads, `{input.<stage>}` the results of a stage that it needs.
//! `{{name}}` is the text `{name}`; braces around anything that is no name stay as they are.

use std::borrow::Cow;

/// Placeholders that every command may have.
pub const BUILT_IN: [&str; 3] = ["config", "out", "threads"];

/// A piece of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Text(&'a str),
    /// The name in the braces, and where it begins in the argument (bytes).
    Place(&'a str, usize),
}

/// The pieces of one argument.
#[must_use]
pub fn pieces(argument: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut text_from = 0;
    let mut at = 0;
    while let Some(offset) = argument[at..].find('{') {
        let open = at + offset;
        let doubled = argument[open + 1..].starts_with('{');
        let name_from = open + 1 + usize::from(doubled);
        let Some(name) = name_at(&argument[name_from..]) else {
            at = open + 1;
            continue;
        };
        let close = name_from + name.len() + 1;
        if doubled && argument[close..].starts_with('}') {
            // Keep the inner pair: one opening and one closing brace go.
            pieces.push(Piece::Text(&argument[text_from..open]));
            pieces.push(Piece::Text(&argument[open + 1..close]));
            at = close + 1;
        } else if doubled {
            at = open + 1;
            continue;
        } else {
            pieces.push(Piece::Text(&argument[text_from..open]));
            pieces.push(Piece::Place(name, name_from));
            at = close;
        }
        text_from = at;
    }
    pieces.push(Piece::Text(&argument[text_from..]));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// The name at the start of `text` if a closing brace follows it.
fn name_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_.-@%".contains(c)))?;
    (end > 0 && text[end..].starts_with('}')).then(|| &text[..end])
}

/// Fill each argument; `value` gives the text for a placeholder.
///
/// # Errors
/// The first placeholder that has no value.
pub fn fill<'v>(command: &[String], value: impl Fn(&str) -> Option<Cow<'v, str>>) -> Result<Vec<String>, String> {
    command.iter().map(|argument| fill_argument(argument, &value)).collect()
}

/// `text` as an argument in which nothing is filled: [`fill`] gives it back as it is.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, braces) = rest.split_at(open);
        escaped.push_str(before);
        let Some(name) = name_at(&braces[1..]) else {
            escaped.push('{');
            rest = &braces[1..];
            continue;
        };
        escaped.extend(["{{", name, "}}"]);
        rest = &braces[name.len() + 2..];
    }
    escaped + rest
}

fn fill_argument<'v>(argument: &str, value: &impl Fn(&str) -> Option<Cow<'v, str>>) -> Result<String, String> {
    let mut filled = String::new();
    for piece in pieces(argument) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Place(name, _) => filled.push_str(&value(name).ok_or_else(|| name.to_owned())?),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(argument: &str) -> Result<String, String> {
        let value = |name: &str| match name {
            "lr" => Some(Cow::Borrowed("0.1; rm -rf {config}")),
            "config" => Some(Cow::Borrowed("/tmp/a b.json")),
            _ => None,
        };
        fill(&[argument.to_owned()], value).map(|mut all| all.remove(0))
    }

    #[test]
    fn a_value_stays_one_argument_and_is_not_filled_again() {
        assert_eq!(filled("--lr={lr}"), Ok("--lr=0.1; rm -rf {config}".to_owned()));
        assert_eq!(filled("{config}{config}"), Ok("/tmp/a b.json/tmp/a b.json".to_owned()));
    }

    #[test]
    fn braces_that_hold_no_name_stay() {
        for text in ["{}", "{", "}", "{ lr }", "{\"a\": 1}", "${HOME", "{{", "a{b", "{a b}", "é{é}"] {
            assert_eq!(filled(text), Ok(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(filled("{{lr}}"), Ok("{lr}".to_owned()));
        assert_eq!(filled("{{{lr}"), Ok("{{0.1; rm -rf {config}".to_owned()));
    }

    #[test]
    fn what_is_escaped_comes_back() {
        for text in ["", "/a b/c", "/{lr}/{unknown}", "{{lr}}", "{{{lr}", "{}{lr", "é{é}{x}é"] {
            assert_eq!(filled(&escape(text)), Ok(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        assert_eq!(filled("x{width}"), Err("width".to_owned()));
    }
}
