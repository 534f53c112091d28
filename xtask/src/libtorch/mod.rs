//! Provides libtorch for the CPU without the 4 GB of CUDA packages that the PyTorch wheel declares.
//!
//! [`recipe`] says what is taken from which wheel, [`wheel`] fetches and opens one, [`set_up`] puts the folder together.

mod recipe;
mod set_up;
mod wheel;

pub use set_up::provide;
