//! Stable Diffusion against diffusers; `golden/diffusion.py` made the numbers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod folder;
mod framing;
mod golden;
mod schedulers;
mod training;
mod unet;
mod vae;
