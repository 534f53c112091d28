//! The filter language, one for `--where`, `applies`, `exclude` and the `where` of reports.
//!
//! `generation > 0 && llm in ["llama-3-8b", "llama-3-70b"] && !(vqa == 7M)`. A comparison has a factor (or a composite
//! axis) on its left and a value on its right; amounts may be written as `200k`, and a value of letters, digits, `.`,
//! `-` and `_` needs no quotes. A factor that is true or false may stand alone.

use std::cmp::Ordering;

use super::sweep::LevelIx;
use crate::value::{Value, parse_amount};

/// A mistake in a filter: bytes of its text, what is wrong, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    pub start: usize,
    pub end: usize,
    pub message: String,
    pub hint: String,
}

/// A parsed filter, names not yet looked up.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Test(Test),
}

/// `name operator values`.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    pub name: String,
    /// Bytes of the name in the text.
    pub at: (usize, usize),
    pub operator: Operator,
    /// One value, except for `in`.
    pub values: Vec<Value>,
    /// The values as written, without quotes: a factor of texts takes these.
    pub words: Vec<String>,
}

/// How a test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Test {
    /// Whether `value` passes. Values of different kinds are unequal and in no order; whole numbers compare with
    /// fractions by size.
    #[must_use]
    pub fn passes(&self, value: &Value) -> bool {
        self.values.iter().any(|other| {
            let order = compare(value, other);
            match self.operator {
                Operator::Equal | Operator::In => order == Some(Ordering::Equal),
                Operator::NotEqual => order != Some(Ordering::Equal),
                Operator::Less => order == Some(Ordering::Less),
                Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                Operator::Greater => order == Some(Ordering::Greater),
                Operator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            }
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a filter compares for people; identities never pass here")]
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::List(left), Value::List(right)) => (left == right).then_some(Ordering::Equal),
        _ => None,
    }
}

/// A filter over rows of levels: every name is looked up, every comparison is decided for each level in advance.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// Whether the row's level of `factor` is one of those that pass.
    Level {
        factor: usize,
        passing: Vec<bool>,
    },
}

impl Condition {
    /// The condition that holds everywhere.
    #[must_use]
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Whether it holds for a run's level of every factor.
    #[must_use]
    pub fn holds(&self, row: &[LevelIx]) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Not(part) => !part.holds(row),
            Self::Level { factor, passing } => {
                row.get(*factor).is_some_and(|level| passing.get(usize::from(*level)).copied().unwrap_or(false))
            }
        }
    }

    /// The factors that it looks at.
    pub fn factors(&self, into: &mut Vec<usize>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.factors(into)),
            Self::Not(part) => part.factors(into),
            Self::Level { factor, .. } => into.push(*factor),
        }
    }
}

/// Read a filter.
///
/// # Errors
/// The text is not a filter; the error has the place in it.
pub fn parse(text: &str) -> Result<Expr, FilterError> {
    let tokens = tokenize(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, end: text.len(), depth: 0 };
    let expr = parser.any()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(token.wrong("expected `&&`, `||` or the end")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum TokenKind {
    And,
    Or,
    Not,
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    Operator(Operator),
    /// A name, a number, an amount, `true`, `false` or `in`.
    Word(String),
    Quoted(String),
}

#[derive(Debug, Clone)]
struct Token {
    kind: TokenKind,
    start: usize,
    end: usize,
}

impl Token {
    fn wrong(&self, message: &str) -> FilterError {
        fail(self.start, self.end, message)
    }
}

fn fail(start: usize, end: usize, message: &str) -> FilterError {
    let hint = "a filter looks like `vqa >= 1M && llm in [\"a\", \"b\"]`".to_owned();
    FilterError { start, end, message: message.to_owned(), hint }
}

const SYMBOLS: [(&str, TokenKind); 14] = [
    ("&&", TokenKind::And),
    ("||", TokenKind::Or),
    ("==", TokenKind::Operator(Operator::Equal)),
    ("!=", TokenKind::Operator(Operator::NotEqual)),
    ("<=", TokenKind::Operator(Operator::LessOrEqual)),
    (">=", TokenKind::Operator(Operator::GreaterOrEqual)),
    ("<", TokenKind::Operator(Operator::Less)),
    (">", TokenKind::Operator(Operator::Greater)),
    ("!", TokenKind::Not),
    ("(", TokenKind::Open),
    (")", TokenKind::Close),
    ("[", TokenKind::OpenList),
    ("]", TokenKind::CloseList),
    (",", TokenKind::Comma),
];

fn tokenize(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (kind, length) = token(&text[start..], first).map_err(|message| {
            let end = start + first.len_utf8();
            fail(start, end, message)
        })?;
        tokens.push(Token { kind, start, end: start + length });
        start += length;
    }
    Ok(tokens)
}

/// The token at the start of `text` and its length in bytes.
fn token(text: &str, first: char) -> Result<(TokenKind, usize), &'static str> {
    if let Some((symbol, kind)) = SYMBOLS.iter().find(|(symbol, _)| text.starts_with(symbol)) {
        return Ok((kind.clone(), symbol.len()));
    }
    if first == '"' || first == '\'' {
        return quoted(text, first).ok_or("this quote is never closed");
    }
    let length = text.find(|c: char| !(c.is_alphanumeric() || "_.-+%@".contains(c))).unwrap_or(text.len());
    match (first, length) {
        ('=', _) => Err("a comparison is written `==`"),
        (_, 0) => Err("this character has no meaning here"),
        (_, length) => Ok((TokenKind::Word(text[..length].to_owned()), length)),
    }
}

/// A text in quotes; a backslash takes the next character as it is.
fn quoted(text: &str, quote: char) -> Option<(TokenKind, usize)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => content.push(chars.next()?.1),
            c if c == quote => return Some((TokenKind::Quoted(content), at + 1)),
            c => content.push(c),
        }
    }
    None
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    end: usize,
    depth: usize,
}

/// Deeper nesting than people write; bounds the recursion on hostile input.
const MAX_DEPTH: usize = 64;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == *kind);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, kind: &TokenKind, message: &str) -> Result<(), FilterError> {
        if self.take(kind) { Ok(()) } else { Err(self.wrong(message)) }
    }

    fn wrong(&self, message: &str) -> FilterError {
        self.peek().map_or_else(|| fail(self.end, self.end, message), |token| token.wrong(message))
    }

    fn any(&mut self) -> Result<Expr, FilterError> {
        let mut parts = vec![self.all()?];
        while self.take(&TokenKind::Or) {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Any(parts) })
    }

    fn all(&mut self) -> Result<Expr, FilterError> {
        let mut parts = vec![self.unary()?];
        while self.take(&TokenKind::And) {
            parts.push(self.unary()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::All(parts) })
    }

    fn unary(&mut self) -> Result<Expr, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong("this filter is nested too deeply"));
        }
        let expr = if self.take(&TokenKind::Not) {
            Expr::Not(Box::new(self.unary()?))
        } else if self.take(&TokenKind::Open) {
            let expr = self.any()?;
            self.expect(&TokenKind::Close, "expected `)`")?;
            expr
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn test(&mut self) -> Result<Expr, FilterError> {
        let Some(Token { kind: TokenKind::Word(name), start, end }) = self.peek().cloned() else {
            return Err(self.wrong("expected the name of a factor"));
        };
        self.next += 1;
        let at = (start, end);
        let (operator, literals) = match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Operator(operator)) => {
                let operator = *operator;
                self.next += 1;
                (operator, vec![self.value()?])
            }
            Some(TokenKind::Word(word)) if word == "in" => {
                self.next += 1;
                (Operator::In, self.values()?)
            }
            _ => (Operator::Equal, vec![(Value::Bool(true), "true".to_owned())]),
        };
        let (values, words) = literals.into_iter().unzip();
        Ok(Expr::Test(Test { name, at, operator, values, words }))
    }

    fn values(&mut self) -> Result<Vec<(Value, String)>, FilterError> {
        self.expect(&TokenKind::OpenList, "expected `[` after `in`")?;
        let mut values = vec![self.value()?];
        while self.take(&TokenKind::Comma) {
            values.push(self.value()?);
        }
        self.expect(&TokenKind::CloseList, "expected `,` or `]`")?;
        Ok(values)
    }

    fn value(&mut self) -> Result<(Value, String), FilterError> {
        let value = match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Quoted(text)) => (Value::Text(text.clone()), text.clone()),
            Some(TokenKind::Word(word)) => (literal(word), word.clone()),
            _ => return Err(self.wrong("expected a value")),
        };
        self.next += 1;
        Ok(value)
    }
}

/// The value that an unquoted word stands for.
fn literal(word: &str) -> Value {
    let float = || word.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::Float);
    match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => word
            .parse()
            .ok()
            .or_else(|| parse_amount(word))
            .map(Value::Int)
            .or_else(float)
            .unwrap_or_else(|| Value::Text(word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str, at: (usize, usize), operator: Operator, value: Value) -> Expr {
        let words = vec![word(&value)];
        Expr::Test(Test { name: name.to_owned(), at, operator, values: vec![value], words })
    }

    fn word(value: &Value) -> String {
        match value {
            Value::Int(200_000) => "200k".to_owned(),
            Value::Float(_) => "1e-4".to_owned(),
            value => value.to_string(),
        }
    }

    fn bare(operator: Operator, value: Value) -> Test {
        Test { name: String::new(), at: (0, 0), operator, values: vec![value], words: Vec::new() }
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tightest() {
        let expr = parse("!a || b == x && c < 2").unwrap();
        let not = Expr::Not(Box::new(test("a", (1, 2), Operator::Equal, Value::Bool(true))));
        let and = Expr::All(vec![
            test("b", (6, 7), Operator::Equal, Value::Text("x".to_owned())),
            test("c", (16, 17), Operator::Less, Value::Int(2)),
        ]);
        assert_eq!(expr, Expr::Any(vec![not, and]));
    }

    #[test]
    fn a_value_may_be_an_amount_a_number_a_word_or_quoted() {
        for (text, value) in [
            ("a == 200k", Value::Int(200_000)),
            ("a == -3", Value::Int(-3)),
            ("a == 1e-4", Value::Float(1e-4)),
            ("a == llama-3.1-8b", Value::Text("llama-3.1-8b".to_owned())),
            ("a == '200k'", Value::Text("200k".to_owned())),
            (r#"a == "say \"x\"""#, Value::Text("say \"x\"".to_owned())),
            ("a == false", Value::Bool(false)),
        ] {
            assert_eq!(parse(text), Ok(test("a", (0, 1), Operator::Equal, value)), "{text}");
        }
    }

    #[test]
    fn mistakes_name_their_place() {
        for (text, start, message) in [
            ("", 0, "expected the name of a factor"),
            ("a = 1", 2, "a comparison is written `==`"),
            ("a == ", 5, "expected a value"),
            ("a in 3", 5, "expected `[` after `in`"),
            ("a in [3", 7, "expected `,` or `]`"),
            ("(a", 2, "expected `)`"),
            ("a b", 2, "expected `&&`, `||` or the end"),
            ("a == \"x", 5, "this quote is never closed"),
            ("a == ;", 5, "this character has no meaning here"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.start, error.message.as_str()), (start, message), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"!".repeat(100_000)).is_err());
    }

    #[test]
    fn comparisons_between_kinds_are_false_and_never_panic() {
        let values = [Value::Bool(true), Value::Int(1), Value::Float(1.5), Value::Text("1".to_owned())];
        let operators = [Operator::Less, Operator::LessOrEqual, Operator::Greater, Operator::GreaterOrEqual];
        for value in &values {
            for operator in operators {
                assert!(!bare(operator, Value::List(vec![value.clone()])).passes(value));
            }
        }
        assert!(bare(Operator::Equal, Value::Float(1.0)).passes(&Value::Int(1)));
    }
}
