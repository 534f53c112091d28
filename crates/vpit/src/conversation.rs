//! Conversations in the published form of Cambrian's data: one JSON object a line, images as `<image>` in the text.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::sequence::{Layout, Part, Role, Sequence};
use crate::tokenizer::{self, Tokenizer};

/// Stands in a text for the next of the conversation's images.
const TAG: &str = "<image>";

/// A line that is no conversation; names file and line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}`:{line}: {problem}", path.display())]
    Line { path: PathBuf, line: usize, problem: String },
}

/// What people and assistant said, and the images they showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub id: String,
    /// Files as the line names them, in the order of their tags.
    pub images: Vec<String>,
    pub turns: Vec<Turn>,
}

/// What one of them said at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub role: Role,
    pub pieces: Vec<Piece>,
}

/// A part of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// The next of the conversation's images.
    Image,
}

/// The conversations of a file, with their lines counted from 1; blank lines are passed over.
///
/// # Errors
/// The file cannot be opened. A line that cannot be used is an error in its place, and reading goes on behind it.
pub fn read(path: &Path) -> Result<impl Iterator<Item = Result<Conversation, Error>>, Error> {
    let fail = |source| Error::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(fail)?;
    let path = path.to_owned();
    let lines = std::io::BufReader::new(file).lines().zip(1..);
    Ok(lines.filter_map(move |(text, line)| match text {
        Ok(text) if text.trim().is_empty() => None,
        Ok(text) => Some(text.parse().map_err(|problem| Error::Line { path: path.clone(), line, problem })),
        Err(error) => Some(Err(Error::Line { path: path.clone(), line, problem: error.to_string() })),
    }))
}

impl std::str::FromStr for Conversation {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        Self::of(&serde_json::from_str(line).map_err(|error| error.to_string())?)
    }
}

impl Conversation {
    /// The conversation of a line's fields.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(fields: &Map<String, Value>) -> Result<Self, String> {
        let images = images(fields.get("image"))?;
        let turns = turns(fields)?;
        let tags = turns.iter().flat_map(|turn| &turn.pieces).filter(|&piece| *piece == Piece::Image).count();
        if tags != images.len() {
            return Err(format!("{} images for {tags} `{TAG}` tags", images.len()));
        }
        let id = match fields.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => String::new(),
        };
        Ok(Self { id, images, turns })
    }
}

/// The turns of a line's fields, people and assistant in turns.
///
/// # Errors
/// What is wrong with them, in words.
pub fn turns(fields: &Map<String, Value>) -> Result<Vec<Turn>, String> {
    let turns = fields.get("conversations").and_then(Value::as_array).ok_or("there are no `conversations`")?;
    let turns = turns.iter().map(turn).collect::<Result<Vec<Turn>, String>>()?;
    let expected = [Role::User, Role::Assistant].into_iter().cycle();
    if let Some(place) = turns.iter().zip(expected).position(|(turn, role)| turn.role != role) {
        return Err(format!("turn {} is not by the one whose turn it is: people begin, and take turns", place + 1));
    }
    if turns.len() < 2 {
        return Err("nobody answers".to_owned());
    }
    Ok(turns)
}

/// A file's name, several, or one of the spellings of none.
fn images(field: Option<&Value>) -> Result<Vec<String>, String> {
    match field {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(name)) if ["", "None", "none", "nan"].contains(&name.as_str()) => Ok(Vec::new()),
        Some(Value::String(name)) => Ok(vec![name.clone()]),
        Some(Value::Array(names)) => {
            let name = |name: &Value| name.as_str().map(str::to_owned).ok_or_else(|| format!("{name} names no image"));
            names.iter().map(name).collect()
        }
        Some(other) => Err(format!("{other} names no image")),
    }
}

fn turn(fields: &Value) -> Result<Turn, String> {
    let role = match fields["from"].as_str() {
        Some("human") => Role::User,
        Some("gpt") => Role::Assistant,
        Some(other) => return Err(format!("`{other}` speaks, and only `human` and `gpt` are known")),
        None => return Err("a turn does not say who it is `from`".to_owned()),
    };
    let text = fields["value"].as_str().ok_or("a turn has no text as its `value`")?;
    let mut pieces = Vec::new();
    for (number, text) in text.split(TAG).enumerate() {
        if number > 0 {
            pieces.push(Piece::Image);
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
    }
    Ok(Turn { role, pieces })
}

impl Conversation {
    /// Lay the conversation out, its first image being row `first` of the images of a batch.
    ///
    /// # Errors
    /// The tokenizer cannot encode a text.
    pub fn sequence(&self, tokenizer: &Tokenizer, layout: &Layout, first: usize) -> Result<Sequence, tokenizer::Error> {
        lay_out(&self.turns, tokenizer, layout, first)
    }
}

/// Lay turns out, their first image being row `first` of the images of a batch.
///
/// A turn's opening and each text are encoded apart, so that what is trained is what inference asks: the released code,
/// which encodes them together, differs where a turn begins with white space and a line break.
///
/// # Errors
/// The tokenizer cannot encode a text.
pub fn lay_out(
    turns: &[Turn],
    tokenizer: &Tokenizer,
    layout: &Layout,
    first: usize,
) -> Result<Sequence, tokenizer::Error> {
    let (mut sequence, mut image) = (layout.begin(), first);
    for turn in turns {
        let ids = |piece: &Piece| match piece {
            Piece::Text(text) => tokenizer.encode(text).map(Some),
            Piece::Image => Ok(None),
        };
        let pieces = turn.pieces.iter().map(ids).collect::<Result<Vec<Option<Vec<i64>>>, _>>()?;
        let mut next = || {
            image += 1;
            Part::Image(image - 1)
        };
        let parts: Vec<Part<'_>> = pieces.iter().map(|ids| ids.as_deref().map_or_else(&mut next, Part::Text)).collect();
        sequence = layout.turn(sequence, turn.role, &parts);
    }
    Ok(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: &str) -> String {
        line.parse::<Conversation>().unwrap_err()
    }

    #[test]
    fn an_image_may_stand_anywhere_in_a_turn() {
        let line = r#"{"id": 7, "image": ["a.jpg", "b.jpg"], "source": "x", "conversations": [
            {"from": "human", "value": "<image>\nDraw it at night."}, {"from": "gpt", "value": "Here: <image>"}]}"#;
        let conversation: Conversation = line.parse().unwrap();
        assert_eq!((conversation.id.as_str(), conversation.images.len()), ("7", 2));
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(conversation.turns[0].pieces, [Piece::Image, text("\nDraw it at night.")]);
        assert_eq!(conversation.turns[1].pieces, [text("Here: "), Piece::Image]);
    }

    #[test]
    fn text_alone_spells_its_lack_of_an_image_in_five_ways() {
        for image in ["", r#""image": "","#, r#""image": "None","#, r#""image": "nan","#, r#""image": null,"#] {
            let line = format!(
                r#"{{{image} "conversations": [{{"from": "human", "value": "a"}}, {{"from": "gpt", "value": "b"}}]}}"#
            );
            assert_eq!(line.parse::<Conversation>().unwrap().images.len(), 0, "{image}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let asked = r#"{"from": "human", "value": "<image>?"}"#;
        let answered = r#"{"from": "gpt", "value": "b"}"#;
        let line = |image: &str, turns: &str| format!(r#"{{"image": {image}, "conversations": [{turns}]}}"#);
        let both = format!("{asked}, {answered}");
        for (line, said) in [
            (line(r#"["a", "b"]"#, &both), "2 images for 1 `<image>` tags"),
            (line("\"\"", &both), "0 images for 1 `<image>` tags"),
            (line("3", &both), "3 names no image"),
            (line("\"a\"", asked), "nobody answers"),
            (line("\"a\"", &format!("{answered}, {asked}")), "turn 1 is not by the one whose turn it is"),
            (line("\"a\"", &both.replace("gpt", "system")), "`system` speaks"),
            ("{}".to_owned(), "no `conversations`"),
            (r#"{"id": "#.to_owned(), "EOF"),
        ] {
            assert!(problem(&line).contains(said), "{line}: {}", problem(&line));
        }
    }

    #[test]
    fn a_broken_line_is_named_by_file_and_number_and_the_next_ones_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.jsonl");
        let good = r#"{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}"#;
        std::fs::write(&path, format!("{good}\n\n{{\n{good}\n")).unwrap();
        let read: Vec<_> = super::read(&path).unwrap().collect();
        assert_eq!(read.len(), 3);
        assert!(read[1].as_ref().unwrap_err().to_string().contains("data.jsonl`:3: "));
        assert!(read[2].is_ok());
    }
}
