//! Candidate + baseline to a comparison of verdicts.
