//! What a person is told of an error, in plain bokmål and plain English. Clients show
//! these texts as they are; the status's own message is for developers. One row per
//! error, without a wildcard, and nothing about who anybody is.

use time::{Date, format_description::BorrowedFormatItem, macros::format_description};

use crate::{
    domain::{
        apportionment::ApportionmentError,
        calendar::Timestamp,
        ids::LedgerId,
        refusal::{Days, Limited, Refusal},
    },
    error::Error,
};

/// A date as refusals have it.
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

fn plasser(count: u64) -> String {
    format!("{count} {}", if count == 1 { "plass" } else { "plasser" })
}

fn places(count: u64) -> String {
    format!("{count} {}", if count == 1 { "place" } else { "places" })
}

/// One text in each language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    /// Bokmål.
    pub(super) nb: String,
    /// English.
    pub(super) en: String,
}

fn words(nb: impl Into<String>, en: impl Into<String>) -> Words {
    Words { nb: nb.into(), en: en.into() }
}

/// The words for an error.
pub(super) fn of(error: &Error) -> Words {
    match error {
        Error::InvalidFields(violations) => of_fields(violations.len()),
        Error::Refused(refusal) => of_refusal(refusal),
        Error::RequestIdReused => words(
            "Forespørselens id er alt brukt til noe annet. Prøv igjen med en ny.",
            "The id of this request was already used for something else. Try again with a new one.",
        ),
        Error::RequestIdExpired => words(
            "Dette ble gjort for mer enn 30 dager siden, og svaret er ikke lenger lagret.",
            "This was done more than 30 days ago, and its answer is no longer kept.",
        ),
        Error::PageTokenInvalid => words(
            "Listen kan ikke fortsette herfra. Begynn på første side.",
            "The list cannot go on from here. Begin at the first page.",
        ),
        Error::DistributionKeyNotFound { name, date } => of_key(name, *date),
        Error::Apportionment(error) => of_apportionment(error),
        Error::NotYetAtSeq { .. } => words(
            "Den siste endringen er ikke kommet hit ennå. Prøv igjen om et øyeblikk.",
            "The latest change has not come this far yet. Try again in a moment.",
        ),
        Error::DatabaseUnavailable => unknown_outcome(
            "Tjenesten når ikke databasen nå.",
            "The service cannot reach its database now.",
        ),
        Error::MessageMalformed => {
            words("Forespørselen kunne ikke leses.", "The request could not be read.")
        }
        Error::MessageTooLarge { most_bytes } => words(
            format!("Forespørselen er for stor; grensen er {most_bytes} byte."),
            format!("The request is too large; the limit is {most_bytes} bytes."),
        ),
        Error::UnknownMethod => words(
            "Denne tjenesten har ikke det du spør etter.",
            "This service does not have what you ask for.",
        ),
        Error::UnknownName => words(
            "Tjenesten har ikke noe med dette navnet.",
            "The service has nothing of this name.",
        ),
        Error::RateLimited { .. } => words(
            "Du har gjort for mange kall på kort tid. Ingenting er endret. Vent litt.",
            "You have made too many calls in a short time. Nothing was changed. Wait a little.",
        ),
        Error::Overloaded => words(
            "Tjenesten har for mye å gjøre nå. Ingenting er endret. Prøv igjen om litt.",
            "The service has too much to do now. Nothing was changed. Try again in a while.",
        ),
        Error::DeadlineExceeded => unknown_outcome("Det tok for lang tid.", "It took too long."),
        Error::PersonSourceUnavailable => words(
            "Det kan ikke slås opp nå om personen er skjermet, og derfor vises ikke hvem det er. \
             Prøv igjen om litt.",
            "Whether the person is protected cannot be looked up now, so who it is is not shown. \
             Try again in a while.",
        ),
        Error::Internal(_) => unknown_outcome(
            "Noe gikk galt i tjenesten, og feilen er loggført.",
            "Something went wrong in the service, and the fault was logged.",
        ),
    }
}

fn of_fields(count: usize) -> Words {
    if count == 1 {
        return words(
            "Ett felt mangler eller er feil fylt ut.",
            "One field is missing or filled in wrongly.",
        );
    }
    words(
        format!("{count} felt mangler eller er feil fylt ut."),
        format!("{count} fields are missing or filled in wrongly."),
    )
}

fn of_rows(count: usize) -> Words {
    let (nb, en) = if count == 1 { ("rad", "row") } else { ("rader", "rows") };
    words(
        format!("Importen har {count} {nb} med feil. Ingenting ble lagret."),
        format!("The import has {count} {en} with errors. Nothing was stored."),
    )
}

fn of_sums(lines: usize) -> Words {
    let (nb, en) = if lines == 1 { ("linje", "line differs") } else { ("linjer", "lines differ") };
    words(
        format!("Importen stemmer ikke med kontrollsummene: {lines} {nb} avviker."),
        format!("The import does not agree with its control totals: {lines} {en}."),
    )
}

fn of_key(name: &str, date: Option<Date>) -> Words {
    let (nb, en) = match date {
        Some(date) => (format!(" per {}", norwegian(date)), format!(" of {date}")),
        None => (String::new(), String::new()),
    };
    words(
        format!("Registeret har ingen fordelingsnøkkel {name}{nb}."),
        format!("The registry has no distribution key {name}{en}."),
    )
}

fn of_ledger(id: &LedgerId) -> Words {
    words(
        format!("Registeret har ikke tiltakstypen {} i {}.", id.measure_code, id.county_id),
        format!("The registry has no measure type {} in {}.", id.measure_code, id.county_id),
    )
}

fn of_refusal(refusal: &Refusal) -> Words {
    match refusal {
        Refusal::LedgerNotFound(id) => of_ledger(id),
        Refusal::NotFound { .. } => words(
            "Dette finnes ikke, eller du har ikke tilgang til det.",
            "This does not exist, or you may not see it.",
        ),
        Refusal::PermissionDenied => {
            words("Du har ikke tilgang til å gjøre dette her.", "You may not do this here.")
        }
        Refusal::RegistryMismatch { value, .. } => words(
            format!("«{value}» finnes ikke i registeret, eller hører ikke til her."),
            format!("“{value}” is not in the registry, or does not belong here."),
        ),
        Refusal::RegistryRowsInvalid(rows) | Refusal::ExistingRowsInvalid(rows) => {
            of_rows(rows.len())
        }
        Refusal::ReconciliationDiffers { lines, .. } => of_sums(*lines),
        Refusal::PersonAlreadyWaiting => words(
            "Personen venter alt, har et tilbud eller deltar i denne tiltakstypen.",
            "The person already waits, has an offer or takes part in this measure type.",
        ),
        Refusal::ExternalReferenceTaken { system, id } => words(
            format!("Referansen {system}/{id} er alt brukt om noe annet."),
            format!("The reference {system}/{id} is already used for something else."),
        ),
        Refusal::WrongState { .. } => wrong_state(),
        Refusal::CommentsOpen { silent, from } => comments_open(*silent, *from),
        Refusal::Moved { to } => words(
            format!("Saken er flyttet. Den fortsetter i {} i {}.", to.measure_code, to.county_id),
            format!("The case has moved. It goes on in {} in {}.", to.measure_code, to.county_id),
        ),
        Refusal::NotCombinable { with } => words(
            format!("Personen deltar i {with}, som ikke kan kombineres med denne tiltakstypen."),
            format!("The person takes part in {with}, which does not combine with this one."),
        ),
        Refusal::FourEyes => four_eyes(),
        Refusal::MeasureTypeRule(_) => words(
            "Reglene for tiltakstypen tillater ikke dette.",
            "The rules of the measure type do not allow this.",
        ),
        Refusal::Superseded { measure, by, from } => words(
            format!("{measure} er avløst av {by} fra {}. Bruk {by}.", norwegian(*from)),
            format!("{measure} was superseded by {by} from {from}. Use {by} instead."),
        ),
        Refusal::QuotasExceedBudget { sum, budget, date } => over_budget(*sum, *budget, *date),
        Refusal::DateOutOfRange { value, .. } => date_out_of_range(value),
        Refusal::NotLater { value, than, .. } => not_later(last_day(*value), last_day(*than)),
        Refusal::NoRoom { free_percent, needed_percent, .. }
        | Refusal::NoRoomForMore { free_percent, needed_percent, .. } => {
            no_room(*free_percent, *needed_percent)
        }
        Refusal::ClosuresOverlap { other, .. } => of_closure(*other),
        Refusal::NotFirst => not_first(),
        Refusal::ReasonRequired(_) => no_reason(),
        Refusal::FieldRequired { .. } => field_required(),
        Refusal::CorrectionTooLate { until } => too_late_to_correct(*until),
        Refusal::IdentityNumberTaken => number_taken(),
        Refusal::LimitReached { what, would_be, most } => limit_reached(*what, *would_be, *most),
        Refusal::QuotaAboveCommitted { places, committed, date, .. } => {
            above_committed(*places, *committed, *date)
        }
        Refusal::TooFewToMove { left, asked, date, .. } => too_few(*left, *asked, *date),
        Refusal::OwnCase => of_own_case(),
        Refusal::OneOf { index, refusal, .. } => of_one(index + 1, of_refusal(refusal)),
    }
}

fn wrong_state() -> Words {
    words(
        "Dette kan ikke gjøres slik saken står nå. Hent den på nytt.",
        "This cannot be done as the case stands now. Load it again.",
    )
}

fn not_first() -> Words {
    words(
        "Noen som står foran i køen, skal ha plassen først.",
        "Somebody ahead in the queue is to have the place first.",
    )
}

fn four_eyes() -> Words {
    words(
        "En annen enn den som meldte det inn eller foreslo det, må gjøre dette.",
        "Someone other than the one who submitted or proposed it must do this.",
    )
}

/// The field is named in the error's details: here stands nothing that only a form knows.
fn field_required() -> Words {
    words("Et felt som er tomt, må fylles ut her.", "A field that is empty must be filled in here.")
}

fn date_out_of_range(value: &str) -> Words {
    let date = Date::parse(value, DATE).map_or_else(|_| value.to_owned(), norwegian);
    words(
        format!("Datoen {date} ligger utenfor det som er tillatt her."),
        format!("The date {value} lies outside what is allowed here."),
    )
}

fn no_reason() -> Words {
    words(
        "Begrunnelse mangler: plassen gis utenfor tur.",
        "A reason is missing: the place is given out of turn.",
    )
}

/// What is refused because of one of a list.
fn of_one(place: usize, Words { nb, en }: Words) -> Words {
    words(format!("Nummer {place} på listen: {nb}"), format!("Number {place} of the list: {en}"))
}

fn of_own_case() -> Words {
    words(
        "Dette gjelder deg selv. En annen må gjøre det.",
        "This is about yourself. Somebody else must do it.",
    )
}

fn number_taken() -> Words {
    words("Fødselsnummeret er alt registrert her.", "The identity number is already known here.")
}

fn too_late_to_correct(until: Option<Date>) -> Words {
    let Some(until) = until else {
        return words(
            "Det er ikke kjent når feilen ble gjort. Fylket kan rette den.",
            "It is not known when the mistake was made. The county may correct it.",
        );
    };
    words(
        format!(
            "Kontoret kunne rette dette til og med {}. Fylket kan rette det nå.",
            norwegian(until)
        ),
        format!("The office could correct this until {until}. The county may correct it now."),
    )
}

fn over_budget(sum: u64, budget: u32, date: Date) -> Words {
    let nb = format!(
        "Andelene ville bli {} i alt {}. Plassrammen er {budget}.",
        plasser(sum),
        norwegian(date)
    );
    let en = places(sum);
    words(nb, format!("The quotas would be {en} in all on {date}. The budget is {budget}."))
}

fn limit_reached(what: Limited, would_be: usize, most: usize) -> Words {
    let nb = match what {
        Limited::StaffLinks => "koblinger av ansatte",
        Limited::OfficeStaffLinks => "koblinger som kontoret har satt",
        Limited::Loans => "utlån",
        Limited::Capacities => "kapasiteter for plassgruppen",
        Limited::PlaceGroups => "plassgrupper",
        Limited::PlaceBudgets => "plassrammer",
        Limited::Quotas => "andeler for én kommune",
        Limited::Closures => "stengninger av plassgruppen",
        Limited::AccessRecords => "tilganger ved kontoret",
        Limited::OpenPlans => "planer som ikke er vedtatt",
        Limited::MunicipalOpenPlans => "planer fra kommuner som ikke er vedtatt",
        Limited::OwnOpenPlans => "planer fra én kommune som ikke er vedtatt",
        Limited::ApprovedPlans => "vedtatte planer",
        Limited::PlacementChanges => "endringer av plasseringen",
        Limited::IdentityNumbers => "fødselsnumre for én person",
    };
    words(
        format!("Dette ville bli {would_be} {nb}; grensen er {most}."),
        format!("This would make {would_be} {}; the limit is {most}.", what.as_str()),
    )
}

fn above_committed(of: u32, committed: u32, date: Date) -> Words {
    let nb = format!(
        "Andelen ville bli {} {}. Kommunen medfinansierer {committed}.",
        plasser(of.into()),
        norwegian(date)
    );
    let en = format!(
        "The quota would be {} on {date}. The municipality co-finances {committed}.",
        places(of.into())
    );
    words(nb, en)
}

fn too_few(left: u32, asked: u32, date: Date) -> Words {
    let nb = format!(
        "Kommunen har {} å gi fra seg {}, utlånte ikke medregnet. Det trengs {asked}.",
        plasser(left.into()),
        norwegian(date)
    );
    let en = format!(
        "The municipality has {} to give on {date}, lent ones not counted. It takes {asked}.",
        places(left.into())
    );
    words(nb, en)
}

fn comments_open(silent: usize, from: Date) -> Words {
    words(
        format!(
            "Planen kan godkjennes når alle kommuner har uttalt seg, eller fra {}. {silent} har \
             ikke uttalt seg ennå.",
            norwegian(from)
        ),
        format!(
            "The plan may be approved when all municipalities have commented, or from {from}. \
             {silent} have not yet."
        ),
    )
}

fn not_later(new: Date, old: Date) -> Words {
    words(
        format!(
            "Den nye fristen {} må være senere enn fristen {}.",
            norwegian(new),
            norwegian(old)
        ),
        format!("The new deadline {new} must be later than the deadline {old}."),
    )
}

fn no_room(free: i64, needed: i64) -> Words {
    words(
        format!("Det er ikke rom: {free} prosent av en plass er ledig, og {needed} trengs."),
        format!("There is no room: {free} per cent of a place are free, and {needed} are needed."),
    )
}

/// When a place group is closed already.
fn of_closure(other: Days) -> Words {
    let from = norwegian(other.from);
    let nb = match other.until {
        Some(until) => format!("Det er alt meldt stengt fra {from} til {}.", norwegian(until)),
        None => format!("Det er alt meldt stengt for godt fra {from}."),
    };
    words(nb, format!("It is reported closed {other} already."))
}

fn of_apportionment(error: &ApportionmentError) -> Words {
    match error {
        ApportionmentError::TooManyAreas { count, limit } => words(
            format!("{count} områder er for mange; grensen er {limit}."),
            format!("{count} areas are too many; the limit is {limit}."),
        ),
        ApportionmentError::TooManySeats { seats, limit } => words(
            format!("{seats} plasser er for mange; grensen er {limit}."),
            format!("{seats} seats are too many; the limit is {limit}."),
        ),
        ApportionmentError::WeightTooLarge { weight, limit, .. } => words(
            format!("Vekten {weight} er for stor; grensen er {limit}."),
            format!("The weight {weight} is too large; the limit is {limit}."),
        ),
        ApportionmentError::MinimumAboveMaximum { minimum, maximum, .. } => words(
            format!("Et område skal ha minst {minimum} og høyst {maximum} plasser."),
            format!("An area is to have at least {minimum} and at most {maximum} seats."),
        ),
        ApportionmentError::MinimumsAboveSeats { minimums, seats } => words(
            format!("Minstetallene er {minimums} i alt, men antallet plasser er {seats}."),
            format!("The minimums are {minimums} in all, but the number of seats is {seats}."),
        ),
        ApportionmentError::NoWeight { seats_left } => words(
            format!("{} kan ikke fordeles, for ingen områder har vekt.", plasser(*seats_left)),
            format!("{} cannot be shared, since no area has a weight.", places(*seats_left)),
        ),
        ApportionmentError::MaximumsBelowSeats { maximums, seats } => words(
            format!("Størstetallene er {maximums} i alt, men antallet plasser er {seats}."),
            format!("The maximums are {maximums} in all, but the number of seats is {seats}."),
        ),
    }
}

/// The words for a call without a valid token: the same for every reason.
pub(super) fn unauthenticated() -> Words {
    words(
        "Du er ikke logget inn, eller innloggingen er utløpt.",
        "You are not signed in, or your sign-in has expired.",
    )
}

/// What happened, where nobody knows whether it did.
fn unknown_outcome(nb: &str, en: &str) -> Words {
    words(
        format!("{nb} En endring kan være lagret. Prøv igjen; den blir ikke gjort to ganger."),
        format!("{en} A change may have been stored. Try again; it will not be made twice."),
    )
}

/// The last day of a deadline that holds to the end of it.
fn last_day(deadline: Timestamp) -> Date {
    Timestamp::from_micros(deadline.micros() - 1).date_in_norway()
}

/// A date as it is written in Norway: 02.03.2026.
fn norwegian(date: Date) -> String {
    format!("{:02}.{:02}.{}", date.day(), u8::from(date.month()), date.year())
}
