//! MMMU, split validation: up to seven pictures, options as a list that Python has printed.

use std::collections::BTreeSet;
use std::ops::Range;

use score::answer::python;
use score::benchmark::{Gold, Protocol};

use super::{Asked, LETTER, Made, Published, SHORT, longest, options, question};
use crate::evaluate::python::list_of_texts;
use crate::evaluate::question::Shown;
use crate::evaluate::table::{Place, Row};

pub(super) static PUBLISHED: Published = Published {
    split: "validation",
    config: None,
    tables: &[],
    question: make,
    longest_reply: |protocol| longest(protocol, 128),
};

/// Six fields and their subjects, as the benchmark groups them.
const FIELDS: [(&str, &[&str]); 6] = [
    ("Art and Design", &["Art", "Art_Theory", "Design", "Music"]),
    ("Business", &["Accounting", "Economics", "Finance", "Manage", "Marketing"]),
    ("Science", &["Biology", "Chemistry", "Geography", "Math", "Physics"]),
    (
        "Health and Medicine",
        &[
            "Basic_Medical_Science",
            "Clinical_Medicine",
            "Diagnostics_and_Laboratory_Medicine",
            "Pharmacy",
            "Public_Health",
        ],
    ),
    ("Humanities and Social Science", &["History", "Literature", "Sociology", "Psychology"]),
    (
        "Tech and Engineering",
        &[
            "Agriculture",
            "Architecture_and_Engineering",
            "Computer_Science",
            "Electronics",
            "Energy_and_Power",
            "Materials",
            "Mechanical_Engineering",
        ],
    ),
];

/// Where pictures stand in the words, `<image 1>`, and their numbers.
fn tags(words: &str) -> impl DoubleEndedIterator<Item = (Range<usize>, &str)> {
    let tag = |(at, mark): (usize, &str)| {
        let begin = at + mark.len();
        let length = words[begin..].find('>')?;
        let number = &words[begin..begin + length];
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some((at..begin + length + 1, number))
    };
    let found: Vec<_> = words.match_indices("<image ").filter_map(tag).collect();
    found.into_iter()
}

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    let (words, printed) = (row.text("question")?, row.text("options")?);
    let of_choice = row.text("question_type")? == "multiple-choice";
    let choices = list_of_texts(printed).ok_or_else(|| format!("`{printed}` is no list of texts"))?;
    let answer = row.text("answer")?;
    let gold = if of_choice { options::gold(choices.clone(), answer)? } else { Gold::Text(answer.to_owned()) };
    let (prompt, places) = match asked.protocol {
        Protocol::Cambrian => cambrian(row, words, of_choice.then_some(printed))?,
        Protocol::Official => official(row, words, of_choice.then_some(choices.as_slice()))?,
    };
    let id = row.name(&["id"])?;
    let subject = subject(&id).ok_or_else(|| format!("its id `{id}` names no subject"))?;
    let field = FIELDS.iter().find(|(_, subjects)| subjects.contains(&subject)).map(|(field, _)| (*field).to_owned());
    let categories = std::iter::once(subject.to_owned()).chain(field).collect();
    Ok(Some(question(id, gold, prompt, Shown::Pictures(places)).of_categories(categories)))
}

/// `Accounting` of `validation_Accounting_1`.
fn subject(id: &str) -> Option<&str> {
    id.split_once('_')?.1.rsplit_once('_').map(|(subject, _)| subject)
}

/// Only the first picture is shown, and tags are taken out. Options are what stands between single quotes, which breaks
/// those that Python prints between double ones.
fn cambrian(row: &Row, words: &str, printed: Option<&str>) -> Result<(String, Vec<Place>), String> {
    let prompt = match printed {
        Some(printed) => {
            let lines = options::lettered(quoted(printed));
            format!("{words} Options:{}{lines}\n{LETTER}", if lines.is_empty() { "" } else { "\n" })
        }
        None => format!("{words}\n{SHORT}"),
    };
    let mut shown = prompt.clone();
    tags(&prompt).rev().for_each(|(place, _)| shown.replace_range(place, ""));
    match row.pictures("image_1") {
        0 => Ok((python::strip(&shown).to_owned(), Vec::new())),
        // The picture's own tag begins what is stripped.
        _ => Ok((shown.trim_end_matches(python::is_space).to_owned(), vec![row.picture("image_1")?])),
    }
}

/// What stands between pairs of single quotes on one line, from the left.
fn quoted(printed: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), printed);
    while let Some(begin) = rest.find('\'') {
        let inside = &rest[begin + 1..];
        match inside.find(['\'', '\n']) {
            Some(end) if inside[end..].starts_with('\'') => {
                found.push(&inside[..end]);
                rest = &inside[end + 1..];
            }
            _ => rest = inside,
        }
    }
    found
}

/// The pictures that question and options mention, each once, by their numbers; tags stay in the words.
fn official(row: &Row, words: &str, choices: Option<&[String]>) -> Result<(String, Vec<Place>), String> {
    let (body, instruction) = match choices {
        Some(choices) => (format!("{words}\n{}", options::lettered(choices.iter().map(String::as_str))), LETTER),
        None => (words.to_owned(), SHORT),
    };
    let numbers: BTreeSet<&str> = tags(&body).map(|(_, number)| number).collect();
    let places = numbers.iter().map(|number| row.picture(&format!("image_{number}")));
    Ok((format!("{body}\n\n{instruction}"), places.collect::<Result<_, _>>()?))
}
