//! Text for the language model's pretraining: captions, facts about digits, conversations without images.
//!
//! It teaches the words, counting, and the form of a conversation, and nothing that answers a question about an image
//! that is withheld. Captions come from the combinations that training may show.

use super::content::{Content, a};
use super::vocabulary::{number, plural};
use super::world::Split;
use crate::rng::Rng;

const PRIMES: [u8; 4] = [2, 3, 5, 7];

/// Line `id` of the corpus, without `<bos>`; at most 16 words.
pub fn line(id: u64) -> String {
    let mut rng = Rng::new(0, "text", id);
    match rng.below(4) {
        0 => Content::draw(&mut rng, Split::Train).caption(&mut rng) + " <eot>",
        1 => fact(&mut rng) + " <eot>",
        2 => counting(&mut rng) + " <eot>",
        _ => conversation(&mut rng),
    }
}

fn fact(rng: &mut Rng) -> String {
    let digit = rng.below(10) as u8;
    let word = number(digit);
    match rng.below(5) {
        0 if PRIMES.contains(&digit) => format!("{word} is prime"),
        0 => format!("{word} is not prime"),
        1 => format!("{word} is {}", parity(digit)),
        2 => format!("{} comes after {word}", number(digit + 1)),
        3 => format!("{word} comes before {}", number(digit + 1)),
        _ => format!("{} is a digit", a(digit)),
    }
}

/// "three four five", "two sevens are more than one seven".
fn counting(rng: &mut Rng) -> String {
    let from = rng.below(8) as u8;
    if rng.below(2) == 0 {
        let to = (from + 2 + rng.below(4) as u8).min(10);
        return (from..=to).map(number).collect::<Vec<_>>().join(" ");
    }
    let digit = rng.below(10) as u8;
    format!("{} and {} are {} {}", a(digit), a(digit), number(2), plural(digit))
}

fn conversation(rng: &mut Rng) -> String {
    let digit = rng.below(10) as u8;
    let word = number(digit);
    let (asked, answer) = match rng.below(4) {
        0 => (format!("is {word} prime"), if PRIMES.contains(&digit) { "yes" } else { "no" }),
        1 => (format!("is {word} odd or even"), parity(digit)),
        2 => (format!("what comes after {word}"), number(digit + 1)),
        _ => (format!("say {word}"), word),
    };
    format!("<user> {asked} <assistant> {answer} <eot>")
}

fn parity(digit: u8) -> &'static str {
    if digit % 2 == 1 { "odd" } else { "even" }
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::encode;
    use super::*;

    #[test]
    fn every_line_is_in_the_vocabulary_short_and_ended() {
        for id in 0..5_000 {
            let line = line(id);
            let tokens = encode(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(tokens.len() <= 16 && line.ends_with("<eot>"), "{line}");
        }
    }

    #[test]
    fn facts_are_true() {
        let lines: Vec<String> = (0..20_000).map(line).collect();
        for said in ["seven is prime", "nine is not prime", "ten comes after nine", "zero is even"] {
            assert!(lines.contains(&format!("{said} <eot>")), "{said}");
        }
        for lie in ["nine is prime", "one is prime", "seven is even"] {
            assert!(!lines.contains(&format!("{lie} <eot>")), "{lie}");
        }
    }
}
