//! Visual-predictive instruction tuning (VPiT) on libtorch: a decoder language model learns to read and to predict
//! continuous visual tokens beside text (Tong et al. 2024, "MetaMorph").
//!
//! | module | owns |
//! |---|---|
//! | [`model`], [`unified`] | decoder, vision tower, adapter, heads; weights by their checkpoint names |
//! | [`tokenizer`], [`conversation`], [`sequence`] | text to ids, published data to conversations, conversations to tensors |
//! | [`data`] | the data of a training at full size: indexed, mixed, made ready |
//! | [`trained`] | a model that a training at full size left, ready to be asked |
//! | [`site`] | where models, benchmarks and data are on this machine |
//! | [`train`], [`decode`] | losses and optimisers, the training at full size, decoding |
//! | [`native`] | what libtorch can do and its binding does not reach |
//! | [`diffusion`] | from visual tokens back to pixels |
//! | [`picture`], [`framing`], [`resample`] | pictures from bytes; what of an image the networks see, and in which size |
//! | [`judge`] | networks that grade images |
//! | [`evaluate`] | published benchmarks: their files, their questions, what a model replies to them |
//! | [`draw`] | images of published models for evaluation, and their scores |
//! | [`digits`] | the miniature's world: scenes of real digits, captions, questions |
//! | [`check`] | a full-size training looked at before it is started |
//! | [`tool`] | scores of images that need no task: FID, CLIP score |
//! | [`stage`] | the pipeline's stages, each a subcommand of the binary |

pub mod check;
pub mod checkpoint;
pub mod conversation;
pub mod cuda;
pub mod data;
pub mod decode;
pub mod diffusion;
pub mod digits;
pub mod draw;
pub mod evaluate;
pub mod framing;
pub mod judge;
pub mod model;
pub mod native;
pub mod noise;
pub mod picture;
pub mod resample;
pub mod rng;
pub mod sequence;
pub mod site;
pub mod stage;
pub mod tokenizer;
pub mod tool;
pub mod train;
pub mod trained;
pub mod unified;
