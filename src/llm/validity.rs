//! Whether a cell's figures may be used: enough requests, long enough, and few that failed.

use std::time::Duration;

use super::figures::Gathered;
use crate::results::{Reason, Validity};

/// What a cell must have to be valid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demands {
    /// So many requests with a whole answer at least.
    pub requests: u64,
    /// So long at least, from the first request to the last one's end.
    pub duration: Duration,
    /// The largest share of requests that may fail.
    pub failed: f64,
    /// No new request is sent after this time, whatever is missing.
    pub limit: Duration,
}

/// A larger share of requests that we sent late puts the latencies in doubt.
const LATE_SHARE: f64 = 0.01;

impl Demands {
    /// Judges what was gathered.
    pub(super) fn judge(&self, all: &Gathered) -> Validity {
        let invalid = |code: &str, text: String| Validity::Invalid { reason: Reason::new(code, text) };
        let (ok, sent) = (all.succeeded, all.succeeded + all.failed);
        let share = all.failed as f64 / sent.max(1) as f64;
        let first = all.failures.first().map(|one| format!(": {}", one.text)).unwrap_or_default();
        if sent == 0 {
            return invalid("not_measured", "no request was sent".into());
        }
        if ok == 0 {
            return invalid("all_failed", format!("all {sent} requests failed{first}"));
        }
        if share > self.failed {
            let text =
                format!("{} of {sent} requests failed, more than {:.4} %{first}", all.failed, self.failed * 100.0);
            return invalid("failed_share", text);
        }
        if ok < self.requests {
            let text = format!("{ok} of at least {} requests within {:?}", self.requests, self.limit);
            return invalid("too_few_requests", text);
        }
        // The loop looks at its clock between requests, which begin a little later and end a little earlier.
        if all.span() < self.duration.mul_f64(0.9) {
            return invalid("too_short", format!("{:.3?} of at least {:?}", all.span(), self.duration));
        }
        if all.late_share() > LATE_SHARE {
            let share = all.late_share() * 100.0;
            let text = format!(
                "{share:.1} % of the requests were sent more than 20 ms late: this host cannot keep to the rate"
            );
            return Validity::Noisy { reason: Reason::new("late_sending", text) };
        }
        Validity::Valid
    }
}

#[cfg(test)]
mod tests {
    use super::Demands;
    use crate::llm::figures::Gathered;
    use crate::llm::trace::{Piece, Trace};
    use crate::results::{Reason, Validity};
    use std::time::Duration;

    const DEMANDS: Demands =
        Demands { requests: 10, duration: Duration::from_secs(1), failed: 0.1, limit: Duration::from_secs(60) };

    fn judged(ok: u32, failed: u32, each: Duration, late: Duration) -> String {
        let mut all = Gathered::default();
        for n in 0..ok {
            let due = each * n;
            let pieces = vec![Piece { at: due + each, so_far: None }];
            all.take(&Trace { due, sent: due + late, end: due + each, pieces, ..Trace::default() });
        }
        for _ in 0..failed {
            all.take(&Trace { failure: Some(Reason::new("http_500", "it broke")), ..Trace::default() });
        }
        match DEMANDS.judge(&all) {
            Validity::Valid => "valid".into(),
            Validity::Noisy { reason } => format!("noisy {}", reason.code),
            Validity::Invalid { reason } => format!("{}: {}", reason.code, reason.text),
        }
    }

    #[test]
    fn each_demand_counts() {
        let (slow, fast, on_time) = (Duration::from_millis(100), Duration::from_millis(10), Duration::ZERO);
        assert_eq!(judged(10, 0, slow, on_time), "valid");
        assert_eq!(judged(10, 1, slow, on_time), "valid");
        assert_eq!(
            judged(10, 2, slow, on_time),
            "failed_share: 2 of 12 requests failed, more than 10.0000 %: it broke"
        );
        assert_eq!(judged(9, 0, slow, on_time), "too_few_requests: 9 of at least 10 requests within 60s");
        assert_eq!(judged(20, 0, fast, on_time), "too_short: 200.000ms of at least 1s");
        assert_eq!(judged(0, 3, slow, on_time), "all_failed: all 3 requests failed: it broke");
        assert_eq!(judged(0, 0, slow, on_time), "not_measured: no request was sent");
        assert_eq!(judged(10, 0, slow, Duration::from_millis(50)), "noisy late_sending");
    }
}
