//! ScienceQA, split test: its questions with an image.

use score::benchmark::Protocol;

use super::{Asked, LETTER, Made, Published, about, longest, options};

pub(super) static PUBLISHED: Published = Published {
    split: "test",
    config: Some("ScienceQA-IMG"),
    tables: &[],
    question: make,
    longest_reply: |protocol| longest(protocol, 16),
};

const DIRECTLY: &str = "Please answer directly with only the letter of the correct option and nothing else.";

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    if row.pictures("image") == 0 {
        return Ok(None);
    }
    let choices = row.texts("choices")?;
    let answer = row.index("answer")?;
    let letter = ('A'..='Z').nth(answer).map_or_else(|| answer.to_string(), String::from);
    let gold = options::gold(choices.iter().map(|&choice| choice.to_owned()).collect(), &letter)?;
    let (words, hint) = (row.text("question")?, row.text("hint")?);
    let lines = options::lettered(choices);
    let prompt = match asked.protocol {
        Protocol::Cambrian => {
            let hint = if hint.is_empty() { String::new() } else { format!("{hint} ") };
            format!("{hint}{words}\n{lines}\n{DIRECTLY}")
        }
        Protocol::Official => {
            let context = if hint.is_empty() { String::new() } else { format!("Context: {hint}\n") };
            format!("{context}{words}\n{lines}\n{LETTER}")
        }
    };
    let subject = row.text_if_any("subject").map(str::to_owned).into_iter().collect();
    Ok(Some(about(asked, asked.number.to_string(), gold, prompt)?.of_categories(subject)))
}
