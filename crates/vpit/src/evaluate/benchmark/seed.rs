//! SEED-Bench: its questions about one image; those about videos are passed over.

use score::benchmark::Protocol;

use super::{Asked, LETTER, Made, Published, about, longest, options};

pub(super) static PUBLISHED: Published = Published {
    split: "test",
    config: None,
    tables: &[],
    question: make,
    longest_reply: |protocol| longest(protocol, 1024),
};

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    if row.text("data_type")? != "image" {
        return Ok(None);
    }
    let choices = ["choice_a", "choice_b", "choice_c", "choice_d"].map(|column| row.text(column));
    let choices = choices.into_iter().collect::<Result<Vec<&str>, String>>()?;
    let gold = options::gold(choices.iter().map(|&choice| choice.to_owned()).collect(), row.text("answer")?)?;
    let (question, lines) = (row.text("question")?, options::lettered(choices));
    let heading = match asked.protocol {
        Protocol::Cambrian => " Options:",
        Protocol::Official => "",
    };
    let prompt = format!("{question}{heading}\n{lines}\n{LETTER}");
    // Published lists of the kinds' names differ in two places; the numbers are in the file.
    let kind = row.number("question_type_id").map(|kind| format!("type {kind}"));
    Ok(Some(about(asked, row.name(&["question_id"])?, gold, prompt)?.of_categories(kind.into_iter().collect())))
}
