//! Measure types: what an import says of one version, rule by rule.

use std::{collections::BTreeSet, str::FromStr};

use crate::{
    domain::{
        ids::{Malformed, MeasureCode},
        measure::{
            DecisionText, DeclineRule, Distribution, MeasureRules, MeasureType, NeedGroup,
            PriorityClass, ProviderChoice, Span, Superseded, Supply,
        },
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{NAME_MAX, SYSTEM_MAX, TEXT_MAX, Violations},
    },
    proto::v1 as pb,
};

/// The most priority classes of a measure type.
const PRIORITY_CLASSES_MAX: usize = 20;
/// The longest deadline, in working days.
const WORKING_DAYS_MAX: u32 = 60;
/// The greatest bonus, in days.
const BONUS_DAYS_MAX: u32 = 3650;
/// The greatest least age, in years.
const AGE_MAX: u32 = 99;
/// The most measure types one may be combined with.
const COMBINATIONS_MAX: usize = 50;
/// The most strikes before somebody leaves.
const STRIKES_MAX: u32 = 20;
/// The longest rest, idle time or time between confirmations, in days.
const DAYS_MAX: u32 = 366;
/// The most passes after which somebody reserves fractions.
const PASSES_MAX: u32 = 100;
/// The longest span in weeks, ten years.
const SPAN_WEEKS_MAX: u32 = 520;
/// The longest span in months, ten years.
const SPAN_MONTHS_MAX: u32 = 120;
/// The languages a decision may be told in, as BCP 47 has them.
const LANGUAGES: [&str; 3] = ["nb", "nn", "en"];
/// The longest text of lawyers, in characters.
const LEGAL_TEXT_MAX: usize = 2_000;

/// One version of a measure type. Each part finds what is wrong with its own fields, so that
/// all of it is told at once.
pub(super) fn measure_type(v: &mut Violations, r: &pb::MeasureType) -> Option<MeasureType> {
    let code: Option<MeasureCode> = v.value("measure_type.measure_code", &r.measure_code);
    let name = v.required_text("measure_type.name", &r.name, NAME_MAX);
    let distribution = v.choice("measure_type.distribution", r.distribution).map(distribution);
    let days = "measure_type.confirm_working_days";
    let confirm = v.within(days, r.confirm_working_days, 1, WORKING_DAYS_MAX);
    let days = "measure_type.answer_working_days";
    let answer = v.within(days, r.answer_working_days, 1, WORKING_DAYS_MAX);
    let classes = priority_classes(v, &r.priority_classes);
    let aliases = v.references("measure_type.aliases", &r.aliases);
    let rules = rules(v, r);
    if let (Some(code), Some(Superseded { by, .. })) =
        (&code, rules.as_ref().and_then(|rules| rules.superseded_by.as_ref()))
        && code == by
    {
        v.add("measure_type.superseded_by.measure_code", "must be another measure type");
    }
    Some(MeasureType {
        code: code?,
        name: name?,
        distribution: distribution??,
        part_time_allowed: r.part_time_allowed,
        confirm_working_days: confirm?,
        answer_working_days: answer?,
        priority_classes: classes?,
        aliases: aliases?,
        rules: rules?,
    })
}

fn distribution(value: pb::Distribution) -> Option<Distribution> {
    match value {
        pb::Distribution::Unspecified => None,
        pb::Distribution::CountyPool => Some(Distribution::CountyPool),
        pb::Distribution::ByMunicipality => Some(Distribution::ByMunicipality),
        pb::Distribution::ByHostArea => Some(Distribution::ByHostArea),
    }
}

fn priority_classes(
    v: &mut Violations,
    classes: &[pb::PriorityClass],
) -> Option<Vec<PriorityClass>> {
    v.at_most("measure_type.priority_classes", classes.len(), PRIORITY_CLASSES_MAX);
    let classes = classes.iter().take(PRIORITY_CLASSES_MAX);
    let class = |class: &pb::PriorityClass| {
        let code = v.value("measure_type.priority_classes.code", &class.code);
        let bonus = "measure_type.priority_classes.bonus_days";
        let bonus_days = v.within(bonus, class.bonus_days, 0, BONUS_DAYS_MAX);
        Some(PriorityClass { code: code?, bonus_days: bonus_days? })
    };
    classes.map(class).collect()
}

/// What stands beyond the first fields; where a field is absent, nothing binds.
fn rules(v: &mut Violations, r: &pb::MeasureType) -> Option<MeasureRules> {
    let valid_from = v.optional_date("measure_type.valid_from_date", r.valid_from_date.as_ref());
    let source = v.optional_text("measure_type.source", &r.source, TEXT_MAX);
    let need_groups = need_groups(v, &r.need_groups);
    let minimum_age = up_to(v, "measure_type.minimum_age", r.minimum_age, AGE_MAX);
    let combines_with = combines_with(v, r.combines_with.as_ref());
    let group: Option<Option<MeasureCode>> =
        v.optional_value("measure_type.measure_group", &r.measure_group);
    let field = "measure_type.object_working_days";
    let object_working_days = up_to(v, field, r.object_working_days, WORKING_DAYS_MAX);
    let decline_rule = decline_rule(v, r.decline_rule.as_ref());
    let cool_down_days = up_to(v, "measure_type.cool_down_days", r.cool_down_days, DAYS_MAX);
    let maxima = maxima(v, r);
    let review_every = span(v, "measure_type.review_every", r.review_every.as_ref());
    let idle_days = up_to(v, "measure_type.idle_days", r.idle_days, DAYS_MAX);
    let confirm_days = up_to(v, "measure_type.confirm_days", r.confirm_days, DAYS_MAX);
    let supply = v.optional_choice("measure_type.supply", r.supply).map(supply);
    let choice = v.optional_choice("measure_type.provider_choice", r.provider_choice);
    let decision_kind = v.optional_text("measure_type.decision_kind", &r.decision_kind, SYSTEM_MAX);
    let texts = texts(v, &r.texts);
    let superseded_by = superseded_by(v, r.superseded_by.as_ref());
    let field = "measure_type.reserve_after_passes";
    let reserve_after_passes = up_to(v, field, r.reserve_after_passes, PASSES_MAX);
    let correction_days = up_to(v, "measure_type.correction_days", r.correction_days, DAYS_MAX);
    let (soft_maximum, hard_maximum) = maxima?;
    Some(MeasureRules {
        valid_from: valid_from?,
        source: source?,
        need_groups: need_groups?,
        minimum_age: minimum_age?,
        combines_with: combines_with?,
        measure_group: group?.map(|group| group.to_string()),
        object_working_days: object_working_days?,
        decline_rule: decline_rule?,
        cool_down_days: cool_down_days?,
        soft_maximum,
        hard_maximum,
        review_every: review_every?,
        without_confirmation: r.confirmation_required == Some(false),
        direct_start: r.direct_start,
        idle_days: idle_days?,
        confirm_days: confirm_days?,
        supply: supply?,
        provider_choice: choice.map(provider_choice)?,
        decision_kind: decision_kind?,
        texts: texts?,
        superseded_by: superseded_by?,
        reserve_after_passes: reserve_after_passes?,
        correction_days: correction_days?,
    })
}

/// A number from 1 on, or nothing.
fn up_to(v: &mut Violations, field: &str, value: Option<u32>, most: u32) -> Option<Option<u32>> {
    let Some(value) = value else { return Some(None) };
    v.within(field, value, 1, most).map(Some)
}

/// Values without repeats, each with its place in the list.
fn distinct<T: Ord>(
    v: &mut Violations,
    field: &str,
    values: impl Iterator<Item = Option<T>>,
) -> Option<BTreeSet<T>> {
    let mut found = BTreeSet::new();
    for (index, value) in values.enumerate() {
        if !found.insert(value?) {
            v.add(format!("{field}[{index}]"), "stands twice");
            return None;
        }
    }
    Some(found)
}

fn need_groups(v: &mut Violations, groups: &[i32]) -> Option<BTreeSet<NeedGroup>> {
    let field = "measure_type.need_groups";
    v.at_most(field, groups.len(), NEED_GROUPS_MAX);
    let groups: Vec<Option<NeedGroup>> = groups
        .iter()
        .take(NEED_GROUPS_MAX)
        .map(|group| v.choice(field, *group).and_then(need_group))
        .collect();
    distinct(v, field, groups.into_iter())
}

/// As many as there are.
const NEED_GROUPS_MAX: usize = 5;

fn need_group(value: pb::NeedGroup) -> Option<NeedGroup> {
    match value {
        pb::NeedGroup::Unspecified => None,
        pb::NeedGroup::GoodChances => Some(NeedGroup::GoodChances),
        pb::NeedGroup::NeedsGuidance => Some(NeedGroup::NeedsGuidance),
        pb::NeedGroup::NeedsGuidanceReducedAbility => Some(NeedGroup::NeedsGuidanceReducedAbility),
        pb::NeedGroup::WorkInPart => Some(NeedGroup::WorkInPart),
        pb::NeedGroup::LittleChance => Some(NeedGroup::LittleChance),
    }
}

fn combines_with(
    v: &mut Violations,
    combination: Option<&pb::MeasureCombination>,
) -> Option<Option<BTreeSet<MeasureCode>>> {
    let Some(combination) = combination else { return Some(None) };
    let (field, codes) = ("measure_type.combines_with.measure_codes", &combination.measure_codes);
    v.at_most(field, codes.len(), COMBINATIONS_MAX);
    let codes: Vec<Option<MeasureCode>> = codes
        .iter()
        .take(COMBINATIONS_MAX)
        .enumerate()
        .map(|(index, code)| v.value(&format!("{field}[{index}]"), code))
        .collect();
    distinct(v, field, codes.into_iter()).map(Some)
}

fn decline_rule(v: &mut Violations, rule: Option<&pb::DeclineRule>) -> Option<DeclineRule> {
    use pb::decline_rule::Rule;
    match rule.and_then(|rule| rule.rule.as_ref()) {
        None | Some(Rule::Strike(false)) => Some(DeclineRule::Nothing),
        Some(Rule::Strike(true)) => Some(DeclineRule::Strike),
        Some(Rule::LeaveAfter(strikes)) => v
            .within("measure_type.decline_rule.leave_after", *strikes, 1, STRIKES_MAX)
            .map(DeclineRule::LeaveAfter),
    }
}

fn span(v: &mut Violations, field: &str, span: Option<&pb::Span>) -> Option<Option<Span>> {
    use pb::span::Length;
    let Some(span) = span else { return Some(None) };
    match span.length {
        None => {
            v.add(field, "must have weeks or months");
            None
        }
        Some(Length::Weeks(weeks)) => {
            let weeks = v.within(&format!("{field}.weeks"), weeks, 1, SPAN_WEEKS_MAX);
            weeks.map(|weeks| Some(Span::Weeks(weeks)))
        }
        Some(Length::Months(months)) => {
            let months = v.within(&format!("{field}.months"), months, 1, SPAN_MONTHS_MAX);
            months.map(|months| Some(Span::Months(months)))
        }
    }
}

/// How long a placement usually lasts and may last. Weeks and months are compared as far as
/// they can be: what is shorter whatever the months are is refused.
fn maxima(v: &mut Violations, r: &pb::MeasureType) -> Option<(Option<Span>, Option<Span>)> {
    let field = "measure_type.hard_maximum";
    let soft = span(v, "measure_type.soft_maximum", r.soft_maximum.as_ref());
    let hard = span(v, field, r.hard_maximum.as_ref());
    let (soft, hard) = (soft?, hard?);
    let shorter = match (soft, hard) {
        (Some(Span::Weeks(soft)), Some(Span::Weeks(hard)))
        | (Some(Span::Months(soft)), Some(Span::Months(hard))) => hard < soft,
        (Some(soft), Some(hard)) => hard.longest_days() < soft.shortest_days(),
        (None, _) | (_, None) => false,
    };
    if shorter {
        v.add(field, "must not be shorter than soft_maximum");
        return None;
    }
    Some((soft, hard))
}

fn supply(value: pb::Supply) -> Option<Supply> {
    match value {
        pb::Supply::Unspecified => None,
        pb::Supply::PreApproved => Some(Supply::PreApproved),
        pb::Supply::FrameworkAgreement => Some(Supply::FrameworkAgreement),
        pb::Supply::Direct => Some(Supply::Direct),
    }
}

fn provider_choice(value: pb::ProviderChoice) -> Option<ProviderChoice> {
    match value {
        pb::ProviderChoice::Unspecified => None,
        pb::ProviderChoice::Person => Some(ProviderChoice::Person),
        pb::ProviderChoice::CallOffRank => Some(ProviderChoice::CallOffRank),
        pb::ProviderChoice::EvenByVolume => Some(ProviderChoice::EvenByVolume),
    }
}

fn texts(v: &mut Violations, texts: &[pb::DecisionText]) -> Option<Vec<DecisionText>> {
    let field = "measure_type.texts";
    v.at_most(field, texts.len(), LANGUAGES.len());
    let mut found: Vec<DecisionText> = Vec::with_capacity(LANGUAGES.len());
    for (index, text) in texts.iter().take(LANGUAGES.len()).enumerate() {
        let name = |part| format!("{field}[{index}].{part}");
        let language: Option<Language> = v.value(&name("language"), &text.language);
        let legal_basis = v.text(&name("legal_basis"), &text.legal_basis, LEGAL_TEXT_MAX);
        let appeal = v.text(&name("appeal"), &text.appeal, LEGAL_TEXT_MAX);
        let (Language(language), legal_basis, appeal) = (language?, legal_basis?, appeal?);
        if legal_basis.is_empty() && appeal.is_empty() {
            v.add(name("legal_basis"), "is required where there is no appeal");
            return None;
        }
        if found.iter().any(|other| other.language == language) {
            v.add(name("language"), "stands twice");
            return None;
        }
        found.push(DecisionText { language, legal_basis, appeal });
    }
    Some(found)
}

/// One of [`LANGUAGES`].
struct Language(String);

impl FromStr for Language {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if LANGUAGES.contains(&text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Malformed { expected: "one of nb, nn and en" })
    }
}

fn superseded_by(
    v: &mut Violations,
    superseded: Option<&pb::Supersession>,
) -> Option<Option<Superseded>> {
    let Some(superseded) = superseded else { return Some(None) };
    let by = v.value("measure_type.superseded_by.measure_code", &superseded.measure_code);
    let field = "measure_type.superseded_by.from_date";
    let from = v.date(field, superseded.from_date.as_ref());
    Some(Some(Superseded { by: by?, from: from?, queue_follows: true }))
}

/// What `ListMeasureTypes` asks for.
pub(in crate::grpc) struct MeasureTypesQuery {
    /// Only the versions that hold on this day.
    pub(in crate::grpc) on_date: Option<time::Date>,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_measure_types(
    r: &pb::ListMeasureTypesRequest,
) -> Result<MeasureTypesQuery, Error> {
    let mut v = Violations::default();
    let on_date = v.optional_date("on_date", r.on_date.as_ref());
    let page = Page::parse(&mut v, r);
    let parsed = (|| Some(MeasureTypesQuery { on_date: on_date?, page: page? }))();
    v.finish(parsed)
}
