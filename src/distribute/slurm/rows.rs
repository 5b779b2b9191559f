//! What Slurm says of jobs: the lines of `squeue` and `sacct`. Nothing here starts anything.
//!
//! Both are asked for fields with a bar between, which all versions give alike; the JSON of `squeue` changes with the version.

/// The format of the lines that [`queue`] reads. What may hold any text stands last.
pub(super) const QUEUE_FORMAT: &str = "%F|%K|%T|%N|%j|%r";
/// The fields of the lines that [`accounts`] reads.
pub(super) const ACCOUNT_FIELDS: &str = "JobID,State,NodeList,JobName";

/// What is known of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The job's id, of an array the array's.
    pub id: String,
    /// Its number in the array.
    pub task: Option<u32>,
    /// Slurm's word for how far it is, such as `PENDING`.
    pub state: String,
    /// The node, where it has one.
    pub node: String,
    /// The job's name.
    pub name: String,
    /// Why it waits.
    pub reason: String,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In the queue.
    Waits,
    /// On a node, or ending there.
    Runs,
    /// Over.
    Ended,
}

/// What one of Slurm's words for a state means. One that is not known is taken for a task that still runs: what it came to
/// is then told by what it left.
pub fn stage(state: &str) -> Stage {
    match state.split_whitespace().next().unwrap_or_default().trim_end_matches('+') {
        "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => Stage::Waits,
        "BOOT_FAIL" | "CANCELLED" | "COMPLETED" | "DEADLINE" | "FAILED" | "LAUNCH_FAILED" | "NODE_FAIL"
        | "OUT_OF_MEMORY" | "PREEMPTED" | "RECONFIG_FAIL" | "REVOKED" | "TIMEOUT" => Stage::Ended,
        _ => Stage::Runs,
    }
}

/// The rows of `squeue`. Lines that are none are passed over.
pub fn queue(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let mut fields = line.splitn(6, '|').map(str::trim);
        let (id, task, state) = (fields.next()?, fields.next()?, fields.next()?);
        let (node, name, reason) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Row {
            id: number(id)?,
            task: task.parse().ok(),
            state: state.to_owned(),
            node: node.to_owned(),
            name: name.to_owned(),
            reason: reason.to_owned(),
        })
    };
    text.lines().filter_map(row).collect()
}

/// The rows of `sacct`: `12|COMPLETED|n1|name`, `12_3|CANCELLED by 0|n1|name`.
pub fn accounts(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let mut fields = line.splitn(4, '|').map(str::trim);
        let (id, state, node, name) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let (id, task) = id.split_once('_').map_or((id, None), |(id, task)| (id, task.parse().ok()));
        let state = state.split_whitespace().next()?.to_owned();
        Some(Row { id: number(id)?, task, state, node: node.to_owned(), name: name.to_owned(), reason: String::new() })
    };
    text.lines().filter_map(row).collect()
}

/// The id that `sbatch --parsable` printed: `12`, or `12;cluster`.
pub(super) fn submitted(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    number(line.split(';').next()?)
}

fn number(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= 20 && text.chars().all(|c| c.is_ascii_digit())).then(|| text.to_owned())
}

/// What to do about a reason for which a job waits; nothing about one that passes.
pub(super) fn help(reason: &str) -> Option<&'static str> {
    let reason = reason.trim_start_matches('(');
    let says = |words: &[&str]| words.iter().any(|word| reason.starts_with(word));
    if says(&["PartitionTimeLimit"]) {
        Some("the partition allows less time: say `resources: { time: ... }`, or take another partition")
    } else if says(&["BadConstraints", "PartitionNodeLimit"]) {
        Some("no node has what is asked for: look at `resources` and `sinfo -N -l`")
    } else if says(&["ReqNodeNotAvail", "NodeDown", "PartitionDown", "PartitionInactive"]) {
        Some("the nodes it could go to are down or reserved: `sinfo -R` says why")
    } else if says(&["Invalid", "AssociationJobLimit", "Assoc", "QOS"]) {
        Some("the account or its quality of service does not allow more: look at `resources: { account, qos }`")
    } else if says(&["JobHeld", "job requeued in held state", "launch failed requeued held"]) {
        Some("it is held: `scontrol release` lets it go")
    } else {
        None
    }
}

/// What to do about a job that Slurm ended.
pub(super) fn after(state: &str) -> &'static str {
    match state {
        "OUT_OF_MEMORY" => "ask for more by `resources: { memory: ... }`",
        "TIMEOUT" | "DEADLINE" => "ask for more by `resources: { time: ... }`",
        "NODE_FAIL" | "BOOT_FAIL" | "LAUNCH_FAILED" => "its node failed: run it again",
        "PREEMPTED" => "another job took its place: run it again",
        "CANCELLED" => "it was cancelled by `scancel` or an administrator",
        _ => "look at its log",
    }
}

#[cfg(test)]
mod tests {
    use super::{Stage, accounts, help, queue, stage, submitted};

    #[test]
    fn lines_of_squeue_are_taken_apart() {
        let text = "1|2|PENDING||backsight-x-1|JobArrayTaskLimit\n1|0|RUNNING|n1|backsight-x-1|None\n\
                    2|N/A|CANCELLED|n2|backsight-x-2|odd | text\nslurm_load_jobs error: odd\n";
        let rows = queue(text);
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].task, rows[0].state.as_str(), rows[0].node.as_str()), (Some(2), "PENDING", ""));
        assert_eq!((rows[1].id.as_str(), rows[1].node.as_str()), ("1", "n1"));
        assert_eq!((rows[2].task, rows[2].reason.as_str()), (None, "odd | text"));
    }

    #[test]
    fn lines_of_sacct_are_taken_apart() {
        let rows = accounts("12_3|CANCELLED by 0|n1|a\n13|OUT_OF_MEMORY|n2|b\n13.batch|FAILED|n2|batch\n");
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].task, rows[0].state.as_str()), (Some(3), "CANCELLED"));
        assert_eq!((rows[1].id.as_str(), rows[1].task), ("13", None));
    }

    #[test]
    fn ids_are_numbers() {
        assert_eq!(submitted("12\n").as_deref(), Some("12"));
        assert_eq!(submitted("a word before\n12;cluster\n").as_deref(), Some("12"));
        assert_eq!(submitted("--12"), None);
        assert_eq!(submitted(""), None);
    }

    #[test]
    fn states_mean_one_of_three_things() {
        assert_eq!(
            (stage("PENDING"), stage("COMPLETING"), stage("CANCELLED by 0")),
            (Stage::Waits, Stage::Runs, Stage::Ended)
        );
        assert_eq!((stage("CANCELLED+"), stage("SOMETHING_NEW"), stage("")), (Stage::Ended, Stage::Runs, Stage::Runs));
        assert!(help("Priority").is_none() && help("PartitionTimeLimit").is_some());
    }
}
