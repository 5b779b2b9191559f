//! What the jobs left, as one run: joined as the parts of any plan are, with what only the leader knows.

use super::{Lead, LeadError, Request};
use crate::distribute::slurm::{End, Job};
use crate::ops::merge::{self, Led, merge_led};
use crate::ops::run::Answer;
use crate::results::{ExitCode, Remark, RemarkLevel};

/// The number of SIGINT.
const INTERRUPT: u32 = 2;
/// How much of a job's last words is told.
const SAID: usize = 300;

pub(super) fn collect(lead: &Lead, ends: &[End], request: &Request) -> Result<Answer, LeadError> {
    let batch = &lead.journal.batch;
    let stopped = request.cancel.signal();
    let remarks = batch
        .jobs
        .iter()
        .flat_map(|job| job.shards.iter().map(move |shard| (job, shard)))
        .filter_map(|(job, (shard, name))| {
            let end = ends.iter().find(|end| end.shard == *shard);
            remark(lead, job, name, end, stopped.is_some())
        })
        .collect();
    let code = |signal| if signal == INTERRUPT { ExitCode::Interrupted } else { ExitCode::Terminated };
    let answer = merge_led(
        &merge::Request {
            sources: vec![lead.folder.legs()],
            plan: Some(lead.folder.plan()),
            expect: None,
            pipeline: batch.pipeline.clone(),
            push: true,
            cancel: request.cancel.clone(),
        },
        Led { id: batch.run, remarks, stopped: stopped.map(code) },
    )?;
    // Not worth failing for: it is only the room it takes.
    let _ = std::fs::remove_file(lead.folder.store());
    Ok(answer)
}

/// What is to be said of a shard beside its results.
fn remark(lead: &Lead, job: &Job, name: &str, end: Option<&End>, stopped: bool) -> Option<Remark> {
    let Some(end) = end else {
        let text = format!("{name}: its job was not handed to Slurm before the run was to stop");
        return Some(Remark { level: RemarkLevel::Warning, step: None, text });
    };
    let own_trouble = end.exit.filter(|code| matches!(code, 2 | 4)).map(|code| format!("its job ended with {code}"));
    let trouble = end.trouble().or(own_trouble)?;
    let id = lead.journal.id(job.number).unwrap_or_default();
    let mut text = format!("{name} (job {id}): {trouble}");
    if let Some(said) = lead.folder.said(end.shard) {
        let cut = said.char_indices().nth_back(SAID).map_or(0, |(at, _)| at);
        text.push_str(&format!("; its log, {}, ends: {}", lead.folder.log(end.shard).display(), &said[cut..]));
    }
    let level = if stopped { RemarkLevel::Warning } else { RemarkLevel::Error };
    Some(Remark { level, step: None, text })
}
