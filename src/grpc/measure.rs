//! Measure types as they are answered: every rule of every version.

use time::Date;

use crate::{
    domain::{
        ids::MeasureCode,
        measure::{
            DecisionText, DeclineRule, Distribution, MeasureRules, MeasureType, NeedGroup,
            PriorityClass, ProviderChoice, Span, Superseded, Supply,
        },
    },
    error::Error,
    grpc::{Reader, answer, parse::measure::MeasureTypesQuery, registry::current},
    proto::v1 as pb,
};

/// By code and then by the day from which a version holds.
pub(super) async fn measure_types(
    reader: Reader,
    query: MeasureTypesQuery,
) -> Result<pb::ListMeasureTypesResponse, Error> {
    let (registry, revisions) = current(&reader, &query.page).await?;
    let holds = |row: &&MeasureType| {
        query.on_date.is_none_or(|day| registry.measure_type_on(&row.code, day) == Some(*row))
    };
    let rows = registry.measure_types().filter(holds);
    let key = |row: &&MeasureType| -> (MeasureCode, Option<Date>) {
        (row.code.clone(), row.rules.valid_from)
    };
    let (measure_types, next_page_token) =
        query.page.cut(&reader.app.keys, rows, key, measure_type)?;
    Ok(pb::ListMeasureTypesResponse { revisions, measure_types, next_page_token })
}

fn measure_type(row: &MeasureType) -> pb::MeasureType {
    let rules = &row.rules;
    pb::MeasureType {
        measure_code: row.code.to_string(),
        name: row.name.clone(),
        distribution: distribution(row.distribution).into(),
        part_time_allowed: row.part_time_allowed,
        confirm_working_days: row.confirm_working_days,
        answer_working_days: row.answer_working_days,
        priority_classes: row.priority_classes.iter().map(priority_class).collect(),
        aliases: row.aliases.iter().map(answer::reference).collect(),
        valid_from_date: rules.valid_from.map(answer::date),
        source: rules.source.clone().unwrap_or_default(),
        need_groups: rules.need_groups.iter().map(|group| need_group(*group).into()).collect(),
        minimum_age: rules.minimum_age,
        combines_with: combines_with(rules),
        measure_group: rules.measure_group.clone().unwrap_or_default(),
        object_working_days: rules.object_working_days,
        decline_rule: decline_rule(rules.decline_rule),
        cool_down_days: rules.cool_down_days,
        soft_maximum: rules.soft_maximum.map(span),
        hard_maximum: rules.hard_maximum.map(span),
        review_every: rules.review_every.map(span),
        confirmation_required: Some(!rules.without_confirmation),
        direct_start: rules.direct_start,
        idle_days: rules.idle_days,
        confirm_days: rules.confirm_days,
        supply: rules.supply.map_or(pb::Supply::Unspecified, supply).into(),
        provider_choice: rules
            .provider_choice
            .map_or(pb::ProviderChoice::Unspecified, provider_choice)
            .into(),
        decision_kind: rules.decision_kind.clone().unwrap_or_default(),
        texts: rules.texts.iter().map(decision_text).collect(),
        superseded_by: rules.superseded_by.as_ref().map(superseded),
        reserve_after_passes: rules.reserve_after_passes,
        correction_days: rules.correction_days,
    }
}

fn distribution(value: Distribution) -> pb::Distribution {
    match value {
        Distribution::CountyPool => pb::Distribution::CountyPool,
        Distribution::ByMunicipality => pb::Distribution::ByMunicipality,
        Distribution::ByHostArea => pb::Distribution::ByHostArea,
    }
}

fn priority_class(class: &PriorityClass) -> pb::PriorityClass {
    pb::PriorityClass { code: class.code.to_string(), bonus_days: class.bonus_days }
}

fn need_group(value: NeedGroup) -> pb::NeedGroup {
    match value {
        NeedGroup::GoodChances => pb::NeedGroup::GoodChances,
        NeedGroup::NeedsGuidance => pb::NeedGroup::NeedsGuidance,
        NeedGroup::NeedsGuidanceReducedAbility => pb::NeedGroup::NeedsGuidanceReducedAbility,
        NeedGroup::WorkInPart => pb::NeedGroup::WorkInPart,
        NeedGroup::LittleChance => pb::NeedGroup::LittleChance,
    }
}

fn combines_with(rules: &MeasureRules) -> Option<pb::MeasureCombination> {
    let codes = rules.combines_with.as_ref()?;
    let measure_codes = codes.iter().map(ToString::to_string).collect();
    Some(pb::MeasureCombination { measure_codes })
}

fn decline_rule(rule: DeclineRule) -> Option<pb::DeclineRule> {
    use pb::decline_rule::Rule;
    let rule = match rule {
        DeclineRule::Nothing => return None,
        DeclineRule::Strike => Rule::Strike(true),
        DeclineRule::LeaveAfter(strikes) => Rule::LeaveAfter(strikes),
    };
    Some(pb::DeclineRule { rule: Some(rule) })
}

fn span(span: Span) -> pb::Span {
    use pb::span::Length;
    let length = match span {
        Span::Weeks(weeks) => Length::Weeks(weeks),
        Span::Months(months) => Length::Months(months),
    };
    pb::Span { length: Some(length) }
}

fn supply(value: Supply) -> pb::Supply {
    match value {
        Supply::PreApproved => pb::Supply::PreApproved,
        Supply::FrameworkAgreement => pb::Supply::FrameworkAgreement,
        Supply::Direct => pb::Supply::Direct,
    }
}

fn provider_choice(value: ProviderChoice) -> pb::ProviderChoice {
    match value {
        ProviderChoice::Person => pb::ProviderChoice::Person,
        ProviderChoice::CallOffRank => pb::ProviderChoice::CallOffRank,
        ProviderChoice::EvenByVolume => pb::ProviderChoice::EvenByVolume,
    }
}

fn decision_text(text: &DecisionText) -> pb::DecisionText {
    pb::DecisionText {
        language: text.language.clone(),
        legal_basis: text.legal_basis.clone(),
        appeal: text.appeal.clone(),
    }
}

fn superseded(superseded: &Superseded) -> pb::Supersession {
    pb::Supersession {
        measure_code: superseded.by.to_string(),
        from_date: Some(answer::date(superseded.from)),
    }
}
