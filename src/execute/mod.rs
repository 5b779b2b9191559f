//! Carries out a plan and emits events.
