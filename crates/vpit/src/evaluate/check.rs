//! `vpit evaluate --check CONFIG`: benchmarks looked at before anything is started, to the last picture.

use std::path::Path;

use runfile::TaskConfig;

use super::parameters::Parameters;
use super::run::Error;
use super::set::Set;
use super::table::Pictures;
use crate::picture;

/// How many broken pictures are named.
const EXAMPLES: usize = 5;

/// What the folder `data` has of the benchmarks that a task asks, a line each.
///
/// # Errors
/// The configuration is of no use, or a benchmark is missing, not whole or has pictures that cannot be decoded; the message
/// has all of them.
pub fn run(config: &Path, data: &Path) -> Result<String, Error> {
    let parameters = Parameters::of(&TaskConfig::read(config)?)
        .map_err(|message| Error::Parameters { path: config.to_owned(), message })?;
    let wanted = parameters.wanted().map_err(|message| Error::Parameters { path: config.to_owned(), message })?;
    let (mut told, mut unfit) = (String::new(), 0);
    for wanted in wanted {
        let name = wanted.benchmark.name();
        match Set::open(data, wanted) {
            Err(error) => {
                unfit += 1;
                told += &format!("{name:<12} {error}\n");
            }
            Ok(set) => {
                let broken = broken(&set);
                unfit += usize::from(!broken.is_empty());
                told += &line(&set, &broken);
            }
        }
    }
    if unfit == 0 { Ok(told) } else { Err(Error::Unfit { count: unfit, told }) }
}

/// Pictures that cannot be decoded, with their questions.
fn broken(set: &Set) -> Vec<String> {
    let mut pictures = Pictures::default();
    let mut broken = Vec::new();
    for question in &set.questions {
        for place in question.pictures() {
            let decoded = pictures.read(place).and_then(|bytes| picture::decode(&bytes));
            broken.extend(decoded.err().map(|problem| format!("question `{}`: {problem}", question.scored.id)));
        }
    }
    broken
}

fn line(set: &Set, broken: &[String]) -> String {
    let (name, questions, pictures) = (set.wanted.benchmark.name(), set.questions.len(), set.pictures());
    let part = if set.is_whole() { "" } else { ", a part" };
    let compared = match set.compared {
        0 => "no SHA256SUMS".to_owned(),
        count => format!("{count} files as published"),
    };
    let digest = &set.digest[..16];
    let mut told =
        format!("{name:<12} {questions} questions{part}, {pictures} pictures, digest {digest}, {compared}\n");
    if !broken.is_empty() {
        told += &format!("{:<12} {} pictures cannot be decoded\n", "", broken.len());
        for example in broken.iter().take(EXAMPLES) {
            told += &format!("{:<12}   {example}\n", "");
        }
    }
    told
}
