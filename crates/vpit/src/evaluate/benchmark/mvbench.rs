//! MV-Bench: a list of questions a task, about videos as folders of frames, one a second.
//!
//! Cambrian-1 has no videos: `cambrian` asks as the benchmark's authors do, whose prompt begins the reply for the model.

use score::benchmark::Protocol;

use super::{Asked, Made, Published, Table, longest, options, question};
use crate::data::picture::Place as Stored;
use crate::data::video;
use crate::evaluate::question::{Question, Shown};
use crate::evaluate::table::{Form, Place, Row, STEM};

pub(super) static PUBLISHED: Published = Published {
    split: "train",
    config: None,
    tables: &[Table { name: "json/*.json", form: Form::Json }],
    question: make,
    longest_reply: |protocol| longest(protocol, 16),
};

/// What the authors say before each question.
const BEFORE: &str = "Carefully watch the video and pay attention to the cause and sequence of events, the detail and movement \
    of objects, and the action and pose of persons. Based on your observations, select the best option that accurately \
    addresses the question.\n";
const OPENING: &str = "Best option:(";

/// Where the videos of a task are: as the authors have them, and as lmms-eval has them, which cut some into segments.
const VIDEOS: [(&str, [&str; 2]); 20] = [
    ("action_antonym", ["ssv2_video", "ssv2_video_mp4"]),
    ("action_count", ["perception/videos"; 2]),
    ("action_localization", ["sta/sta_video", "sta/sta_video_segment"]),
    ("action_prediction", ["star/Charades_v1_480", "star/Charades_segment"]),
    ("action_sequence", ["star/Charades_v1_480", "star/Charades_segment"]),
    ("character_order", ["perception/videos"; 2]),
    ("counterfactual_inference", ["clevrer/video_validation"; 2]),
    ("egocentric_navigation", ["vlnqa"; 2]),
    ("episodic_reasoning", ["tvqa/frames_fps3_hq", "tvqa/video_fps3_hq_segment"]),
    ("fine_grained_action", ["Moments_in_Time_Raw/videos"; 2]),
    ("fine_grained_pose", ["nturgbd", "nturgbd_convert"]),
    ("moving_attribute", ["clevrer/video_validation"; 2]),
    ("moving_count", ["clevrer/video_validation"; 2]),
    ("moving_direction", ["clevrer/video_validation"; 2]),
    ("object_existence", ["clevrer/video_validation"; 2]),
    ("object_interaction", ["star/Charades_v1_480", "star/Charades_segment"]),
    ("object_shuffle", ["perception/videos"; 2]),
    ("scene_transition", ["scene_qa/video"; 2]),
    ("state_change", ["perception/videos"; 2]),
    ("unexpected_action", ["FunQA_test/test"; 2]),
];

/// Of videos as they are published; the folder of frames has the rest of the name.
const ENDINGS: [&str; 5] = [".mp4", ".webm", ".avi", ".mkv", ".mov"];

/// The authors' folder with three frames a second, as it is published; all others have one.
const THREE_A_SECOND: &str = "tvqa/frames_fps3_hq";

fn make(asked: Asked<'_>) -> Made {
    let row = asked.row;
    let task = row.text(STEM)?;
    let (_, folders) = VIDEOS
        .iter()
        .find(|(known, _)| *known == task)
        .ok_or_else(|| format!("`{task}` is none of the benchmark's tasks, after which its files are named"))?;
    let (words, candidates, answer) = (row.text("question")?, row.texts("candidates")?, row.text("answer")?);
    let right = candidates.iter().position(|candidate| *candidate == answer);
    let letter = right.and_then(|right| ('A'..='Z').nth(right)).map_or_else(|| answer.to_owned(), String::from);
    let gold = options::gold(candidates.iter().map(|&candidate| candidate.to_owned()).collect(), &letter)?;
    let lines = ('A'..).zip(&candidates).map(|(letter, candidate)| format!("({letter}) {candidate}\n"));
    let lines: String = lines.collect();
    let (prompt, folder, opening) = match asked.protocol {
        Protocol::Cambrian => {
            let lines = lines.trim_end();
            let prompt = format!("{BEFORE}Question: {words}\nOptions:\n{lines}\nOnly give the best option.");
            (prompt, folders[0], OPENING)
        }
        Protocol::Official => {
            (format!("Question:{words}\nOption:\n{lines}Only give the best option.\n"), folders[1], "")
        }
    };
    let shown = Shown::Frames(frames(row, folder)?);
    let asked = question(format!("{task}/{}", asked.in_table), gold, prompt, shown);
    Ok(Some(Question { opening, ..asked }.of_categories(vec![task.to_owned()])))
}

/// The frames of a row's video, one a second, between the seconds that are meant; evenly fewer if there are too many.
fn frames(row: &Row, folder: &str) -> Result<Vec<Place>, String> {
    let video = row.text("video")?;
    let name = ENDINGS.iter().find_map(|ending| video.strip_suffix(ending)).unwrap_or(video);
    let a_second = if folder == THREE_A_SECOND { 3 } else { 1 };
    let every: Vec<Place> = video::frames(&row.file(&format!("video/{folder}/{name}"))?)?
        .into_iter()
        .step_by(a_second)
        .filter_map(|frame| match frame.place {
            Stored::File(path) => Some(Place::File(path)),
            Stored::Inside { .. } => None,
        })
        .collect();
    // Segments have been cut to what is meant.
    let bounds = if folder.ends_with("_segment") { None } else { row.number("start").zip(row.number("end")) };
    let meant = match bounds {
        None => every,
        Some((start, end)) => {
            let within = |second: f64| start.floor() <= second && second <= end;
            let inside: Vec<Place> = every
                .iter()
                .zip(0u32..)
                .filter(|(_, second)| within(f64::from(*second)))
                .map(|(p, _)| p.clone())
                .collect();
            if inside.is_empty() {
                return Err(format!("its video has no frame between seconds {start} and {end}"));
            }
            inside
        }
    };
    Ok(video::shown(meant))
}
