//! Rows of the audit log as RFC 4180 writes tables.

use fluxora_audit::Row;

const HEADER: &str = "seq,at,actorKind,actorId,actorRole,action,target,outcome,code,requestId,clientAddress,count,previousHash,hash";

/// A table with a header line. Every line ends with CR LF.
pub(super) fn table(rows: &[Row]) -> String {
    let mut table = format!("{HEADER}\r\n");
    for row in rows {
        let absent = String::new();
        let optional = |text: &Option<String>| guarded(text.as_ref().unwrap_or(&absent));
        let cells = [
            row.seq.to_string(),
            row.at.to_string(),
            guarded(&row.actor_kind),
            optional(&row.actor_id),
            guarded(&row.actor_role),
            guarded(&row.action),
            optional(&row.target),
            guarded(&row.outcome),
            optional(&row.code),
            optional(&row.request_id),
            optional(&row.client_address),
            row.count.to_string(),
            row.previous_hash.to_string(),
            row.hash.to_string(),
        ];
        table.push_str(&cells.join(","));
        table.push_str("\r\n");
    }
    table
}

/// A cell of free text. A program for tables takes a text that begins with `=`, `+`, `-` or `@` for a formula and may run it: such a text
/// gets an apostrophe in front.
fn guarded(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use fluxora_audit::{Action, Actor, ActorKind, Entry, Head, Outcome};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn free_text_is_quoted_and_never_a_formula() {
        for (text, cell) in [
            ("plain text", "plain text"),
            ("a,b", "\"a,b\""),
            ("a \"quoted\" word", "\"a \"\"quoted\"\" word\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@A1", "'@A1"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), cell);
        }
    }

    #[test]
    fn a_row_is_a_line_with_a_cell_for_every_column() {
        let actor = Actor { id: Some("=1+1".to_owned()), ..Actor::of(ActorKind::Key, "partner") };
        let entry = Entry::new(Timestamp::UNIX_EPOCH, actor, Action::StreamCreate, Outcome::Done);
        let row = Row::seal(Head::EMPTY, &entry);
        let table = table(std::slice::from_ref(&row));
        let lines: Vec<_> = table.split("\r\n").collect();
        let zeros = "0".repeat(64);
        let hash = row.hash;
        assert_eq!(
            lines,
            [
                HEADER,
                &format!("1,1970-01-01T00:00:00Z,key,'=1+1,partner,stream.create,,done,,,,1,{zeros},{hash}"),
                ""
            ]
        );
    }
}
