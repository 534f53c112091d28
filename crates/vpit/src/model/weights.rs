//! Where the tensors of a model come from: drawn afresh by their names, or read strictly from a checkpoint.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use crate::{noise, rng::Rng};

/// Why weights could not be read or written; every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the weights `{}`", path.display())]
    Read { path: PathBuf, source: tch::TchError },
    #[error("cannot write the weights `{}`", path.display())]
    Write { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the weights `{}` do not fit the model:{problems}", path.display())]
    Mismatch { path: PathBuf, problems: String },
}

/// How a fresh tensor starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    Zeros,
    Ones,
    Constant(f64),
    /// Normal with mean zero and this standard deviation.
    Normal(f64),
}

impl Init {
    /// Normal with the variance 1/`inputs` that keeps the size of activations.
    #[must_use]
    pub fn fan_in(inputs: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "layer sizes are far below 2^53")]
        let inputs = inputs as f64;
        Self::Normal(inputs.sqrt().recip())
    }

    fn draw(self, seed: u64, name: &str, shape: &[i64]) -> Tensor {
        let options = (Kind::Float, Device::Cpu);
        match self {
            Self::Zeros => Tensor::zeros(shape, options),
            Self::Ones => Tensor::ones(shape, options),
            Self::Constant(value) => Tensor::full(shape, value, options),
            Self::Normal(std) => noise::normal(&mut Rng::new(seed, &format!("init/{name}"), 0), shape) * std,
        }
    }
}

/// A source of weights from which one model is built.
#[derive(Debug)]
pub struct Weights {
    /// The file's path and its tensors that no module has asked for yet.
    file: Option<(PathBuf, RefCell<BTreeMap<String, Tensor>>)>,
    /// Tensors whose name starts with one of the prefixes are drawn with the seed. An empty prefix stands for all.
    fresh: Option<(Vec<String>, u64)>,
    taken: RefCell<BTreeMap<String, Tensor>>,
    problems: RefCell<Vec<String>>,
}

impl Weights {
    /// All tensors drawn afresh, each from a generator keyed by `seed` and its own name.
    #[must_use]
    pub fn fresh(seed: u64) -> Self {
        Self {
            file: None,
            fresh: Some((vec![String::new()], seed)),
            taken: RefCell::default(),
            problems: RefCell::default(),
        }
    }

    /// All tensors from the safetensors file at `path`.
    ///
    /// # Errors
    /// The file is missing or not in the safetensors format.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let tensors = Tensor::read_safetensors(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let unclaimed = RefCell::new(tensors.into_iter().collect());
        Ok(Self {
            file: Some((path.to_owned(), unclaimed)),
            fresh: None,
            taken: RefCell::default(),
            problems: RefCell::default(),
        })
    }

    /// Let tensors that start with one of `prefixes` be absent from the file, and draw those afresh.
    #[must_use]
    pub fn with_fresh(self, prefixes: &[&str], seed: u64) -> Self {
        let prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        Self { fresh: Some((prefixes, seed)), ..self }
    }

    /// Leave the tensors of the file that start with one of `prefixes` out of account.
    #[must_use]
    pub fn without(self, prefixes: &[&str]) -> Self {
        if let Some((_, unclaimed)) = &self.file {
            unclaimed.borrow_mut().retain(|name, _| !prefixes.iter().any(|prefix| name.starts_with(prefix)));
        }
        self
    }

    /// Build a model and return it with its parameters by name.
    ///
    /// # Errors
    /// Tensors of the file are missing, unexpected or of another shape; all are listed.
    pub fn build<M>(self, new: impl FnOnce(&Scope<'_>) -> M) -> Result<(M, Parameters), Error> {
        let model = new(&Scope { weights: &self, prefix: String::new() });
        let mut problems = self.problems.into_inner();
        if let Some((path, unclaimed)) = self.file {
            problems.extend(unclaimed.into_inner().into_keys().map(|name| format!("unexpected `{name}`")));
            if !problems.is_empty() {
                return Err(Error::Mismatch { path, problems: list(&problems) });
            }
        }
        Ok((model, Parameters { named: self.taken.into_inner() }))
    }

    fn take(&self, name: &str, shape: &[i64], init: Init) -> Tensor {
        let found = self.file.as_ref().and_then(|(_, unclaimed)| unclaimed.borrow_mut().remove(name));
        let fresh = self.fresh.as_ref().filter(|(prefixes, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        match (found, fresh) {
            (Some(tensor), _) if tensor.size() == shape => tensor.to_kind(Kind::Float),
            (Some(tensor), _) => self.complain(shape, format!("`{name}` is {:?}, not {shape:?}", tensor.size())),
            (None, Some((_, seed))) => init.draw(*seed, name, shape),
            (None, None) => self.complain(shape, format!("missing `{name}`")),
        }
    }

    /// Record a problem and return a stand-in, so that one look at the file finds all problems.
    fn complain(&self, shape: &[i64], problem: String) -> Tensor {
        self.problems.borrow_mut().push(problem);
        Tensor::zeros(shape, (Kind::Float, Device::Cpu))
    }
}

/// A place in the tree of names, `model.layers.0.self_attn`.
#[derive(Debug)]
pub struct Scope<'a> {
    weights: &'a Weights,
    prefix: String,
}

impl Scope<'_> {
    /// The place `name` below this one.
    #[must_use]
    pub fn at(&self, name: impl Display) -> Self {
        Self { weights: self.weights, prefix: self.join(name) }
    }

    /// The tensor `name` at this place.
    pub fn tensor(&self, name: &str, shape: &[i64], init: Init) -> Tensor {
        let name = self.join(name);
        let tensor = self.weights.take(&name, shape, init);
        self.weights.taken.borrow_mut().insert(name, tensor.shallow_clone());
        tensor
    }

    fn join(&self, name: impl Display) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }
}

/// The tensors of a model by their checkpoint names; they share storage with the model's fields.
#[derive(Debug)]
pub struct Parameters {
    named: BTreeMap<String, Tensor>,
}

impl Parameters {
    /// Make the tensors whose names `chosen` accepts trainable, all others constant, and return the trainable ones.
    #[must_use]
    pub fn train(&self, chosen: impl Fn(&str) -> bool) -> Vec<Tensor> {
        self.named
            .iter()
            .filter_map(|(name, tensor)| {
                let wanted = chosen(name);
                let tensor = tensor.set_requires_grad(wanted);
                wanted.then_some(tensor)
            })
            .collect()
    }

    /// The tensor called `name`, if the model has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.named.get(name)
    }

    /// Write all tensors in the safetensors format, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let fail = |source: Box<dyn std::error::Error + Send + Sync>| Error::Write { path: path.to_owned(), source };
        let tensors: Vec<(&str, Tensor)> =
            self.named.iter().map(|(name, tensor)| (name.as_str(), tensor.detach().contiguous())).collect();
        let temporary = path.with_extension("tmp");
        Tensor::write_safetensors(&tensors, &temporary).map_err(|error| fail(error.into()))?;
        std::fs::rename(&temporary, path).map_err(|error| fail(error.into()))
    }
}

fn list(problems: &[String]) -> String {
    problems.iter().fold(String::new(), |mut text, problem| {
        let _ = write!(text, "\n  {problem}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(scope: &Scope<'_>) -> Tensor {
        let first = scope.at("a").tensor("weight", &[2, 3], Init::Normal(1.0));
        first.matmul(&scope.tensor("b", &[3], Init::Ones))
    }

    #[test]
    fn weights_survive_the_round_trip_through_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let (drawn, parameters) = Weights::fresh(1).build(pair).unwrap();
        parameters.save(&path).unwrap();
        let (read, _) = Weights::read(&path).unwrap().build(pair).unwrap();
        assert_eq!(drawn, read);
    }

    #[test]
    fn missing_unexpected_and_misshapen_tensors_are_all_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let (_, parameters) = Weights::fresh(1).build(pair).unwrap();
        parameters.save(&path).unwrap();
        let other = |scope: &Scope<'_>| {
            let _ = scope.tensor("b", &[4], Init::Ones);
            let _ = scope.tensor("c", &[1], Init::Ones);
        };
        let message = Weights::read(&path).unwrap().build(other).unwrap_err().to_string();
        for problem in ["`b` is [3], not [4]", "missing `c`", "unexpected `a.weight`"] {
            assert!(message.contains(problem), "{message}");
        }
    }

    #[test]
    fn a_fresh_tensor_depends_on_its_name_and_not_on_the_order_of_drawing() {
        let get = |names: &'static [&'static str]| {
            let (_, parameters) = Weights::fresh(9)
                .build(|scope| names.iter().for_each(|name| drop(scope.tensor(name, &[4], Init::Normal(1.0)))))
                .unwrap();
            parameters
        };
        let (forward, backward) = (get(&["x", "y"]), get(&["y", "x"]));
        assert_eq!(forward.get("x"), backward.get("x"));
        assert_ne!(forward.get("x"), forward.get("y"));
    }
}
