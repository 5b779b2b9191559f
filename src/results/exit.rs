//! The exit codes, all of them, in one place. `docs/exit-codes.md` says the same in prose.

use serde::{Deserialize, Serialize};

/// What the process returns to its caller.
///
/// Where several apply, the first in this order wins: interrupted, tool failure, usage, failed, undecided,
/// passed. [`ExitCode::worst`] implements that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum ExitCode {
    /// 0: everything that was asked for ran and passed.
    Passed,
    /// 1: a test failed, a required target is missing, a generation drifted or a regression is confirmed.
    Failed,
    /// 2: the command line, the pipeline file or the input to convert is wrong.
    Usage,
    /// 3: the gate asks for a decision and there is none: a benchmark crashed, is missing, or is too noisy.
    Undecided,
    /// 4: the tool or its surroundings failed: disk full, store locked, a folder that cannot be written.
    Tool,
    /// 130: interrupted by SIGINT (Ctrl-C); what had finished is written.
    Interrupted,
    /// 143: ended by SIGTERM; what had finished is written.
    Terminated,
}

impl ExitCode {
    /// The number given to the operating system.
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
            Self::Tool => 4,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// One sentence for people, as the end report and the documentation print it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Passed => "all passed",
            Self::Failed => "a test failed, a target is missing, a generation drifted or a regression is confirmed",
            Self::Usage => "the command line, the pipeline file or the input is wrong",
            Self::Undecided => "undecided where the gate asks for a decision",
            Self::Tool => "the tool or its surroundings failed",
            Self::Interrupted => "interrupted; results so far are written",
            Self::Terminated => "terminated; results so far are written",
        }
    }

    /// Of two codes that both apply, the one to return.
    pub fn worst(self, other: Self) -> Self {
        if self.rank() <= other.rank() { self } else { other }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Interrupted => 0,
            Self::Terminated => 1,
            Self::Tool => 2,
            Self::Usage => 3,
            Self::Failed => 4,
            Self::Undecided => 5,
            Self::Passed => 6,
        }
    }
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> Self {
        code.code()
    }
}

impl TryFrom<u8> for ExitCode {
    type Error = String;

    fn try_from(code: u8) -> Result<Self, String> {
        [Self::Passed, Self::Failed, Self::Usage, Self::Undecided, Self::Tool, Self::Interrupted, Self::Terminated]
            .into_iter()
            .find(|known| known.code() == code)
            .ok_or_else(|| format!("{code} is not an exit code of backsight"))
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode::{self, *};

    #[test]
    fn the_first_of_the_documented_order_wins() {
        let order = [Interrupted, Terminated, Tool, Usage, Failed, Undecided, Passed];
        for (i, a) in order.iter().enumerate() {
            for b in &order[i..] {
                assert_eq!(a.worst(*b), *a);
                assert_eq!(b.worst(*a), *a);
            }
        }
    }

    #[test]
    fn a_code_survives_its_number() {
        for code in [0u8, 1, 2, 3, 4, 130, 143] {
            assert_eq!(ExitCode::try_from(code).map(ExitCode::code), Ok(code));
        }
        assert!(ExitCode::try_from(7).is_err());
    }
}
