//! Probes the machine, git and the CI's environment.
