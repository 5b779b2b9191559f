//! Slices in, numbers out. Nothing here knows what the numbers mean or where they came from.
