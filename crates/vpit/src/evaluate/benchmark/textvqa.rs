//! TextVQA, split validation; `cambrian` is told what a reader of texts found in the picture.

use score::benchmark::{Gold, Protocol};

use super::{Asked, Made, Published, SHORT, about, longest};
use crate::evaluate::python::capitalize;

pub(super) static PUBLISHED: Published = Published {
    split: "validation",
    config: None,
    tables: &[],
    question: make,
    longest_reply: |protocol| longest(protocol, 1024),
};

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    let words = row.text("question")?;
    let prompt = match asked.protocol {
        Protocol::Cambrian => {
            let tokens = row.texts("ocr_tokens")?.join(", ");
            let space = if tokens.is_empty() { "" } else { " " };
            format!("{words}\nReference OCR tokens:{space}{tokens}\n{SHORT}")
        }
        Protocol::Official => format!("{}\n{SHORT}", capitalize(words)),
    };
    let answers = row.texts("answers")?.into_iter().map(str::to_owned).collect();
    Ok(Some(about(asked, row.name(&["question_id"])?, Gold::Consensus(answers), prompt)?))
}
