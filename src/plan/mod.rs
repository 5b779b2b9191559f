//! Pipeline + host facts + models to a plan.
