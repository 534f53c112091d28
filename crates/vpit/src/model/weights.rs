//! Where the tensors of a model come from: drawn afresh by their names, or read strictly from checkpoints.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use super::tensor_files::{self, TensorFiles};
use super::tensor_writer;
use crate::{noise, rng::Rng};

/// Why weights could not be read or written; every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Files(#[from] tensor_files::Error),
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
    /// Stored tensors that no module has asked for yet.
    files: Option<RefCell<TensorFiles>>,
    /// Tensors whose name starts with one of the prefixes are drawn with the seed. An empty prefix stands for all.
    fresh: Option<(Vec<String>, u64)>,
    /// Tensors that the files hold with this many rows fewer; those are zero.
    more_rows: (Vec<String>, i64),
    /// Tensors that are here already.
    given: BTreeMap<String, Tensor>,
    target: Target,
    taken: RefCell<BTreeMap<String, Tensor>>,
    problems: RefCell<Vec<String>>,
    failure: RefCell<Option<tensor_files::Error>>,
}

/// What the model's tensors are to be.
#[derive(Debug, Clone, Copy)]
enum Target {
    Tensors(Kind, Device),
    /// Stand-ins of the right shape without memory behind them, to look at a model of any size.
    Shapes,
}

impl Target {
    /// A tensor of `shape` that holds one zero, however large it is.
    fn stand_in(shape: &[i64]) -> Tensor {
        let zero = Tensor::zeros([], (Kind::Float, Device::Cpu));
        if shape.contains(&0) { Tensor::zeros(shape, (Kind::Float, Device::Cpu)) } else { zero.expand(shape, false) }
    }
}

impl Weights {
    fn new(files: Option<TensorFiles>, fresh: Option<(Vec<String>, u64)>) -> Self {
        Self {
            files: files.map(RefCell::new),
            fresh,
            more_rows: (Vec::new(), 0),
            given: BTreeMap::new(),
            target: Target::Tensors(Kind::Float, Device::Cpu),
            taken: RefCell::default(),
            problems: RefCell::default(),
            failure: RefCell::default(),
        }
    }

    /// All tensors drawn afresh, each from a generator keyed by `seed` and its own name.
    #[must_use]
    pub fn fresh(seed: u64) -> Self {
        Self::new(None, Some((vec![String::new()], seed)))
    }

    /// All tensors from the safetensors file at `path`.
    ///
    /// # Errors
    /// The file is missing or damaged.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Ok(Self::of(TensorFiles::file(path)?))
    }

    /// All tensors from these files.
    #[must_use]
    pub fn of(files: TensorFiles) -> Self {
        Self::new(Some(files), None)
    }

    /// All tensors are these, and no others are needed.
    #[must_use]
    pub fn given(tensors: BTreeMap<String, Tensor>) -> Self {
        Self { given: tensors, ..Self::new(None, None) }
    }

    /// Let tensors that start with one of `prefixes` be absent from the files, and draw those afresh.
    #[must_use]
    pub fn with_fresh(self, prefixes: &[&str], seed: u64) -> Self {
        let prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        Self { fresh: Some((prefixes, seed)), ..self }
    }

    /// Leave the tensors of the files that start with one of `prefixes` out of account.
    #[must_use]
    pub fn without(self, prefixes: &[&str]) -> Self {
        if let Some(files) = &self.files {
            files.borrow_mut().retain(|name| !prefixes.iter().any(|prefix| name.starts_with(prefix)));
        }
        self
    }

    /// Take the tensors `names` to have `more` rows than the files say, and those to be zero.
    #[must_use]
    pub fn with_more_rows(self, names: &[&str], more: i64) -> Self {
        Self { more_rows: (names.iter().map(|&name| name.to_owned()).collect(), more), ..self }
    }

    /// Give the tensors of the files the names that `name` makes of theirs.
    #[must_use]
    pub fn renamed(self, name: impl Fn(&str) -> String) -> Self {
        let files = self.files.map(|files| RefCell::new(files.into_inner().renamed(name)));
        Self { files, ..self }
    }

    /// Make all tensors of this type on this device; otherwise they are f32 on the CPU.
    #[must_use]
    pub fn to(self, kind: Kind, device: Device) -> Self {
        Self { target: Target::Tensors(kind, device), ..self }
    }

    /// Compare names and shapes only: the model is built of stand-ins that cannot be computed with.
    #[must_use]
    pub fn shapes_only(self) -> Self {
        Self { target: Target::Shapes, ..self }
    }

    /// Build a model and return it with its parameters by name.
    ///
    /// # Errors
    /// Tensors of the files are missing, unexpected or of another shape; all are listed.
    pub fn build<M>(self, new: impl FnOnce(&Scope<'_>) -> M) -> Result<(M, Parameters), Error> {
        let model = new(&Scope { weights: &self, prefix: String::new() });
        let left = self.files.as_ref().map(|files| files.borrow().names().map(str::to_owned).collect::<Vec<String>>());
        let unexpected = left.into_iter().flatten().map(|name| self.placed(&name, format!("unexpected `{name}`")));
        self.problems.borrow_mut().extend(unexpected);
        Ok((model, self.taken()?))
    }

    /// Build a part of a model; what else the files hold is left for other parts.
    ///
    /// # Errors
    /// Tensors of the files are missing or of another shape; all are listed.
    pub fn part<M>(&self, new: impl FnOnce(&Scope<'_>) -> M) -> Result<(M, Parameters), Error> {
        let part = new(&Scope { weights: self, prefix: String::new() });
        Ok((part, self.taken()?))
    }

    /// Compute with a model whose tensors are all [`Weights::given`].
    ///
    /// # Panics
    /// One of them is not.
    pub fn computed<T>(&self, compute: impl FnOnce(&Scope<'_>) -> T) -> T {
        let computed = compute(&Scope { weights: self, prefix: String::new() });
        let problems = self.problems.take();
        assert!(problems.is_empty(), "a part computes with tensors of another: {}", list(&problems));
        computed
    }

    /// What was built since the last call.
    fn taken(&self) -> Result<Parameters, Error> {
        if let Some(error) = self.failure.take() {
            return Err(error.into());
        }
        let problems = self.problems.take();
        if !problems.is_empty() {
            let path = self.files.as_ref().map(|files| files.borrow().path().to_owned()).unwrap_or_default();
            return Err(Error::Mismatch { path, problems: list(&problems) });
        }
        Ok(Parameters { named: self.taken.take() })
    }

    fn take(&self, name: &str, shape: &[i64], init: Init) -> Tensor {
        if let Some(tensor) = self.given.get(name) {
            return tensor.shallow_clone();
        }
        let stored = self.stored_shape(name);
        let fresh = self.fresh.as_ref().filter(|(prefixes, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        match (stored, fresh, self.target) {
            (Some(stored), ..) if stored != shape => {
                self.complain(name, shape, self.placed(name, format!("`{name}` is {stored:?}, not {shape:?}")))
            }
            (None, None, _) => self.complain(name, shape, format!("missing `{name}`")),
            (.., Target::Shapes) => self.stand_in(name, shape),
            (None, Some((_, seed)), Target::Tensors(kind, device)) => {
                init.draw(*seed, name, shape).to_kind(kind).to(device)
            }
            (Some(_), _, Target::Tensors(kind, device)) => self.copy(name, shape).to_kind(kind).to(device),
        }
    }

    /// The shape of the tensor `name` with the rows that it gets.
    fn stored_shape(&self, name: &str) -> Option<Vec<i64>> {
        let mut shape = self.files.as_ref()?.borrow().shape(name)?.to_vec();
        if let Some(rows) = shape.first_mut() {
            *rows += self.more_rows(name);
        }
        Some(shape)
    }

    fn more_rows(&self, name: &str) -> i64 {
        let (names, more) = &self.more_rows;
        if names.iter().any(|grown| grown == name) { *more } else { 0 }
    }

    fn copy(&self, name: &str, shape: &[i64]) -> Tensor {
        match self.files.as_ref().and_then(|files| files.borrow_mut().take(name)) {
            Some(Ok(tensor)) if self.more_rows(name) > 0 => {
                let grown = Tensor::zeros(shape, (tensor.kind(), Device::Cpu));
                grown.narrow(0, 0, tensor.size()[0]).copy_(&tensor);
                grown
            }
            Some(Ok(tensor)) => tensor,
            Some(Err(error)) => {
                self.failure.borrow_mut().get_or_insert(error);
                Target::stand_in(shape)
            }
            None => self.complain(name, shape, format!("missing `{name}`")),
        }
    }

    /// A problem with a tensor of one of several files, behind that file's name.
    fn placed(&self, name: &str, problem: String) -> String {
        let files = self.files.as_ref().map(RefCell::borrow);
        match files.as_ref().and_then(|files| files.file_of(name)) {
            Some(path) => format!("`{}`: {problem}", path.display()),
            None => problem,
        }
    }

    /// Record a problem and return a stand-in, so that one look at the files finds all problems.
    fn complain(&self, name: &str, shape: &[i64], problem: String) -> Tensor {
        self.problems.borrow_mut().push(problem);
        self.stand_in(name, shape)
    }

    fn stand_in(&self, name: &str, shape: &[i64]) -> Tensor {
        if let Some(files) = &self.files {
            files.borrow_mut().forget(name);
        }
        Target::stand_in(shape)
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

impl From<BTreeMap<String, Tensor>> for Parameters {
    fn from(named: BTreeMap<String, Tensor>) -> Self {
        Self { named }
    }
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

    /// All tensors with their names, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.named.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The tensors alone, by name.
    #[must_use]
    pub fn into_named(self) -> BTreeMap<String, Tensor> {
        self.named
    }

    /// Write all tensors in the safetensors format, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let tensors: Vec<(&str, Tensor)> = self.iter().map(|(name, tensor)| (name, tensor.shallow_clone())).collect();
        Ok(tensor_writer::write(path, &tensors)?)
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
    fn shapes_alone_find_the_same_problems_and_take_no_memory() {
        let large = |scope: &Scope<'_>| scope.tensor("w", &[1 << 20, 1 << 20], Init::Ones);
        let (tensor, parameters) = Weights::fresh(0).shapes_only().build(large).unwrap();
        assert_eq!((tensor.size(), parameters.iter().count()), (vec![1 << 20, 1 << 20], 1));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let (_, parameters) = Weights::fresh(1).build(pair).unwrap();
        parameters.save(&path).unwrap();
        let message = Weights::read(&path).unwrap().shapes_only().build(large).unwrap_err().to_string();
        assert!(message.contains("missing `w`") && message.contains("unexpected `b`"), "{message}");
    }

    #[test]
    fn weights_stored_in_bfloat16_can_be_computed_with_in_any_type() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let new = |scope: &Scope<'_>| scope.tensor("w", &[2], Init::Ones);
        let stored = Tensor::from_slice(&[1.5f32, -2.0]).to_kind(Kind::BFloat16);
        tensor_writer::write(&path, &[("w", stored)]).unwrap();
        for kind in [Kind::Float, Kind::BFloat16, Kind::Half] {
            let (read, _) = Weights::read(&path).unwrap().to(kind, Device::Cpu).build(new).unwrap();
            assert_eq!((read.kind(), read.double_value(&[1])), (kind, -2.0));
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
