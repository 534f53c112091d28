//! Statistics of claims: pure functions of numbers, each with its source.
