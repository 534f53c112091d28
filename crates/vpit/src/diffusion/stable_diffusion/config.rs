//! diffusers' configuration files, read so that no setting is passed over.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};

/// Why a configuration cannot be used: names the file and everything that is wrong in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Read(#[from] runfile::Error),
    #[error("cannot use the configuration `{}`:{}", path.display(), list(problems))]
    Unusable { path: PathBuf, problems: Vec<String> },
}

/// What one of diffusers' classes writes, name by name, with diffusers' defaults for what is absent.
pub trait Wire: DeserializeOwned {
    /// The sizes and choices that it stands for.
    type Config;

    /// diffusers' name of the class.
    const CLASS: &'static str;
    /// Settings that change what is computed, of which only diffusers' default is built here.
    const FIXED: &'static [(&'static str, Only)];
    /// Settings that change nothing that is computed here.
    const IDLE: &'static [&'static str];

    /// Check that everything fits together.
    ///
    /// # Errors
    /// All that does not.
    fn resolve(self) -> Result<Self::Config, Vec<String>>;
}

/// Read the configuration of the class `W` at `path`.
///
/// # Errors
/// The file is missing, is no JSON, is of another class, or asks for what is not built here.
pub fn read<W: Wire>(path: &Path) -> Result<W::Config, Error> {
    let settings = runfile::files::read_json(path)?;
    parse::<W>(settings).map_err(|problems| Error::Unusable { path: path.to_owned(), problems })
}

/// A configuration from its settings, or everything that is wrong with them.
fn parse<W: Wire>(mut settings: Map<String, Value>) -> Result<W::Config, Vec<String>> {
    let class = settings.get("_class_name").and_then(Value::as_str).unwrap_or_default();
    if class != W::CLASS {
        return Err(vec![format!("`_class_name` is `{class}`, not `{}`", W::CLASS)]);
    }
    settings.retain(|key, _| !key.starts_with('_') && !W::IDLE.contains(&key.as_str()));
    let mut problems = Vec::new();
    for (key, only) in W::FIXED {
        let found = settings.remove(*key).filter(|found| !only.is(found));
        problems.extend(found.map(|found| format!("`{key}` is {found}; only {} is known here", only.value())));
    }
    let config = serde_json::from_value::<W>(Value::Object(settings)).map_err(|error| vec![error.to_string()]);
    match config.and_then(W::resolve) {
        Ok(config) if problems.is_empty() => Ok(config),
        Ok(_) => Err(problems),
        Err(more) => Err([problems, more].concat()),
    }
}

/// The only value that a setting may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Only {
    Null,
    Flag(bool),
    Number(f64),
    Text(&'static str),
}

impl Only {
    fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => flag.into(),
            Self::Number(number) => number.into(),
            Self::Text(text) => text.into(),
        }
    }

    /// Whether `found` is this value; 1 and 1.0 are the same number.
    fn is(self, found: &Value) -> bool {
        match self {
            Self::Number(number) => found.as_f64() == Some(number),
            Self::Null | Self::Flag(_) | Self::Text(_) => *found == self.value(),
        }
    }
}

fn list(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// A number that holds at every level, or one for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PerLevel {
    Same(i64),
    Each(Vec<i64>),
}

impl PerLevel {
    /// The number of every one of `count` levels; `key` is the setting's name, for the complaint.
    ///
    /// # Errors
    /// There is another number of numbers, or one is not positive.
    pub fn spread(&self, key: &str, count: usize) -> Result<Vec<i64>, String> {
        let numbers = match self {
            Self::Same(number) => vec![*number; count],
            Self::Each(numbers) => numbers.clone(),
        };
        if numbers.len() != count {
            return Err(format!("`{key}` has {} numbers for {count} blocks", numbers.len()));
        }
        match numbers.iter().find(|&&number| number < 1) {
            Some(number) => Err(format!("`{key}` has {number}, which is not positive")),
            None => Ok(numbers),
        }
    }
}

impl<'de> Deserialize<'de> for PerLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let numbers = |items: &Vec<Value>| items.iter().map(Value::as_i64).collect::<Option<_>>().map(Self::Each);
        let read = value.as_i64().map(Self::Same).or_else(|| value.as_array().and_then(numbers));
        read.ok_or_else(|| D::Error::custom(format!("{value} is neither an integer nor a list of integers")))
    }
}

/// Complaints about numbers of channels that `groups` groups do not divide.
pub fn indivisible(channels: &[i64], groups: i64) -> Vec<String> {
    if groups < 1 {
        return vec![format!("`norm_num_groups` is {groups}, which is not positive")];
    }
    let odd = channels.iter().filter(|&&channels| channels % groups != 0);
    odd.map(|channels| format!("{channels} of `block_out_channels` are no multiple of {groups} groups")).collect()
}

/// Complaints about named numbers that are not positive.
pub fn not_positive(numbers: &[(&str, i64)]) -> Vec<String> {
    let wrong = numbers.iter().filter(|(_, number)| *number < 1);
    wrong.map(|(key, number)| format!("`{key}` is {number}, which is not positive")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Toy {
        heads: PerLevel,
    }

    impl Wire for Toy {
        type Config = Vec<i64>;
        const CLASS: &'static str = "Toy";
        const FIXED: &'static [(&'static str, Only)] = &[("scale", Only::Number(1.0)), ("act_fn", Only::Text("silu"))];
        const IDLE: &'static [&'static str] = &["sample_size"];

        fn resolve(self) -> Result<Vec<i64>, Vec<String>> {
            self.heads.spread("heads", 2).map_err(|problem| vec![problem])
        }
    }

    fn toy(settings: Value) -> Result<Vec<i64>, String> {
        let Value::Object(settings) = settings else { panic!("an object is wanted") };
        parse::<Toy>(settings).map_err(|problems| problems.join("; "))
    }

    #[test]
    fn one_number_stands_for_every_level_and_settings_without_effect_may_be_anything() {
        let settings =
            json!({"_class_name": "Toy", "_x": 1, "heads": 3, "scale": 1.0, "act_fn": "silu", "sample_size": 9});
        assert_eq!(toy(settings), Ok(vec![3, 3]));
        assert_eq!(toy(json!({"_class_name": "Toy", "heads": [3, 4]})), Ok(vec![3, 4]));
    }

    #[test]
    fn every_setting_that_is_not_built_is_named() {
        let problems = toy(json!({"_class_name": "Toy", "heads": [1], "scale": 2, "act_fn": "gelu"})).unwrap_err();
        for problem in
            ["`scale` is 2; only 1.0 is known here", "`act_fn` is \"gelu\"", "`heads` has 1 numbers for 2 blocks"]
        {
            assert!(problems.contains(problem), "{problems}");
        }
        for (settings, problem) in [
            (json!({"_class_name": "Other"}), "`_class_name` is `Other`, not `Toy`"),
            (json!({}), "`_class_name` is ``"),
            (json!({"_class_name": "Toy", "heads": 1, "new": true}), "unknown field `new`"),
            (json!({"_class_name": "Toy"}), "missing field `heads`"),
            (json!({"_class_name": "Toy", "heads": "many"}), "neither an integer nor a list of integers"),
            (json!({"_class_name": "Toy", "heads": [1, 0]}), "`heads` has 0"),
        ] {
            let problems = toy(settings).unwrap_err();
            assert!(problems.contains(problem), "{problems}");
        }
    }
}
