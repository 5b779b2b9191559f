"""Writes what GitLab includes: gitlab-ci-template.yml, templates/backsight/template.yml, and the jobs of a child pipeline.

The shell that they share stands once, in templates/ci/gitlab/*.sh. `--check` writes nothing and fails where a file is out of step.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = ROOT / "templates/ci/gitlab"


def version() -> str:
    for line in (ROOT / "Cargo.toml").read_text().splitlines():
        if line.startswith("version = "):
            return line.split('"')[1]
    raise SystemExit("Cargo.toml has no version")


def shell(name: str, depth: int) -> str:
    """A script of the parts as one entry of a `script:` list."""
    lines = (PARTS / name).read_text().splitlines()
    pad = " " * (depth + 2)
    return " " * depth + "- |\n" + "\n".join(pad + line if line else "" for line in lines) + "\n"


def jobs(stage: str, name, var) -> str:
    """The jobs of one include; `var` gives the text for a setting, `name` that for a job's name with something behind it."""
    rules = f"""    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""
    settings = "".join(f"    {setting}: {var(setting)}\n" for setting in SETTINGS)
    return f"""{name("")}:
  stage: {stage}
  rules:
    - if: {var.sharded}
      when: never
{rules}  variables:
    GIT_DEPTH: "0"
{settings}  cache:
    key: backsight
    paths: [.backsight/results.db]
  script:
{shell("setup.sh", 4)}    - |
      set -f
      code=0
      backsight run "$BACKSIGHT_PIPELINE" $BACKSIGHT_ARGS || code=$?
      if [ "$code" = 2 ]; then exit 2; fi
{shell("report.sh", 4)}    - exit "$code"
{REPORTED}
{name("-plan")}:
  stage: {stage}
  rules:
    - if: {var.whole}
      when: never
{rules}  variables:
    GIT_DEPTH: "0"
{settings}  script:
{shell("setup.sh", 4)}    - |
      backsight plan "$BACKSIGHT_PIPELINE" --shards "$BACKSIGHT_SHARDS" --format gitlab \\
        ${{BACKSIGHT_IMAGE:+--image "$BACKSIGHT_IMAGE"}} ${{BACKSIGHT_JOBS:+--base "$BACKSIGHT_JOBS"}} > backsight-child.yml
  artifacts:
    paths: [backsight-child.yml]

{name("-shards")}:
  stage: {stage}
  needs: [{name("-plan")}]
  rules:
    - if: {var.whole}
      when: never
{rules}  variables:
{settings}  trigger:
    include:
      - artifact: backsight-child.yml
        job: {name("-plan")}
    strategy: depend
"""


SETTINGS = {
    "BACKSIGHT_PIPELINE": ("pipeline", "backsight.yml", "The pipeline file"),
    "BACKSIGHT_ARGS": ("args", "", "More arguments for `backsight run`, with blanks between them"),
    "BACKSIGHT_SHARDS": ("shards", "", "A number, or `auto`: the work is divided among the jobs of a child pipeline"),
    "BACKSIGHT_LEG": ("leg", "", "The section of the comment, where several jobs report"),
    "BACKSIGHT_IMAGE": ("image", "", "With shards: the image of the child pipeline's jobs"),
    "BACKSIGHT_JOBS": ("jobs", "", "With shards: a file of yours that defines the jobs `.backsight` and `.backsight-merge`"),
    "BACKSIGHT_VERSION": ("version", version(), "The version that is installed where the image has no `backsight`"),
    "BACKSIGHT_DOWNLOAD_URL": ("download-url", "", "Where `vVERSION/ARCHIVE` is"),
    "BACKSIGHT_SHA256": ("sha256", "", "The archive's SHA-256; nothing is installed without it"),
}


class Template:
    sharded = '$BACKSIGHT_SHARDS != ""'
    whole = '$BACKSIGHT_SHARDS == ""'

    def __call__(self, name: str) -> str:
        return f"${name}"


class Component:
    sharded = "'\"$[[ inputs.shards ]]\" != \"\"'"
    whole = "'\"$[[ inputs.shards ]]\" == \"\"'"

    def __call__(self, name: str) -> str:
        return f'"$[[ inputs.{SETTINGS[name][0]} ]]"'


def template() -> str:
    head = """# Backsight for GitLab, by `include:`; docs/gitlab.md explains it. Written by scripts/gitlab_templates.py.
#
# Set these variables in your own file, where the defaults do not fit. GITLAB_TOKEN, a masked variable of the project, is what the
# comment is written with.
variables:
"""
    for name, (_, default, what) in SETTINGS.items():
        head += f"  # {what}.\n  {name}: \"{default}\"\n"
    body = jobs("test", lambda more: f"backsight{more}", Template())
    # A job has the variables of the whole file already.
    for name in SETTINGS:
        body = body.replace(f"    {name}: ${name}\n", "")
    return head + "\n" + body.replace("  variables:\n  trigger:", "  trigger:")


def component() -> str:
    head = "# Backsight as a component of GitLab; docs/gitlab.md explains it. Written by scripts/gitlab_templates.py.\nspec:\n  inputs:\n"
    head += "    stage:\n      default: test\n      description: The stage of the jobs\n"
    head += "    job:\n      default: backsight\n      description: The name of the job, and the beginning of the others' names\n"
    for input_, default, what in SETTINGS.values():
        what = what.replace("`", "'")
        head += f"    {input_}:\n      default: \"{default}\"\n      description: \"{what}\"\n"
    name = lambda more: f'"$[[ inputs.job ]]{more}"'
    return head + "---\n" + jobs("$[[ inputs.stage ]]", name, Component())


def child() -> str:
    return f"""stages: [test, deploy]

.backsight:
  stage: test
  variables:
    GIT_DEPTH: "0"
  script:
{shell("setup.sh", 4)}    - |
      set -f
      code=0
      backsight run "$BACKSIGHT_PIPELINE" --shard "$BACKSIGHT_SHARD" --plan env:BACKSIGHT_PLAN $BACKSIGHT_ARGS || code=$?
      set +f
      mkdir -p "backsight-legs/${{BACKSIGHT_SHARD%/*}}"
      for results in .backsight/runs/*/results.json; do
        if [ -f "$results" ]; then cp "$results" "backsight-legs/${{BACKSIGHT_SHARD%/*}}/"; fi
      done
      exit "$code"
  artifacts:
    when: always
    paths: [backsight-legs/, .backsight/runs/]

.backsight-merge:
  stage: deploy
  when: always
  variables:
    GIT_DEPTH: "0"
  script:
{shell("setup.sh", 4)}    - |
      mkdir -p backsight-legs
      rm -rf .backsight/runs
      code=0
      backsight merge --plan env:BACKSIGHT_PLAN --pipeline "$BACKSIGHT_PIPELINE" backsight-legs || code=$?
      if [ "$code" = 2 ]; then exit 2; fi
{shell("report.sh", 4)}    - exit "$code"
{REPORTED}"""


VARIABLES = ("BACKSIGHT_VERSION", "BACKSIGHT_DOWNLOAD_URL", "BACKSIGHT_SHA256")
JOB = """  variables:
    GIT_DEPTH: "0"
""" + "".join(f"    {name}: \"{SETTINGS[name][1]}\"\n" for name in VARIABLES)
KEPT = "  artifacts:\n    when: always\n    paths: [.backsight/runs/]\n"
REPORTED = f"""{KEPT}    reports:
      junit: junit.xml
      metrics: metrics.txt
      codequality: gl-code-quality-report.json
      annotations: links.json
"""


def own() -> str:
    return template().replace("# Backsight for GitLab, by `include:`; docs", "# Include it: `include: [{ local: .gitlab/backsight.yml }]`; docs")


def nightly() -> str:
    return f"""# For a schedule of the default branch: a run, and what changed in the last seven days.
# Include it: `include: [{{ local: .gitlab/backsight-nightly.yml }}]`.
backsight-nightly:
  stage: test
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
{JOB}  script:
{shell("setup.sh", 4)}    - backsight run || code=$?
    - backsight baseline pull
    - backsight history --digest --days 7 --format markdown | tee backsight-digest.md
    - exit "${{code:-0}}"
  artifacts:
    when: always
    paths: [.backsight/runs/, backsight-digest.md]
"""


def release() -> str:
    return f"""# Before a release: the tag is held against the release before it, in pairs on one host, and the drift since then against 3 %.
# Include it: `include: [{{ local: .gitlab/backsight-release.yml }}]`; let what publishes wait for it by `needs: [backsight-release]`.
backsight-release:
  stage: test
  rules:
    - if: $CI_COMMIT_TAG =~ /^v/
{JOB}  script:
{shell("setup.sh", 4)}    - |
      before="$(git describe --tags --abbrev=0 --match 'v*' HEAD^ 2>/dev/null || true)"
      if [ -z "$before" ]; then
        backsight run
      else
        backsight run --against "$before"
        backsight baseline pull || true
        backsight history --since-tag "$before" --limit 3%
      fi
{KEPT}"""


def matrix() -> str:
    return f"""# Several kinds of hosts: one discussion with a section for each. `require: [cuda]` in backsight.yml fails a job that lost its GPU.
# Include it: `include: [{{ local: .gitlab/backsight-matrix.yml }}]`, and put the tags of your runners below.
backsight-matrix:
  stage: test
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  parallel:
    matrix:
      - HOST: cpu
        TAG: saas-linux-small-amd64
      - HOST: gpu
        TAG: gpu
  tags: [$TAG]
{JOB}  script:
{shell("setup.sh", 4)}    - backsight run || code=$?
    - if [ "${{code:-0}}" = 2 ]; then exit 2; fi
    - backsight publish --leg "$HOST"
    - exit "${{code:-0}}"
{KEPT}"""


FILES = {
    ROOT / "gitlab-ci-template.yml": template,
    ROOT / "templates/backsight/template.yml": component,
    PARTS / "shards.yml": child,
    PARTS / "backsight.yml": own,
    PARTS / "nightly.yml": nightly,
    PARTS / "release.yml": release,
    PARTS / "matrix.yml": matrix,
}


def main() -> None:
    stale = []
    for path, text in FILES.items():
        wanted = text()
        if "--check" in sys.argv[1:]:
            if not path.is_file() or path.read_text() != wanted:
                stale.append(str(path.relative_to(ROOT)))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted)
    if stale:
        raise SystemExit(f"out of step, run scripts/gitlab_templates.py: {', '.join(stale)}")


main()
