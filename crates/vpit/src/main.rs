//! `vpit`: one program, one subcommand a stage. A task's configuration comes from the environment (see `runfile`).

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use vpit::tool::{clip_score, convert, fid};
use vpit::train::optimizer::StepError;
use vpit::{check, cuda, stage};

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
    /// Look at a training of a published model before it is started
    Train(check::Arguments),
    /// Fréchet distance of generated from real pictures
    Fid(fid::Arguments),
    /// Write the statistics of a folder of pictures, which stand for it in `fid`
    FidStatistics(fid::StatisticsArguments),
    /// CLIP score of pictures and captions
    ClipScore(clip_score::Arguments),
    /// Convert the published weights of FID's Inception to safetensors
    ConvertInception(convert::Arguments),
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
    Generate,
    /// Score answers to questions by group
    EvaluateVqa,
    /// Score generated images by Fréchet distance and CLIP score
    EvaluateImages,
    /// Measure what the scores are to be compared with
    Anchors,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.stage) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            exit_code(error.as_ref())
        }
    }
}

/// A training that has diverged ends with a code of its own: another try would diverge again.
fn exit_code(error: &(dyn Error + 'static)) -> ExitCode {
    match error.downcast_ref::<stage::Error>() {
        Some(stage::Error::Step(StepError::Diverged { .. })) => {
            u8::try_from(runfile::exit::DIVERGED).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        _ => ExitCode::FAILURE,
    }
}

fn run(stage: Stage) -> Result<(), Box<dyn Error>> {
    if let Stage::Train(arguments) = &stage {
        print!("{}", check::run(arguments)?);
        return Ok(());
    }
    cuda::load()?;
    if let Some(printed) = tool(&stage)? {
        print!("{printed}");
        return Ok(());
    }
    let task = stage::Task::from_env()?;
    let threads = i32::try_from(task.threads())?.max(1);
    tch::set_num_threads(threads);
    tch::set_num_interop_threads(1);
    match stage {
        Stage::Encoder => stage::encoder::run(&task),
        Stage::Lm => stage::lm::run(&task),
        Stage::Adapter => stage::adapter::run(&task),
        Stage::Visualizer => stage::visualizer::run(&task),
        Stage::Judges => stage::judges::run(&task),
        Stage::Finetune => stage::finetune::run(&task),
        Stage::Generate => stage::generate::run(&task),
        Stage::EvaluateVqa => stage::evaluate_vqa::run(&task),
        Stage::EvaluateImages => stage::evaluate_images::run(&task),
        Stage::Anchors => stage::anchors::run(&task),
        Stage::Train(_)
        | Stage::Fid(_)
        | Stage::FidStatistics(_)
        | Stage::ClipScore(_)
        | Stage::ConvertInception(_) => Ok(()),
    }?;
    Ok(())
}

/// What a command that is no stage prints.
fn tool(stage: &Stage) -> Result<Option<String>, Box<dyn Error>> {
    Ok(match stage {
        Stage::Fid(arguments) => Some(fid::run(arguments)?),
        Stage::FidStatistics(arguments) => Some(fid::statistics(arguments)?),
        Stage::ClipScore(arguments) => Some(clip_score::run(arguments)?),
        Stage::ConvertInception(arguments) => Some(convert::run(arguments)?),
        _ => None,
    })
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
