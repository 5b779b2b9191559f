//! The files for GitLab, below `templates/ci/gitlab/`; each is included by the project's own `.gitlab-ci.yml`.

use super::ci::CiFile;

macro_rules! include_file {
    ($name:literal, $from:literal, $file:literal, $is_usual:literal) => {
        CiFile {
            name: $name,
            path: concat!(".gitlab/", $file),
            text: include_str!(concat!("../../../templates/ci/gitlab/", $from)),
            is_usual: $is_usual,
        }
    };
}

/// All of them.
pub(super) const FILES: [CiFile; 4] = [
    include_file!("pipeline", "backsight.yml", "backsight.yml", true),
    include_file!("nightly", "nightly.yml", "backsight-nightly.yml", false),
    include_file!("matrix", "matrix.yml", "backsight-matrix.yml", false),
    include_file!("release", "release.yml", "backsight-release.yml", false),
];
