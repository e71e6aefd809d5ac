//! An access as a line for a log collector, in the Common Event Format. Pure.

use crate::domain::calendar::Timestamp;

/// Who writes the line.
const APPLICATION: &str = "tiltaksplass";

/// What a line tells.
#[derive(Debug, Clone, Copy)]
pub struct Audited<'a> {
    /// The caller's name at the issuer.
    pub actor: &'a str,
    /// Whose data were read, by the number or the id that the reader of the line may see; none
    /// where it was several people's.
    pub person: Option<&'a str>,
    /// How many entries, where it was several people's.
    pub entry_count: u32,
    /// When.
    pub at: Timestamp,
    /// The call's name.
    pub call_id: &'a str,
    /// What was called, and why.
    pub text: &'a str,
    /// Whether it was allowed.
    pub permitted: bool,
    /// The provider that looked, by organisation number.
    pub provider: Option<&'a str>,
}

/// The line, without its end.
pub fn line(audited: &Audited<'_>) -> String {
    let (severity, decision) =
        if audited.permitted { ("INFO", "Permit") } else { ("WARN", "Deny") };
    let header = ["CEF:0", APPLICATION, "AuditLogger", "1.0", "audit:access"];
    let mut line = header.join("|");
    for part in [audited.text, severity] {
        line.push('|');
        line.push_str(&in_header(part));
    }
    line.push('|');
    let end = (audited.at.micros() / 1_000).to_string();
    let count = audited.entry_count.to_string();
    let about = audited.person.map_or(("cnt", count.as_str()), |person| ("duid", person));
    let mut fields =
        vec![("suid", audited.actor), about, ("end", &end), ("sproc", audited.call_id)];
    fields.extend([("flexString1Label", "Decision"), ("flexString1", decision)]);
    fields.extend(audited.provider.map(|number| ("cn1", number)));
    let fields: Vec<String> =
        fields.iter().map(|(key, value)| format!("{key}={}", in_extension(value))).collect();
    line + &fields.join(" ")
}

/// A header's part: what ends a part is escaped, and what ends a line cannot stand there.
fn in_header(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('|', "\\|");
    text.replace(['\r', '\n'], " ")
}

/// A field's value: what begins another field or ends the line is escaped.
fn in_extension(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('=', "\\=");
    text.replace('\r', "\\r").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audited() -> Audited<'static> {
        Audited {
            actor: "Z990001",
            person: Some("0198c0de-0000-7000-8000-000000000001"),
            entry_count: 1,
            at: Timestamp::from_micros(1_772_442_000_123_999),
            call_id: "call-1",
            text: "LookupPerson: vedtak",
            permitted: true,
            provider: None,
        }
    }

    #[test]
    fn lines_are_as_collectors_read_them() {
        assert_eq!(
            line(&audited()),
            "CEF:0|tiltaksplass|AuditLogger|1.0|audit:access|LookupPerson: vedtak|INFO|\
             suid=Z990001 duid=0198c0de-0000-7000-8000-000000000001 end=1772442000123 \
             sproc=call-1 flexString1Label=Decision flexString1=Permit"
        );
        let refused = Audited {
            permitted: false,
            person: None,
            entry_count: 40,
            provider: Some("100000008"),
            ..audited()
        };
        assert_eq!(
            line(&refused),
            "CEF:0|tiltaksplass|AuditLogger|1.0|audit:access|LookupPerson: vedtak|WARN|\
             suid=Z990001 cnt=40 end=1772442000123 sproc=call-1 flexString1Label=Decision \
             flexString1=Deny cn1=100000008"
        );
    }

    #[test]
    fn what_would_end_a_part_a_field_or_the_line_is_escaped() {
        let told = line(&Audited {
            actor: "a\\b=c|d\ne\rf g",
            call_id: "x=y",
            text: "a\\b|c=d\r\ne",
            ..audited()
        });
        assert_eq!(
            told,
            "CEF:0|tiltaksplass|AuditLogger|1.0|audit:access|a\\\\b\\|c=d  e|INFO|\
             suid=a\\\\b\\=c|d\\ne\\rf g duid=0198c0de-0000-7000-8000-000000000001 \
             end=1772442000123 sproc=x\\=y flexString1Label=Decision flexString1=Permit"
        );
        assert_eq!(told.lines().count(), 1);
    }
}
