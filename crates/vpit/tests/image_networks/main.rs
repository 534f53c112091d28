//! Networks of images against their reference implementations; `golden/diffusion.py` and `golden/judges.py` made the numbers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clip;
mod folder;
mod framing;
mod golden;
mod inception;
mod schedulers;
mod training;
mod unet;
mod vae;
