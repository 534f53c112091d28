//! Stored tensors, how near ours must come to them, and weights that need not be stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};
use vpit::diffusion::stable_diffusion::config::{Wire, read};
use vpit::model::{Parameters, Scope, Weights};
use vpit::rng::Rng;

/// What convolutions and biases of faint networks are multiplied by.
const FAINT: f64 = 0.03;

/// Where the generators write.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The tensors of one fixture.
pub struct Golden(BTreeMap<String, Tensor>);

impl Golden {
    /// Also keeps libtorch to one thread: the tensors are small, and tests run side by side.
    pub fn read(name: &str) -> Self {
        tch::set_num_threads(1);
        Self(Tensor::read_safetensors(path(&format!("{name}.safetensors"))).unwrap().into_iter().collect())
    }

    #[track_caller]
    pub fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("the fixture has no `{name}`"))
    }

    /// Tensors whose names start with `prefix`, by the rest of their names.
    pub fn below(&self, prefix: &str) -> Vec<(&str, &Tensor)> {
        self.0.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor))).collect()
    }

    pub fn times(&self, name: &str) -> Vec<usize> {
        let times: Vec<i64> = self.get(name).try_into().unwrap();
        times.into_iter().map(|time| usize::try_from(time).unwrap()).collect()
    }

    /// Holds `ours` to the tensor `name`.
    #[track_caller]
    pub fn meet(&self, name: &str, ours: &Tensor) {
        agree(ours, self.get(name)).unwrap_or_else(|problem| panic!("`{name}`: {problem}"));
    }

    /// Holds `ours` to the tensor `name`, and away from what came of each mistake below `mutants`, of which there are some.
    #[track_caller]
    pub fn hold(&self, name: &str, ours: &Tensor, mutants: &str) {
        self.meet(name, ours);
        let mutants = self.below(mutants);
        assert!(!mutants.is_empty(), "`{name}` has no mutants");
        for (mistake, theirs) in mutants {
            assert!(agree(ours, theirs).is_err(), "`{name}` does not show the mistake: {mistake}");
        }
    }
}

/// Largest difference at most 1e-4 of the largest value, and directions the same within 1e-8.
pub fn agree(ours: &Tensor, theirs: &Tensor) -> Result<(), String> {
    if ours.size() != theirs.size() {
        return Err(format!("shape {:?}, not {:?}", ours.size(), theirs.size()));
    }
    let [a, b] = [ours, theirs].map(|x| x.detach().to_kind(Kind::Double).flatten(0, -1));
    let number = |x: Tensor| x.double_value(&[]);
    let (largest, difference) = (number(b.abs().max()), number((&a - &b).abs().max()));
    let cosine = number(a.dot(&b)) / (number(a.norm()) * number(b.norm()));
    let near = difference <= 1e-4 * largest && 1.0 - cosine < 1e-8;
    if near { Ok(()) } else { Err(format!("{difference:e} of {largest:e} apart, 1 - cosine {:e}", 1.0 - cosine)) }
}

/// The network of diffusers in the fixture `name`, with the weights that the generator gives it.
pub fn network<W: Wire, M>(name: &str, new: impl Fn(&Scope<'_>, &W::Config) -> M) -> (M, W::Config) {
    let config = read::<W>(&path(&format!("{name}.json"))).unwrap();
    let gain = if name.contains("faint") { FAINT } else { 1.0 };
    (filled(|scope| new(scope, &config), gain), config)
}

/// Holds names and shapes to those of a published file; `list` has a line for each.
#[track_caller]
pub fn hold_published(parameters: &Parameters, list: &str, count: usize) {
    let published = std::fs::read_to_string(path(list)).unwrap();
    let published: BTreeMap<&str, String> = published
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, shape)| (name, shape.to_owned()))
        .collect();
    let ours: BTreeMap<&str, String> =
        parameters.iter().map(|(name, tensor)| (name, format!("{:?}", tensor.size()))).collect();
    assert_eq!(ours, published);
    assert_eq!(ours.len(), count);
}

/// Names and shapes of a network, without memory for its numbers.
pub fn outline<M>(new: impl FnOnce(&Scope<'_>) -> M) -> Parameters {
    Weights::fresh(0).shapes_only().build(new).unwrap().1
}

/// A network of the generator's weights, read from a file as any other.
pub fn filled<M>(new: impl Fn(&Scope<'_>) -> M, gain: f64) -> M {
    let tensors: Vec<(String, Tensor)> =
        outline(&new).iter().map(|(name, tensor)| (name.to_owned(), weight(name, &tensor.size(), gain))).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    Tensor::write_safetensors(&tensors, &file).unwrap();
    Weights::read(&file).unwrap().build(new).unwrap().0
}

/// `uniform` of the generator: numbers in [-1, 1) that depend on the name.
pub fn uniform(name: &str, shape: &[i64]) -> Tensor {
    let mut rng = Rng::new(0, name, 0);
    let drawn: Vec<f32> = (0..shape.iter().product()).map(|_| (2.0 * rng.f64() - 1.0) as f32).collect();
    Tensor::from_slice(&drawn).view(shape)
}

/// `weight` of the generator.
fn weight(name: &str, shape: &[i64], gain: f64) -> Tensor {
    let drawn = uniform(name, shape);
    let inputs: i64 = shape.iter().skip(1).product();
    let matrix = |drawn: Tensor| drawn * (3.0 / inputs as f64).sqrt();
    match shape.len() {
        1 if name.ends_with("running_var") => drawn * 0.5 + 1.0,
        1 if name.ends_with("weight") => drawn * 0.2 + 1.0,
        0 | 1 => drawn * (0.1 * gain),
        4 => matrix(drawn) * gain,
        _ => matrix(drawn),
    }
}
