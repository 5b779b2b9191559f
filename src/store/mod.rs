//! Where results and baselines live.
