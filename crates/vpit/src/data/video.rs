//! Videos as folders of frames, one a second, named so that their order is that of their names.

use std::path::Path;

use super::picture::{Edit, Picture, Place};
use crate::conversation::{Piece, Turn};
use crate::noise::shuffle;
use crate::rng::Rng;
use crate::sequence::Role;

/// As many frames of a video are shown as the released code shows; more would leave no room for words.
const MOST: usize = 45;
/// Frames of one task on frames alone, at most: the paper's examples have two to five.
const TASK: u64 = 8;
/// Seconds between these, at most, as in the released code.
const INTERVAL: u64 = 10;
const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// The frames in `folder`, in order.
///
/// # Errors
/// The folder cannot be read or has none.
pub fn frames(folder: &Path) -> Result<Vec<Picture>, String> {
    let say = |problem: String| format!("`{}`: {problem}", folder.display());
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let paths = entries.map_err(|error| say(error.to_string()))?.into_iter().map(|entry| entry.path());
    let is_frame = |path: &std::path::PathBuf| {
        path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
    };
    let mut paths: Vec<_> = paths.filter(is_frame).collect();
    paths.sort_unstable();
    if paths.is_empty() {
        return Err(say("there are no frames in it".to_owned()));
    }
    Ok(paths.into_iter().map(|path| Picture { place: Place::File(path), edit: Edit::Nothing }).collect())
}

/// What is shown of a video that is asked about: all its frames, or as many as there is room for, evenly spread.
#[must_use]
pub fn shown<Frame: Clone>(frames: Vec<Frame>) -> Vec<Frame> {
    let count = frames.len();
    if count <= MOST {
        return frames;
    }
    (0..MOST).map(|place| frames[place * (count - 1) / (MOST - 1)].clone()).collect()
}

/// One of the paper's four tasks on frames alone, drawn by `rng` with the frames that it is about.
///
/// # Errors
/// There are fewer than two frames.
pub fn task(frames: &[Picture], rng: &mut Rng) -> Result<(Vec<Turn>, Vec<Picture>), String> {
    if frames.len() < 2 {
        return Err("a video of one frame has nothing to predict".to_owned());
    }
    let there = frames.len() as u64;
    let seconds = 1 + rng.below(INTERVAL.min(there / 2));
    let possible = ((there - 1) / seconds + 1).min(TASK);
    let count = 2 + rng.below(possible - 1);
    let first = rng.below(there - (count - 1) * seconds);
    let cut: Vec<Picture> = (0..count).map(|place| frames[(first + place * seconds) as usize].clone()).collect();
    let tasks = [forward, reverse, reorder, complete];
    // With two frames nothing is missing in between.
    let tasks = if count < 3 { &tasks[..3] } else { &tasks[..] };
    let (asked, words, answered) = rng.pick(tasks)(&cut, seconds, rng);
    Ok(conversation(asked, words, answered))
}

/// Frames shown, words and frames to be predicted.
type Task = (Vec<Picture>, String, Vec<Picture>);

fn forward(cut: &[Picture], seconds: u64, _: &mut Rng) -> Task {
    let (shown, predicted) = cut.split_at(1);
    let words = match predicted.len() {
        1 => format!("Can you predict what happens in the next frame, {} later?", time(seconds)),
        count => format!("Can you predict what happens in the next {count} frames, each {} apart?", time(seconds)),
    };
    (shown.to_vec(), words, predicted.to_vec())
}

fn reverse(cut: &[Picture], seconds: u64, _: &mut Rng) -> Task {
    let (predicted, shown) = cut.split_at(cut.len() - 1);
    let words = match predicted.len() {
        1 => format!("Work backwards to predict the previous frame, {} earlier.", time(seconds)),
        count => format!("Work backwards to predict the previous {count} frames, each {} apart.", time(seconds)),
    };
    (shown.to_vec(), words, predicted.iter().rev().cloned().collect())
}

fn reorder(cut: &[Picture], _: u64, rng: &mut Rng) -> Task {
    let mut shown = cut.to_vec();
    shuffle(rng, &mut shown);
    (shown, "Arrange these frames in their correct temporal sequence.".to_owned(), cut.to_vec())
}

fn complete(cut: &[Picture], seconds: u64, rng: &mut Rng) -> Task {
    let mut places: Vec<usize> = (0..cut.len()).collect();
    shuffle(rng, &mut places);
    let count = 1 + rng.below(cut.len() as u64 - 2) as usize;
    let missing = &places[..count];
    let part = |wanted: bool| {
        let places = (0..cut.len()).filter(|place| missing.contains(place) == wanted);
        places.map(|place| cut[place].clone()).collect::<Vec<Picture>>()
    };
    let frames = if count == 1 { "frame" } else { "frames" };
    let words = format!("Can you predict the {count} missing {frames} in this {seconds}-second-interval sequence?");
    (part(false), words, part(true))
}

fn time(seconds: u64) -> String {
    if seconds == 1 { "1 second".to_owned() } else { format!("{seconds} seconds") }
}

fn conversation(asked: Vec<Picture>, words: String, answered: Vec<Picture>) -> (Vec<Turn>, Vec<Picture>) {
    let images = |pictures: &[Picture]| pictures.iter().map(|_| Piece::Image).collect::<Vec<Piece>>();
    let mut question = images(&asked);
    question.push(Piece::Text(words));
    let turns =
        vec![Turn { role: Role::User, pieces: question }, Turn { role: Role::Assistant, pieces: images(&answered) }];
    (turns, asked.into_iter().chain(answered).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn video(count: usize) -> Vec<Picture> {
        let frame = |number| Place::File(format!("{number:03}.jpg").into());
        (0..count).map(|number| Picture { place: frame(number), edit: Edit::Nothing }).collect()
    }

    fn number(picture: &Picture) -> i64 {
        let Place::File(path) = &picture.place else { panic!("frames are files") };
        path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
    }

    #[test]
    fn every_task_predicts_what_its_words_say() {
        let mut seen = BTreeSet::new();
        for id in 0..200 {
            let (turns, pictures) = task(&video(30), &mut Rng::new(1, "pure_video", id)).unwrap();
            let [asked, answered] = turns.as_slice() else { panic!("a question and an answer") };
            let shown = asked.pieces.len() - 1;
            let Some(Piece::Text(words)) = asked.pieces.last() else { panic!("words come last") };
            assert_eq!(pictures.len(), shown + answered.pieces.len());
            let numbers: Vec<i64> = pictures.iter().map(number).collect();
            let (before, after) = numbers.split_at(shown);
            let kind = words.split(' ').next().unwrap();
            match kind {
                "Arrange" => {
                    let mut sorted = before.to_vec();
                    sorted.sort_unstable();
                    assert_eq!(sorted, after);
                }
                "Work" => assert!(shown == 1 && after.is_sorted_by(|a, b| a > b) && after[0] < before[0], "{words}"),
                _ if words.contains("missing") => {
                    assert!(after.is_sorted() && words.contains(&after.len().to_string()))
                }
                _ => assert!(shown == 1 && after.is_sorted() && before[0] < after[0], "{words}"),
            }
            seen.insert((kind.to_owned(), words.contains("missing")));
        }
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn a_long_video_is_shown_evenly_and_to_its_end() {
        let numbers: Vec<i64> = shown(video(100)).iter().map(number).collect();
        assert_eq!((numbers.len(), numbers[0], numbers[MOST - 1]), (MOST, 0, 99));
        assert_eq!(shown(video(7)).len(), 7);
        assert!(task(&video(1), &mut Rng::new(0, "", 0)).is_err());
    }
}
