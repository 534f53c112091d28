//! Stage `evaluate-vqa`: the share of right answers to questions about unseen scenes, in the paper's five groups.
//!
//! The protocol: greedy decoding, and an answer is right when it is the expected one, word for word.

use runfile::Score;
use score::Estimate;
use score::vqa::{self, Answer};
use serde::{Deserialize, Serialize};

use super::data::{Eye, LAYOUT};
use super::samples::question;
use super::task::{Result, Task};
use crate::digits::{Question, Scene, Split, World, vocabulary};
use crate::model::Vpit;
use crate::sequence::{Role, Sequence};
use crate::{decode, unified};

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Questions in all; they count through the groups.
    pub questions: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { questions: 1500 }
    }
}

/// Questions answered at once: bounds memory, and is part of no result.
const CHUNK: usize = 125;
/// Places an answer may take: two words and the end of the turn, and room to be wrong.
const ANSWER_LENGTH: usize = 5;

/// One answered question.
#[derive(Debug, Serialize)]
pub struct Prediction {
    pub id: u64,
    pub group: &'static str,
    pub kind: &'static str,
    pub prompt: String,
    pub expected: String,
    pub predicted: String,
    pub right: bool,
}

/// Answer the test questions, write each answer and the share of right ones by group.
///
/// # Errors
/// The parameters are not usable, an input is missing, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let (model, _, _) = unified::load(task.input("finetune")?)?;
    let eye = Eye::open(task.input("encoder")?)?;
    let predictions = answers(&model, Some(&eye), parameters.questions)?;
    task.predictions("vqa", &predictions)?;
    task.scores(&accuracies("", &predictions))
}

/// The model's answers to the first `count` test questions; without an eye the images are withheld.
///
/// # Errors
/// A question has a word outside the vocabulary.
pub fn answers(model: &Vpit, eye: Option<&Eye>, count: u64) -> Result<Vec<Prediction>> {
    let world = World::open(Split::Test);
    let asked: Vec<(u64, Scene, Question)> =
        (0..count).map(|id| (id, world.vqa(id))).map(|(id, (scene, question))| (id, scene, question)).collect();
    let mut predictions = Vec::new();
    for chunk in asked.chunks(CHUNK) {
        let visual = match eye {
            Some(eye) => eye.see(&chunk.iter().map(|(_, scene, _)| scene).collect::<Vec<_>>()),
            None => tch::Tensor::zeros([0, 1], tch::kind::FLOAT_CPU),
        };
        let prompts = (0..)
            .zip(chunk)
            .map(|(image, (_, _, asked))| Ok(LAYOUT.open(question(eye.map(|_| image), asked)?, Role::Assistant)))
            .collect::<Result<Vec<Sequence>>>()?;
        let prompts: Vec<&Sequence> = prompts.iter().collect();
        let responses = decode::greedy(model, &LAYOUT, &prompts, &visual, ANSWER_LENGTH);
        let judged = chunk.iter().zip(responses);
        predictions.extend(judged.map(|((id, _, asked), response)| judge(*id, asked, &response.tokens)));
    }
    Ok(predictions)
}

fn judge(id: u64, asked: &Question, tokens: &[i64]) -> Prediction {
    let predicted = vocabulary::decode(tokens);
    Prediction {
        id,
        group: asked.group.name(),
        kind: asked.kind.name(),
        prompt: asked.prompt.clone(),
        expected: asked.answer.clone(),
        right: vqa::normalise(&predicted) == vqa::normalise(&asked.answer),
        predicted,
    }
}

/// The share of right answers in each group, and the mean over the groups as the paper averages its benchmarks; each
/// benchmark's name starts with `prefix`.
#[must_use]
pub fn accuracies(prefix: &str, predictions: &[Prediction]) -> Vec<Score> {
    let answer = |prediction: &Prediction| Answer {
        group: prediction.group.to_owned(),
        said: prediction.predicted.clone(),
        right: prediction.expected.clone(),
    };
    let groups = vqa::by_group(&predictions.iter().map(answer).collect::<Vec<Answer>>());
    let score = |name: &str, estimate: Estimate| Score {
        n: Some(estimate.n),
        stderr: estimate.stderr,
        ..Score::new("accuracy", &format!("{prefix}{name}"), estimate.value)
    };
    let of_groups = groups.iter().map(|(name, &estimate)| score(name, estimate));
    let mean = vqa::mean_over_groups(&groups).map(|estimate| score("average", estimate));
    of_groups.chain(mean).collect()
}
