//! RealWorldQA: questions that have options and instruction inside.

use score::answer::python;
use score::benchmark::{Gold, Protocol};

use super::{Asked, Made, Published, about, longest};

pub(super) static PUBLISHED: Published = Published {
    split: "test",
    config: None,
    tables: &[],
    question: make,
    longest_reply: |protocol| longest(protocol, 16),
};

fn make(asked: Asked<'_>) -> Made {
    let words = asked.row.text("question")?;
    let prompt = match asked.protocol {
        Protocol::Cambrian => words,
        Protocol::Official => python::strip(words),
    };
    let gold = Gold::Text(asked.row.text("answer")?.to_owned());
    Ok(Some(about(asked, asked.number.to_string(), gold, prompt.to_owned())?))
}
