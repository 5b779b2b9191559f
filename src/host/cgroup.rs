//! How much processor time and memory the control groups of this process allow it, versions 1 and 2.
//!
//! A limit holds for everything below it, so each folder from the process's own group up to the mount is read and the
//! smallest limit wins. Inside a container the group's path is often one of the host's and does not exist in the
//! mount; the walk then ends at the mount itself, which is the container's own group.

use std::path::{Component, Path, PathBuf};

use super::tree::Tree;

/// Memory limits at or above this are the kernel's way of saying "none": version 1 rounds `i64::MAX` to a page.
const NO_MEMORY_LIMIT: u64 = 1 << 60;
/// The deepest path that is walked; real ones have fewer than ten folders.
const MAX_DEPTH: usize = 64;

/// The smallest limits found; absent where there is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Processor time, in thousandths of a core.
    pub(super) millicores: Option<u32>,
    /// Memory in bytes.
    pub(super) memory: Option<u64>,
}

/// Reads the limits of the process itself.
pub(super) fn limits(tree: &Tree) -> Limits {
    let groups = tree.text("proc/self/cgroup", 64 * 1024).unwrap_or_default();
    let mounts = tree.text("proc/self/mountinfo", 1024 * 1024).unwrap_or_default();
    let mut limits = Limits::default();
    for folder in folders(&groups, &mounts, "") {
        limits.millicores =
            smallest(limits.millicores, tree.line(&file(&folder, "cpu.max")).ok().as_deref().and_then(quota_v2));
        limits.memory = smallest(limits.memory, memory(tree, &file(&folder, "memory.max")));
    }
    for folder in folders(&groups, &mounts, "cpu") {
        limits.millicores = smallest(limits.millicores, quota_v1(tree, &folder));
    }
    for folder in folders(&groups, &mounts, "memory") {
        limits.memory = smallest(limits.memory, memory(tree, &file(&folder, "memory.limit_in_bytes")));
    }
    limits
}

/// The folders of this process's control groups, from the mount down to its own: those of a controller of version 1, or
/// of version 2 where it is empty. Only those that exist here; none where there is no such hierarchy.
pub fn groups(controller: &str) -> Vec<PathBuf> {
    let tree = Tree::new(Path::new("/"));
    let groups = tree.text("proc/self/cgroup", 64 * 1024).unwrap_or_default();
    let mounts = tree.text("proc/self/mountinfo", 1024 * 1024).unwrap_or_default();
    folders(&groups, &mounts, controller).into_iter().take_while(|folder| folder.is_dir()).collect()
}

/// How often so far the system has ended a process because memory ran out: in this process's control groups, and on the
/// whole system where it tells. Only a difference of two readings says something.
pub fn memory_kills() -> u64 {
    let tree = Tree::new(Path::new("/"));
    let own = |controller: &str, name: &str| {
        let text = groups(controller).last().and_then(|folder| tree.text(&file(folder, name), 4096).ok());
        text.as_deref().and_then(kills).unwrap_or(0)
    };
    let system = tree.text("proc/vmstat", 64 * 1024).ok().as_deref().and_then(kills).unwrap_or(0);
    system.saturating_add(own("", "memory.events")).saturating_add(own("memory", "memory.oom_control"))
}

/// `oom_kill 3`, as `memory.events`, `memory.oom_control` and `/proc/vmstat` have it.
fn kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// The folders whose limits hold for the process, for a controller of version 1, or version 2 where it is empty.
fn folders(groups: &str, mounts: &str, controller: &str) -> Vec<PathBuf> {
    let Some(group) = groups.lines().find_map(|line| group_path(line, controller)) else { return Vec::new() };
    let (mount, mount_root) = mounts
        .lines()
        .find_map(|line| mounted(line, controller))
        .unwrap_or_else(|| (usual_mount(controller), "/".to_owned()));
    let below = group.strip_prefix(mount_root.as_str()).unwrap_or(group);
    // A path that climbs out of the namespace names nothing that can be read here.
    let mut names = Vec::new();
    for component in Path::new(below).components().take(MAX_DEPTH) {
        match component {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => return vec![PathBuf::from(mount)],
            _ => {}
        }
    }
    let mut folder = PathBuf::from(mount);
    let mut all = vec![folder.clone()];
    for name in names {
        folder.push(name);
        all.push(folder.clone());
    }
    all
}

/// The path in a line of `/proc/self/cgroup` (`4:memory:/a/b`, `0::/a/b`) if it is the controller's.
fn group_path<'a>(line: &'a str, controller: &str) -> Option<&'a str> {
    let mut parts = line.splitn(3, ':');
    let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let found = if controller.is_empty() { id == "0" } else { controllers.split(',').any(|name| name == controller) };
    found.then_some(path)
}

/// Mount point and root of a line of `/proc/self/mountinfo` if the controller is mounted there.
fn mounted(line: &str, controller: &str) -> Option<(String, String)> {
    let (left, right) = line.split_once(" - ")?;
    let mut right = right.split(' ');
    let (kind, options) = (right.next()?, right.nth(1).unwrap_or_default());
    let found = if controller.is_empty() {
        kind == "cgroup2"
    } else {
        kind == "cgroup" && options.split(',').any(|name| name == controller)
    };
    let mut left = left.split(' ').skip(3);
    let (root, mount) = (left.next()?, left.next()?);
    found.then(|| (mount.to_owned(), root.to_owned()))
}

fn usual_mount(controller: &str) -> String {
    if controller.is_empty() { "/sys/fs/cgroup".to_owned() } else { format!("/sys/fs/cgroup/{controller}") }
}

fn file(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

/// `cpu.max`: `150000 100000`, or `max 100000`.
fn quota_v2(line: &str) -> Option<u32> {
    let (quota, period) = line.split_once(' ')?;
    millicores(quota.parse().ok()?, period.parse().ok()?)
}

/// Version 1 keeps quota (-1 for none) and period in two files.
fn quota_v1(tree: &Tree, folder: &Path) -> Option<u32> {
    let read = |name| tree.line(&file(folder, name)).ok()?.parse::<i64>().ok();
    millicores(u64::try_from(read("cpu.cfs_quota_us")?).ok()?, u64::try_from(read("cpu.cfs_period_us")?).ok()?)
}

fn millicores(quota: u64, period: u64) -> Option<u32> {
    u32::try_from(quota.checked_mul(1000)?.checked_div(period)?).ok().filter(|milli| *milli > 0)
}

fn memory(tree: &Tree, path: &str) -> Option<u64> {
    tree.line(path).ok()?.parse().ok().filter(|bytes| (1..NO_MEMORY_LIMIT).contains(bytes))
}

fn smallest<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{folders, group_path, quota_v2};

    #[test]
    fn no_quota_is_no_limit() {
        assert_eq!(quota_v2("max 100000"), None);
        assert_eq!(quota_v2("150000 100000"), Some(1500));
        for odd in ["", "1", "1 0", "0 100000", "18446744073709551615 1", "-1 100000"] {
            assert_eq!(quota_v2(odd), None, "{odd}");
        }
    }

    #[test]
    fn controllers_are_matched_whole() {
        assert_eq!(group_path("4:cpuset:/x", "cpu"), None);
        assert_eq!(group_path("4:cpu,cpuacct:/a:b", "cpu"), Some("/a:b"));
        assert_eq!(group_path("0::/user.slice", ""), Some("/user.slice"));
    }

    #[test]
    fn each_folder_up_to_the_mount_is_read() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        let want: Vec<PathBuf> = ["/sys/fs/cgroup", "/sys/fs/cgroup/a", "/sys/fs/cgroup/a/b"].map(PathBuf::from).into();
        assert_eq!(folders("0::/a/b", mounts, ""), want);
        assert_eq!(folders("0::/../../b", mounts, ""), [PathBuf::from("/sys/fs/cgroup")]);
    }

    #[test]
    fn a_bind_mounted_group_is_its_own_top() {
        let mounts = "30 23 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";
        assert_eq!(folders("4:memory:/docker/abc", mounts, "memory"), [PathBuf::from("/sys/fs/cgroup/memory")]);
    }
}
