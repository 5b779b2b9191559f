//! One request, as it went.

use std::time::Duration;

use crate::results::Reason;

/// A piece of an answer that carries output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// When it came, counted from the start of its cell.
    pub at: Duration,
    /// How many tokens (of a command: words) had come with it and all before it, where that is known.
    pub so_far: Option<u64>,
}

/// What the server says was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: Option<u64>,
    /// Tokens of the prompt that came from the server's cache.
    pub cached: Option<u64>,
    /// Tokens of the answer.
    pub output: Option<u64>,
}

/// One request. All times count from the start of its cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// When it was to be sent: at a rate of arrivals the drawn time, otherwise when it was sent. Latencies count from here.
    pub due: Duration,
    /// When it was sent.
    pub sent: Duration,
    /// When its answer was complete, or it had failed.
    pub end: Duration,
    /// The pieces of its answer.
    pub pieces: Vec<Piece>,
    /// What the server says was used.
    pub usage: Usage,
    /// The server's software, where it names itself.
    pub server: Option<String>,
    /// The server closed the connection that it had kept instead of answering, and the request was sent once more.
    pub resent: bool,
    /// The answer itself, where it was kept.
    pub said: Option<Said>,
    /// Why it failed.
    pub failure: Option<Reason>,
}

/// What a model said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The text of the answer, thoughts of the model aside.
    pub text: String,
    /// Why the answer ends, as the server says it: `stop`, `length`, ...
    pub finish: Option<String>,
}

impl Trace {
    /// Whether there is a whole answer.
    pub const fn is_success(&self) -> bool {
        self.failure.is_none()
    }

    /// When the first piece came.
    pub fn first(&self) -> Option<Duration> {
        self.pieces.first().map(|piece| piece.at)
    }

    /// When the last piece came.
    pub fn last(&self) -> Option<Duration> {
        self.pieces.last().map(|piece| piece.at)
    }

    /// Tokens of the answer: as the server says, otherwise as the pieces say, otherwise one for each piece.
    pub fn tokens(&self) -> u64 {
        let by_pieces = self.pieces.last().and_then(|piece| piece.so_far);
        self.usage.output.or(by_pieces).unwrap_or(self.pieces.len() as u64)
    }

    /// The times between one token and the next, as far as that can be told: a gap before a piece of several tokens is
    /// divided among them where each piece says how many had come.
    pub fn gaps(&self) -> Vec<Duration> {
        let mut gaps = Vec::new();
        let Some(mut before) = self.pieces.first().copied() else { return gaps };
        for piece in self.pieces.iter().skip(1) {
            let tokens = match (before.so_far, piece.so_far) {
                (Some(had), Some(has)) => has.saturating_sub(had),
                _ => 1,
            };
            // Without a new token the time belongs to the next one. A server's number is no reason for a long list.
            let tokens = tokens.min(4096) as u32;
            if tokens > 0 {
                gaps.extend(std::iter::repeat_n(piece.at.saturating_sub(before.at) / tokens, tokens as usize));
                before = *piece;
            }
        }
        gaps
    }

    /// Whether pieces carry several tokens and none says how many, so that gaps are those between pieces. One token
    /// without a piece is usual: the mark of the end.
    pub fn is_lumped(&self) -> bool {
        let known = self.pieces.iter().all(|piece| piece.so_far.is_some());
        !known && self.usage.output.is_some_and(|tokens| tokens > self.pieces.len() as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, Trace, Usage};
    use std::time::Duration;

    fn trace(pieces: &[(u64, Option<u64>)], output: Option<u64>) -> Trace {
        let pieces =
            pieces.iter().map(|(ms, so_far)| Piece { at: Duration::from_millis(*ms), so_far: *so_far }).collect();
        Trace { pieces, usage: Usage { output, ..Usage::default() }, ..Trace::default() }
    }

    fn gaps(trace: &Trace) -> Vec<u128> {
        trace.gaps().iter().map(Duration::as_millis).collect()
    }

    #[test]
    fn gaps_lie_between_pieces() {
        assert_eq!(gaps(&trace(&[(10, None), (30, None), (60, None)], Some(3))), [20, 30]);
        assert!(gaps(&trace(&[(10, None)], None)).is_empty());
        assert!(gaps(&trace(&[], None)).is_empty());
    }

    #[test]
    fn a_piece_of_several_tokens_is_divided_where_usage_tells() {
        let told = trace(&[(10, Some(1)), (40, Some(4)), (50, Some(4)), (60, Some(5))], Some(5));
        assert_eq!(gaps(&told), [10, 10, 10, 20]);
        assert!(!told.is_lumped());
        let endless = trace(&[(0, Some(1)), (10, Some(u64::MAX))], None);
        assert_eq!(endless.gaps().len(), 4096);
    }

    #[test]
    fn tokens_come_from_usage_then_from_pieces() {
        assert_eq!(trace(&[(1, None), (2, None)], Some(7)).tokens(), 7);
        assert_eq!(trace(&[(1, Some(2)), (2, Some(5))], None).tokens(), 5);
        assert_eq!(trace(&[(1, None), (2, None)], None).tokens(), 2);
        assert!(trace(&[(1, None), (2, None)], Some(7)).is_lumped());
        assert!(!trace(&[(1, None), (2, None)], Some(3)).is_lumped(), "the mark of the end has no piece");
        assert!(!trace(&[(1, None), (2, None)], None).is_lumped());
    }
}
