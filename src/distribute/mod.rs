//! Hands the parts of a plan to other machines and follows them: one folder per way of starting jobs.
//!
//! What is text is made and read in files of its own, without touching anything; processes are started in one of them.

pub mod slurm;
