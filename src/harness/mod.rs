//! Other tools' output to results; one file per format. The caller reads the files and hands in text or readers.

pub mod junit;
