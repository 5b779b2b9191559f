//! The text of a batch script, and the options it is handed over with. Nothing here touches a file.
//!
//! The options are arguments, not comments in the script: no text of the pipeline file is read by a shell but its `setup`.

use uuid::Uuid;

use super::job_name;
use crate::pipeline::Resources;
use crate::plan::JobPlan;

/// What a job is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The leader's run.
    pub run: Uuid,
    /// The job's number in the run, from 1.
    pub number: u32,
    /// Its shards, more than one of an array.
    pub shards: Vec<u32>,
    /// How many shards the plan has.
    pub count: usize,
    /// The workspace.
    pub workspace: String,
    /// The pipeline file's name in it.
    pub pipeline: String,
    /// The leader's run folder.
    pub folder: String,
    /// Backsight.
    pub program: String,
    /// What else `run` is told.
    pub arguments: Vec<String>,
    /// Lines of the pipeline file, before the steps.
    pub setup: Vec<String>,
}

/// The options of `sbatch` for a job, but for those that are only known when it is handed over.
pub fn options(run: Uuid, number: u32, job: &JobPlan, at_once: Option<u32>) -> Vec<String> {
    let mut all = vec![format!("--job-name={}", job_name(run, number))];
    match job.shards.as_slice() {
        [first, .., last] => {
            let limit = at_once.map(|limit| format!("%{limit}")).unwrap_or_default();
            all.push(format!("--array={first}-{last}{limit}"));
            // The number of a task is that of its shard.
            all.push("--output=%a.log".to_owned());
        }
        only => all.push(format!("--output={}.log", only.first().copied().unwrap_or_default())),
    }
    all.extend(["--open-mode=append", "--nodes=1", "--ntasks=1"].map(str::to_owned));
    all.extend(wanted(&job.resources));
    all
}

fn wanted(resources: &Resources) -> Vec<String> {
    let texts = [
        ("gres", resources.gpus.as_ref().map(|gpus| format!("gpu:{}", gpus.display()))),
        ("cpus-per-task", resources.cpus.map(|cpus| cpus.to_string())),
        ("mem", resources.memory.clone()),
        ("time", resources.time.map(|time| minutes(time.0.as_secs()))),
        ("constraint", resources.constraint.clone()),
        ("partition", resources.partition.clone()),
        ("account", resources.account.clone()),
        ("qos", resources.qos.clone()),
    ];
    texts.into_iter().filter_map(|(name, text)| Some(format!("--{name}={}", text?))).collect()
}

/// Slurm counts in minutes.
fn minutes(seconds: u64) -> String {
    seconds.div_ceil(60).max(1).to_string()
}

/// The batch script. What it writes beside its log says that it began, on which node, and what came of it.
pub fn script(job: &Script) -> String {
    let quoted = |text: &str| shell_words::quote(text).into_owned();
    let first = job.shards.first().copied().unwrap_or_default();
    let arguments: String = job.arguments.iter().map(|word| format!(" {}", quoted(word))).collect();
    let setup: String = job.setup.iter().map(|line| format!("{}\n", line.trim_end())).collect();
    format!(
        "#!/bin/sh\n\
# Written by Backsight for run {run}, job {number}.\n\
index=\"${{SLURM_ARRAY_TASK_ID:-{first}}}\"\n\
folder={folder}\n\
program={program}\n\
node=\"${{SLURMD_NODENAME:-$(hostname)}}\"\n\
if ! cd \"$folder/jobs\" 2>/dev/null; then\n\
    printf 'backsight: %s is not there on %s: the workspace must be on a file system that all nodes share\\n' \"$folder\" \"$node\" >&2\n\
    exit 97\n\
fi\n\
rm -f \"$index.exit\"\n\
printf '%s %s\\n' \"${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}\" \"$node\" >\"$index.began.new\" && mv \"$index.began.new\" \"$index.began\"\n\
leg=\"$folder/legs/$index\"\n\
ended() {{\n\
    code=$?\n\
    rm -f \"$leg/results.db\" \"$leg/results.db-wal\" \"$leg/results.db-shm\"\n\
    printf '%s\\n' \"$code\" >\"$folder/jobs/$index.exit.new\" && mv \"$folder/jobs/$index.exit.new\" \"$folder/jobs/$index.exit\"\n\
}}\n\
# What ends the job ends Backsight, which writes what it has; this shell waits for it.\n\
trap ended EXIT\n\
trap : TERM INT HUP\n\
mkdir -p \"$leg\"\n\
if [ -f \"$folder/store.db\" ]; then cp \"$folder/store.db\" \"$leg/results.db\"; fi\n\
cd {workspace}\n\
set -e\n\
{setup}\
set +e\n\
if ! command -v \"$program\" >/dev/null 2>&1; then\n\
    printf 'backsight: %s is not there on %s: say where it is by executors.slurm.program\\n' \"$program\" \"$node\" >&2\n\
    exit 98\n\
fi\n\
\"$program\" run {pipeline} --shard \"$index/{count}\" --plan \"$folder/plan.json\" --results \"$leg\"{arguments}\n\
exit $?\n",
        run = job.run,
        number = job.number,
        folder = quoted(&job.folder),
        program = quoted(&job.program),
        workspace = quoted(&job.workspace),
        pipeline = quoted(&job.pipeline),
        count = job.count,
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::{Script, options, script};
    use crate::pipeline::{Gpus, Resources, StepDuration};
    use crate::plan::JobPlan;

    #[test]
    fn options_are_arguments_of_their_own() {
        let resources = Resources {
            gpus: Some(Gpus::Typed("a100:2".into())),
            cpus: Some(8),
            memory: Some("32G".into()),
            time: Some(StepDuration(Duration::from_secs(61))),
            constraint: Some("a&b".into()),
            ..Resources::default()
        };
        let job = JobPlan { name: "x".into(), shards: vec![3, 4, 5], resources, after_first: false };
        let told = options(Uuid::nil(), 2, &job, Some(2));
        assert_eq!(
            told,
            [
                "--job-name=backsight-00000000-0000-0000-0000-000000000000-2",
                "--array=3-5%2",
                "--output=%a.log",
                "--open-mode=append",
                "--nodes=1",
                "--ntasks=1",
                "--gres=gpu:a100:2",
                "--cpus-per-task=8",
                "--mem=32G",
                "--time=2",
                "--constraint=a&b"
            ]
        );
        let one = JobPlan { shards: vec![7], resources: Resources::default(), ..job };
        assert_eq!(options(Uuid::nil(), 1, &one, Some(2))[1], "--output=7.log");
    }

    #[test]
    fn a_path_is_no_shell_text() {
        let text = script(&Script {
            run: Uuid::nil(),
            number: 1,
            shards: vec![4],
            count: 9,
            workspace: "/a b/$(touch x)'".into(),
            pipeline: "back sight.yml".into(),
            folder: "/a b/.backsight".into(),
            program: "/bin/backsight".into(),
            arguments: vec!["--against".into(), "a;b".into()],
            setup: vec!["module load cuda".into()],
        });
        assert!(text.contains("cd '/a b/$(touch x)'\\'''\n"), "{text}");
        assert!(text.contains("set -e\nmodule load cuda\nset +e\n"), "{text}");
        let run = "\"$program\" run 'back sight.yml' --shard \"$index/9\" --plan \"$folder/plan.json\"";
        assert!(text.contains(&format!("{run} --results \"$leg\" --against 'a;b'\n")), "{text}");
    }
}
