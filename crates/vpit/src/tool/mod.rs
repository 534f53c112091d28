//! Scores of images that need no task: `vpit fid`, `vpit fid-statistics`, `vpit clip-score`, `vpit convert-inception`.
//!
//! | module | owns |
//! |---|---|
//! | [`fid`], [`clip_score`], [`convert`] | the commands |
//! | [`picture`], [`stream`] | pictures from files; batches of them, made ready while the network computes |
//! | [`npz`] | statistics as pytorch-fid stores them |
//! | [`pickle`], [`torch_file`] | tensors from files of torch, without running anything in them |

pub mod clip_score;
pub mod convert;
pub mod fid;
pub mod npz;
pub mod pickle;
pub mod picture;
pub mod stream;
pub mod torch_file;

/// How a report is printed.
fn printed<R: serde::Serialize + std::fmt::Display>(report: &R, json: bool) -> Result<String, serde_json::Error> {
    if json { serde_json::to_string_pretty(report).map(|text| text + "\n") } else { Ok(report.to_string()) }
}
