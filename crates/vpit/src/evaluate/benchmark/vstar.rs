//! V*Bench: lines with the names of pictures, or Parquet.

use score::answer::python;
use score::benchmark::Protocol;

use super::{Asked, LETTER, Made, Published, Table, about, options};
use crate::evaluate::table::Form;

pub(super) static PUBLISHED: Published = Published {
    split: "test",
    config: None,
    tables: &[Table { name: "test_questions.jsonl", form: Form::JsonLines }],
    question: make,
    longest_reply: |protocol| match protocol {
        Protocol::Cambrian => 32,
        Protocol::Official => 16,
    },
};

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    let text = row.text("text")?;
    let gold = options::gold(lines(text), row.text("label")?)?;
    let prompt = match asked.protocol {
        Protocol::Cambrian => text.to_owned(),
        Protocol::Official => official(text),
    };
    let category = row.text("category")?;
    // Whether numbers go through both categories or each by itself, this is one name.
    let id = format!("{category}/{}", row.name(&["question_id"])?);
    Ok(Some(about(asked, id, gold, prompt)?.of_categories(vec![category.to_owned()])))
}

/// Options on lines of their own, `(A) red`.
fn lines(text: &str) -> Vec<String> {
    let option = |letter: char| {
        let mark = format!("({letter})");
        text.lines().find_map(|line| line.trim_start().strip_prefix(&mark)).map(|option| option.trim().to_owned())
    };
    ('A'..='Z').map_while(option).collect()
}

/// The options lettered anew. The text has the instruction behind its last option, so that it is said twice.
fn official(text: &str) -> String {
    let found = options::bracketed(text, |c| matches!(c, 'A'..='D'), false);
    if found.is_empty() {
        return format!("{text}\n{LETTER}");
    }
    let question = python::strip(text.split("(A)").next().unwrap_or_default());
    let lines = options::lettered(found.iter().take(4).map(String::as_str));
    format!("{question}\n{lines}\n{LETTER}")
}
