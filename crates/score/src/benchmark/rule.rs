//! What a reply is worth.

use super::error::Mistake;
use super::protocol::Protocol;
use super::question::{Choice, Gold};

/// What the model said, as it said it.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a>(pub &'a str);

/// What a protocol makes of a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What the protocol took for the answer; none where it found nothing.
    pub extracted: Option<String>,
    /// From 0 to 1; none where the protocol does not count the reply at all.
    pub credit: Option<f64>,
}

impl Verdict {
    pub(super) fn new(extracted: impl Into<Option<String>>, right: bool) -> Self {
        Self { extracted: extracted.into().filter(|text| !text.is_empty()), credit: Some(f64::from(u8::from(right))) }
    }
}

type Judge<G> = fn(Protocol, &G, Reply<'_>) -> Verdict;

/// How replies are judged, by the kind of right answer that the benchmark has.
#[derive(Clone, Copy)]
pub enum Rule {
    Choice(Judge<Choice>),
    Text(Judge<str>),
    /// Some questions have options and others none.
    ChoiceOrText(Judge<Choice>, Judge<str>),
    Consensus(Judge<[String]>),
}

impl Rule {
    /// # Errors
    /// The benchmark has no such kind of right answer.
    pub fn judge(self, protocol: Protocol, gold: &Gold, reply: Reply<'_>) -> Result<Verdict, Mistake> {
        match (self, gold) {
            (Self::Choice(judge) | Self::ChoiceOrText(judge, _), Gold::Choice(choice)) => {
                Ok(judge(protocol, choice, reply))
            }
            (Self::Text(judge) | Self::ChoiceOrText(_, judge), Gold::Text(text)) => Ok(judge(protocol, text, reply)),
            (Self::Consensus(judge), Gold::Consensus(answers)) => Ok(judge(protocol, answers, reply)),
            (Self::Choice(_), Gold::Text(_)) => Err(Mistake::NoOptions),
            (Self::Choice(_), Gold::Consensus(_))
            | (Self::Text(_), Gold::Choice(_) | Gold::Consensus(_))
            | (Self::ChoiceOrText(..), Gold::Consensus(_))
            | (Self::Consensus(_), Gold::Choice(_) | Gold::Text(_)) => Err(Mistake::WrongKind),
        }
    }
}
