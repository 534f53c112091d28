//! Greedy decoding of text and images (paper, section 2.3).
//!
//! As in the released model, the text head speaks until it says `<image_start>`; then the vision head speaks for exactly
//! the layout's number of visual tokens, each fed back through the adapter; then the text head speaks again, and normally
//! says `<image_end>`.

use tch::Tensor;

use crate::model::{Vpit, dims};
use crate::sequence::{Batch, Layout, Sequence};

/// What the model said after a prompt.
#[derive(Debug)]
pub struct Response {
    /// Token ids, markers included, without the final `<eot>`.
    pub tokens: Vec<i64>,
    /// Each complete image as `[visual tokens, width]`, unit length.
    pub images: Vec<Tensor>,
}

/// Continue every prompt until its `<eot>` or for `limit` places, visual ones included.
///
/// `visual` holds the prompts' images, `[images * visual tokens, width]`.
#[must_use]
pub fn greedy(model: &Vpit, layout: &Layout, prompts: &[&Sequence], visual: &Tensor, limit: usize) -> Vec<Response> {
    tch::no_grad(|| {
        let mut decoder = Decoder::new(model, layout, prompts, visual, limit);
        for _ in 0..limit {
            if decoder.speakers.iter().all(|speaker| speaker.mode == Mode::Silent) {
                break;
            }
            decoder.step();
        }
        decoder.into_responses()
    })
}

/// What a speaker's next place will hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    /// A visual token, and how many more of the image after it.
    Visual {
        after: usize,
    },
    Silent,
}

/// One prompt being continued.
#[derive(Debug)]
struct Speaker {
    mode: Mode,
    /// Places that are filled.
    length: i64,
    tokens: Vec<i64>,
    /// For each visual token said, the step at which it was.
    visual_steps: Vec<i64>,
}

impl Speaker {
    /// Note what was said at `step` and what comes next.
    fn hear(&mut self, token: i64, step: i64, layout: &Layout) {
        self.mode = match self.mode {
            Mode::Silent => return,
            Mode::Text if token == layout.specials.eot => {
                self.mode = Mode::Silent;
                return;
            }
            Mode::Text => {
                self.tokens.push(token);
                let starts = token == layout.specials.image_start && layout.visual_tokens > 0;
                if starts { Mode::Visual { after: layout.visual_tokens - 1 } } else { Mode::Text }
            }
            Mode::Visual { after } => {
                self.visual_steps.push(step);
                if after == 0 { Mode::Text } else { Mode::Visual { after: after - 1 } }
            }
        };
        self.length += 1;
    }
}

struct Decoder<'a> {
    model: &'a Vpit,
    layout: &'a Layout,
    /// `[batch, room, width]`, of which each speaker's first `length` places are filled.
    embedded: Tensor,
    speakers: Vec<Speaker>,
    /// What the vision head said at each step, `[batch, visual width]`.
    visual: Vec<Tensor>,
}

impl<'a> Decoder<'a> {
    fn new(model: &'a Vpit, layout: &'a Layout, prompts: &[&Sequence], visual: &Tensor, limit: usize) -> Self {
        let batch = Batch::collate(prompts, layout);
        let prompt = model.embed(&batch.ids, &batch.visual_places, &visual.index_select(0, &batch.visual_rows));
        let [rows, _, width] = dims(&prompt);
        let room = Tensor::zeros([rows, limit as i64, width], (prompt.kind(), prompt.device()));
        let speaker = |prompt: &&Sequence| Speaker {
            mode: Mode::Text,
            length: prompt.slots.len() as i64,
            tokens: Vec::new(),
            visual_steps: Vec::new(),
        };
        Self {
            model,
            layout,
            embedded: Tensor::cat(&[prompt, room], 1),
            speakers: prompts.iter().map(speaker).collect(),
            visual: Vec::new(),
        }
    }

    fn step(&mut self) {
        let hidden = self.last_hidden();
        let tokens = self.model.lm_head.forward(&hidden).argmax(-1, false);
        let visual = self.model.next_visual(&hidden);
        self.append(&tokens, &visual);
        let said: Vec<i64> = tokens.iter::<i64>().map(Iterator::collect).unwrap_or_default();
        let step = self.visual.len() as i64;
        for (speaker, token) in self.speakers.iter_mut().zip(said) {
            speaker.hear(token, step, self.layout);
        }
        self.visual.push(visual);
    }

    /// The hidden state at each speaker's last filled place, `[batch, width]`.
    fn last_hidden(&self) -> Tensor {
        let filled = self.speakers.iter().map(|speaker| speaker.length).max().unwrap_or(0);
        let hidden = self.model.forward(&self.embedded.narrow(1, 0, filled));
        let places: Vec<i64> =
            (0..).zip(&self.speakers).map(|(row, speaker)| row * filled + speaker.length - 1).collect();
        hidden.flatten(0, 1).index_select(0, &Tensor::from_slice(&places))
    }

    /// Put what was said behind each speaker's last place. A silent speaker's place is overwritten and never read.
    fn append(&mut self, tokens: &Tensor, visual: &Tensor) {
        let [_, room, _] = dims(&self.embedded);
        let places: Vec<i64> =
            (0..).zip(&self.speakers).map(|(row, speaker)| row * room + speaker.length.min(room - 1)).collect();
        let seen: Vec<bool> = self.speakers.iter().map(|speaker| matches!(speaker.mode, Mode::Visual { .. })).collect();
        let text = self.model.model.decoder.embed_tokens.forward(tokens);
        let image = self.model.model.mm_projector.forward(visual);
        let said = image.where_self(&Tensor::from_slice(&seen).unsqueeze(-1), &text);
        let _ = self.embedded.view([-1, said.size()[1]]).index_copy_(0, &Tensor::from_slice(&places), &said);
    }

    fn into_responses(self) -> Vec<Response> {
        let visual = (!self.visual.is_empty()).then(|| Tensor::stack(&self.visual, 1));
        let images = |row: i64, steps: &[i64]| -> Vec<Tensor> {
            let Some(visual) = &visual else { return Vec::new() };
            let complete = steps.chunks_exact(self.layout.visual_tokens.max(1));
            complete.map(|steps| visual.get(row).index_select(0, &Tensor::from_slice(steps))).collect()
        };
        (0..)
            .zip(&self.speakers)
            .map(|(row, speaker)| Response {
                tokens: speaker.tokens.clone(),
                images: images(row, &speaker.visual_steps),
            })
            .collect()
    }
}
