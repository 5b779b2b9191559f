//! Run + comparison to text. Pure: the caller writes it somewhere.

pub mod junit;
