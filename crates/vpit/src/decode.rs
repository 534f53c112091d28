//! Decoding of text and images (paper, section 2.3).
//!
//! As in the released model, the text head speaks until it says `<image_start>`; then the vision head speaks for exactly
//! the layout's number of visual tokens, each fed back through the adapter; then the text head speaks again, and normally
//! says `<image_end>`. The paper says "until `<image_end>`": no text is trained at a visual token but the last, so what the
//! text head would say before is undefined, and the count decides.

use tch::{Kind, Tensor};

use crate::model::cache::Cache;
use crate::model::{Vpit, dims};
use crate::rng::Rng;
use crate::sequence::{Batch, Layout, Sequence};

/// What the model said after a prompt.
#[derive(Debug)]
pub struct Response {
    /// Token ids, markers included, without the final `<eot>`.
    pub tokens: Vec<i64>,
    /// Each complete image as `[visual tokens, width]`, unit length.
    pub images: Vec<Tensor>,
}

/// How the next token is chosen among all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Choice {
    /// The likeliest.
    Greedy,
    Sampled(Sampling),
}

/// Drawing tokens by their probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Logits are divided by it; above 0.
    pub temperature: f64,
    /// Only the likeliest tokens that together have this probability are drawn from; 1 for all.
    pub top_p: f64,
    pub seed: u64,
    /// Number of the first prompt: what is drawn for a prompt depends on its number and not on its company.
    pub first: u64,
}

/// Continue every prompt until its `<eot>` or for `limit` places, visual ones included, always by the likeliest token.
///
/// `visual` holds the prompts' images, `[images * visual tokens, width]`.
#[must_use]
pub fn greedy(model: &Vpit, layout: &Layout, prompts: &[&Sequence], visual: &Tensor, limit: usize) -> Vec<Response> {
    decode(model, Prompts { layout, sequences: prompts, visual }, limit, Choice::Greedy)
}

/// Prompts and the images in them, `[images * visual tokens, width]`.
#[derive(Debug, Clone, Copy)]
pub struct Prompts<'a> {
    pub layout: &'a Layout,
    pub sequences: &'a [&'a Sequence],
    pub visual: &'a Tensor,
}

/// Continue every prompt until its `<eot>` or for `limit` places, visual ones included.
#[must_use]
pub fn decode(model: &Vpit, prompts: Prompts<'_>, limit: usize, choice: Choice) -> Vec<Response> {
    tch::no_grad(|| {
        let mut decoder = Decoder::new(model, prompts, limit);
        for step in 0..limit {
            let next = decoder.say(step, choice);
            if decoder.speakers.iter().all(|speaker| speaker.mode == Mode::Silent) || step + 1 == limit {
                break;
            }
            decoder.hear(&next);
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
    tokens: Vec<i64>,
    /// For each visual token said, the step at which it was.
    visual_steps: Vec<i64>,
}

impl Speaker {
    /// Note what was said at `step` and what comes next.
    fn say(&mut self, token: i64, step: usize, layout: &Layout) {
        self.mode = match self.mode {
            Mode::Silent => Mode::Silent,
            Mode::Text if layout.specials.ends(token) => Mode::Silent,
            Mode::Text => {
                self.tokens.push(token);
                let starts = token == layout.specials.image_start && layout.visual_tokens > 0;
                if starts { Mode::Visual { after: layout.visual_tokens - 1 } } else { Mode::Text }
            }
            Mode::Visual { after } => {
                self.visual_steps.push(step as i64);
                if after == 0 { Mode::Text } else { Mode::Visual { after: after - 1 } }
            }
        };
    }
}

struct Decoder<'a> {
    model: &'a Vpit,
    layout: &'a Layout,
    cache: Cache,
    /// The hidden state at each speaker's last place, `[batch, width]`.
    hidden: Tensor,
    speakers: Vec<Speaker>,
    /// What the vision head said at each step, `[batch, visual width]`.
    visual: Vec<Tensor>,
}

impl<'a> Decoder<'a> {
    fn new(model: &'a Vpit, prompts: Prompts<'a>, limit: usize) -> Self {
        let batch = Batch::collate(prompts.sequences, prompts.layout).to_device(model.lm_head.weight.device());
        let shown = prompts.visual.index_select(0, &batch.visual_rows);
        let embedded = model.embed(&batch.ids, &batch.visual_places, &shown);
        let [rows, length, _] = dims(&embedded);
        let mut cache = model.model.decoder.cache(rows, length + limit as i64);
        let hidden = model.model.decoder.continue_from(&embedded, &mut cache).flatten(0, 1);
        let lengths: Vec<i64> = prompts.sequences.iter().map(|prompt| prompt.slots.len() as i64).collect();
        cache.set_lengths(&lengths);
        let last: Vec<i64> = (0..).zip(&lengths).map(|(row, filled)| row * length + filled - 1).collect();
        let speaker = || Speaker { mode: Mode::Text, tokens: Vec::new(), visual_steps: Vec::new() };
        Self {
            model,
            layout: prompts.layout,
            cache,
            hidden: hidden.index_select(0, &Tensor::from_slice(&last).to(embedded.device())),
            speakers: lengths.iter().map(|_| speaker()).collect(),
            visual: Vec::new(),
        }
    }

    /// Let every speaker say something; returns what is at its new place, embedded, `[batch, 1, width]`.
    ///
    /// A silent speaker's place is filled as well and never looked at.
    fn say(&mut self, step: usize, choice: Choice) -> Tensor {
        let tokens = choice.of(&self.model.lm_head.forward(&self.hidden), step);
        let visual = self.model.next_visual(&self.hidden);
        let seen: Vec<bool> = self.speakers.iter().map(|speaker| matches!(speaker.mode, Mode::Visual { .. })).collect();
        let seen = Tensor::from_slice(&seen).to(self.hidden.device()).unsqueeze(-1);
        let text = self.model.model.decoder.embed_tokens.forward(&tokens);
        let image = self.model.model.mm_projector.forward(&visual);
        let said: Vec<i64> = tokens.iter::<i64>().map(Iterator::collect).unwrap_or_default();
        for (speaker, token) in self.speakers.iter_mut().zip(said) {
            speaker.say(token, step, self.layout);
        }
        self.visual.push(visual);
        image.where_self(&seen, &text).unsqueeze(1)
    }

    /// Let the model hear what was said.
    fn hear(&mut self, embedded: &Tensor) {
        self.hidden = self.model.model.decoder.continue_from(embedded, &mut self.cache).squeeze_dim(1);
    }

    fn into_responses(self) -> Vec<Response> {
        let visual = (!self.visual.is_empty()).then(|| Tensor::stack(&self.visual, 1));
        let images = |row: i64, steps: &[i64]| -> Vec<Tensor> {
            let Some(visual) = &visual else { return Vec::new() };
            let complete = steps.chunks_exact(self.layout.visual_tokens.max(1));
            let select =
                |steps: &[i64]| visual.get(row).index_select(0, &Tensor::from_slice(steps).to(visual.device()));
            complete.map(select).collect()
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

impl Choice {
    /// An id for each row of `[batch, vocabulary]` logits.
    fn of(self, logits: &Tensor, step: usize) -> Tensor {
        match self {
            Self::Greedy => logits.argmax(-1, false),
            Self::Sampled(sampling) => sampling.draw(logits, step),
        }
    }
}

impl Sampling {
    fn draw(self, logits: &Tensor, step: usize) -> Tensor {
        let probabilities = (logits.to_kind(Kind::Double) / self.temperature).softmax(-1, Kind::Double);
        let (sorted, ids) = probabilities.sort(-1, true);
        let upto = sorted.cumsum(-1, Kind::Double);
        // The likeliest token stays whatever `top_p` is: before it the sum is 0.
        let kept = (&upto - &sorted).lt(self.top_p);
        let kept_sum = (&sorted * kept.to_kind(Kind::Double)).sum_dim_intlist(-1, true, Kind::Double);
        let numbers: Vec<f64> = (0..dims::<2>(logits)[0] as u64)
            .map(|row| Rng::new(self.seed, &format!("decode/{}", self.first + row), step as u64).f64())
            .collect();
        let threshold = Tensor::from_slice(&numbers).to(logits.device()).unsqueeze(-1) * kept_sum;
        // The first token at which the sum exceeds the number.
        let place = upto.le_tensor(&threshold).sum_dim_intlist(-1, true, Kind::Int64);
        ids.gather(-1, &place.clamp_max(dims::<2>(logits)[1] - 1), false).squeeze_dim(-1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f64, top_p: f64) -> Sampling {
        Sampling { temperature, top_p, seed: 3, first: 0 }
    }

    /// How often each of three tokens is drawn in 4,000 draws.
    fn counts(sampling: Sampling) -> [i64; 3] {
        let logits = Tensor::from_slice(&[0.6f64.ln(), 0.1f64.ln(), 0.3f64.ln()]).expand([4_000, 3], false);
        let drawn = sampling.draw(&logits, 0);
        [0, 1, 2].map(|id| drawn.eq(id).sum(Kind::Int64).int64_value(&[]))
    }

    #[test]
    fn tokens_are_drawn_by_their_probability() {
        for (count, expected) in counts(sampling(1.0, 1.0)).into_iter().zip([2400, 400, 1200]) {
            // Five standard deviations.
            assert!((count - expected).abs() < 155, "{count} of {expected}");
        }
    }

    #[test]
    fn top_p_leaves_unlikely_tokens_out_and_a_low_temperature_all_but_the_likeliest() {
        let [first, second, third] = counts(sampling(1.0, 0.85));
        assert!(second == 0 && (first - 2667).abs() < 150 && third > 0, "{first} {second} {third}");
        assert_eq!(counts(sampling(1.0, 0.0)), [4_000, 0, 0]);
        assert_eq!(counts(sampling(0.01, 1.0)), [4_000, 0, 0]);
    }

    #[test]
    fn what_is_drawn_for_a_prompt_does_not_depend_on_its_company() {
        let logits = Tensor::zeros([4, 50], tch::kind::FLOAT_CPU);
        let together = sampling(1.0, 1.0).draw(&logits, 7);
        let alone = Sampling { first: 2, ..sampling(1.0, 1.0) }.draw(&logits.narrow(0, 2, 1), 7);
        assert_eq!(together.int64_value(&[2]), alone.int64_value(&[0]));
    }
}
