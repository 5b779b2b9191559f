//! Publishing to GitLab: the note on the merge request.

use super::{
    Leg, PublishError, Published, Request, Settings, certificates, left_out, reports, sections, slot, token, wait_for,
};
use crate::publish::comment::{self, Board, Wanted};
use crate::publish::gitlab::note::{MergeRequest, help};
use crate::publish::gitlab::{Gitlab, Project, connect};
use crate::publish::sections::{Body, Section};
use crate::publish::{Outcome, Policy, Quiet};
use crate::report::markdown::Measure;
use crate::results::Change;

const WHAT: &str = "comment";

pub(super) fn publish(
    request: &Request,
    settings: &Settings,
    here: &Change,
    legs: &[Leg],
) -> Result<Published, PublishError> {
    let place = Place::of(request, here)?;
    let reports = reports(request, settings, legs)?;
    let (slot, left_out) = (slot(request, here, legs), left_out(here));
    let sections = sections(legs, &reports);
    let mut published = Published::default();
    if request.dry_run {
        published.comment =
            Some(Body::of(&slot, sections).render(MergeRequest::LONGEST, Measure::Characters, &left_out));
        return Ok(published);
    }
    published.outcomes.push(place.comment(request, settings.policy, &sections, &slot, &left_out)?);
    Ok(published)
}

/// Where the note stands.
struct Place {
    project: Project,
    iid: Option<u64>,
    page: Option<String>,
}

impl Place {
    fn of(request: &Request, here: &Change) -> Result<Self, PublishError> {
        let env = |name: &str| request.env.get(name).cloned().filter(|value| !value.is_empty());
        let api = env("CI_API_V4_URL").or_else(|| here.server.as_ref().map(|server| format!("{server}/api/v4")));
        let api = api.ok_or_else(|| PublishError::Place("`CI_API_V4_URL` is not set: which GitLab is it?".into()))?;
        // A pipeline of a fork runs in the fork; the merge request is the other project's.
        let id =
            env("CI_MERGE_REQUEST_PROJECT_ID").or_else(|| env("CI_PROJECT_ID")).or_else(|| here.repository.clone());
        let id = id.ok_or_else(|| PublishError::Place("`CI_PROJECT_ID` is not set: which project is it?".into()))?;
        let project = Project::new(&api, &id)
            .ok_or_else(|| PublishError::Place(format!("`{id}` at `{api}` is no project of a GitLab")))?;
        let iid = request.number.or_else(|| here.request.as_ref().map(|request| request.number));
        let home = env("CI_MERGE_REQUEST_PROJECT_URL").or_else(|| env("CI_PROJECT_URL"));
        let page = home.zip(iid).map(|(home, iid)| format!("{home}/-/merge_requests/{iid}"));
        Ok(Self { project, iid, page })
    }

    fn comment(
        &self,
        request: &Request,
        policy: Policy,
        sections: &[Section],
        slot: &str,
        left_out: &str,
    ) -> Result<Outcome, PublishError> {
        let nothing = |why: &str| Ok(Outcome::Nothing { what: WHAT, why: why.into() });
        if policy == Policy::Never {
            return nothing("none is wanted (`comment: never`)");
        }
        let Some(iid) = self.iid else { return nothing("this job is of no merge request") };
        let Some(token) = token(request, &["GITLAB_TOKEN", "BACKSIGHT_GITLAB_TOKEN"]) else {
            let why = "there is no token: a project access token with the scope `api` goes into the masked variable \
                       `GITLAB_TOKEN` (`CI_JOB_TOKEN` cannot write notes); the report is among the job's artifacts";
            return Ok(Outcome::Refused { what: WHAT, why: why.into() });
        };
        let certificates = certificates(request, Some("CI_SERVER_TLS_CA_FILE"))?;
        let wanted = Wanted {
            slot,
            sections,
            has_others: sections.iter().any(|section| !section.leg.is_empty()),
            policy,
            quiet: request.quiet.unwrap_or(Quiet::Minimise),
            left_out,
        };
        wait_for(async {
            let gitlab = connect(&self.project, &token, certificates.as_deref()).map_err(PublishError::Place)?;
            Ok(self.write(&gitlab, iid, request.author.as_deref(), &wanted).await)
        })?
    }

    async fn write(&self, gitlab: &Gitlab, iid: u64, author: Option<&str>, wanted: &Wanted<'_>) -> Outcome {
        match MergeRequest::open(gitlab, &self.project, iid, self.page.as_deref(), author).await {
            Ok(request) => comment::publish(&request, wanted).await,
            Err(failure) => Outcome::Refused { what: WHAT, why: format!("{failure}{}", help(&failure)) },
        }
    }
}
