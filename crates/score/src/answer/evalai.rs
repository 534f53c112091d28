//! The answer normalisation of the VQA challenges' server, EvalAI, as mmf's `EvalAIAnswerProcessor` has it.
//!
//! lmms-eval 0.7.3 and Cambrian-1 (`m4c_evaluator.py`) carry copies with the same rules. Of its rules one never applies:
//! commas between digits decide about punctuation only after all commas were removed.

use super::punctuation;
use super::python::{split, strip};

/// The answer in lower case without commas, question marks, other punctuation, articles; numbers to ten as digits,
/// contractions with their apostrophe.
pub fn normalise(answer: &str) -> String {
    let lower = answer.to_lowercase().replace([',', '?'], "").replace("'s", " 's");
    let text = strip(&lower).replace(['\n', '\t'], " ");
    let text = punctuation::remove(strip(&text), false);
    let mut out = String::with_capacity(text.len());
    for word in split(&text).map(number).filter(|word| !matches!(*word, "a" | "an" | "the")) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(contraction(word));
    }
    out
}

fn number(word: &str) -> &str {
    match word {
        "none" | "zero" => "0",
        "one" => "1",
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        other => other,
    }
}

fn contraction(word: &str) -> &str {
    CONTRACTIONS.binary_search_by_key(&word, |(from, _)| from).map_or(word, |at| CONTRACTIONS[at].1)
}

/// Sorted by the first. The original has more, in upper case or mapped to themselves, which change nothing here.
#[rustfmt::skip]
const CONTRACTIONS: [(&str, &str); 114] = [
    ("'ow'sat", "'ow's'at"), ("'ows'at", "'ow's'at"), ("aint", "ain't"), ("arent", "aren't"), ("cant", "can't"),
    ("couldn'tve", "couldn't've"), ("couldnt", "couldn't"), ("couldnt've", "couldn't've"), ("couldve", "could've"),
    ("didnt", "didn't"), ("doesnt", "doesn't"), ("dont", "don't"), ("hadn'tve", "hadn't've"), ("hadnt", "hadn't"),
    ("hadnt've", "hadn't've"), ("hasnt", "hasn't"), ("havent", "haven't"), ("he'dve", "he'd've"), ("hed", "he'd"),
    ("hed've", "he'd've"), ("hes", "he's"), ("howd", "how'd"), ("howll", "how'll"), ("hows", "how's"),
    ("isnt", "isn't"), ("it'dve", "it'd've"), ("itd", "it'd"), ("itd've", "it'd've"), ("itll", "it'll"),
    ("maam", "ma'am"), ("mightn'tve", "mightn't've"), ("mightnt", "mightn't"), ("mightnt've", "mightn't've"),
    ("mightve", "might've"), ("mustnt", "mustn't"), ("mustve", "must've"), ("neednt", "needn't"), ("notve", "not've"),
    ("oclock", "o'clock"), ("oughtnt", "oughtn't"), ("ow's'at", "'ow's'at"), ("shant", "shan't"),
    ("she'dve", "she'd've"), ("shed've", "she'd've"), ("shouldn'tve", "shouldn't've"), ("shouldnt", "shouldn't"),
    ("shouldnt've", "shouldn't've"), ("shouldve", "should've"), ("somebody'd", "somebodyd"),
    ("somebody'dve", "somebody'd've"), ("somebodyd've", "somebody'd've"), ("somebodyll", "somebody'll"),
    ("somebodys", "somebody's"), ("someone'dve", "someone'd've"), ("someoned", "someone'd"),
    ("someoned've", "someone'd've"), ("someonell", "someone'll"), ("someones", "someone's"),
    ("something'dve", "something'd've"), ("somethingd", "something'd"), ("somethingd've", "something'd've"),
    ("somethingll", "something'll"), ("thats", "that's"), ("there'dve", "there'd've"), ("thered", "there'd"),
    ("thered've", "there'd've"), ("therere", "there're"), ("theres", "there's"), ("they'dve", "they'd've"),
    ("theyd", "they'd"), ("theyd've", "they'd've"), ("theyll", "they'll"), ("theyre", "they're"),
    ("theyve", "they've"), ("twas", "'twas"), ("wasnt", "wasn't"), ("we'dve", "we'd've"), ("wed've", "we'd've"),
    ("werent", "weren't"), ("weve", "we've"), ("whatll", "what'll"), ("whatre", "what're"), ("whats", "what's"),
    ("whatve", "what've"), ("whens", "when's"), ("whered", "where'd"), ("wheres", "where's"), ("whereve", "where've"),
    ("who'dve", "who'd've"), ("whod", "who'd"), ("whod've", "who'd've"), ("wholl", "who'll"), ("whos", "who's"),
    ("whove", "who've"), ("whyll", "why'll"), ("whyre", "why're"), ("whys", "why's"), ("wont", "won't"),
    ("wouldn'tve", "wouldn't've"), ("wouldnt", "wouldn't"), ("wouldnt've", "wouldn't've"), ("wouldve", "would've"),
    ("y'all'dve", "y'all'd've"), ("y'alld've", "y'all'd've"), ("y'allll", "y'all'll"), ("yall", "y'all"),
    ("yall'd've", "y'all'd've"), ("yall'll", "y'all'll"), ("you'dve", "you'd've"), ("youd", "you'd"),
    ("youd've", "you'd've"), ("youll", "you'll"), ("youre", "you're"), ("youve", "you've"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_by_hand() {
        let cases = [
            ("The cat's", "cat 's"),
            ("rock-n-roll", "rock n roll"),
            ("a/b", "b"),
            ("5.", "5"),
            ("U.S.A.", "usa"),
            ("$5", "$5"),
            ("dont, none", "don't 0"),
            ("1,000", "1000"),
        ];
        for (answer, normal) in cases {
            assert_eq!(normalise(answer), normal, "{answer}");
        }
    }

    #[test]
    fn contractions_are_in_order() {
        assert!(CONTRACTIONS.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
