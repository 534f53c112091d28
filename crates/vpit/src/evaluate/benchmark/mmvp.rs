//! MMVP: a table with commas and numbered pictures, or Parquet.

use score::benchmark::Protocol;

use super::{Asked, LETTER, Made, Published, Table, longest, options, question};
use crate::evaluate::question::Shown;
use crate::evaluate::table::{Form, Place};

pub(super) static PUBLISHED: Published = Published {
    split: "train",
    config: None,
    tables: &[Table { name: "Questions.csv", form: Form::Csv }],
    question: make,
    longest_reply: |protocol| longest(protocol, 16),
};

/// Of the table's pictures.
const FOLDER: &str = "MMVP Images";

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    // The header of the published table has a slip of the pen.
    let index = row.name(&["Index", "lndex"])?;
    let (words, marked) = (row.text("Question")?, row.text("Options")?);
    let found = options::bracketed(marked, |c| c.is_ascii_alphabetic(), true);
    let answer = row.text("Correct Answer")?.trim();
    let letter = answer.trim_start_matches('(').trim_end_matches(')').to_uppercase();
    let prompt = match asked.protocol {
        Protocol::Cambrian => format!("{words} Options:\n{}\n{LETTER}", cambrian(marked)),
        Protocol::Official => format!("{words}\n{}\n{LETTER}", options::lettered(found.iter().map(String::as_str))),
    };
    let place = match row.pictures("image") {
        0 => Place::File(row.file(&format!("{FOLDER}/{index}.jpg"))?),
        _ => row.picture("image")?,
    };
    let gold = options::gold(found, &letter)?;
    Ok(Some(question(index, gold, prompt, Shown::Pictures(vec![place]))))
}

/// The options on two lines, their marks replaced by letters.
fn cambrian(marked: &str) -> String {
    let parts = marked.split("(b)").map(|part| part.trim().replace("(a)", "A."));
    let line = |(number, part): (usize, String)| if number == 1 { format!("B. {part}") } else { part };
    parts.enumerate().map(line).collect::<Vec<String>>().join("\n")
}
