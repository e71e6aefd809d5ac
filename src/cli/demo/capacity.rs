//! Providers tell what places they have, and the county looks at it.

use std::collections::BTreeSet;

use crate::{
    cli::{
        Failure,
        demo::{
            audit::{CITY, YEARS},
            page::say,
            stage::{
                Caller, Stage, ledger, missing, new_year, places, refused, request_id, together,
                total,
            },
        },
    },
    domain::access::Role,
    proto::v1::{
        ReviewCapacityRequest, ReviewDecision, StatedWait, SubmitCapacityRequest, stated_wait::Wait,
    },
};

/// Whose place groups table 3 shows.
pub(super) const PRIMA: &str = "Prima AS";
/// The second provider the audit names.
const STAVNE: &str = "Stavne";
/// Everybody else in Trondheim, as one made-up provider.
pub(super) const REST: &str = "Resten av Trondheim";
/// Stavne's places, which the audit does not give and we make up, and the waits in months
/// that it does give.
const STAVNE_GROUPS: [(&str, u32, Option<u32>); 3] =
    [("APS", 30, Some(6)), ("AB", 30, Some(1)), ("VTA", 15, None)];

/// One place group as a provider will submit it.
pub(super) struct Plan {
    /// The measure type.
    pub(super) measure_code: String,
    /// The provider.
    pub(super) organisation_number: String,
    /// The group's name.
    pub(super) name: String,
    /// The municipality its places lie in.
    pub(super) site: String,
    /// How many places from the beginning of which year on.
    pub(super) dated: Vec<(i32, u32)>,
    /// The stated wait.
    pub(super) wait: Option<Wait>,
}

/// Submits and approves the places in Trondheim.
pub(super) async fn submit(stage: &mut Stage) -> Result<(), Failure> {
    stage.page.heading("Providers submit their places (kapasitet), the county approves them");
    let plans = plans(stage)?;
    let Established { groups, submissions } = establish(stage, &plans).await?;
    let (groups, submissions) = (groups.len(), submissions.len());
    say!(
        "{groups} place groups (gjennomføringer), {submissions} dated submissions. Each was made with the"
    );
    say!("provider's own token and approved with the county's: nobody approves their own.");
    say!("Prima's groups are those of table 3, the same in all three years; Stavne's numbers are");
    say!("made up; the rest is what table 2 leaves over in each year.");
    say!();
    say!(
        "{:<10} {:>8} {:>8} {:>9} {:>13}",
        "places now",
        "Prima",
        "Stavne",
        "the rest",
        "in Trondheim"
    );
    let providers = [PRIMA, STAVNE, REST];
    for code in stage.audit.measures() {
        let answer = stage.availability(&code, None).await?;
        let of = |name: &str| {
            let own = answer.place_groups.iter().filter(|g| g.provider_name.starts_with(name));
            places(own.filter_map(|g| g.usage.as_ref()).map(|usage| usage.total_percent).sum())
        };
        let [prima, stavne, rest] = providers.map(of);
        let sum = total(answer.places.as_ref());
        say!("{code:<10} {prima:>8} {stavne:>8} {rest:>9} {sum:>13}");
    }
    Ok(())
}

/// What came of plans, by the ids in the answers.
#[derive(Default)]
pub(super) struct Established {
    /// The place groups that were approved.
    pub(super) groups: BTreeSet<String>,
    /// The submissions it took.
    submissions: BTreeSet<String>,
}

/// Submits place groups and has them approved.
pub(super) async fn establish(stage: &Stage, plans: &[Plan]) -> Result<Established, Failure> {
    let county = &stage.county;
    let calls = plans.iter().map(|plan| async move {
        let who = format!("provider-{}", plan.organisation_number);
        let provider = stage.desk.caller(Role::Provider, &plan.organisation_number, &who)?;
        establish_one(&provider, county, plan).await
    });
    let mut all = Established::default();
    for one in together(calls).await? {
        all.groups.extend(one.groups);
        all.submissions.extend(one.submissions);
    }
    Ok(all)
}

/// A group is there once its first submission is approved; later ones name it.
async fn establish_one(
    provider: &Caller,
    county: &Caller,
    plan: &Plan,
) -> Result<Established, Failure> {
    let mut established = Established::default();
    let mut place_group_id = String::new();
    for (year, places) in &plan.dated {
        let has_begun = !place_group_id.is_empty();
        let if_new = |text: &String| if has_begun { String::new() } else { text.clone() };
        let submission = SubmitCapacityRequest {
            request_id: request_id(),
            ledger: ledger(&plan.measure_code),
            place_group_id: place_group_id.clone(),
            organisation_number: plan.organisation_number.clone(),
            name: if_new(&plan.name),
            site_municipality_number: if_new(&plan.site),
            places: *places,
            valid_from_date: new_year(*year),
            stated_wait: plan.wait.map(|wait| StatedWait { wait: Some(wait) }),
            ..SubmitCapacityRequest::default()
        };
        let submitted = provider.capacity().submit_capacity(submission).await;
        let submitted = submitted.map_err(refused("SubmitCapacity"))?.into_inner();
        let review = ReviewCapacityRequest {
            request_id: request_id(),
            ledger: ledger(&plan.measure_code),
            submission_id: submitted.submission_id.clone(),
            decision: ReviewDecision::Approve.into(),
            ..ReviewCapacityRequest::default()
        };
        let reviewed = county.capacity().review_capacity(review).await;
        let reviewed = reviewed.map_err(refused("ReviewCapacity"))?.into_inner();
        reviewed.usage.ok_or_else(|| missing("the place group's account"))?;
        established.submissions.insert(submitted.submission_id);
        established.groups.insert(reviewed.place_group_id.clone());
        place_group_id = reviewed.place_group_id;
    }
    Ok(established)
}

/// Table 3 at Prima, a made-up part at Stavne, and the rest of table 2.
pub(super) fn plans(stage: &Stage) -> Result<Vec<Plan>, Failure> {
    let audit = &stage.audit;
    let mut plans = Vec::new();
    for row in &audit.queues {
        plans.push(Plan {
            measure_code: row.measure_code.clone(),
            organisation_number: audit.provider(&row.provider)?,
            name: row.place_group.clone(),
            site: CITY.to_owned(),
            dated: vec![(YEARS[0], row.places)],
            wait: Some(row.months.map_or(Wait::OnlyWhenSomeoneLeaves(true), Wait::Months)),
        });
    }
    for (code, places, months) in STAVNE_GROUPS {
        plans.push(Plan {
            measure_code: code.to_owned(),
            organisation_number: audit.provider(STAVNE)?,
            name: format!("{code} Stavne"),
            site: CITY.to_owned(),
            dated: vec![(YEARS[0], places)],
            wait: months.map(Wait::Months),
        });
    }
    for code in audit.measures() {
        let named: u32 =
            plans.iter().filter(|p| p.measure_code == code).map(|plan| plan.dated[0].1).sum();
        let left = |year| audit.places(&code, year).checked_sub(named);
        let left: Option<Vec<(i32, u32)>> =
            YEARS.into_iter().map(|year| Some((year, left(year)?))).collect();
        let mut dated = left.ok_or_else(|| format!("{code} has more places named than in all"))?;
        dated.dedup_by_key(|(_, places)| *places);
        plans.push(Plan {
            organisation_number: audit.provider(REST)?,
            name: format!("{code}, resten (oppdiktet)"),
            site: CITY.to_owned(),
            dated,
            wait: None,
            measure_code: code,
        });
    }
    Ok(plans)
}
