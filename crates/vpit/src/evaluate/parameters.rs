//! The parameters of the stage.

use runfile::TaskConfig;
use score::benchmark::{Benchmark, Protocol};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::set::Wanted;

/// What is asked, and by whose rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Names of benchmarks, all ten by default.
    pub benchmarks: Vec<String>,
    pub protocol: String,
    /// A point of the training whose model is asked, `25%`; the last one by default.
    pub at: Option<String>,
    /// Whether data with another number of questions than the benchmark has will do. Scores then say that they are of a
    /// part.
    pub partial: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            benchmarks: Benchmark::ALL.map(|benchmark| benchmark.name().to_owned()).to_vec(),
            protocol: Protocol::Cambrian.name().to_owned(),
            at: None,
            partial: false,
        }
    }
}

impl Parameters {
    /// The parameters of a task.
    ///
    /// # Errors
    /// One is unknown or of no use, in words.
    pub fn of(task: &TaskConfig) -> Result<Self, String> {
        let given = Value::Object(task.params.clone().into_iter().collect());
        let parameters: Self = serde_json::from_value(given).map_err(|error| error.to_string())?;
        parameters.wanted()?;
        match parameters.share() {
            Some(Err(problem)) => Err(problem),
            _ => Ok(parameters),
        }
    }

    /// The benchmarks that are asked, in their order.
    ///
    /// # Errors
    /// A name is unknown or comes twice, in words.
    pub fn wanted(&self) -> Result<Vec<Wanted>, String> {
        let protocol: Protocol = self.protocol.parse()?;
        let benchmarks = self.benchmarks.iter().map(|name| name.parse()).collect::<Result<Vec<Benchmark>, String>>()?;
        if let Some(twice) = (1..benchmarks.len()).find(|&at| benchmarks[..at].contains(&benchmarks[at])) {
            return Err(format!("`benchmarks` has `{}` twice", benchmarks[twice]));
        }
        if benchmarks.is_empty() {
            return Err("`benchmarks` has none".to_owned());
        }
        Ok(benchmarks.into_iter().map(|benchmark| Wanted { benchmark, protocol, partial: self.partial }).collect())
    }

    /// The share of the training after which its model is asked, if that is not the last one.
    #[must_use]
    pub fn share(&self) -> Option<Result<f64, String>> {
        let at = self.at.as_ref()?;
        let share = at.strip_suffix('%').and_then(|number| number.parse::<f64>().ok()).map(|percent| percent / 100.0);
        let share = share.filter(|share| *share > 0.0 && *share < 1.0);
        Some(share.ok_or_else(|| format!("`at` is `{at}`: a point of the training is written as `25%`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(params: serde_json::Value) -> Result<Parameters, String> {
        Parameters::of(&TaskConfig {
            protocol: runfile::PROTOCOL,
            sweep: String::new(),
            stage: "evaluate-vqa".to_owned(),
            task: String::new(),
            params: serde_json::from_value(params).unwrap(),
            inputs: std::collections::BTreeMap::new(),
            threads: 1,
            points: Vec::new(),
        })
    }

    #[test]
    fn what_cannot_be_asked_is_refused_in_words() {
        assert_eq!(of(serde_json::json!({})).unwrap().wanted().unwrap().len(), 10);
        for (params, said) in [
            (serde_json::json!({ "benchmarks": ["mmvp", "mmbench"] }), "no benchmark is called `mmbench`"),
            (serde_json::json!({ "benchmarks": ["mmvp", "seed", "mmvp"] }), "`mmvp` twice"),
            (serde_json::json!({ "benchmarks": [] }), "has none"),
            (serde_json::json!({ "protocol": "mine" }), "no protocol is called `mine`"),
            (serde_json::json!({ "at": "../.." }), "is written as `25%`"),
            (serde_json::json!({ "at": "100%" }), "is written as `25%`"),
            (serde_json::json!({ "benchmark": "mmvp" }), "unknown field `benchmark`"),
        ] {
            let problem = of(params).unwrap_err();
            assert!(problem.contains(said), "{problem}");
        }
    }
}
