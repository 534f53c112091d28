//! Decoding through a cache, alone and in company, against the reference's loop that computes everything anew.

use tch::{Kind, Tensor};
use vpit::decode::{self, Choice, Prompts, Response, Sampling};
use vpit::model::Parameters;
use vpit::sequence::{Layout, Role, Sequence, Slot};
use vpit::unified;

use super::{Expected, close, folder, layout, list, samples};

/// The generator's prompts: its samples, cut before images are laid out, so that an image counts as one item.
fn prompts() -> Vec<Sequence> {
    let cut = |(sample, length): (Sequence, i32)| {
        let mut items = 0;
        let places = sample.slots.iter().take_while(|slot| {
            items += i32::from(!matches!(slot, Slot::Visual { index: 1.., .. }));
            items <= length
        });
        let count = places.count();
        let mut cut = sample.clone();
        cut.slots.truncate(count);
        cut.predicted.truncate(count);
        layout().open(cut, Role::Assistant)
    };
    samples().into_iter().zip([9, 12, 15]).map(cut).collect()
}

/// What is said after all prompts together and after each alone, by a model and a layout in which something may be wrong.
fn decoding(wrong: impl Fn(&mut Layout), damage: impl Fn(&Parameters), choice: Choice) -> Result<(), String> {
    let expected = Expected::of("decoding");
    let (model, _, parameters) = unified::load(&folder("decoding")).unwrap();
    tch::no_grad(|| damage(&parameters));
    let (mut layout, images) = (layout(), expected.get("images").flatten(0, 1));
    wrong(&mut layout);
    let prompts = prompts();
    let prompts: Vec<&Sequence> = prompts.iter().collect();
    let say = |sequences: &[&Sequence]| {
        decode::decode(&model, Prompts { layout: &layout, sequences, visual: &images }, 30, choice)
    };
    let together = say(&prompts);
    for (number, (prompt, together)) in prompts.iter().zip(&together).enumerate() {
        said(&expected, number, together)?;
        said(&expected, number, &say(&[prompt])[0])?;
    }
    Ok(())
}

/// Whether this is what the reference says after prompt `number`.
fn said(expected: &Expected, number: usize, response: &Response) -> Result<(), String> {
    let tokens = list(&expected.get(&format!("{number}/tokens")).to_kind(Kind::Int64));
    if response.tokens != tokens {
        return Err(format!("prompt {number}: {:?}, and {tokens:?} are expected", response.tokens));
    }
    let visual = expected.get(&format!("{number}/visual"));
    let complete = response.images.len() as i64 * 4;
    if complete + 4 <= visual.size()[0] || complete > visual.size()[0] {
        return Err(format!("prompt {number}: {} images", response.images.len()));
    }
    match response.images.as_slice() {
        [] => Ok(()),
        images => close("visual tokens", &Tensor::cat(images, 0), &visual.narrow(0, 0, complete)),
    }
}

#[test]
fn greedy_decoding_says_what_the_uncached_reference_says_alone_and_in_company() {
    decoding(|_| {}, |_| {}, Choice::Greedy).unwrap();
}

/// Add one to every number of a tensor.
fn raise(name: &'static str) -> impl Fn(&Parameters) {
    move |parameters| {
        let _ = parameters.get(name).unwrap().shallow_clone().g_add_scalar_(1.0);
    }
}

#[test]
fn a_decoder_that_ends_begins_or_feeds_back_otherwise_shows() {
    let layout = |wrong: fn(&mut Layout)| decoding(wrong, |_| {}, Choice::Greedy).unwrap_err();
    layout(|layout| layout.specials.eot = layout.specials.pad);
    layout(|layout| layout.specials.image_start = layout.specials.image_end);
    layout(|layout| layout.visual_tokens = 3);
    for name in ["vision_head.2.bias", "model.mm_projector.2.bias", "model.norm.weight"] {
        decoding(|_| {}, raise(name), Choice::Greedy).unwrap_err();
    }
    let sampled = Sampling { temperature: 1.0, top_p: 1.0, seed: 1, first: 0 };
    decoding(|_| {}, |_| {}, Choice::Sampled(sampled)).unwrap_err();
    // So cold that only the likeliest is drawn: the same words.
    decoding(|_| {}, |_| {}, Choice::Sampled(Sampling { temperature: 1e-3, ..sampled })).unwrap();
}
