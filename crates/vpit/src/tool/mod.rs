//! Scores of images that need no task: `vpit fid`, `vpit fid-statistics`, `vpit clip-score`, `vpit convert-inception`.
//!
//! | module | owns |
//! |---|---|
//! | [`fid`], [`clip_score`], [`convert`] | the commands |
//! | [`folder`], [`stream`] | pictures of a folder; batches of them, made ready while the network computes |
//! | `printed` | how their reports look |
//! | [`npz`] | statistics as pytorch-fid stores them |
//! | [`pickle`], [`torch_file`] | tensors from files of torch, without running anything in them |

pub mod clip_score;
pub mod convert;
pub mod fid;
pub mod folder;
pub mod npz;
pub mod pickle;
mod printed;
pub mod stream;
pub mod torch_file;
