//! Measure types (tiltakstyper) and their rules, which are data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::{Date, Duration, Month};

use crate::domain::{
    event::Header,
    ids::{ExternalReference, MeasureCode, PriorityCode},
    registry::Registry,
    unset::is_false,
};

/// Which second account a place is debited to, beside its place group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Distribution {
    /// One pool for the area, and one queue.
    CountyPool,
    /// Each municipality's quota (kommunens andel), and a queue for each.
    ByMunicipality,
    /// The quota of each host area (vertskommune with its samarbeidskommuner), and a queue for
    /// each.
    ByHostArea,
}

impl Distribution {
    /// The word for it, as the wire has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CountyPool => "COUNTY_POOL",
            Self::ByMunicipality => "BY_MUNICIPALITY",
            Self::ByHostArea => "BY_HOST_AREA",
        }
    }
}

/// One version of a measure type with its rules, as they hold from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureType {
    /// The code, for example `VTA`.
    pub code: MeasureCode,
    /// The Norwegian name.
    pub name: String,
    /// The second account.
    pub distribution: Distribution,
    /// Whether a person may take part of a place.
    pub part_time_allowed: bool,
    /// Working days within which a proposal must be confirmed.
    pub confirm_working_days: u32,
    /// Working days within which an offer must be answered.
    pub answer_working_days: u32,
    /// Priority classes.
    pub priority_classes: Vec<PriorityClass>,
    /// Other systems' codes.
    pub aliases: Vec<ExternalReference>,
    /// Its other rules; where nothing is set, none of them binds.
    #[serde(default, skip_serializing_if = "MeasureRules::is_unset")]
    pub rules: MeasureRules,
}

/// The rules of a measure type beyond the first ones. Each is data with a source and a date;
/// the default of each is that it does not bind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MeasureRules {
    /// From which day this version of the rules holds; `None` from ever on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
    /// Where the rules come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Who may take part, by need group (innsatsgruppe); none means anybody.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub need_groups: BTreeSet<NeedGroup>,
    /// The least age at the start, in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u32>,
    /// The measure types a person may use at the same time; `None` means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub combines_with: Option<BTreeSet<MeasureCode>>,
    /// Which types are summed with it, for example `VTA` for VTA, VTAO and TAO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure_group: Option<String>,
    /// Working days within which a provider may object to an offer; `None`: it may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_working_days: Option<u32>,
    /// What a declined or expired offer costs.
    #[serde(skip_serializing_if = "DeclineRule::is_free")]
    pub decline_rule: DeclineRule,
    /// Days after a declined or expired offer in which the person is not eligible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cool_down_days: Option<u32>,
    /// How long a placement usually lasts at most: it is listed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_maximum: Option<Span>,
    /// How long a placement may last at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard_maximum: Option<Span>,
    /// How often a placement is to be looked at, where it has no maximum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_every: Option<Span>,
    /// Whether proposals become offers without a named person's confirmation.
    #[serde(skip_serializing_if = "is_false")]
    pub without_confirmation: bool,
    /// Whether a person may begin without an offer while there is room and nobody eligible
    /// stands before them (lavterskel).
    #[serde(skip_serializing_if = "is_false")]
    pub direct_start: bool,
    /// Days a place may stand empty before it is marked among the vacancies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_days: Option<u32>,
    /// Days after which somebody must confirm that a place is still wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_days: Option<u32>,
    /// How places are bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supply: Option<Supply>,
    /// Who chooses among providers; `None`: the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_choice: Option<ProviderChoice>,
    /// What kind of decision an allocation is in law, as the case system names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_kind: Option<String>,
    /// Legal basis and appeal in words, written by lawyers; where none is set nothing is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<DecisionText>,
    /// Which type took over, and when: queue, seniority and plan follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<Superseded>,
    /// After more passes than this over somebody whose share of a place does not fit, what
    /// becomes free is kept for them until it does; `None`: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_after_passes: Option<u32>,
    /// Days within which an office may correct a mistake by itself (rettefrist); later only the
    /// county may. `None`: at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correction_days: Option<u32>,
}

impl Default for MeasureRules {
    fn default() -> Self {
        Self {
            valid_from: None,
            source: None,
            need_groups: BTreeSet::new(),
            minimum_age: None,
            combines_with: None,
            measure_group: None,
            object_working_days: None,
            decline_rule: DeclineRule::Nothing,
            cool_down_days: None,
            soft_maximum: None,
            hard_maximum: None,
            review_every: None,
            without_confirmation: false,
            direct_start: false,
            idle_days: None,
            confirm_days: None,
            supply: None,
            provider_choice: None,
            decision_kind: None,
            texts: Vec::new(),
            superseded_by: None,
            reserve_after_passes: None,
            correction_days: None,
        }
    }
}

impl MeasureRules {
    /// Whether nothing is set.
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}

/// How much help a person needs towards work (innsatsgruppe).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NeedGroup {
    /// Good chances (gode muligheter; formerly standard innsats).
    GoodChances,
    /// Needs guidance (trenger veiledning; formerly situasjonsbestemt innsats).
    NeedsGuidance,
    /// Needs guidance, with reduced ability to work (trenger veiledning, nedsatt arbeidsevne;
    /// formerly spesielt tilpasset innsats).
    NeedsGuidanceReducedAbility,
    /// To work in part (jobbe delvis; formerly gradert varig tilpasset innsats).
    WorkInPart,
    /// Little chance to work (liten mulighet til å jobbe; formerly varig tilpasset innsats).
    LittleChance,
}

/// What a declined or expired offer costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeclineRule {
    /// Nothing.
    #[default]
    Nothing,
    /// A strike that is counted and shown.
    Strike,
    /// So many, and the person leaves the waitlist.
    LeaveAfter(u32),
}

impl DeclineRule {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    fn is_free(&self) -> bool {
        *self == Self::Nothing
    }
}

/// A length of time as regulations give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Span {
    /// So many weeks.
    Weeks(u32),
    /// So many months.
    Months(u32),
}

impl Span {
    /// The first day after it, where it begins on `from`. A month is over on the same day of
    /// the next one, or on that one's last: a month from 31 January is over on 28 February.
    pub fn after(self, from: Date) -> Date {
        self.times_after(1, from)
    }

    /// The same, taken so many times. What lies beyond all dates is the last of them.
    pub fn times_after(self, times: u32, from: Date) -> Date {
        match self {
            Self::Weeks(weeks) => {
                let weeks = i64::from(weeks).saturating_mul(i64::from(times));
                let days = weeks.checked_mul(7).filter(|days| *days < i64::from(u32::MAX));
                days.map_or(Date::MAX, |days| from.saturating_add(Duration::days(days)))
            }
            Self::Months(months) => {
                let months = i64::from(months).saturating_mul(i64::from(times));
                months_after(from, months).unwrap_or(Date::MAX)
            }
        }
    }

    /// Days of the shortest time it may be: a February of 28 days for each month.
    pub fn shortest_days(self) -> u32 {
        match self {
            Self::Weeks(weeks) => weeks.saturating_mul(7),
            Self::Months(months) => months.saturating_mul(28),
        }
    }

    /// Days of the longest time it may be: 31 for each month.
    pub fn longest_days(self) -> u32 {
        match self {
            Self::Weeks(weeks) => weeks.saturating_mul(7),
            Self::Months(months) => months.saturating_mul(31),
        }
    }
}

fn months_after(start: Date, months: i64) -> Option<Date> {
    let of_year = i64::from(u8::from(start.month())) - 1;
    let all = i64::from(start.year()).checked_mul(12)?.checked_add(of_year)?.checked_add(months)?;
    let year = i32::try_from(all.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(all.rem_euclid(12) + 1).ok()?).ok()?;
    Date::from_calendar_date(year, month, start.day().min(month.length(year))).ok()
}

/// How places are bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Supply {
    /// From providers approved beforehand (forhåndsgodkjent).
    PreApproved,
    /// Under a procured framework agreement (rammeavtale).
    FrameworkAgreement,
    /// Directly.
    Direct,
}

/// Who chooses among providers with a free place. Whoever does, a person is given a place only
/// in a group they would take: preferences, work fields, a no and an objection say which those
/// are, and this says which of them comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProviderChoice {
    /// The person, by the order of their preferences; without any, the groups' ids.
    #[default]
    Person,
    /// The agreement's order of call-off (avropsrekkefølge): the least rank first, those without
    /// one last, and by id where the rank is the same.
    CallOffRank,
    /// The one that has used the least share of its volume, reservations and what the run has
    /// given included; by id where it is the same.
    EvenByVolume,
}

/// Legal basis and appeal in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionText {
    /// The language as BCP 47 has it: `nb`, `nn` or `en`.
    pub language: String,
    /// The legal basis (rettsgrunnlag).
    pub legal_basis: String,
    /// How to appeal (klage).
    pub appeal: String,
}

/// Which measure type took over from another, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// The type that took over.
    pub by: MeasureCode,
    /// From which day.
    pub from: Date,
    /// Whether those who wait go on there. Every import says so; what was imported before
    /// queues followed does not, and what was decided by it stands.
    #[serde(default, skip_serializing_if = "is_false")]
    pub queue_follows: bool,
}

impl MeasureType {
    /// The class with this code.
    pub fn priority_class(&self, code: &PriorityCode) -> Option<&PriorityClass> {
        self.priority_classes.iter().find(|class| class.code == *code)
    }

    /// Which type has taken over by a day.
    pub fn superseded_on(&self, day: Date) -> Option<&Superseded> {
        self.rules.superseded_by.as_ref().filter(|superseded| superseded.from <= day)
    }
}

/// Which version of its measure type a decision looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureVersion {
    /// From which day it holds; `None` from ever on.
    pub valid_from: Option<Date>,
    /// Where its rules come from.
    pub source: Option<String>,
}

impl MeasureVersion {
    /// The one that held on the day of a decision. The registry is the one that the header
    /// names, so that what is imported later changes nothing.
    pub fn of_decision(header: &Header, registry: &Registry) -> Option<Self> {
        let measure = registry.ledger_measure_on(&header.ledger, header.at.date_in_norway())?;
        let MeasureRules { valid_from, source, .. } = &measure.rules;
        Some(Self { valid_from: *valid_from, source: source.clone() })
    }
}

/// A priority class: who is in it stands ahead by a fixed number of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityClass {
    /// The code.
    pub code: PriorityCode,
    /// Days taken off the registered time.
    pub bonus_days: u32,
}
