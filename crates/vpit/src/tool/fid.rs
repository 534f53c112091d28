//! `vpit fid` and `vpit fid-statistics`: how far generated pictures are from real ones.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use score::frechet::{self, Normal};
use score::kid;
use serde::Serialize;
use tch::{Device, Tensor};

use super::printed::printed;
use super::stream::{self, Broken};
use super::{folder, npz};
use crate::judge::distance::{Floor, Gathered, Kernel, ToInfinity, warnings};
use crate::judge::{Preparation, fid, inception};
use crate::noise;
use crate::rng::Rng;

/// What both commands need.
#[derive(Debug, clap::Args)]
struct Network {
    /// FID's Inception as safetensors, see `vpit convert-inception`; statistics alone are compared without it
    #[arg(long, value_name = "SAFETENSORS")]
    weights: Option<PathBuf>,
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
    Network(#[from] fid::Error),
    #[error(transparent)]
    Statistics(#[from] npz::Error),
    #[error("cannot compute the Fréchet distance")]
    Distance(#[from] frechet::Error),
    #[error("cannot compute the kernel distance")]
    Kid(#[from] kid::Error),
    #[error("cannot print the result")]
    Print(#[from] serde_json::Error),
    #[error("{n} pictures in `{}` are too few: {dim} features need more than {dim} (--biased computes all the same)", path.display())]
    TooFew { path: PathBuf, n: u64, dim: usize },
    #[error(
        "there are {real} real and {generated} generated pictures: the distance is biased by their number, so take equally many (--biased computes all the same)"
    )]
    Unequal { real: u64, generated: u64 },
    #[error("the pictures in `{}` are looked at by FID's network: name its weights with --weights", path.display())]
    NoWeights { path: PathBuf },
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
    /// BLAKE3 of the network's weights; none where nobody looked.
    pub weights: Option<String>,
    pub warnings: Vec<String>,
}

/// Compare two sets of pictures; gives what is to be printed.
///
/// # Errors
/// Pictures, weights or statistics cannot be used, or their number does not carry a distance.
pub fn run(arguments: &Arguments) -> Result<String, Error> {
    let watch = Watch::open(&arguments.network)?;
    let (real, generated) = (Source::open(&arguments.real)?, Source::open(&arguments.generated)?);
    if !arguments.biased {
        check(arguments, [real.n(), generated.n()])?;
    }
    let keep = arguments.kid;
    if keep {
        [&real, &generated].into_iter().try_for_each(Source::has_pictures)?;
    }
    let mut path = ToInfinity::new(generated.n().filter(|_| arguments.infinity));
    let real = real.seen(&watch, keep, |_| Ok(()))?;
    let reference = real.normal()?;
    let generated = generated.seen(&watch, keep, |so_far| Ok(path.step(&reference, &so_far.moments)?))?;
    let n = [real.n(), generated.n()];
    if !arguments.biased {
        check(arguments, n)?;
    }
    let report = Report {
        metric: watch.judge.as_ref().map_or_else(|| "fid".to_owned(), fid::Judge::metric),
        value: frechet::between(&reference, &generated.normal()?)?,
        n,
        passed_over: [real.passed_over(), generated.passed_over()],
        floor: real.floor(arguments.biased)?,
        kid: if keep { Some(Kernel::between(real.rows(), generated.rows())?) } else { None },
        infinity: path.distance(),
        weights: watch.judge.map(|judge| judge.digest),
        warnings: warnings(n),
    };
    Ok(printed(&report, arguments.json)?)
}

/// Write the statistics of a folder; gives what is to be printed.
///
/// # Errors
/// Pictures or weights cannot be used, or the file cannot be written.
pub fn statistics(arguments: &StatisticsArguments) -> Result<String, Error> {
    let watch = Watch::open(&arguments.network)?;
    let seen = Source::Folder { path: arguments.pictures.clone(), pictures: folder::list(&arguments.pictures)? }.seen(
        &watch,
        false,
        |_| Ok(()),
    )?;
    let (n, passed_over) = (seen.n().unwrap_or_default(), seen.passed_over());
    npz::write(&arguments.statistics, &seen.normal()?, n)?;
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

/// The network, and how it is given pictures.
struct Watch {
    judge: Option<fid::Judge>,
    batch: usize,
    broken: Broken,
}

impl Watch {
    fn open(network: &Network) -> Result<Self, Error> {
        let (weights, device) = (network.weights.as_deref(), Device::cuda_if_available());
        Ok(Self {
            judge: weights.map(|weights| fid::Judge::open(weights, network.preparation, device)).transpose()?,
            batch: network.batch,
            broken: if network.skip_broken { Broken::Counts } else { Broken::Fails },
        })
    }

    /// The features of pictures in `folder`, batch by batch; gives how many were passed over.
    fn watch(
        &self,
        (folder, paths): (&Path, &[PathBuf]),
        mut see: impl FnMut(&[f32]) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let judge = self.judge.as_ref().ok_or_else(|| Error::NoWeights { path: folder.to_owned() })?;
        let preparation = judge.preparation;
        let prepare = |path: &PathBuf| folder::levels(path).map(|levels| tch::no_grad(|| preparation.of(&levels)));
        let passed_over = stream::batches(paths, self.batch, self.broken, prepare, |pictures, _| {
            see(&judge.features(&Tensor::stack(pictures, 0)))
        })?;
        Ok(passed_over.len() as u64)
    }
}

/// Where one side comes from.
enum Source {
    Folder { path: PathBuf, pictures: Vec<PathBuf> },
    Statistics { path: PathBuf, normal: Normal, n: Option<u64> },
}

impl Source {
    fn open(path: &Path) -> Result<Self, Error> {
        if path.extension().is_some_and(|ending| ending == "npz") {
            let (normal, n) = npz::read(path)?;
            return Ok(Self::Statistics { path: path.to_owned(), normal, n });
        }
        Ok(Self::Folder { path: path.to_owned(), pictures: folder::list(path)? })
    }

    fn n(&self) -> Option<u64> {
        match self {
            Self::Folder { pictures, .. } => Some(pictures.len() as u64),
            Self::Statistics { n, .. } => *n,
        }
    }

    /// Whether there is more than statistics, which the kernel distance needs.
    fn has_pictures(&self) -> Result<(), Error> {
        match self {
            Self::Statistics { path, .. } => Err(Error::NoPictures { path: path.clone(), what: "--kid" }),
            Self::Folder { .. } => Ok(()),
        }
    }

    /// Look at all pictures in an order of chance.
    fn seen(
        self,
        watch: &Watch,
        keep: bool,
        mut after: impl FnMut(&Gathered) -> Result<(), Error>,
    ) -> Result<Seen, Error> {
        let (path, mut pictures) = match self {
            Self::Statistics { normal, n, .. } => return Ok(Seen::Given { normal, n }),
            Self::Folder { path, pictures } => (path, pictures),
        };
        noise::shuffle(&mut Rng::new(0, "fid", 0), &mut pictures);
        let mut gathered = Gathered::new(pictures.len() as u64, keep);
        let passed_over = watch.watch((&path, &pictures), |features| {
            gathered.add(features)?;
            after(&gathered)
        })?;
        Ok(Seen::Looked { gathered, passed_over })
    }
}

/// One side after it was looked at.
enum Seen {
    Given { normal: Normal, n: Option<u64> },
    Looked { gathered: Gathered, passed_over: u64 },
}

impl Seen {
    fn n(&self) -> Option<u64> {
        match self {
            Self::Given { n, .. } => *n,
            Self::Looked { gathered, .. } => Some(gathered.moments.n()),
        }
    }

    const fn passed_over(&self) -> u64 {
        match self {
            Self::Given { .. } => 0,
            Self::Looked { passed_over, .. } => *passed_over,
        }
    }

    fn normal(&self) -> Result<Normal, Error> {
        match self {
            Self::Given { normal, .. } => Ok(normal.clone()),
            Self::Looked { gathered, .. } => Ok(gathered.moments.normal()?),
        }
    }

    fn floor(&self, biased: bool) -> Result<Option<Floor>, Error> {
        match self {
            Self::Given { .. } => Ok(None),
            Self::Looked { gathered, .. } => Ok(gathered.floor(biased)?),
        }
    }

    fn rows(&self) -> &[f32] {
        match self {
            Self::Given { .. } => &[],
            Self::Looked { gathered, .. } => gathered.rows(),
        }
    }
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
        if let Some(weights) = &self.weights {
            writeln!(f, "  weights BLAKE3 {weights}")?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
