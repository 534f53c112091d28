//! Looking up the names of a filter: from text to a [`Condition`] on rows of levels.

use super::filter::{self, Condition, Expr, FilterError, Operator, Test};
use super::source::{At, Diagnostics, Problem, list, nearest};
use super::sweep::{Applies, Axis, AxisLevel, Factor, FactorKind, LevelIx, Sweep};
use crate::error::{Error, Result};
use crate::text::visible;
use crate::value::{Value, parse_amount};

/// What names in a filter may mean.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub factors: &'a [Factor],
    pub composites: &'a [Axis],
}

impl Sweep {
    /// Read a filter that came from outside the file, as `--where` does.
    ///
    /// # Errors
    /// It is not a filter, or names what the sweep does not have.
    pub fn condition(&self, text: &str) -> Result<Applies> {
        let names = Names { factors: &self.factors, composites: &self.composites };
        resolve(names, text).map_err(|error| {
            let start = text.floor_char_boundary(error.start);
            let column = text[..start].chars().count();
            let caret = format!("  {text}\n  {}^\n", " ".repeat(column));
            let message = format!("the filter is wrong at column {}: {}", column + 1, error.message);
            // A caret points at nothing where a character takes no or several columns.
            let excerpt = if text.chars().any(char::is_control) { String::new() } else { caret };
            Error::usage(visible(&message)).excerpt(excerpt).hint(visible(&error.hint))
        })
    }
}

/// Read a filter in a file.
pub fn read(names: Names<'_>, text: &At<String>, diagnostics: &Diagnostics) -> Option<Applies> {
    match resolve(names, &text.value) {
        Ok(applies) => Some(applies),
        Err(error) => {
            // One byte for the quote that opens the text; a text with escapes may point a little to the left.
            let span = text.span.within(error.start + 1, (error.end + 1).max(error.start + 2));
            diagnostics.report(Problem::new(span, error.message).hint(error.hint));
            None
        }
    }
}

fn resolve(names: Names<'_>, text: &str) -> std::result::Result<Applies, FilterError> {
    let condition = names.condition(&filter::parse(text)?)?;
    Ok(Applies { text: text.to_owned(), condition })
}

impl Names<'_> {
    fn condition(self, expr: &Expr) -> std::result::Result<Condition, FilterError> {
        let parts =
            |parts: &[Expr]| parts.iter().map(|part| self.condition(part)).collect::<std::result::Result<Vec<_>, _>>();
        Ok(match expr {
            Expr::All(all) => Condition::All(parts(all)?),
            Expr::Any(any) => Condition::Any(parts(any)?),
            Expr::Not(part) => Condition::Not(Box::new(self.condition(part)?)),
            Expr::Test(test) => self.test(test)?,
        })
    }

    fn test(self, test: &Test) -> std::result::Result<Condition, FilterError> {
        if let Ok(factor) = self.factors.binary_search_by(|factor| factor.name.cmp(&test.name)) {
            let test = adapt(test, &self.factors[factor])?;
            let passing = self.factors[factor].levels.iter().map(|level| test.passes(level)).collect();
            return Ok(Condition::Level { factor, passing });
        }
        if let Some(composite) = self.composites.iter().find(|composite| composite.name == test.name) {
            return self.composite_test(test, composite);
        }
        let known: Vec<&str> = self.factors.iter().map(|factor| factor.name.as_str()).collect();
        let hint = nearest(&test.name, &known)
            .map_or_else(|| format!("known are {}", list(&known)), |near| format!("did you mean `{near}`?"));
        Err(error(test, format!("there is no factor `{}`", test.name), hint))
    }

    /// `data == "all"` holds where every factor that the level sets has the level's value.
    fn composite_test(self, test: &Test, composite: &Axis) -> std::result::Result<Condition, FilterError> {
        let levels = test.words.iter().map(|word| {
            composite.levels.iter().find(|level| level.label == *word).ok_or_else(|| {
                let known: Vec<&str> = composite.levels.iter().map(|level| level.label.as_str()).collect();
                let message = format!("`{}` has no level `{word}`", composite.name);
                error(test, message, format!("known are {}", list(&known)))
            })
        });
        let any = levels.map(|level| Ok(self.is_level(level?))).collect::<std::result::Result<Vec<_>, _>>()?;
        match test.operator {
            Operator::Equal | Operator::In => Ok(Condition::Any(any)),
            Operator::NotEqual => Ok(Condition::Not(Box::new(Condition::Any(any)))),
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let message = format!("the levels of `{}` have no order", composite.name);
                Err(error(test, message, "compare with `==`, `!=` or `in`".to_owned()))
            }
        }
    }

    fn is_level(self, level: &AxisLevel) -> Condition {
        let parts = level.sets.iter().map(|&(factor, level)| self.exactly(factor, level));
        Condition::All(parts.collect())
    }

    fn exactly(self, factor: usize, level: LevelIx) -> Condition {
        let passing = (0..self.factors[factor].levels.len()).map(|index| index == usize::from(level)).collect();
        Condition::Level { factor, passing }
    }
}

fn error(test: &Test, message: String, hint: String) -> FilterError {
    FilterError { start: test.at.0, end: test.at.1, message, hint }
}

/// Give the values of `test` the kind that the factor's levels have.
fn adapt(test: &Test, factor: &Factor) -> std::result::Result<Test, FilterError> {
    let mut adapted = test.clone();
    let is_text = matches!(factor.levels.first(), Some(Value::Text(_)));
    for (value, word) in adapted.values.iter_mut().zip(&test.words) {
        if is_text {
            *value = Value::Text(word.clone());
            check_level(test, factor, value)?;
        } else if let (FactorKind::Amount, Some(amount)) = (factor.kind, parse_amount(word)) {
            *value = Value::Int(amount);
        } else if !comparable(factor.levels.first(), value) {
            let message = format!("`{word}` cannot be compared with `{}`", factor.name);
            let example = factor.levels.first().map(|level| super::factors::label(factor.kind, level));
            return Err(error(test, message, format!("its levels look like `{}`", example.unwrap_or_default())));
        }
    }
    Ok(adapted)
}

/// A name that no level has is a slip of the pen, except where names are put in order.
fn check_level(test: &Test, factor: &Factor, value: &Value) -> std::result::Result<(), FilterError> {
    let exact = matches!(test.operator, Operator::Equal | Operator::NotEqual | Operator::In);
    if !exact || factor.levels.contains(value) {
        return Ok(());
    }
    let levels: Vec<String> = factor.levels.iter().map(ToString::to_string).collect();
    let known: Vec<&str> = levels.iter().map(String::as_str).collect();
    let word = value.to_string();
    let hint = nearest(&word, &known)
        .map_or_else(|| format!("known are {}", list(&known)), |near| format!("did you mean `{near}`?"));
    Err(error(test, format!("`{}` has no level `{word}`", factor.name), hint))
}

fn comparable(level: Option<&Value>, value: &Value) -> bool {
    matches!(
        (level, value),
        (Some(Value::Int(_) | Value::Float(_)), Value::Int(_) | Value::Float(_))
            | (Some(Value::Bool(_)), Value::Bool(_))
            | (Some(Value::Text(_)), Value::Text(_))
            | (None, _)
    )
}
