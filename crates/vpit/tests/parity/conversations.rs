//! What a model is shown and has to say for each kind of data, from a raw line on: `golden/conversations.json`, by
//! transformers' tokenizer in another order of work (`golden/conversations.py`).

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use vpit::conversation::{Piece, lay_out};
use vpit::data::Source;
use vpit::data::line::{Line, Sample};
use vpit::data::picture::{Picture, Place};
use vpit::sequence::{Batch, Layout, Sequence, Slot};
use vpit::tokenizer::{Template, Tokenizer};

use super::{Row, folder, same_row};

/// The generator's seed and number of visual tokens.
const SEED: u64 = 1;
const VISUAL_TOKENS: usize = 4;
/// Tokens of the fixture's vocabulary, without those of images.
const ROWS: i64 = 706;

/// A raw line and what becomes of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    source: Source,
    line: Value,
    number: u64,
    template: Template,
    limit: usize,
    row: Row,
    pictures: Vec<String>,
}

impl Case {
    fn answers_with_images(&self) -> bool {
        !self.row.predicted.is_empty()
    }

    fn shows_images(&self) -> bool {
        self.row.visual.len() > self.row.predicted.len()
    }

    fn is_whole(&self) -> bool {
        self.limit == 4096
    }
}

/// A mistake at one of the places on the way from a line to a batch.
#[derive(Clone, Copy)]
struct Wrong {
    layout: fn(&mut Layout),
    sample: fn(&mut Sample),
    sequence: fn(&mut Sequence, &Layout),
    limit: fn(Sequence, usize) -> Sequence,
    batch: fn(&mut Batch),
}

const RIGHT: Wrong =
    Wrong { layout: |_| {}, sample: |_| {}, sequence: |_, _| {}, limit: Sequence::truncated, batch: |_| {} };

/// Lines, videos of nine frames, and the tokenizer.
struct World {
    data: tempfile::TempDir,
    tokenizer: Tokenizer,
    cases: Vec<Case>,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("v")).unwrap();
        for frame in 0..9 {
            std::fs::write(data.path().join(format!("v/{frame:03}.jpg")), "").unwrap();
        }
        let tokenizer = Tokenizer::from_json(&folder("tokenizer/tokenizer.json")).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/conversations.json");
        Self { data, tokenizer, cases: runfile::files::read_json(&path).unwrap() }
    }

    fn compare(&self, case: &Case, wrong: Wrong) -> Result<(), String> {
        let specials = self.tokenizer.specials(ROWS, case.template).unwrap();
        let mut layout = Layout { specials, visual_tokens: VISUAL_TOKENS };
        (wrong.layout)(&mut layout);
        let line = Line::read(case.source, &case.line.to_string())?;
        let mut sample = line.sample(self.data.path(), SEED, case.number)?;
        (wrong.sample)(&mut sample);
        let pictures: Vec<String> = sample.pictures.iter().map(|picture| self.name(picture)).collect();
        if pictures != case.pictures {
            return Err(format!("shows {pictures:?} and not {:?}", case.pictures));
        }
        let sequence = lay_out(&sample.turns, &self.tokenizer, &layout, 0).map_err(|error| error.to_string())?;
        let mut sequence = (wrong.limit)(sequence, case.limit);
        (wrong.sequence)(&mut sequence, &layout);
        let mut batch = Batch::collate(&[&sequence], &layout);
        (wrong.batch)(&mut batch);
        same_row(&batch, &case.row)
    }

    /// A picture's file as the line names it.
    fn name(&self, picture: &Picture) -> String {
        let Place::File(path) = &picture.place else { return "inside an archive".to_owned() };
        path.strip_prefix(self.data.path()).unwrap_or(path).display().to_string()
    }

    /// Every case that `applies` says it shows in has to fail, and there is one.
    #[track_caller]
    fn shows(&self, what: &str, wrong: Wrong, applies: impl Fn(&Case) -> bool) {
        let mut tried = 0;
        for case in self.cases.iter().filter(|case| applies(case)) {
            let compared = self.compare(case, wrong);
            assert!(compared.is_err(), "{what} does not show in {} ({:?})", case.name, case.template);
            tried += 1;
        }
        assert!(tried > 0, "{what}: no case");
    }
}

#[test]
fn every_kind_of_data_is_laid_out_as_by_the_reference() {
    let world = World::new();
    for case in &world.cases {
        world.compare(case, RIGHT).unwrap_or_else(|problem| panic!("{} ({:?}): {problem}", case.name, case.template));
    }
    let kinds = world.cases.iter().filter(|case| case.is_whole()).map(|case| case.source);
    assert_eq!(kinds.collect::<BTreeSet<Source>>().len(), 7);
    for task in ["forward, 1", "forward, ", "reverse, 1", "reorder, ", "complete, 1", "complete, "] {
        let name = format!("frames alone: {task}");
        assert!(world.cases.iter().any(|case| case.name.starts_with(&name)), "{name}");
    }
}

/// Where a place holds `token` and is to be predicted, it is no more; and the other way round.
fn exchange(sequence: &mut Sequence, token: i64, predicted: bool) {
    for (slot, mark) in sequence.slots.iter().zip(&mut sequence.predicted) {
        if *slot == Slot::Token(token) && *mark != predicted {
            *mark = predicted;
        }
    }
}

#[test]
fn a_mask_that_is_wrong_by_one_token_shows() {
    let world = World::new();
    let sequence = |sequence| Wrong { sequence, ..RIGHT };
    let late = sequence(|sequence, _| sequence.predicted.rotate_right(1));
    world.shows("a mask one place late", late, |case| !case.row.predicted.is_empty() || case.is_whole());
    let early = sequence(|sequence, _| sequence.predicted.rotate_left(1));
    world.shows("a mask one place early", early, Case::is_whole);
    let asked = sequence(|sequence, layout| exchange(sequence, layout.specials.image_start, true));
    world.shows("the start of a shown image as target", asked, Case::shows_images);
    let end = sequence(|sequence, layout| exchange(sequence, layout.specials.image_end, true));
    world.shows("the end of a shown image as target", end, |case| case.shows_images() && case.is_whole());
    let start = sequence(|sequence, layout| exchange(sequence, layout.specials.image_start, false));
    world.shows("the start of an answered image left out", start, Case::answers_with_images);
    let end = sequence(|sequence, layout| exchange(sequence, layout.specials.image_end, false));
    world.shows("the end of an answered image left out", end, |case| case.answers_with_images() && case.is_whole());
    let turn = sequence(|sequence, layout| exchange(sequence, layout.specials.eot, false));
    world.shows("the end of an answer left out", turn, Case::is_whole);
    let turn = sequence(|sequence, layout| exchange(sequence, layout.specials.eot, true));
    world.shows("the end of a question as target", turn, Case::is_whole);
    let all = sequence(|sequence, _| sequence.predicted.fill(true));
    world.shows("everything as target", all, |_| true);
    let visual = sequence(|sequence, _| {
        let marks = sequence.slots.iter().zip(&mut sequence.predicted);
        marks.filter(|(slot, _)| matches!(slot, Slot::Visual { .. })).for_each(|(_, mark)| *mark = true);
    });
    world.shows("the tokens of a shown image as targets", visual, Case::shows_images);
}

#[test]
fn a_wrong_marker_order_or_place_shows() {
    let world = World::new();
    let layout = |layout| Wrong { layout, ..RIGHT };
    let end = layout(|layout| layout.specials.eot = layout.specials.pad);
    world.shows("another token at the end of a turn", end, Case::is_whole);
    let once = layout(|layout| layout.specials.bos = layout.specials.bos[..1].to_vec().into());
    world.shows("one beginning", once, |case| case.template == Template::Release);
    let exchanged = layout(|layout| std::mem::swap(&mut layout.specials.user, &mut layout.specials.assistant));
    world.shows("the other's header", exchanged, Case::is_whole);
    let markers = layout(|layout| std::mem::swap(&mut layout.specials.image_start, &mut layout.specials.image_end));
    world.shows("exchanged markers of an image", markers, |case| !case.row.visual.is_empty());
    let fewer = layout(|layout| layout.visual_tokens -= 1);
    world.shows("fewer visual tokens", fewer, |case| !case.row.visual.is_empty());
    let sample = |sample| Wrong { sample, ..RIGHT };
    let front = sample(|sample| {
        sample.turns.iter_mut().for_each(|turn| turn.pieces.sort_by_key(|piece| *piece != Piece::Image));
    });
    let behind_words = |case: &Case| matches!(case.source, Source::Generation | Source::VisualThinking);
    world.shows("images before the words", front, |case| behind_words(case) && case.is_whole());
    let backwards = sample(|sample| sample.pictures.reverse());
    let ordered = |case: &Case| matches!(case.source, Source::VideoQa | Source::PureVideo);
    world.shows("pictures in another order", backwards, ordered);
    let batch = |batch| Wrong { batch, ..RIGHT };
    let late = batch(|batch| batch.visual_from += 1);
    world.shows("visual tokens predicted from their own places", late, Case::answers_with_images);
    let rows = batch(|batch| batch.visual_targets = batch.visual_targets.flip([0]));
    world.shows("visual targets in another order", rows, Case::answers_with_images);
    let through = Wrong {
        limit: |mut sequence, limit| {
            sequence.slots.truncate(limit);
            sequence.predicted.truncate(limit);
            sequence
        },
        ..RIGHT
    };
    // Where the limit lies between the first and the last token of an image.
    let cuts = |case: &Case| !case.is_whole() && case.row.ids.len() < case.limit;
    world.shows("an image that is cut", through, cuts);
}
