//! ChartQA, split test.

use score::benchmark::{Gold, Protocol};

use super::{Asked, Made, Published, about};

pub(super) static PUBLISHED: Published = Published {
    split: "test",
    config: None,
    tables: &[],
    question: make,
    longest_reply: |protocol| match protocol {
        Protocol::Cambrian => 128,
        Protocol::Official => 16,
    },
};

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    let instruction = match asked.protocol {
        Protocol::Cambrian => "Answer the question using a single number or phrase.",
        Protocol::Official => "Answer the question with a single word.",
    };
    let prompt = format!("{}\n{instruction}", row.text("question")?);
    let gold = Gold::Text(row.text("answer")?.to_owned());
    let categories = vec![row.text("type")?.to_owned()];
    Ok(Some(about(asked, asked.number.to_string(), gold, prompt)?.of_categories(categories)))
}
