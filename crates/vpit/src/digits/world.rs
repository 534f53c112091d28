//! Scenes and questions by id.

use super::content::Content;
use super::draw::Painter;
use super::mnist::Digits;
use super::question::{Group, Question};
use crate::rng::Rng;

/// Which digits a world is drawn from, and which combinations it may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    Train,
    Test,
}

/// A picture and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// `SIDE * SIDE` grey values, row-major, 0 = black.
    pub pixels: Vec<u8>,
    /// At most nine words.
    pub caption: String,
    pub content: Content,
}

/// All samples of one split, each a pure function of its id.
pub struct World {
    split: Split,
    digits: Digits,
}

impl World {
    /// The world of `split`. Reads the embedded digits once; keep it.
    pub fn open(split: Split) -> World {
        let digits = match split {
            Split::Train => Digits::train(),
            Split::Test => Digits::test(),
        };
        World { split, digits }
    }

    /// Scene `id` for what learns from images and captions: encoders and the visualizer.
    pub fn scene(&self, id: u64) -> Scene {
        self.captioned("scene", id)
    }

    /// Scene `id` for image generation, where its caption is the prompt. Drawn like [`World::scene`], other scenes.
    pub fn generation(&self, id: u64) -> Scene {
        self.captioned("generation", id)
    }

    /// Question `id` with its scene. Ids count through the groups, then a group's kinds, then a kind's answers, so a range
    /// of ids that starts at 0 is balanced to within one sample at each level.
    pub fn vqa(&self, id: u64) -> (Scene, Question) {
        let mut rng = self.rng("vqa", id);
        let group = Group::ALL[(id % 5) as usize];
        let (turn, kinds) = (id / 5, group.kinds());
        let kind = kinds[(turn % kinds.len() as u64) as usize];
        let (content, question) = kind.ask(group, turn / kinds.len() as u64, self.split, &mut rng);
        (self.show(content, &mut rng), question)
    }

    fn captioned(&self, purpose: &str, id: u64) -> Scene {
        let mut rng = self.rng(purpose, id);
        let content = Content::draw(&mut rng, self.split);
        self.show(content, &mut rng)
    }

    fn rng(&self, purpose: &str, id: u64) -> Rng {
        let seed = match self.split {
            Split::Train => 0,
            Split::Test => 1,
        };
        Rng::new(seed, purpose, id)
    }

    fn show(&self, content: Content, rng: &mut Rng) -> Scene {
        let caption = content.caption(rng);
        let pixels = Painter::new(&self.digits, rng).paint(&content);
        Scene { pixels, caption, content }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::super::question::Kind;
    use super::super::vocabulary::encode;
    use super::*;

    const N: u64 = 6_000;

    fn all(world: &World) -> impl Iterator<Item = Scene> {
        (0..N).flat_map(|id| [world.scene(id), world.generation(id), world.vqa(id).0])
    }

    #[test]
    fn a_sample_is_a_pure_function_of_its_id() {
        let (world, again) = (World::open(Split::Train), World::open(Split::Train));
        for id in [0, 1, 17, u64::MAX] {
            assert_eq!(world.vqa(id), again.vqa(id));
            assert_eq!(world.scene(id), again.scene(id));
            assert_ne!(world.scene(id).pixels, world.generation(id).pixels);
        }
    }

    #[test]
    fn training_and_test_share_no_scene() {
        let digests = |split| -> HashSet<blake3::Hash> {
            all(&World::open(split)).map(|scene| blake3::hash(&scene.pixels)).collect()
        };
        assert!(digests(Split::Train).is_disjoint(&digests(Split::Test)));
    }

    #[test]
    fn held_out_combinations_occur_in_test_scenes_only() {
        assert!(all(&World::open(Split::Train)).all(|scene| !scene.content.held_out()));
        let new = all(&World::open(Split::Test)).filter(|scene| scene.content.held_out()).count();
        assert!(new > 1_000, "{new}");
    }

    #[test]
    fn captions_of_held_out_combinations_occur_in_test_scenes_only() {
        let train: HashSet<String> = all(&World::open(Split::Train)).map(|scene| scene.caption).collect();
        let test = World::open(Split::Test);
        for scene in all(&test).filter(|scene| scene.content.held_out()) {
            assert!(!train.contains(&scene.caption), "{}", scene.caption);
        }
    }

    #[test]
    fn every_word_is_in_the_vocabulary_and_every_text_short() {
        for split in [Split::Train, Split::Test] {
            let world = World::open(split);
            for id in 0..N {
                let (scene, question) = world.vqa(id);
                let words = |text: &str| encode(text).unwrap_or_else(|error| panic!("{text}: {error}")).len();
                assert!(words(&scene.caption) <= 9 && words(&question.prompt) <= 9 && words(&question.answer) <= 2);
                assert!(question.choices.contains(&question.answer));
                question.choices.iter().for_each(|choice| assert!(words(choice) <= 2));
            }
        }
    }

    /// How often each answer was given, by (kind, prompt) or by kind alone.
    type Tally = BTreeMap<(String, String), BTreeMap<String, u32>>;

    fn tally(split: Split, n: u64, by_prompt: bool) -> Tally {
        let world = World::open(split);
        let mut tally = Tally::new();
        for id in 0..n {
            let (_, question) = world.vqa(id);
            let prompt = if by_prompt { question.prompt } else { String::new() };
            let answers = tally.entry((question.kind.name().into(), prompt)).or_default();
            *answers.entry(question.answer).or_default() += 1;
        }
        tally
    }

    #[test]
    fn a_range_of_ids_is_balanced_to_within_one_sample_a_kind() {
        for split in [Split::Train, Split::Test] {
            for ((kind, _), answers) in tally(split, 5 * 12 * 90, false) {
                let (least, most) = (answers.values().min().unwrap(), answers.values().max().unwrap());
                assert!(most - least <= 1, "{kind} in {split:?}: {answers:?}");
            }
        }
    }

    #[test]
    fn a_short_range_of_ids_is_spread_over_the_answers() {
        let tally = tally(Split::Test, 500, false);
        let numbers = &tally[&(Kind::ReadNumber.name().to_owned(), String::new())];
        let tens: HashSet<&str> = numbers.keys().filter_map(|number| number.split(' ').next()).collect();
        assert_eq!((numbers.len(), tens.len()), (25, 9));
    }

    #[test]
    fn test_questions_have_every_choice_as_an_answer() {
        let tally = tally(Split::Test, 5 * 12 * 90, false);
        for kind in Group::ALL.iter().flat_map(|group| group.kinds()) {
            assert_eq!(tally[&(kind.name().to_owned(), String::new())].len(), kind.choices().len(), "{kind:?}");
        }
    }

    /// A prompt that tells its answer would let a model be right without the image.
    #[test]
    fn no_prompt_tells_its_answer_by_chi_square() {
        for ((kind, prompt), answers) in tally(Split::Test, 60_000, true) {
            let of_prompt = f64::from(answers.values().sum::<u32>());
            let choices = if kind == Kind::ReadNumber.name() { 90.0 } else { answers.len() as f64 };
            let expected = of_prompt / choices;
            let chi_square: f64 = answers.values().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
            let freedom = choices - 1.0;
            // Mean plus four standard deviations of chi-square: p < 0.002 for one degree of freedom, less for more.
            assert!(chi_square < freedom + 4.0 * (2.0 * freedom).sqrt() + 4.0, "{prompt}: {chi_square}, {answers:?}");
        }
    }

    #[test]
    fn chance_is_one_over_the_choices_averaged_over_kinds() {
        assert!((Group::General.chance() - 0.1).abs() < 1e-12);
        assert!((Group::VisionCentric.chance() - (0.5 + 0.5 + 0.25) / 3.0).abs() < 1e-12);
        assert!((Group::TextChart.chance() - (1.0 / 90.0 + 0.5 + 2.0 / 3.0) / 4.0).abs() < 1e-12);
        assert!((Group::HighResolution.chance() - 0.1).abs() < 1e-12);
        assert!((Group::Knowledge.chance() - (0.5 + 0.5 + 0.1) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn answers_fit_their_scene() {
        let world = World::open(Split::Test);
        for id in 0..N {
            let (scene, question) = world.vqa(id);
            assert_eq!(right_answer(&scene.content, &question), question.answer, "{scene:?} {question:?}");
        }
    }

    /// The answer found from the content alone, another way than the question was made.
    fn right_answer(content: &Content, question: &Question) -> String {
        use super::super::vocabulary::number;
        let names = |digit: u8| question.prompt.split(' ').any(|word| word == number(digit));
        let pick = |first: bool, a: &str, b: &str| if first { a } else { b }.to_owned();
        match (question.kind, content) {
            (Kind::WhichDigit, Content::Single { digit }) => number(*digit).into(),
            (Kind::LeftOrRight, Content::Pair { first, .. }) => pick(names(*first), "left", "right"),
            (Kind::AboveOrBelow, Content::Pair { first, .. }) => pick(names(*first), "above", "below"),
            (Kind::HowMany, Content::Count { n, .. }) => number(*n).into(),
            (Kind::ReadNumber, Content::Sign { tens, ones }) => format!("{} {}", number(*tens), number(*ones)),
            (Kind::HigherBar, Content::Bars { heights }) => pick(heights[0] > heights[1], "left", "right"),
            (Kind::HighestBar, Content::Bars { heights }) => extreme(heights, *heights.iter().max().unwrap()),
            (Kind::LowestBar, Content::Bars { heights }) => extreme(heights, *heights.iter().min().unwrap()),
            (Kind::SmallDigit, Content::Corner { small, .. }) => number(*small).into(),
            (Kind::IsPrime, Content::Single { digit }) => pick([2, 3, 5, 7].contains(digit), "yes", "no"),
            (Kind::OddOrEven, Content::Single { digit }) => pick(digit % 2 == 1, "odd", "even"),
            (Kind::ComesAfter, Content::Single { digit }) => number(digit + 1).into(),
            unfit => panic!("{unfit:?}"),
        }
    }

    fn extreme(heights: &[u8], height: u8) -> String {
        let places = ["left", "middle", "right"];
        places[heights.iter().position(|&h| h == height).unwrap()].to_owned()
    }
}
