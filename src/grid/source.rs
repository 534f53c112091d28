//! The texts that a sweep was read from, places in them, and mistakes shown with the line they are on.

use std::cell::RefCell;
use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::error::Error;
use crate::text::visible;

/// A range of bytes in one of the [`Sources`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub file: u32,
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// The part from `start` to `end` bytes after this span's own start.
    #[must_use]
    pub fn within(self, start: usize, end: usize) -> Self {
        Self { file: self.file, start: self.start + start, end: self.start + end }
    }
}

/// A thing and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    pub value: T,
    pub span: Span,
}

/// The files of one sweep: the file itself, what it extends, and overrides from the command line.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<(String, String)>,
}

impl Sources {
    /// Add a text under the name that errors show; its number is what spans carry.
    pub fn add(&mut self, name: String, text: String) -> u32 {
        self.files.push((name, text));
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    fn file(&self, span: Span) -> (&str, &str) {
        self.files.get(span.file as usize).map_or(("", ""), |(name, text)| (name.as_str(), text.as_str()))
    }

    /// `file:line:column`, both counted from one, columns in characters.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        let (name, text) = self.file(span);
        let before = text.get(..span.start.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        format!("{name}:{line}:{column}")
    }

    /// The lines of `span` with a caret below the place.
    pub fn excerpt(&self, problem: &Problem) -> String {
        let (_, text) = self.file(problem.span);
        let end = problem.span.end.min(text.len());
        let start = problem.span.start.min(end);
        // A span of several lines (a whole table) would print all of them: its first line is where to look.
        let line_end = text[start..end].find('\n').map_or(end, |offset| start + offset);
        let annotation = AnnotationKind::Primary.span(start..line_end).label(problem.label.as_str());
        let snippet = Snippet::source(text).annotation(annotation);
        let report = [Level::ERROR.primary_title("").element(snippet)];
        let rendered = Renderer::plain().render(&report);
        rendered.lines().skip(2).map(|line| format!("{}\n", visible(line.trim_end()))).collect()
    }
}

/// One mistake and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub span: Span,
    /// A fragment: what is wrong with which thing.
    pub message: String,
    /// A few words beside the caret.
    pub label: String,
    pub hint: String,
}

impl Problem {
    #[must_use]
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: String::new(), hint: String::new() }
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Name the known word that is nearest to `word`, or list all of them.
    #[must_use]
    pub fn nearest<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known: Vec<&str> = known.into_iter().collect();
        known.sort_unstable();
        known.dedup();
        let hint = match nearest(word, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there are none".to_owned(),
            None => format!("known are {}", list(&known)),
        };
        self.hint(hint)
    }
}

/// The known word that `word` was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |near: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &near.to_lowercase());
    let near = known.iter().min_by_key(|near| distance(near))?;
    (distance(near) <= 1 + word.chars().count() / 4).then_some(near)
}

/// `` `a`, `b` and `c` ``, cut where it would become unreadable.
#[must_use]
pub fn list(words: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut quoted: Vec<String> = words.iter().take(SHOWN).map(|word| format!("`{word}`")).collect();
    if words.len() > SHOWN {
        quoted.push(format!("{} more", words.len() - SHOWN));
    }
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Mistakes and warnings in the order in which they are found.
#[derive(Debug, Default)]
pub struct Diagnostics {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl Diagnostics {
    pub fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Give the mistake that was reported last another hint.
    pub fn amend_last(&self, hint: String) {
        if let Some(problem) = self.problems.borrow_mut().last_mut() {
            problem.hint = hint;
        }
    }

    pub fn warn(&self, problem: Problem) {
        self.warnings.borrow_mut().push(problem);
    }

    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// Warnings as lines for people.
    #[must_use]
    pub fn warnings(&self, sources: &Sources) -> Vec<String> {
        let warnings = self.warnings.borrow();
        warnings.iter().map(|problem| format!("{}: {}", sources.place(problem.span), problem.message)).collect()
    }

    /// All mistakes as one error, the first in the file first; `None` if there is none.
    #[must_use]
    pub fn into_error(self, sources: &Sources) -> Option<Error> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.span);
        problems.dedup();
        match problems.as_slice() {
            [] => None,
            [problem] => Some(single(problem, sources)),
            problems => Some(several(problems, sources)),
        }
    }
}

/// The error for one mistake.
#[must_use]
pub fn single(problem: &Problem, sources: &Sources) -> Error {
    let message = visible(&format!("{}: {}", sources.place(problem.span), problem.message));
    let error = Error::usage(message).excerpt(sources.excerpt(problem));
    if problem.hint.is_empty() { error } else { error.hint(visible(&problem.hint)) }
}

fn several(problems: &[Problem], sources: &Sources) -> Error {
    const SHOWN: usize = 10;
    let mut text = String::new();
    for problem in problems.iter().take(SHOWN) {
        let place = sources.place(problem.span);
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "\n{place}: {}\n{}", visible(&problem.message), sources.excerpt(problem).trim_end());
        if !problem.hint.is_empty() {
            let _ = writeln!(text, "  hint: {}", visible(&problem.hint));
        }
    }
    if problems.len() > SHOWN {
        let _ = writeln!(text, "\n… and {} more", problems.len() - SHOWN);
    }
    let (name, _) = sources.file(problems[0].span);
    Error::usage(format!("`{name}` has {} mistakes", problems.len())).excerpt(text)
}
