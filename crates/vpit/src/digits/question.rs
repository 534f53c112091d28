//! Questions in the paper's five groups, each with a closed set of answers that is balanced by construction.
//!
//! The answer is chosen first and the scene is made to fit it, and a prompt never depends on the answer. So whoever does
//! not see the image has chance: one over the number of choices, for every prompt.

use super::content::{Axis, Content, bar_heights, corner, digit, highest, lowest};
use super::vocabulary::number;
use super::world::Split;
use crate::rng::Rng;

/// The groups of benchmarks of the paper (Figure 8), in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    General,
    VisionCentric,
    TextChart,
    HighResolution,
    Knowledge,
}

impl Group {
    pub const ALL: [Group; 5] =
        [Group::General, Group::VisionCentric, Group::TextChart, Group::HighResolution, Group::Knowledge];

    /// The name in scores and sweep files.
    pub fn name(self) -> &'static str {
        match self {
            Group::General => "general",
            Group::VisionCentric => "vision_centric",
            Group::TextChart => "text_chart",
            Group::HighResolution => "high_resolution",
            Group::Knowledge => "knowledge",
        }
    }

    /// The kinds of question of this group; each is asked equally often.
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Group::General => &[Kind::WhichDigit],
            Group::VisionCentric => &[Kind::LeftOrRight, Kind::AboveOrBelow, Kind::HowMany],
            Group::TextChart => &[Kind::ReadNumber, Kind::HigherBar, Kind::HighestBar, Kind::LowestBar],
            Group::HighResolution => &[Kind::SmallDigit],
            Group::Knowledge => &[Kind::IsPrime, Kind::OddOrEven, Kind::ComesAfter],
        }
    }

    /// The share that is right by chance: the mean over the kinds of one over the number of choices, in `(0, 1)`.
    pub fn chance(self) -> f64 {
        let kinds = self.kinds();
        kinds.iter().map(|kind| kind.chance()).sum::<f64>() / kinds.len() as f64
    }
}

/// A prime that divides no number of answers, so that strides visit each answer once a round.
const STRIDE: u64 = 37;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    WhichDigit,
    LeftOrRight,
    AboveOrBelow,
    HowMany,
    ReadNumber,
    HigherBar,
    HighestBar,
    LowestBar,
    SmallDigit,
    IsPrime,
    OddOrEven,
    ComesAfter,
}

/// A question about a scene, with its one right answer among `choices`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub group: Group,
    pub kind: Kind,
    /// At most nine words of [`vocabulary`](super::vocabulary).
    pub prompt: String,
    /// One or two words.
    pub answer: String,
    /// All answers that are possible for this kind, always in the same order.
    pub choices: Vec<String>,
}

impl Kind {
    /// The name in predictions.
    pub fn name(self) -> &'static str {
        match self {
            Kind::WhichDigit => "which_digit",
            Kind::LeftOrRight => "left_or_right",
            Kind::AboveOrBelow => "above_or_below",
            Kind::HowMany => "how_many",
            Kind::ReadNumber => "read_number",
            Kind::HigherBar => "higher_bar",
            Kind::HighestBar => "highest_bar",
            Kind::LowestBar => "lowest_bar",
            Kind::SmallDigit => "small_digit",
            Kind::IsPrime => "is_prime",
            Kind::OddOrEven => "odd_or_even",
            Kind::ComesAfter => "comes_after",
        }
    }

    /// The closed set of answers.
    pub fn choices(self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let numbers = |range: std::ops::Range<u8>| range.map(|n| number(n).to_owned()).collect();
        match self {
            Kind::WhichDigit | Kind::SmallDigit => numbers(0..10),
            Kind::LeftOrRight | Kind::HigherBar => words(&["left", "right"]),
            Kind::AboveOrBelow => words(&["above", "below"]),
            Kind::HowMany => numbers(1..5),
            Kind::ReadNumber => (10..100).map(spell).collect(),
            Kind::HighestBar | Kind::LowestBar => words(&["left", "middle", "right"]),
            Kind::IsPrime => words(&["yes", "no"]),
            Kind::OddOrEven => words(&["odd", "even"]),
            Kind::ComesAfter => numbers(1..11),
        }
    }

    /// The share that is right by chance.
    pub fn chance(self) -> f64 {
        1.0 / self.choices().len() as f64
    }

    /// The question of turn `turn`: answers take turns, in strides, so that a short range of ids is spread over all of them.
    pub(super) fn ask(self, group: Group, turn: u64, split: Split, rng: &mut Rng) -> (Content, Question) {
        let named = digit(rng);
        let answers = self.answers(split);
        let answer = answers[(turn.wrapping_mul(STRIDE) % answers.len() as u64) as usize];
        let content = Content::allowed(split, || self.propose(answer, named, rng));
        let (prompt, choices) = (self.prompt(named, rng), self.choices());
        (content, Question { group, kind: self, prompt, answer: choices[usize::from(answer)].clone(), choices })
    }

    /// The answers, as places in [`Kind::choices`], that a scene of `split` can have: all but the held-out numbers.
    fn answers(self, split: Split) -> Vec<u8> {
        let numbers = 0..self.choices().len() as u8;
        let held_out = |&place: &u8| self == Kind::ReadNumber && split == Split::Train && sign(place + 10).held_out();
        numbers.filter(|place| !held_out(place)).collect()
    }

    /// A content for which number `answer` of [`Kind::choices`] is right; `named` is the digit that the prompt names.
    fn propose(self, answer: u8, named: u8, rng: &mut Rng) -> Content {
        match self {
            Kind::WhichDigit => Content::Single { digit: answer },
            Kind::LeftOrRight => pair(Axis::Horizontal, answer, named, digit(rng)),
            Kind::AboveOrBelow => pair(Axis::Vertical, answer, named, digit(rng)),
            Kind::HowMany => Content::Count { n: answer + 1, digit: digit(rng) },
            Kind::ReadNumber => sign(answer + 10),
            Kind::HigherBar => chart(rng, 2, answer, highest),
            Kind::HighestBar => chart(rng, 3, answer, highest),
            Kind::LowestBar => chart(rng, 3, answer, lowest),
            Kind::SmallDigit => Content::Corner { large: digit(rng), small: answer, corner: corner(rng) },
            Kind::IsPrime if answer == 0 => Content::Single { digit: *rng.pick(&[2, 3, 5, 7]) },
            Kind::IsPrime => Content::Single { digit: *rng.pick(&[0, 1, 4, 6, 8, 9]) },
            Kind::OddOrEven => Content::Single { digit: 2 * rng.below(5) as u8 + 1 - answer },
            Kind::ComesAfter => Content::Single { digit: answer },
        }
    }

    /// One of a few wordings; which one never depends on the answer.
    fn prompt(self, named: u8, rng: &mut Rng) -> String {
        let named = number(named);
        let wordings: &[&str] = match self {
            Kind::WhichDigit => &["which digit is this", "what digit is shown", "name the digit"],
            Kind::LeftOrRight => return format!("is the {named} left or right"),
            Kind::AboveOrBelow => return format!("is the {named} above or below"),
            Kind::HowMany => &["how many digits are there", "how many digits are shown", "count the digits"],
            Kind::ReadNumber => &["what number is on the sign", "read the sign", "read the number"],
            Kind::HigherBar => &["which of the two bars is higher"],
            Kind::HighestBar => &["which of the three bars is highest", "name the highest bar"],
            Kind::LowestBar => &["which of the three bars is lowest", "name the lowest bar"],
            Kind::SmallDigit => &["which small digit is in the corner", "name the small digit"],
            Kind::IsPrime => &["is this digit prime", "is it prime"],
            Kind::OddOrEven => &["is this digit odd or even", "is it odd or even"],
            Kind::ComesAfter => &["what comes after this digit", "what number comes next"],
        };
        (*rng.pick(wordings)).to_owned()
    }
}

/// "four two" for 42: a number is read digit by digit.
fn spell(value: u8) -> String {
    format!("{} {}", number(value / 10), number(value % 10))
}

fn sign(value: u8) -> Content {
    Content::Sign { tens: value / 10, ones: value % 10 }
}

/// A pair with `named` in the place that `answer` says: 0 the first (left, above), 1 the second (right, below).
fn pair(axis: Axis, answer: u8, named: u8, other: u8) -> Content {
    let (first, second) = if answer == 0 { (named, other) } else { (other, named) };
    Content::Pair { axis, first, second }
}

/// A chart in which the bar that `which` finds is moved to the place `answer`.
fn chart(rng: &mut Rng, n: usize, answer: u8, which: fn(&[u8]) -> usize) -> Content {
    let mut heights = bar_heights(rng, n);
    let found = which(&heights);
    heights.swap(found, usize::from(answer));
    Content::Bars { heights }
}
