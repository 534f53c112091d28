//! Stored predictions: one JSON object a line, with all that it takes to score them again.

use std::collections::HashMap;
use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::error::{Error, Mistake};
use super::name::Benchmark;
use super::protocol::Protocol;
use super::question::{Choice, Gold, Question, QuestionId};
use super::rule::{Reply, Rule, Verdict};

/// How many ids an error names.
const EXAMPLES: usize = 5;

/// One line. Fields of other programs are passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// A text, or an integer.
    #[serde(alias = "question_id", deserialize_with = "text_or_integer")]
    pub id: String,
    /// What the model was asked, as far as it is known; it decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// What the model said.
    pub prediction: String,
    /// The letter of the right option, the right text, or ten people's answers.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Option::is_none")]
    pub gold: Option<Texts>,
    /// Lettered from `A`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// What the protocol took for the answer.
    #[serde(default)]
    pub extracted: Option<String>,
    /// From 0 to 1; null where the protocol does not count the prediction.
    #[serde(default)]
    pub verdict: Option<f64>,
    /// Whose verdict it is, such as `official/1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// A text, or several.
#[derive(Clone, Debug, PartialEq)]
pub enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Serialize for Texts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(text) => text.serialize(serializer),
            Self::Many(texts) => texts.serialize(serializer),
        }
    }
}

/// A question with its reply and what the protocol makes of it.
#[derive(Clone, Debug)]
pub struct Answered {
    pub question: Question,
    pub prompt: Option<String>,
    pub reply: String,
    pub verdict: Verdict,
    /// The verdict that was stored with the prediction, if it is of the same protocol and version.
    pub stored: Option<Option<f64>>,
}

/// The tag of a protocol in a row.
fn tag(protocol: Protocol) -> String {
    format!("{protocol}/{}", protocol.version())
}

impl Row {
    /// A reply to a question of known data.
    pub fn new(id: &str, prompt: &str, prediction: String) -> Self {
        Self {
            id: id.to_owned(),
            prompt: Some(prompt.to_owned()),
            prediction,
            gold: None,
            options: Vec::new(),
            categories: Vec::new(),
            extracted: None,
            verdict: None,
            protocol: None,
        }
    }

    fn question(&self, rule: Rule) -> Result<Question, Mistake> {
        let gold = match (self.gold.clone().ok_or(Mistake::NoGold)?, rule) {
            (Texts::One(letter), Rule::Choice(_)) => Gold::Choice(self.choice(&letter)?),
            (Texts::One(letter), Rule::ChoiceOrText(..)) if !self.options.is_empty() => {
                Gold::Choice(self.choice(&letter)?)
            }
            (Texts::One(text), _) => Gold::Text(text),
            (Texts::Many(texts), _) => Gold::Consensus(texts),
        };
        Ok(Question { id: QuestionId::new(self.id.as_str()), gold, categories: self.categories.clone() })
    }

    fn choice(&self, letter: &str) -> Result<Choice, Mistake> {
        if self.options.is_empty() { Err(Mistake::NoOptions) } else { Choice::new(self.options.clone(), letter) }
    }

    /// Whether the row's own right answer and options, if it has any, are those of `question`.
    fn agrees(&self, question: &Question, rule: Rule) -> bool {
        self.gold.is_none() || self.question(rule).is_ok_and(|own| own.gold == question.gold)
    }
}

/// The rows of a JSONL text with their line numbers, from 1; empty lines are passed over.
///
/// # Errors
/// A line is no row, or there is none.
pub fn read(text: &str) -> Result<Vec<(usize, Row)>, Error> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let row = |(at, line): (usize, &str)| {
        let mistake = |error: serde_json::Error| Mistake::Malformed(error.to_string());
        serde_json::from_str(line)
            .map(|row| (at + 1, row))
            .map_err(|e| Error::Line { line: at + 1, mistake: mistake(e) })
    };
    let rows: Vec<_> = lines.map(row).collect::<Result<_, _>>()?;
    if rows.is_empty() { Err(Error::Empty) } else { Ok(rows) }
}

/// Rows as [`read`] takes them, in order.
///
/// # Errors
/// Those of JSON, of which none can occur for a finite verdict.
pub fn write(answered: &[Answered], protocol: Protocol) -> serde_json::Result<String> {
    let lines = answered.iter().map(|answered| serde_json::to_string(&row(answered, protocol)).map(|line| line + "\n"));
    lines.collect()
}

fn row(answered: &Answered, protocol: Protocol) -> Row {
    let (gold, options) = match &answered.question.gold {
        Gold::Choice(choice) => (Texts::One(choice.right().to_string()), choice.options().to_vec()),
        Gold::Text(text) => (Texts::One(text.clone()), Vec::new()),
        Gold::Consensus(texts) => (Texts::Many(texts.clone()), Vec::new()),
    };
    Row {
        id: answered.question.id.to_string(),
        prompt: answered.prompt.clone(),
        prediction: answered.reply.clone(),
        gold: Some(gold),
        options,
        categories: answered.question.categories.clone(),
        extracted: answered.verdict.extracted.clone(),
        verdict: answered.verdict.credit,
        protocol: Some(tag(protocol)),
    }
}

/// Judges every row, with the questions of `data` if they are given, else with those in the rows.
///
/// # Errors
/// An id comes twice, a question is broken or differs from `data`, or, with `data`, an id is missing or unknown. `partial`
/// lets ids be missing.
pub(super) fn judge(
    benchmark: Benchmark,
    protocol: Protocol,
    rows: &[(usize, Row)],
    data: Option<&[Question]>,
    partial: bool,
) -> Result<Vec<Answered>, Error> {
    let lines = unique(rows)?;
    let known: Option<HashMap<&str, &Question>> =
        data.map(|data| data.iter().map(|question| (question.id.as_str(), question)).collect());
    if let (Some(known), Some(data)) = (&known, data) {
        none_extra(rows, known)?;
        if !partial {
            none_missing(&lines, data)?;
        }
    }
    let rule = benchmark.definition().rule;
    let one = |(line, row): &(usize, Row)| {
        let of = |mistake| Error::Question { id: QuestionId::new(row.id.as_str()), line: *line, mistake };
        let question = match known.as_ref().and_then(|known| known.get(row.id.as_str())) {
            Some(question) if row.agrees(question, rule) => (*question).clone(),
            Some(_) => return Err(of(Mistake::OtherGold)),
            None => row.question(rule).map_err(of)?,
        };
        let verdict = rule.judge(protocol, &question.gold, Reply(&row.prediction)).map_err(of)?;
        let stored = (row.protocol.as_deref() == Some(&tag(protocol))).then_some(row.verdict);
        Ok(Answered { question, prompt: row.prompt.clone(), reply: row.prediction.clone(), verdict, stored })
    };
    rows.iter().map(one).collect()
}

fn unique(rows: &[(usize, Row)]) -> Result<HashMap<&str, usize>, Error> {
    let mut lines = HashMap::with_capacity(rows.len());
    for (line, row) in rows {
        if let Some(first) = lines.insert(row.id.as_str(), *line) {
            return Err(Error::Duplicate { id: QuestionId::new(row.id.as_str()), first, second: *line });
        }
    }
    Ok(lines)
}

fn none_extra(rows: &[(usize, Row)], known: &HashMap<&str, &Question>) -> Result<(), Error> {
    let extra: Vec<&str> = rows.iter().map(|(_, row)| row.id.as_str()).filter(|id| !known.contains_key(id)).collect();
    let examples = extra.iter().take(EXAMPLES).map(|id| QuestionId::new(*id)).collect();
    if extra.is_empty() { Ok(()) } else { Err(Error::Extra { count: extra.len(), examples }) }
}

fn none_missing(lines: &HashMap<&str, usize>, data: &[Question]) -> Result<(), Error> {
    let missing: Vec<&QuestionId> =
        data.iter().map(|question| &question.id).filter(|id| !lines.contains_key(id.as_str())).collect();
    let examples = missing.iter().take(EXAMPLES).map(|id| (*id).clone()).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::Missing { count: missing.len(), examples }) }
}

fn text_or_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Id;
    impl Visitor<'_> for Id {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or an integer")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(Id)
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Texts>, D::Error> {
    struct Gold;
    impl<'de> Visitor<'de> for Gold {
        type Value = Option<Texts>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(Texts::One(text.to_owned())))
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = seq.next_element()? {
                texts.push(text);
            }
            Ok(Some(Texts::Many(texts)))
        }
    }
    deserializer.deserialize_any(Gold)
}
