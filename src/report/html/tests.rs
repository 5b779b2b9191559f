//! The page as text: what must be in it, what must not, how large it gets, and the contrast of its colours.
