//! The workflows for GitHub, below `templates/ci/github/`.

use super::ci::CiFile;

macro_rules! workflow {
    ($name:literal, $file:literal, $is_usual:literal) => {
        CiFile {
            name: $name,
            path: concat!(".github/workflows/", $file),
            text: include_str!(concat!("../../../templates/ci/github/", $file)),
            is_usual: $is_usual,
        }
    };
}

/// All of them; `matrix` and `sharded` each stand for `pull-request`.
pub(super) const FILES: [CiFile; 7] = [
    workflow!("pull-request", "backsight.yml", true),
    workflow!("comment", "backsight-comment.yml", true),
    workflow!("baseline", "backsight-baseline.yml", true),
    workflow!("nightly", "backsight-nightly.yml", false),
    workflow!("matrix", "backsight-matrix.yml", false),
    workflow!("release", "backsight-release.yml", false),
    workflow!("sharded", "backsight-sharded.yml", false),
];
