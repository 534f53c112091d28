//! Dense symmetric linear algebra of the size that FID needs: a Cholesky factor, and eigenvalues without vectors.
//!
//! Both work on blocks, so that nearly all arithmetic is in nalgebra's matrix product.

mod cholesky;
mod eigenvalues;

pub use cholesky::{factor, factor_of_rank};
pub use eigenvalues::symmetric_eigenvalues;
