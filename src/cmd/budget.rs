//! `--budget`: what a submission may cost.

use super::current::Current;
use crate::attempt::Ledger;
use crate::launch::select::Selected;
use crate::plan::{Actions, Standing, costs};
use crate::text::{hours, plural};
use crate::{Error, Result};

/// GPU-hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget(f64);

/// Read `500gpuh`.
///
/// # Errors
/// It is something else.
pub fn parse(text: &str) -> std::result::Result<Budget, String> {
    let number = text.strip_suffix("gpuh").and_then(|number| number.trim().parse::<f64>().ok());
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    number.map(Budget).ok_or_else(|| "write GPU-hours, like `500gpuh`".to_owned())
}

impl Budget {
    /// Check that what is selected costs no more, by measured durations and by declared ones where there are none yet.
    ///
    /// # Errors
    /// It costs more, or nobody knows what it costs.
    pub fn check(self, current: &Current, ledger: &Ledger, selected: &Selected) -> Result<()> {
        let Current { sweep, plan } = current;
        let mut actions = Actions { standings: vec![Standing::Done; plan.tasks.len()] };
        for task in &selected.tasks {
            actions.standings[task.0 as usize] = Standing::New;
        }
        let costs = costs(sweep, plan, &actions, ledger);
        let unknown: usize = costs.iter().map(|cost| cost.unknown).sum();
        if unknown > 0 {
            let message = format!("nobody knows what {} would cost", plural(unknown, "task"));
            return Err(
                Error::usage(message).hint("write `expected` under the stage's `resources`, or run some of them first")
            );
        }
        let needed: f64 = costs.iter().map(|cost| cost.gpu_hours_left).sum();
        if needed <= self.0 {
            return Ok(());
        }
        let message = format!("this would take about {} GPU-hours, the budget has {}", hours(needed), hours(self.0));
        Err(Error::usage(message).hint("`--where` selects fewer cells, `--grid` one grid"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_has_its_unit() {
        assert_eq!(parse("500gpuh"), Ok(Budget(500.0)));
        assert_eq!(parse("0.5 gpuh"), Ok(Budget(0.5)));
        for text in ["500", "gpuh", "-1gpuh", "infgpuh", "NaNgpuh", "5h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
