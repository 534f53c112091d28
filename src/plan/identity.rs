//! Identities of tasks and runs: what a result depends on, and nothing else.
//!
//! A task's digest covers the stage's name, version, command, pins and constants, the parameters it uses, and the tasks
//! it needs. Everything that is the same for many tasks is digested once: the stage, and each level of each factor. A
//! task's own message is then a few fixed-size digests, one or two blocks of BLAKE3.
//!
//! The message is `version, "task", stage digest, number of parameters, parameter digests by name, number of needs, task
//! ids by stage name`; a parameter's message is `"param", name, value` with lengths and type tags ([`Value::encode`]).
//! A parameter that equals its factor's `absent` value is left out: that is what runs did before the factor existed.

use crate::grid::{Factor, LevelIx, Stage, StageKind, Sweep};
use crate::id::{RunId, TaskId};
use crate::value::Value;

/// Raised whenever the encoding changes: no identity of one version equals one of another.
const VERSION: u8 = 1;

const BYTES: usize = 16;

/// The parts of identities that many tasks share, digested once a sweep.
pub struct Digests {
    stages: Vec<StageDigest>,
    /// By factor and level; `None` where the level is the factor's `absent` value.
    levels: Vec<Vec<Option<[u8; BYTES]>>>,
    /// Train stages by name.
    train: Vec<usize>,
}

struct StageDigest {
    digest: [u8; BYTES],
    /// Factors that it uses, by name.
    uses: Vec<usize>,
    /// Stages that it needs, by name.
    needs: Vec<usize>,
}

impl Digests {
    #[must_use]
    pub fn new(sweep: &Sweep) -> Self {
        let by_name = |mut stages: Vec<usize>| {
            stages.sort_by(|a, b| sweep.stages[*a].name.cmp(&sweep.stages[*b].name));
            stages
        };
        let stages = sweep.stages.iter().map(|stage| StageDigest {
            digest: stage_digest(stage),
            // Factors are sorted by name, so their indices are.
            uses: stage.uses.clone(),
            needs: by_name(stage.needs.clone()),
        });
        let train = (0..sweep.stages.len()).filter(|&stage| sweep.stages[stage].kind == StageKind::Train).collect();
        Self {
            stages: stages.collect(),
            levels: sweep.factors.iter().map(level_digests).collect(),
            train: by_name(train),
        }
    }

    /// The identity of the task of `stage` for a run's `row` of levels; `need` gives the tasks that it needs.
    pub fn task(&self, stage: usize, row: &[LevelIx], need: impl Fn(usize) -> TaskId) -> TaskId {
        let stage = &self.stages[stage];
        let mut message = Message::new(b'T');
        message.push(&stage.digest);
        let params = || stage.uses.iter().filter_map(|&factor| self.levels[factor][usize::from(row[factor])].as_ref());
        message.count(params().count());
        params().for_each(|digest| message.push(digest));
        message.count(stage.needs.len());
        stage.needs.iter().for_each(|&needed| message.push(&need(needed).0));
        TaskId::from_hash(&message.hash())
    }

    /// The identity of a run; `task` gives its task of a stage, or `None` where the stage does not apply.
    pub fn run(&self, task: impl Fn(usize) -> Option<TaskId>) -> RunId {
        let mut message = Message::new(b'R');
        self.train.iter().filter_map(|&stage| task(stage)).for_each(|task| message.push(&task.0));
        RunId::from_hash(&message.hash())
    }
}

/// A message of fixed-size pieces, on the stack while it is short.
struct Message {
    bytes: [u8; Self::SHORT],
    length: usize,
    rest: Option<Box<blake3::Hasher>>,
}

impl Message {
    /// Enough for a stage with a dozen parameters; a longer message goes through a hasher.
    const SHORT: usize = 320;

    fn new(kind: u8) -> Self {
        let mut bytes = [0; Self::SHORT];
        bytes[..2].copy_from_slice(&[VERSION, kind]);
        Self { bytes, length: 2, rest: None }
    }

    fn push(&mut self, piece: &[u8]) {
        if self.length + piece.len() > Self::SHORT {
            self.rest.get_or_insert_default().update(&self.bytes[..self.length]);
            self.length = 0;
        }
        self.bytes[self.length..self.length + piece.len()].copy_from_slice(piece);
        self.length += piece.len();
    }

    fn count(&mut self, count: usize) {
        self.push(&(count as u64).to_le_bytes());
    }

    fn hash(mut self) -> blake3::Hash {
        let bytes = &self.bytes[..self.length];
        match &mut self.rest {
            Some(hasher) => hasher.update(bytes).finalize(),
            None => blake3::hash(bytes),
        }
    }
}

/// Everything about a stage that every one of its tasks shares.
fn stage_digest(stage: &Stage) -> [u8; BYTES] {
    let mut message = vec![VERSION, b'S'];
    text(&mut message, &stage.name);
    message.extend(stage.version.to_le_bytes());
    message.extend(stage.threads.to_le_bytes());
    list(&mut message, &stage.command, |message, argument| text(message, argument));
    list(&mut message, &stage.pins, |message, (name, digest)| {
        text(message, name);
        text(message, digest);
    });
    let mut constants: Vec<_> = stage.constants.iter().collect();
    constants.sort_by(|a, b| a.0.cmp(&b.0));
    list(&mut message, &constants, |message, (name, value)| {
        text(message, name);
        value.encode(message);
    });
    short(&message)
}

fn level_digests(factor: &Factor) -> Vec<Option<[u8; BYTES]>> {
    let encoded = |value: &Value| {
        let mut message = vec![VERSION, b'P'];
        text(&mut message, &factor.name);
        value.encode(&mut message);
        message
    };
    let absent = factor.absent.as_ref().map(encoded);
    let digest = |value: &Value| Some(encoded(value)).filter(|message| absent.as_ref() != Some(message));
    factor.levels.iter().map(|level| digest(level).map(|message| short(&message))).collect()
}

fn text(message: &mut Vec<u8>, text: &str) {
    message.extend((text.len() as u64).to_le_bytes());
    message.extend(text.as_bytes());
}

fn list<T>(message: &mut Vec<u8>, items: &[T], mut each: impl FnMut(&mut Vec<u8>, &T)) {
    message.extend((items.len() as u64).to_le_bytes());
    items.iter().for_each(|item| each(message, item));
}

fn short(message: &[u8]) -> [u8; BYTES] {
    let mut digest = [0; BYTES];
    digest.copy_from_slice(&blake3::hash(message).as_bytes()[..BYTES]);
    digest
}
