//! The audit's tables 2 and 3, from the service's answers.

use time::{Date, Month};

use crate::{
    cli::{
        Failure,
        demo::{
            audit::YEARS,
            page::say,
            people::at_prima,
            stage::{Stage, missing, places, total},
        },
    },
    proto::v1::{PlaceGroupAvailability, stated_wait::Wait},
};

/// What the audit's table writes where a wait has no number.
const NO_NUMBER: &str = "-";

/// Prints both tables, row by row beside what the audit prints.
pub(super) async fn compare(stage: &mut Stage) -> Result<(), Failure> {
    table_3(stage).await?;
    table_2(stage).await
}

async fn table_3(stage: &mut Stage) -> Result<(), Failure> {
    stage.page.heading("Table 3: the queues at Prima AS (SummarizeQueues, GetAvailability)");
    say!(
        "{:<9} {:<19} {:>6} {:>7}  {:<26} {:>12}",
        "measure",
        "place group",
        "places",
        "waiting",
        "stated wait",
        "audit prints"
    );
    let rows = std::mem::take(&mut stage.audit.queues);
    for row in &rows {
        let answer = stage.availability(&row.measure_code, None).await?;
        let group = at_prima(&answer, &row.place_group).ok_or_else(|| missing(&row.place_group))?;
        let queues = stage.queues(&row.measure_code).await?;
        let waiting = queues
            .iter()
            .flat_map(|queue| &queue.place_groups)
            .find(|queue| queue.place_group_id == group.place_group_id)
            .map_or(0, |queue| queue.persons_waiting);
        let places = total(group.usage.as_ref());
        let (wait, months) = stated_wait(group);
        let printed = row.months.map_or(NO_NUMBER.to_owned(), |months| months.to_string());
        let printed = format!("{}, {}, {printed}", row.places, row.persons_waiting);
        let answered = format!("{places}, {waiting}, {months}");
        let what = format!("Table 3, {}: places, waiting, months", row.place_group);
        let verdict = stage.page.check(what, answered, &printed);
        let (code, name) = (&row.measure_code, &group.name);
        say!("{code:<9} {name:<19} {places:>6} {waiting:>7}  {wait:<26} {printed:>12}  {verdict}");
    }
    say!("{:>94}", "(places, waiting, months)");
    stage.audit.queues = rows;
    Ok(())
}

/// The provider's own statement: in words, and as the audit's column of months has it.
fn stated_wait(group: &PlaceGroupAvailability) -> (String, String) {
    match group.stated_wait.and_then(|stated| stated.wait) {
        Some(Wait::Months(1)) => ("1 month".to_owned(), "1".to_owned()),
        Some(Wait::Months(months)) => (format!("{months} months"), months.to_string()),
        Some(Wait::OnlyWhenSomeoneLeaves(true)) => {
            ("kun inntak om noen slutter".to_owned(), NO_NUMBER.to_owned())
        }
        Some(Wait::OnlyWhenSomeoneLeaves(false)) | None => {
            ("not stated".to_owned(), "none".to_owned())
        }
    }
}

async fn table_2(stage: &mut Stage) -> Result<(), Failure> {
    stage.page.heading("Table 2: places in Trondheim by year (GetAvailability as of 31 December)");
    say!("{:<10} {:>6} {:>6} {:>6}    {}", "", "", "", "", "the audit prints");
    let [first, second, third] = YEARS;
    say!(
        "{:<10} {first:>6} {second:>6} {third:>6}    {first:>6} {second:>6} {third:>6}",
        "measure"
    );
    let mut sums = [0; 3];
    for code in stage.audit.measures() {
        let mut percent = [0; 3];
        for ((percent, sum), year) in percent.iter_mut().zip(&mut sums).zip(YEARS) {
            let last_day = Date::from_calendar_date(year, Month::December, 31)?;
            let answer = stage.availability(&code, Some(last_day)).await?;
            *percent = answer.places.map_or(0, |usage| usage.total_percent);
            *sum += *percent;
        }
        let printed = YEARS.map(|year| stage.audit.places(&code, year));
        row(stage, &code, percent, printed);
    }
    let printed = YEARS.map(|year| stage.audit.sum(year));
    row(stage, "sum", sums, printed);
    Ok(())
}

fn row(stage: &mut Stage, name: &str, percent: [i64; 3], printed: [u32; 3]) {
    let (answered, printed) = (percent.map(places), printed.map(|places| places.to_string()));
    let what = format!("Table 2, {name}: places in 2009, 2010, 2011");
    let verdict = stage.page.check(what, answered.join(", "), printed.join(", "));
    let columns = |figures: [String; 3]| figures.map(|figure| format!("{figure:>6}")).join(" ");
    say!("{name:<10} {}    {}  {verdict}", columns(answered), columns(printed));
}
