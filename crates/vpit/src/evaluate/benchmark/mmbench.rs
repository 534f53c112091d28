//! MMBench-EN: each question in every rotation of its options; the official table with tabs, or Parquet.

use score::benchmark::Protocol;

use super::{Asked, LETTER, Made, Published, Table, about, longest, options};
use crate::evaluate::table::Form;

pub(super) static PUBLISHED: Published = Published {
    split: "dev",
    config: Some("en"),
    tables: &[Table { name: "*.tsv", form: Form::Tsv }],
    question: make,
    longest_reply: |protocol| longest(protocol, 1024),
};

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    let there: Vec<(&str, &str)> =
        ["A", "B", "C", "D"].into_iter().filter_map(|letter| Some((letter, row.text_if_any(letter)?))).collect();
    if there.iter().zip(["A", "B", "C", "D"]).any(|((letter, _), expected)| *letter != expected) {
        return Err("an option is missing before others".to_owned());
    }
    let gold = options::gold(there.iter().map(|(_, option)| (*option).to_owned()).collect(), row.text("answer")?)?;
    let (question, hint) = (row.text("question")?, row.text_if_any("hint"));
    let lines = options::lettered(there.iter().map(|(_, option)| *option));
    let prompt = match asked.protocol {
        Protocol::Cambrian => {
            let hint = hint.map(|hint| format!("{hint}\n")).unwrap_or_default();
            format!("{hint}{question} Options:\n{lines}\n{LETTER}")
        }
        Protocol::Official => {
            let hint = hint.map(|hint| format!("{hint} ")).unwrap_or_default();
            let lines = lines.trim_end_matches('\n');
            format!("{hint}{question} There are several options:\n{lines}\n\n{LETTER}")
        }
    };
    let levels = ["category", "l2-category", "L2-category"];
    let categories = levels.iter().filter_map(|column| row.text_if_any(column)).map(str::to_owned).collect();
    Ok(Some(about(asked, row.name(&["index"])?, gold, prompt)?.of_categories(categories)))
}
