//! `vpit`: one program, one subcommand a stage. A task's configuration comes from the environment (see `runfile`).

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use runfile::TaskConfig;
use vpit::data::index;
use vpit::draw::{evaluate as grade, generate as draw, pin};
use vpit::tool::{clip_score, convert, fid};
use vpit::train::optimizer::StepError;
use vpit::train::run::{self as training, Ending};
use vpit::{check, cuda, evaluate, stage};

/// Train and evaluate a model that reads and predicts visual tokens
///
/// Each stage reads its configuration from the file that SWEEP_CONFIG names and writes into the folder that SWEEP_OUT
/// names, as `sweep` sets them.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    stage: Stage,
}

#[derive(Debug, Subcommand)]
enum Stage {
    /// Train a published model: stage `adapter` or `finetune`, as the task's configuration says
    ///
    /// Several processes that `srun` or torchrun starts share the work.
    Train(Train),
    /// Ask a trained model the questions of published benchmarks, and score its replies
    ///
    /// Replies are kept as they come: a second start goes on behind them. Several processes that `srun` or torchrun starts
    /// share the questions.
    Evaluate(evaluate::Arguments),
    /// Find every sample of the data that data.toml names, for trainings to take from
    Index(index::Arguments),
    /// Fréchet distance of generated from real pictures
    Fid(fid::Arguments),
    /// Write the statistics of a folder of pictures, which stand for it in `fid`
    FidStatistics(fid::StatisticsArguments),
    /// CLIP score of pictures and captions
    ClipScore(clip_score::Arguments),
    /// Say as JSON what libtorch computes on here
    Device,
    /// Convert the published weights of FID's Inception to safetensors
    ConvertInception(convert::Arguments),
    /// Fix once which captions are drawn and which pictures are compared with: COCO-30K
    PinImages(pin::Arguments),
    /// Draw an image for each caption of the benchmark that the task names; without one, of the miniature's test split
    Generate(draw::Arguments),
    /// Score drawn images: FID and CLIP score for a benchmark; in the miniature, by its own networks
    EvaluateImages(grade::Arguments),
    #[command(flatten)]
    Miniature(Miniature),
}

/// The stages of `sweeps/digits.toml`.
#[derive(Debug, Subcommand)]
enum Miniature {
    /// Train the vision tower contrastively on scenes and captions
    Encoder,
    /// Train the decoder on text alone
    Lm,
    /// Train the adapter between the vision tower and the frozen decoder
    Adapter,
    /// Train the diffusion model from visual tokens to pixels
    Visualizer,
    /// Train the networks that grade images
    Judges,
    /// Tune on questions about images and requests for images
    Finetune,
    /// Draw an image for each caption of the test split
    #[command(skip)]
    Generate,
    /// Score answers to questions by group
    EvaluateVqa,
    /// Score generated images by Fréchet distance and CLIP score
    #[command(skip)]
    EvaluateImages,
    /// Measure what the scores are to be compared with
    Anchors,
}

#[derive(Debug, clap::Args)]
struct Train {
    #[command(flatten)]
    site: training::Site,
    #[command(flatten)]
    arguments: training::Arguments,
    #[command(flatten)]
    check: check::Arguments,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.stage) {
        Ok(code) => code,
        Err(error) => {
            report(error.as_ref());
            exit_code(error.as_ref())
        }
    }
}

/// A training that has diverged ends with a code of its own: another try would diverge again.
fn exit_code(error: &(dyn Error + 'static)) -> ExitCode {
    let step = match (error.downcast_ref::<stage::Error>(), error.downcast_ref::<training::Error>()) {
        (Some(stage::Error::Step(step)), _) | (_, Some(training::Error::Step(step))) => Some(step),
        _ => None,
    };
    match step {
        Some(StepError::Diverged { .. } | StepError::Exploded { .. }) => code(runfile::exit::DIVERGED),
        _ => ExitCode::FAILURE,
    }
}

fn code(number: i32) -> ExitCode {
    u8::try_from(number).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn run(stage: Stage) -> Result<ExitCode, Box<dyn Error>> {
    let printed = match stage {
        Stage::Train(Train { site, arguments, check }) => return train(&site, &arguments, &check),
        Stage::Evaluate(arguments) => return ask(&arguments),
        Stage::Miniature(stage) => return miniature(&stage),
        Stage::Generate(arguments) if is_published()? => return published(|| Ok(draw::run(&arguments)?)),
        Stage::EvaluateImages(arguments) if is_published()? => return published(|| Ok(grade::run(&arguments)?)),
        Stage::Generate(_) => return miniature(&Miniature::Generate),
        Stage::EvaluateImages(_) => return miniature(&Miniature::EvaluateImages),
        Stage::PinImages(arguments) => pin::run(&arguments)?,
        Stage::Index(arguments) => index::run(&arguments)?,
        Stage::Fid(arguments) => with_cuda(|| fid::run(&arguments))?,
        Stage::FidStatistics(arguments) => with_cuda(|| fid::statistics(&arguments))?,
        Stage::ClipScore(arguments) => with_cuda(|| clip_score::run(&arguments))?,
        Stage::Device => with_cuda(cuda::describe)?,
        Stage::ConvertInception(arguments) => with_cuda(|| convert::run(&arguments))?,
    };
    print!("{printed}");
    Ok(ExitCode::SUCCESS)
}

/// Whether the task is of a published benchmark: the miniature names none.
fn is_published() -> Result<bool, runfile::Error> {
    Ok(TaskConfig::from_env()?.params.contains_key("image_benchmark"))
}

fn published(stage: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<ExitCode, Box<dyn Error>> {
    cuda::load()?;
    stage()?;
    Ok(ExitCode::SUCCESS)
}

fn with_cuda<E: Error + 'static>(tool: impl FnOnce() -> Result<String, E>) -> Result<String, Box<dyn Error>> {
    cuda::load()?;
    Ok(tool()?)
}

fn train(
    site: &training::Site,
    arguments: &training::Arguments,
    check: &check::Arguments,
) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(config) = &check.check {
        print!("{}", check::run(config, check, site)?);
        return Ok(ExitCode::SUCCESS);
    }
    cuda::load()?;
    Ok(ended(training::run(site, arguments)?))
}

fn ask(arguments: &evaluate::Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(config) = &arguments.check {
        print!("{}", evaluate::look(arguments, config)?);
        return Ok(ExitCode::SUCCESS);
    }
    cuda::load()?;
    Ok(ended(evaluate::run(arguments)?))
}

fn ended(ending: Ending) -> ExitCode {
    match ending {
        Ending::Finished => ExitCode::SUCCESS,
        Ending::Saved => code(runfile::exit::REQUEUE),
    }
}

fn miniature(stage: &Miniature) -> Result<ExitCode, Box<dyn Error>> {
    cuda::load()?;
    let task = stage::Task::from_env()?;
    let threads = i32::try_from(task.threads())?.max(1);
    tch::set_num_threads(threads);
    tch::set_num_interop_threads(1);
    match stage {
        Miniature::Encoder => stage::encoder::run(&task),
        Miniature::Lm => stage::lm::run(&task),
        Miniature::Adapter => stage::adapter::run(&task),
        Miniature::Visualizer => stage::visualizer::run(&task),
        Miniature::Judges => stage::judges::run(&task),
        Miniature::Finetune => stage::finetune::run(&task),
        Miniature::Generate => stage::generate::run(&task),
        Miniature::EvaluateVqa => stage::evaluate_vqa::run(&task),
        Miniature::EvaluateImages => stage::evaluate_images::run(&task),
        Miniature::Anchors => stage::anchors::run(&task),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Print an error with its causes, outermost first.
fn report(error: &dyn Error) {
    eprint!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
}
