//! The languages that explanations are written in, and how each writes numbers and dates.

use std::str::FromStr;

use time::{Date, Month, PrimitiveDateTime};

use crate::domain::{account::WHOLE_PLACE, calendar::Timestamp, ids::Malformed};

/// A language that explanations are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Norwegian bokmål.
    #[default]
    Bokmal,
    /// Norwegian nynorsk.
    Nynorsk,
    /// English.
    English,
}

impl Language {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Bokmal, Self::Nynorsk, Self::English];

    /// As BCP 47 has it.
    pub fn code(self) -> &'static str {
        self.of("nb", "nn", "en")
    }

    /// The one of three that is in this language. They stand side by side, so that whoever
    /// changes one sees the others.
    pub(super) fn of<T>(self, bokmal: T, nynorsk: T, english: T) -> T {
        match self {
            Self::Bokmal => bokmal,
            Self::Nynorsk => nynorsk,
            Self::English => english,
        }
    }

    /// The same of sentences that do not change.
    pub(super) fn say(self, bokmal: &str, nynorsk: &str, english: &str) -> String {
        self.of(bokmal, nynorsk, english).to_owned()
    }

    /// One of two words, by how many there are.
    pub(super) fn count(
        self,
        n: u64,
        bokmal: (&str, &str),
        nynorsk: (&str, &str),
        english: (&str, &str),
    ) -> String {
        let (one, many) = self.of(bokmal, nynorsk, english);
        format!("{n} {}", if n == 1 { one } else { many })
    }

    /// A date as people write it.
    pub(super) fn date(self, day: Date) -> String {
        let month = self.month(day.month());
        let stop = self.of(".", ".", "");
        format!("{}{stop} {month} {}", day.day(), day.year())
    }

    /// The day of a time, in Norway.
    pub(super) fn day(self, at: Timestamp) -> String {
        self.date(at.date_in_norway())
    }

    /// The day with the hour, as clocks in Norway show it.
    pub(super) fn time(self, at: Timestamp) -> String {
        let clock: PrimitiveDateTime = at.clock_in_norway();
        let (hour, minute) = (clock.hour(), clock.minute());
        let norwegian = format!("kl. {hour:02}.{minute:02}");
        let hour = self.of(norwegian.clone(), norwegian, format!("at {hour:02}:{minute:02}"));
        format!("{} {hour}", self.date(clock.date()))
    }

    fn month(self, month: Month) -> &'static str {
        let norwegian = [
            "januar",
            "februar",
            "mars",
            "april",
            "mai",
            "juni",
            "juli",
            "august",
            "september",
            "oktober",
            "november",
            "desember",
        ];
        let english = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        self.of(norwegian, norwegian, english)[usize::from(u8::from(month)) - 1]
    }

    /// Someone's share of a place.
    pub(super) fn share(self, percent: u32) -> String {
        if i64::from(percent) == WHOLE_PLACE {
            return self.say("en hel plass", "ein heil plass", "a whole place");
        }
        self.of(
            format!("{percent} prosent av en plass"),
            format!("{percent} prosent av ein plass"),
            format!("{percent} per cent of a place"),
        )
    }

    /// So many places that are free, in per cents of one.
    pub(super) fn free_places(self, percent: i64) -> String {
        self.places(
            percent,
            ("ledig plass", "ledige plasser"),
            ("ledig plass", "ledige plassar"),
            ("free place", "free places"),
        )
    }

    /// So many places more, in per cents of one.
    pub(super) fn more_places(self, percent: i64) -> String {
        self.places(
            percent,
            ("plass til", "plasser til"),
            ("plass til", "plassar til"),
            ("more place", "more places"),
        )
    }

    fn places(
        self,
        percent: i64,
        bokmal: (&str, &str),
        nynorsk: (&str, &str),
        english: (&str, &str),
    ) -> String {
        let (one, many) = self.of(bokmal, nynorsk, english);
        let (whole, part) = (percent / WHOLE_PLACE, percent % WHOLE_PLACE);
        let comma = self.of(",", ",", ".");
        match (whole, part) {
            (0, part) if part > 0 => self.of(
                format!("{part} prosent av en {one}"),
                format!("{part} prosent av ein {one}"),
                format!("{part} per cent of a {one}"),
            ),
            (1, 0) => format!("1 {one}"),
            (whole, 0) => format!("{whole} {many}"),
            (whole, part) if part % 10 == 0 => format!("{whole}{comma}{} {many}", part / 10),
            (whole, part) => format!("{whole}{comma}{part:02} {many}"),
        }
    }
}

impl FromStr for Language {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|language| language.code() == text);
        found.ok_or(Malformed { expected: "nb, nn or en" })
    }
}
