//! A line of a source to a conversation with its pictures.
//!
//! | source | line |
//! |---|---|
//! | `alignment`, `vqa`, `image_to_image` | Cambrian's form ([`crate::conversation`]) |
//! | `video_qa` | the same with `video`, a folder of frames, in the place of `image` |
//! | `pure_video` | `id`, `video` |
//! | `generation` | `image`, `caption` |
//! | `visual_thinking` | `image`, `question`, `answer`, and either `crop` or `boxes`; or VisualCoT's own form |

use std::path::Path;

use serde_json::{Map, Value};

use super::picture::{Area, Edit, Picture, area_of, inside};
use super::{Source, video};
use crate::conversation::{Conversation, Piece, Turn, turns};
use crate::rng::Rng;
use crate::sequence::Role;

/// A conversation and the pictures that stand for its images, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub turns: Vec<Turn>,
    pub pictures: Vec<Picture>,
}

/// What a line says; nothing else was looked at yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    Conversation(Conversation),
    Video { folder: String, turns: Vec<Turn> },
    Frames { folder: String },
    Pair { image: String, caption: String },
    Thought { image: String, look: Edit, question: String, answer: String },
}

impl Line {
    /// Read a line of `source`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(source: Source, line: &str) -> Result<Self, String> {
        let fields: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        match source {
            Source::VideoQa if fields.contains_key("video") => {
                Ok(Self::Video { folder: text(&fields, "video")?, turns: without_images(turns(&fields)?) })
            }
            Source::Alignment | Source::Vqa | Source::VideoQa | Source::ImageToImage => {
                Conversation::of(&fields).map(Self::Conversation)
            }
            Source::PureVideo => Ok(Self::Frames { folder: text(&fields, "video")? }),
            Source::Generation => Ok(Self::Pair { image: text(&fields, "image")?, caption: text(&fields, "caption")? }),
            Source::VisualThinking => thought(&fields),
        }
    }

    /// The sample, with pictures below `folder`. What is drawn of it is drawn for this `seed` and its `number`.
    ///
    /// # Errors
    /// A name leads out of the folder, or a video's frames cannot be listed.
    pub fn sample(self, folder: &Path, seed: u64, number: u64) -> Result<Sample, String> {
        match self {
            Self::Conversation(Conversation { images, turns, .. }) => {
                let pictures = images.iter().map(|name| Picture::named(folder, name)).collect::<Result<_, _>>()?;
                Ok(Sample { turns, pictures })
            }
            Self::Video { folder: name, mut turns } => {
                let pictures = video::shown(video::frames(&inside(folder, &name)?)?);
                let Some(first) = turns.first_mut() else { return Err("nobody asks".to_owned()) };
                first.pieces.splice(0..0, pictures.iter().map(|_| Piece::Image));
                Ok(Sample { turns, pictures })
            }
            Self::Frames { folder: name } => {
                let frames = video::frames(&inside(folder, &name)?)?;
                let mut rng = Rng::new(seed, Source::PureVideo.name(), number);
                let (turns, pictures) =
                    video::task(&frames, &mut rng).map_err(|problem| format!("`{name}`: {problem}"))?;
                Ok(Sample { turns, pictures })
            }
            Self::Pair { image, caption } => Ok(pair(Picture::named(folder, &image)?, &caption)),
            Self::Thought { image, look, question, answer } => {
                let whole = Picture::named(folder, &image)?;
                let closer = Picture { edit: look, ..whole.clone() };
                let asked = format!("Think visually before you answer the question: {question} ");
                let turns = vec![
                    Turn { role: Role::User, pieces: vec![Piece::Text(asked), Piece::Image] },
                    Turn {
                        role: Role::Assistant,
                        pieces: vec![
                            Piece::Text("Let's consider this visually: ".to_owned()),
                            Piece::Image,
                            Piece::Text(format!(" {answer}")),
                        ],
                    },
                ];
                Ok(Sample { turns, pictures: vec![whole, closer] })
            }
        }
    }
}

/// How a picture of `caption` is asked for (paper, section 4.3).
#[must_use]
pub fn request(caption: &str) -> String {
    format!("Generate an image of {}", caption.trim())
}

/// A request for a picture, and the picture.
#[must_use]
pub fn pair(picture: Picture, caption: &str) -> Sample {
    let asked = Piece::Text(request(caption));
    let said = Piece::Text("Here is an image based on your request: ".to_owned());
    let turns = vec![
        Turn { role: Role::User, pieces: vec![asked] },
        Turn { role: Role::Assistant, pieces: vec![said, Piece::Image] },
    ];
    Sample { turns, pictures: vec![picture] }
}

fn text(fields: &Map<String, Value>, key: &str) -> Result<String, String> {
    let text = fields.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("there is no text as `{key}`"))
}

/// Where the frames stand in the text of a video's question does not count: they come first.
fn without_images(turns: Vec<Turn>) -> Vec<Turn> {
    let stripped = turns.into_iter().map(|turn| {
        let texts = turn.pieces.into_iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.replace("<video>", "")),
            Piece::Image => None,
        });
        let text = texts.collect::<String>();
        let text = if turn.role == Role::User { text.trim() } else { text.as_str() };
        Turn { role: turn.role, pieces: vec![Piece::Text(text.to_owned())] }
    });
    stripped.collect()
}

fn thought(fields: &Map<String, Value>) -> Result<Line, String> {
    if fields.contains_key("conversations") {
        return visual_cot(fields);
    }
    let look = match (fields.get("crop"), fields.get("boxes")) {
        (Some(crop), None) => Edit::Crop(area(crop)?),
        (None, Some(Value::Array(boxes))) if !boxes.is_empty() => {
            Edit::Boxes(boxes.iter().map(area).collect::<Result<_, _>>()?)
        }
        _ => return Err("either `crop` or `boxes` says where to look".to_owned()),
    };
    let [image, question, answer] = ["image", "question", "answer"].map(|key| text(fields, key));
    Ok(Line::Thought { image: image?, look, question: question?, answer: answer? })
}

/// VisualCoT's form: a picture and an area of it, a question, the area in words, the picture again, the answer.
fn visual_cot(fields: &Map<String, Value>) -> Result<Line, String> {
    let names = fields.get("image").and_then(Value::as_array).map(Vec::as_slice);
    let Some([Value::String(image), Value::String(part)]) = names else {
        return Err("`image` is not a picture and an area of it".to_owned());
    };
    let area: Value = match part.split_once("###") {
        Some((_, area)) => serde_json::from_str(area).map_err(|_| format!("`{area}` is no area"))?,
        None => return Err(format!("`{part}` names no area: `file###[x0, y0, x1, y1]` does")),
    };
    let texts: Vec<&str> = fields.get("conversations").and_then(Value::as_array).map_or_else(Vec::new, |turns| {
        turns.iter().filter_map(|turn| turn.get("value").and_then(Value::as_str)).collect()
    });
    let [question, _, _, answer] = texts.as_slice() else { return Err("there are not four turns".to_owned()) };
    let question = question.replace("<image>", "");
    let question = question.split("Please provide the bounding box").next().unwrap_or_default().trim().to_owned();
    let look = Edit::Crop(self::area(&area)?);
    Ok(Line::Thought { image: image.clone(), look, question, answer: answer.trim().to_owned() })
}

fn area(value: &Value) -> Result<Area, String> {
    let numbers: Option<Vec<f64>> = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    area_of(&numbers.ok_or_else(|| format!("{value} is no area"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(source: Source, line: &str) -> Sample {
        Line::read(source, line).unwrap().sample(Path::new("/data"), 1, 2).unwrap()
    }

    /// The conversation as text, `<image>` for an image.
    fn said(turns: &[Turn]) -> Vec<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Image => "<image>".to_owned(),
        };
        turns.iter().map(|turn| turn.pieces.iter().map(text).collect()).collect()
    }

    #[test]
    fn a_caption_becomes_a_request_and_its_image_the_answer() {
        let sample = sample(Source::Generation, r#"{"image": "a.jpg", "caption": " a puppy\n"}"#);
        assert_eq!(
            said(&sample.turns),
            ["Generate an image of a puppy", "Here is an image based on your request: <image>"]
        );
        assert_eq!(sample.pictures[0].place, super::super::picture::Place::File("/data/a.jpg".into()));
    }

    #[test]
    fn a_thought_looks_closer_before_it_answers() {
        let own =
            r#"{"image": "a.jpg", "question": "what color is the hat?", "answer": "black", "crop": [1, 2, 3, 4]}"#;
        let published = r#"{"image": ["a.jpg", "a.jpg###[1, 2, 3, 4]"], "conversations": [
            {"from": "human", "value": "<image>\nwhat color is the hat? Please provide the bounding box coordinate"},
            {"from": "gpt", "value": "[0.1, 0.2]"}, {"from": "human", "value": "<image>"},
            {"from": "gpt", "value": "black"}]}"#;
        let first = sample(Source::VisualThinking, own);
        assert_eq!(first, sample(Source::VisualThinking, published));
        let question = "Think visually before you answer the question: what color is the hat? <image>";
        assert_eq!(said(&first.turns), [question, "Let's consider this visually: <image> black"]);
        assert_eq!(first.pictures[1].edit, Edit::Crop([1, 2, 3, 4]));
        let boxes = own.replace("\"crop\": [1, 2, 3, 4]", "\"boxes\": [[1, 2, 3, 4], [5, 6, 7, 8]]");
        let boxed = sample(Source::VisualThinking, &boxes);
        assert_eq!(boxed.pictures[1].edit, Edit::Boxes(vec![[1, 2, 3, 4], [5, 6, 7, 8]]));
    }

    #[test]
    fn the_frames_of_a_video_come_before_the_question() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("v")).unwrap();
        for name in ["2.jpg", "1.jpg", "note.txt"] {
            std::fs::write(folder.path().join("v").join(name), "").unwrap();
        }
        let line = r#"{"video": "v", "conversations": [{"from": "human", "value": "What happens?\n<video>"},
            {"from": "gpt", "value": "A goal."}]}"#;
        let sample = Line::read(Source::VideoQa, line).unwrap().sample(folder.path(), 0, 0).unwrap();
        assert_eq!(said(&sample.turns), ["<image><image>What happens?", "A goal."]);
        let Picture { place: super::super::picture::Place::File(path), .. } = &sample.pictures[0] else { panic!() };
        assert!(path.ends_with("v/1.jpg"));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let problem = |source, line: &str| Line::read(source, line).unwrap_err();
        assert!(problem(Source::Generation, r#"{"image": "a.jpg"}"#).contains("`caption`"));
        assert!(problem(Source::PureVideo, r#"{"id": 1}"#).contains("`video`"));
        assert!(problem(Source::Generation, r#"{"image": "#).contains("EOF"));
        let line = r#"{"image": "a.jpg", "question": "q", "answer": "a", "crop": [3, 0, 1, 2]}"#;
        assert!(problem(Source::VisualThinking, line).contains("no area"));
        let outside = Line::read(Source::Generation, r#"{"image": "../a.jpg", "caption": "x"}"#).unwrap();
        assert!(outside.sample(Path::new("/data"), 0, 0).unwrap_err().contains("names no file inside"));
    }
}
