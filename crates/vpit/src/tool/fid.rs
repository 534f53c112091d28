//! `vpit fid` and `vpit fid-statistics`: how far generated pictures are from real ones.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use score::frechet::{self, Moments, Normal};
use score::kid;
use serde::Serialize;
use tch::{Device, Kind};

use super::printed::printed;
use super::stream::{self, Broken, floats};
use super::{folder, npz};
use crate::judge::{Inception, Preparation, inception};
use crate::model::{Weights, weights};
use crate::rng::Rng;

/// What both commands need.
#[derive(Debug, clap::Args)]
struct Network {
    /// FID's Inception as safetensors, see `vpit convert-inception`
    #[arg(long, value_name = "SAFETENSORS")]
    weights: PathBuf,
    /// How pictures are brought to 299 x 299; part of the score's name
    #[arg(long, value_name = "NAME", default_value = "pytorch-fid")]
    preparation: Preparation,
    /// Pictures at once; changes no score beyond rounding
    #[arg(long, default_value_t = 50)]
    batch: usize,
    /// Pass over pictures that cannot be read, and say how many
    #[arg(long)]
    skip_broken: bool,
}

/// Two sets of pictures.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder with the real pictures, or their statistics (`.npz` of pytorch-fid or of `vpit fid-statistics`)
    real: PathBuf,
    /// Folder with the generated pictures, or their statistics
    generated: PathBuf,
    #[command(flatten)]
    network: Network,
    /// Also the kernel distance, as the mean over 100 pairs of subsets of 1,000
    #[arg(long)]
    kid: bool,
    /// Also the distance extrapolated to infinitely many generated pictures
    #[arg(long)]
    infinity: bool,
    /// Give a distance though the numbers of pictures differ or do not exceed 2,048
    #[arg(long)]
    biased: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One set of pictures.
#[derive(Debug, clap::Args)]
pub struct StatisticsArguments {
    /// Folder with pictures
    pictures: PathBuf,
    /// Where their statistics are written, such as `real.npz`
    statistics: PathBuf,
    #[command(flatten)]
    network: Network,
}

/// Why there is no distance.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Picture(#[from] folder::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Statistics(#[from] npz::Error),
    #[error("cannot compute the Fréchet distance")]
    Distance(#[from] frechet::Error),
    #[error("cannot compute the kernel distance")]
    Kid(#[from] kid::Error),
    #[error("cannot print the result")]
    Print(#[from] serde_json::Error),
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{n} pictures in `{}` are too few: {dim} features need more than {dim} (--biased computes all the same)", path.display())]
    TooFew { path: PathBuf, n: u64, dim: usize },
    #[error(
        "there are {real} real and {generated} generated pictures: the distance is biased by their number, so take equally many (--biased computes all the same)"
    )]
    Unequal { real: u64, generated: u64 },
    #[error("`{}` has statistics alone, and {what} needs the pictures", path.display())]
    NoPictures { path: PathBuf, what: &'static str },
}

/// What was found.
#[derive(Debug, Serialize, PartialEq)]
pub struct Report {
    pub metric: String,
    pub value: f64,
    /// Real and generated pictures; none where a file of statistics does not say.
    pub n: [Option<u64>; 2],
    /// Pictures that could not be read, real and generated.
    pub passed_over: [u64; 2],
    pub floor: Option<Floor>,
    pub kid: Option<Kernel>,
    pub infinity: Option<f64>,
    /// BLAKE3 of the network's weights.
    pub weights: String,
    pub warnings: Vec<String>,
}

/// The distance between two halves of the real pictures: what a perfect generator would get at this n.
#[derive(Debug, Clone, Copy, Serialize, PartialEq)]
pub struct Floor {
    pub value: f64,
    pub n: u64,
}

/// The kernel distance.
#[derive(Debug, Clone, Copy, Serialize, PartialEq)]
pub struct Kernel {
    pub value: f64,
    /// Standard deviation over subsets.
    pub deviation: f64,
    pub subsets: u64,
    pub subset: usize,
}

/// Below this many pictures a feature the bias is more than a small part of most distances.
const TRUSTED: u64 = 10;
/// Distances on the way to infinity, and the first one's share of all pictures (Chong and Forsyth 2020: 15 from 5,000 on).
const STEPS: u64 = 15;
const FIRST: u64 = 6;
const SUBSETS: u64 = 100;
const SUBSET: usize = 1000;

/// Compare two sets of pictures; gives what is to be printed.
///
/// # Errors
/// Pictures, weights or statistics cannot be used, or their number does not carry a distance.
pub fn run(arguments: &Arguments) -> Result<String, Error> {
    let judge = Judge::open(&arguments.network)?;
    let (real, generated) = (Source::open(&arguments.real)?, Source::open(&arguments.generated)?);
    if !arguments.biased {
        check(arguments, [real.n(), generated.n()])?;
    }
    let keep = arguments.kid;
    let real = real.seen(&judge, keep, |_| Ok(()))?;
    let reference = real.normal()?;
    let mut path = ToInfinity::new(arguments.infinity, generated.n());
    let generated = generated.seen(&judge, keep, |so_far| path.step(&reference, so_far))?;
    let n = [real.n, generated.n];
    if !arguments.biased {
        check(arguments, n)?;
    }
    let report = Report {
        metric: format!("fid/{}", judge.preparation),
        value: frechet::between(&reference, &generated.normal()?)?,
        n,
        passed_over: [real.passed_over, generated.passed_over],
        floor: real.floor(arguments.biased)?,
        kid: if keep { Some(kernel(arguments, &real, &generated)?) } else { None },
        infinity: frechet::extrapolated(&path.points),
        weights: judge.digest,
        warnings: warnings(n),
    };
    Ok(printed(&report, arguments.json)?)
}

/// Write the statistics of a folder; gives what is to be printed.
///
/// # Errors
/// Pictures or weights cannot be used, or the file cannot be written.
pub fn statistics(arguments: &StatisticsArguments) -> Result<String, Error> {
    let judge = Judge::open(&arguments.network)?;
    let seen = Source::Folder(folder::list(&arguments.pictures)?).seen(&judge, false, |_| Ok(()))?;
    let n = seen.n.unwrap_or_default();
    npz::write(&arguments.statistics, &seen.normal()?, n)?;
    let passed_over = seen.passed_over;
    Ok(format!("{}: statistics of {n} pictures, {passed_over} passed over\n", arguments.statistics.display()))
}

/// Refuse numbers of pictures that carry no comparable distance.
fn check(arguments: &Arguments, n: [Option<u64>; 2]) -> Result<(), Error> {
    let dim = inception::WIDTH as usize;
    for (path, n) in [&arguments.real, &arguments.generated].into_iter().zip(n) {
        if let Some(n) = n.filter(|&n| n <= dim as u64) {
            return Err(Error::TooFew { path: path.clone(), n, dim });
        }
    }
    match n {
        [Some(real), Some(generated)] if real != generated => Err(Error::Unequal { real, generated }),
        _ => Ok(()),
    }
}

fn warnings(n: [Option<u64>; 2]) -> Vec<String> {
    let enough = TRUSTED * inception::WIDTH as u64;
    let few = n.iter().flatten().min().filter(|&&n| n < enough);
    let few =
        few.map(|n| format!("n = {n} is below {enough}, so much of this distance is bias: compare equal n alone"));
    let unknown = n.contains(&None).then(|| "a file of statistics does not say of how many pictures it is".to_owned());
    few.into_iter().chain(unknown).collect()
}

/// The network, ready to look.
struct Judge {
    inception: Inception,
    preparation: Preparation,
    batch: usize,
    broken: Broken,
    device: Device,
    digest: String,
}

impl Judge {
    fn open(network: &Network) -> Result<Self, Error> {
        let path = &network.weights;
        let device = Device::cuda_if_available();
        let (inception, _) = Weights::read(path)?.to(Kind::Float, device).build(Inception::new)?;
        let mut hasher = blake3::Hasher::new();
        let hashed = std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
        hashed.map_err(|source| Error::Read { path: path.clone(), source })?;
        Ok(Self {
            inception,
            preparation: network.preparation,
            batch: network.batch.max(1),
            broken: if network.skip_broken { Broken::Counts } else { Broken::Fails },
            device,
            digest: hasher.finalize().to_hex().to_string(),
        })
    }

    /// The features of pictures, batch by batch; gives how many were passed over.
    fn watch(&self, paths: &[PathBuf], mut see: impl FnMut(&[f32]) -> Result<(), Error>) -> Result<u64, Error> {
        let preparation = self.preparation;
        let prepare = |path: &Path| folder::levels(path).map(|levels| tch::no_grad(|| preparation.of(&levels)));
        let passed_over = stream::batches(paths, self.batch, self.broken, prepare, |pictures, _| {
            let features = tch::no_grad(|| self.inception.forward(&pictures.to_device(self.device)));
            see(&floats(&features))
        })?;
        Ok(passed_over.len() as u64)
    }
}

/// Where one side comes from.
enum Source {
    Folder(Vec<PathBuf>),
    Statistics { path: PathBuf, normal: Normal, n: Option<u64> },
}

impl Source {
    fn open(path: &Path) -> Result<Self, Error> {
        if path.extension().is_some_and(|ending| ending == "npz") {
            let (normal, n) = npz::read(path)?;
            return Ok(Self::Statistics { path: path.to_owned(), normal, n });
        }
        Ok(Self::Folder(folder::list(path)?))
    }

    fn n(&self) -> Option<u64> {
        match self {
            Self::Folder(paths) => Some(paths.len() as u64),
            Self::Statistics { n, .. } => *n,
        }
    }

    /// Look at all pictures in an order of chance, so that a half and a part of them are a fair draw.
    fn seen(
        self,
        judge: &Judge,
        keep: bool,
        mut after: impl FnMut(&Moments) -> Result<(), Error>,
    ) -> Result<Seen, Error> {
        let mut paths = match self {
            Self::Statistics { path, normal, n } => {
                return Ok(Seen { given: Some((path, normal)), n, ..Seen::nothing() });
            }
            Self::Folder(paths) => paths,
        };
        shuffle(&mut paths);
        let half = paths.len() as u64 / 2;
        let (mut whole, mut first, mut kept) = (Moments::new(inception::WIDTH as usize), None, Vec::new());
        let passed_over = judge.watch(&paths, |features| {
            whole.extend(features)?;
            if keep {
                kept.extend_from_slice(features);
            }
            if first.is_none() && whole.n() >= half {
                first = Some(whole.clone());
            }
            after(&whole)
        })?;
        Ok(Seen { n: Some(whole.n()), moments: Some(whole), first, kept, passed_over, given: None })
    }
}

fn shuffle(paths: &mut [PathBuf]) {
    let mut rng = Rng::new(0, "fid", 0);
    for at in (1..paths.len()).rev() {
        paths.swap(at, rng.below(at as u64 + 1) as usize);
    }
}

/// One side after it was looked at.
struct Seen {
    given: Option<(PathBuf, Normal)>,
    moments: Option<Moments>,
    /// About the first half of the pictures.
    first: Option<Moments>,
    kept: Vec<f32>,
    n: Option<u64>,
    passed_over: u64,
}

impl Seen {
    const fn nothing() -> Self {
        Self { given: None, moments: None, first: None, kept: Vec::new(), n: None, passed_over: 0 }
    }

    fn normal(&self) -> Result<Normal, Error> {
        match (&self.given, &self.moments) {
            (Some((_, normal)), _) => Ok(normal.clone()),
            (None, Some(moments)) => Ok(moments.normal()?),
            (None, None) => Err(frechet::Error::TooFew { n: 0 }.into()),
        }
    }

    /// The floor, where both halves carry a distance.
    fn floor(&self, biased: bool) -> Result<Option<Floor>, Error> {
        let (Some(whole), Some(first)) = (&self.moments, &self.first) else { return Ok(None) };
        let second = whole.without(first)?;
        let n = first.n().min(second.n());
        if n <= if biased { 1 } else { whole.dim() as u64 } {
            return Ok(None);
        }
        Ok(Some(Floor { value: frechet::distance(first, &second)?, n }))
    }
}

/// Distances at growing numbers of generated pictures.
struct ToInfinity {
    ends: Vec<u64>,
    points: Vec<(u64, f64)>,
}

impl ToInfinity {
    fn new(wanted: bool, n: Option<u64>) -> Self {
        let n = n.filter(|_| wanted).unwrap_or_default();
        let first = (n / FIRST).max(inception::WIDTH as u64 + 1);
        let end = |step: u64| first + (n.saturating_sub(first)) * step / (STEPS - 1);
        let ends = if first < n { (0..STEPS).rev().map(end).collect() } else { Vec::new() };
        Self { ends, points: Vec::new() }
    }

    fn step(&mut self, reference: &Normal, so_far: &Moments) -> Result<(), Error> {
        if self.ends.last().is_none_or(|&end| so_far.n() < end) {
            return Ok(());
        }
        self.ends.retain(|&end| end > so_far.n());
        self.points.push((so_far.n(), frechet::between(reference, &so_far.normal()?)?));
        Ok(())
    }
}

/// The kernel distance over subsets that are drawn the same each time.
fn kernel(arguments: &Arguments, real: &Seen, generated: &Seen) -> Result<Kernel, Error> {
    for (seen, path) in [(real, &arguments.real), (generated, &arguments.generated)] {
        if seen.given.is_some() {
            return Err(Error::NoPictures { path: path.clone(), what: "--kid" });
        }
    }
    let dim = inception::WIDTH as usize;
    let subset = SUBSET.min(real.kept.len() / dim).min(generated.kept.len() / dim);
    let mut values = Vec::new();
    for number in 0..SUBSETS {
        let left = drawn(&real.kept, dim, subset, "kid real", number);
        let right = drawn(&generated.kept, dim, subset, "kid generated", number);
        values.push(kid::discrepancy(dim, &left, &right)?);
    }
    let (mean, deviation) = kid::over_subsets(&values).ok_or(kid::Error::TooFew { n: 0 })?;
    Ok(Kernel { value: mean.value, deviation, subsets: SUBSETS, subset })
}

/// `count` different rows.
fn drawn(rows: &[f32], dim: usize, count: usize, purpose: &str, number: u64) -> Vec<f64> {
    let mut rng = Rng::new(0, purpose, number);
    let mut order: Vec<usize> = (0..rows.len() / dim).collect();
    for at in 0..count {
        let other = at + rng.below((order.len() - at) as u64) as usize;
        order.swap(at, other);
    }
    let row = |&at: &usize| rows.chunks_exact(dim).nth(at).unwrap_or_default().iter().map(|&value| f64::from(value));
    order.iter().take(count).flat_map(row).collect()
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.n.map(|n| n.map_or("?".to_owned(), |n| n.to_string()));
        writeln!(f, "{} {:.6} at n = {} real, {} generated", self.metric, self.value, n[0], n[1])?;
        if self.passed_over != [0, 0] {
            writeln!(f, "  passed over: {} real, {} generated", self.passed_over[0], self.passed_over[1])?;
        }
        match self.floor {
            Some(Floor { value, n }) => writeln!(f, "  floor {value:.6}: two halves of the real pictures at n = {n}")?,
            None => writeln!(f, "  floor unknown: it takes real pictures, more than 4,096")?,
        }
        if let Some(Kernel { value, deviation, subsets, subset }) = self.kid {
            writeln!(f, "  kid {value:.8}, deviation {deviation:.8} over {subsets} subsets of {subset}")?;
        }
        if let Some(infinity) = self.infinity {
            writeln!(f, "  at infinite n {infinity:.6}")?;
        }
        writeln!(f, "  weights BLAKE3 {}", self.weights)?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(rows: &[f64]) -> Moments {
        let mut moments = Moments::new(2);
        moments.extend(rows).unwrap();
        moments
    }

    #[test]
    fn the_floor_is_the_distance_of_the_halves() {
        let (left, right) = ([0.0, 1.0, 2.0, 5.0, 3.0, 0.0], [4.0, 1.0, 1.0, 2.0, 0.0, 7.0, 3.0, 3.0]);
        let whole = moments(&[&left[..], &right[..]].concat());
        let seen = Seen { moments: Some(whole), first: Some(moments(&left)), ..Seen::nothing() };
        let floor = seen.floor(false).unwrap().unwrap();
        let expected = frechet::distance(&moments(&left), &moments(&right)).unwrap();
        assert!((floor.value - expected).abs() < 1e-9 && floor.n == 3, "{floor:?} {expected}");
    }

    #[test]
    fn halves_that_carry_no_distance_have_no_floor() {
        let few = [0.0, 1.0, 2.0, 5.0];
        let whole = moments(&[few, few].concat());
        let seen = Seen { moments: Some(whole), first: Some(moments(&few)), ..Seen::nothing() };
        assert_eq!(seen.floor(false).unwrap(), None);
        assert!(seen.floor(true).unwrap().is_some());
        assert_eq!(Seen::nothing().floor(true).unwrap(), None);
    }

    #[test]
    fn a_subset_has_different_rows_and_is_drawn_the_same_again() {
        let rows: Vec<f32> = (0..20u8).map(f32::from).collect();
        let subset = drawn(&rows, 2, 10, "test", 3);
        let mut firsts: Vec<f64> = subset.iter().step_by(2).copied().collect();
        firsts.sort_by(f64::total_cmp);
        assert_eq!(firsts, (0..10u8).map(|row| f64::from(2 * row)).collect::<Vec<f64>>());
        assert_eq!((subset.clone(), subset == drawn(&rows, 2, 10, "test", 4)), (drawn(&rows, 2, 10, "test", 3), false));
    }

    #[test]
    fn distances_on_the_way_to_infinity_grow_from_a_sixth_to_all() {
        let ends = ToInfinity::new(true, Some(30_000)).ends;
        assert_eq!((ends.len(), ends.first(), ends.last()), (15, Some(&30_000), Some(&5_000)));
        assert!(
            ToInfinity::new(true, Some(2_048)).ends.is_empty() && ToInfinity::new(false, Some(30_000)).ends.is_empty()
        );
        let mut path = ToInfinity { ends: vec![4, 3], points: Vec::new() };
        let reference = moments(&[0.0, 1.0, 2.0, 5.0, 3.0, 0.0]).normal().unwrap();
        for n in 2..6usize {
            path.step(&reference, &moments(&[0.0, 1.0, 2.0, 5.0, 3.0, 0.0, 1.0, 1.0, 2.0, 2.0][..2 * n])).unwrap();
        }
        assert_eq!(path.points.iter().map(|point| point.0).collect::<Vec<u64>>(), [3, 4]);
        assert!(path.points[0].1 < 1e-6);
    }
}
