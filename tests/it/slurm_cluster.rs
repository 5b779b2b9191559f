//! A Slurm cluster of our own: munged, slurmctld and two slurmd on this host, in a folder of their own and on ports of their
//! own, ended with the test. It needs root and Debian's `slurm-wlm`; `scripts/test` installs it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};

use crate::sandbox::{Outcome, Sandbox, wait_for};

/// The two nodes have so many processors each, whatever this host has.
pub(crate) const CPUS: u32 = 4;

/// A cluster, ended when it is let go of.
pub(crate) struct Cluster {
    root: tempfile::TempDir,
    daemons: Vec<Child>,
}

/// How the nodes see the file system.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    /// As this host does.
    Yes,
    /// Without the workspaces of tests.
    No,
}

impl Cluster {
    /// Starts one; nothing where the tests are not to use Slurm.
    pub(crate) fn start() -> Option<Self> {
        Self::with(Shared::Yes)
    }

    pub(crate) fn with(shared: Shared) -> Option<Self> {
        if std::env::var_os("BACKSIGHT_TEST_SLURM").is_none() {
            eprintln!("skipped: BACKSIGHT_TEST_SLURM=1 runs the tests against a Slurm cluster; scripts/test does");
            return None;
        }
        let root = tempfile::Builder::new().prefix("slurm-").tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut cluster = Self { root, daemons: Vec::new() };
        cluster.configure();
        let (key, socket) = (cluster.path("munge.key"), cluster.path("munge.sock"));
        let place = |name: &str, path: PathBuf| format!("--{name}={}", path.display());
        let munge = [place("key-file", key), place("socket", socket.clone())];
        let files = [
            place("pid-file", cluster.path("munge.pid")),
            place("log-file", cluster.path("munge.log")),
            place("seed-file", cluster.path("munge.seed")),
        ];
        let words: Vec<String> =
            ["-F".to_owned(), "--force".to_owned()].into_iter().chain(munge).chain(files).collect();
        cluster.daemon("munged", &words);
        wait_for(|| socket.exists(), "munged");
        cluster.controller();
        for node in ["n1", "n2"] {
            cluster.node(node, shared);
        }
        let is_up =
            |cluster: &Self| cluster.ask("sinfo", &["-h", "-N", "-o", "%T"]).stdout.lines().all(|line| line == "idle");
        wait_for(|| cluster.ask("sinfo", &["-h", "-N"]).code == 0 && is_up(&cluster), "two idle nodes");
        Some(cluster)
    }

    fn configure(&self) {
        let mut port = Vec::new();
        let listeners: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        port.extend(listeners.iter().map(|listener| listener.local_addr().unwrap().port()));
        let folder = self.root.path().display();
        let text = format!(
            "ClusterName=backsight\nSlurmctldHost=localhost\nSlurmctldPort={}\nAuthType=auth/munge\n\
             AuthInfo=socket={folder}/munge.sock\nCryptoType=crypto/munge\nSlurmUser=root\nSlurmdUser=root\n\
             StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool-%n\nSlurmctldPidFile={folder}/slurmctld.pid\n\
             SlurmdPidFile={folder}/slurmd-%n.pid\nSlurmctldLogFile={folder}/slurmctld.log\nSlurmdLogFile={folder}/%n.log\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nMpiDefault=none\nReturnToService=2\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nSchedulerType=sched/backfill\n\
             SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=1000,bf_interval=1\n\
             JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\nGresTypes=gpu\n\
             KillWait=5\nMessageTimeout=5\nSlurmdParameters=config_overrides\n\
             NodeName=n1 NodeHostname=localhost Port={} CPUs={CPUS} RealMemory=4096 Gres=gpu:1 Feature=first State=UNKNOWN\n\
             NodeName=n2 NodeHostname=localhost Port={} CPUs={CPUS} RealMemory=4096 Gres=gpu:1 State=UNKNOWN\n\
             PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP\n",
            port[0], port[1], port[2]
        );
        fs::write(self.conf(), text).unwrap();
        fs::write(self.path("cgroup.conf"), "# nothing\n").unwrap();
        let devices = "NodeName=n1 Name=gpu File=/dev/null\nNodeName=n2 Name=gpu File=/dev/zero\n";
        fs::write(self.path("gres.conf"), devices).unwrap();
        fs::create_dir(self.path("state")).unwrap();
        let key: Vec<u8> = (0..64)
            .flat_map(|_| tempfile::Builder::new().tempfile().unwrap().path().to_string_lossy().as_bytes().to_vec())
            .take(1024)
            .collect();
        fs::write(self.path("munge.key"), key).unwrap();
        fs::set_permissions(self.path("munge.key"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The configuration, for `SLURM_CONF`.
    pub(crate) fn conf(&self) -> PathBuf {
        self.path("slurm.conf")
    }

    /// A workspace whose commands know this cluster.
    pub(crate) fn sandbox(&self, pipeline: &str) -> Sandbox {
        Sandbox::with(pipeline).env("SLURM_CONF", self.conf().to_str().unwrap())
    }

    fn daemon(&mut self, program: &str, words: &[String]) {
        let log = fs::File::create(self.path(&format!("{}.out", program.replace('/', "_")))).unwrap();
        let child = Command::new(program)
            .args(words)
            .env("SLURM_CONF", self.conf())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; scripts/test installs slurm-wlm"));
        self.daemons.push(child);
    }

    /// Starts the controller.
    pub(crate) fn controller(&mut self) {
        self.daemon("slurmctld", &["-D".into(), "-f".into(), self.conf().display().to_string()]);
    }

    /// Ends the controller, as a machine that fails would.
    pub(crate) fn lose_controller(&mut self) {
        let pid = fs::read_to_string(self.path("slurmctld.pid")).unwrap();
        let at = self.daemons.iter().position(|child| child.id().to_string() == pid.trim()).unwrap();
        let mut child = self.daemons.remove(at);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn node(&mut self, name: &str, shared: Shared) {
        let conf = self.conf().display().to_string();
        let words = ["-D", "-f", &conf, "-N", name].map(str::to_owned);
        if shared == Shared::Yes {
            return self.daemon("slurmd", &words);
        }
        // Another file system where the workspaces of tests are, for this node alone.
        let hide = format!(
            "for w in /tmp/backsight-test-*/work; do mount -t tmpfs none $w; done; exec slurmd {}",
            words.join(" ")
        );
        self.daemon("unshare", &["-m".into(), "sh".into(), "-c".into(), hide]);
    }

    /// One of Slurm's commands.
    pub(crate) fn ask(&self, program: &str, words: &[&str]) -> Outcome {
        let output = Command::new(program).args(words).env("SLURM_CONF", self.conf()).output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The states of all jobs, arrays by their tasks: `1 RUNNING`.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let told = self.ask("squeue", &["-h", "-r", "-t", "all", "-o", "%i %T"]).stdout;
        let mut jobs: Vec<String> = told.lines().map(|line| line.trim().to_owned()).collect();
        jobs.sort();
        jobs
    }

    /// How many jobs wait or run.
    pub(crate) fn living(&self) -> usize {
        self.ask("squeue", &["-h", "-r", "-o", "%i"]).stdout.lines().count()
    }

    /// Ends batch scripts with what they started, also where no controller is left to cancel them.
    fn end_scripts(&self) {
        let spool = self.path("spool").display().to_string();
        for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            let told = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let told = String::from_utf8_lossy(&told);
            let pid = process.file_name().to_str().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
            let is_ours = told.contains(&spool) && told.contains("slurm_script");
            if let Some(group) = pid.filter(|_| is_ours).and_then(|pid| getpgid(Some(pid)).ok()) {
                let _ = kill_process_group(group, Signal::TERM);
            }
        }
    }

    /// Everything that the daemons wrote, for a test that failed.
    fn logs(&self) -> String {
        let last = |path: &Path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
        };
        ["slurmctld.log", "n1.log", "n2.log", "slurmd.out", "unshare.out"]
            .map(|name| format!("{name}:\n{}\n", last(&self.path(name))))
            .concat()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        self.ask("scancel", &["--user=root", "--signal=KILL", "--full"]);
        self.ask("scancel", &["--user=root"]);
        self.end_scripts();
        for child in self.daemons.iter_mut().rev() {
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
            for _ in 0..100 {
                if !matches!(child.try_wait(), Ok(None)) {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
