//! Requests of the audit service.

use time::Date;

use crate::{
    domain::{
        access::Said,
        calendar::Timestamp,
        ids::{AreaId, EntryId, LedgerId},
        national_identity::NationalIdentityNumber,
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{Violations, purpose::purpose, waitlist::identity},
    },
    proto::v1 as pb,
};

/// The longest name of an actor or unit, in characters, as tokens have them.
const NAME_MAX: usize = 200;
/// The longest period of a review, in days.
const PERIOD_DAYS_MAX: i64 = 31;
/// The longest seed, in characters.
const SEED_MAX: usize = 64;
/// How many accesses are drawn where nothing is asked for, and the most.
const SAMPLE_DEFAULT: i32 = 20;
const SAMPLE_MAX: i32 = 200;
/// How many different people in an hour are not yet many, where nothing is asked for, and the
/// most there may be.
const MANY_DEFAULT: i32 = 30;
const MANY_MAX: i32 = 1_000;

/// Whose accesses are listed.
pub(in crate::grpc) enum Whose {
    /// The person's an entry is of.
    Entry(LedgerId, EntryId),
    /// The person's with this number.
    Number(NationalIdentityNumber),
}

/// What `ListAccesses` asks for.
pub(in crate::grpc) struct AccessesQuery {
    /// `None` for everybody's.
    pub(in crate::grpc) whose: Option<Whose>,
    pub(in crate::grpc) purpose: String,
    pub(in crate::grpc) subject: Option<String>,
    pub(in crate::grpc) organisation: Option<String>,
    pub(in crate::grpc) from: Option<Timestamp>,
    pub(in crate::grpc) until: Option<Timestamp>,
    pub(in crate::grpc) with_cef: bool,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_accesses(
    r: &pb::ListAccessesRequest,
    said: &Said,
) -> Result<AccessesQuery, Error> {
    let mut v = Violations::default();
    let whose = whose(&mut v, r.person.as_ref());
    let purpose = purpose(&mut v, &r.purpose, said, true);
    let subject = v.optional_text("subject", &r.subject, NAME_MAX);
    let organisation = v.optional_text("organisation", &r.organisation, NAME_MAX);
    let from = v.optional_time("from_time", r.from_time.as_ref());
    let until = v.optional_time("until_time", r.until_time.as_ref());
    if let (Some(Some(from)), Some(Some(until))) = (from, until)
        && until <= from
    {
        v.add("until_time", "must be after from_time");
    }
    let page = Page::parse(&mut v, r);
    let parsed = (|| {
        Some(AccessesQuery {
            whose: whose?,
            purpose: purpose?,
            subject: subject?,
            organisation: organisation?,
            from: from?,
            until: until?,
            with_cef: r.with_cef,
            page: page?,
        })
    })();
    v.finish(parsed)
}

fn whose(
    v: &mut Violations,
    person: Option<&pb::list_accesses_request::Person>,
) -> Option<Option<Whose>> {
    use pb::list_accesses_request::Person;
    match person {
        None => Some(None),
        Some(Person::Entry(entry)) => {
            let mut of_entry = Violations::default();
            let ledger = of_entry.ledger(entry.ledger.as_ref());
            let entry_id = of_entry.uuid("entry_id", &entry.entry_id);
            v.of_part("entry", of_entry);
            Some(Some(Whose::Entry(ledger?, EntryId(entry_id?))))
        }
        Some(Person::NationalIdentityNumber(number)) => {
            identity(v, number).map(|number| Some(Whose::Number(number)))
        }
    }
}

/// What `ReviewAccesses` asks for.
pub(in crate::grpc) struct ReviewQuery {
    /// `None` for all areas, or the caller's own.
    pub(in crate::grpc) county_id: Option<AreaId>,
    pub(in crate::grpc) from: Date,
    pub(in crate::grpc) until: Date,
    pub(in crate::grpc) purpose: String,
    /// `None` for a new one.
    pub(in crate::grpc) seed: Option<String>,
    pub(in crate::grpc) sample_size: usize,
    pub(in crate::grpc) many: usize,
}

pub(in crate::grpc) fn review_accesses(
    r: &pb::ReviewAccessesRequest,
    said: &Said,
) -> Result<ReviewQuery, Error> {
    let mut v = Violations::default();
    let county_id = v.optional_value("county_id", &r.county_id);
    let from = v.date("from_date", r.from_date.as_ref());
    let until = v.date("until_date", r.until_date.as_ref());
    if let (Some(from), Some(until)) = (from, until) {
        let days = (until - from).whole_days();
        if !(1..=PERIOD_DAYS_MAX).contains(&days) {
            let range = format!("1 to {PERIOD_DAYS_MAX} days after from_date");
            v.add("until_date", format!("is {days} days after from_date; must be {range}"));
        }
    }
    let purpose = purpose(&mut v, &r.purpose, said, true);
    let seed = v.optional_text("seed", &r.seed, SEED_MAX);
    let sample_size = if r.sample_size == 0 { SAMPLE_DEFAULT } else { r.sample_size };
    let sample_size = v.within("sample_size", sample_size, 1, SAMPLE_MAX);
    let many = if r.many_in_an_hour == 0 { MANY_DEFAULT } else { r.many_in_an_hour };
    let many = v.within("many_in_an_hour", many, 1, MANY_MAX);
    let parsed = (|| {
        Some(ReviewQuery {
            county_id: county_id?,
            from: from?,
            until: until?,
            purpose: purpose?,
            seed: seed?,
            sample_size: usize::try_from(sample_size?).ok()?,
            many: usize::try_from(many?).ok()?,
        })
    })();
    v.finish(parsed)
}
