use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_audit::{Action, LONGEST, Row};
use fluxora_store::{AuditQuery, Sequence};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::csv;
use crate::cursor::{self, Cursor, quoted};
use crate::doc::{Doc, header as header_parameter, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::instant;
use crate::page_bytes::{self, BoundedPage};
use crate::query::Query;
use crate::routes::State;
use crate::view::Instant;

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        query("actor", "Rows of this kind of actor, or of the actor with this id", "anonymous"),
        query("action", "Rows of this action", "stream.create"),
        query("target", "Rows with this target", "01930000-0000-7000-8000-000000000001"),
        query("outcome", "`done`, `refused` or `failed`", "refused"),
        query("from", "Rows at or after this instant", "2026-01-01T00:00:00Z"),
        query("to", "Rows before this instant", "2026-02-01T00:00:00Z"),
        query("limit", "Rows per page: 1 to 1000, 100 by default", "100"),
        query("cursor", "The `nextCursor` of the page before, with the same filters", ""),
        header_parameter("Accept", "`application/json`, or `text/csv` for a table", "text/csv"),
    ],
    errors: &[ErrorKind::Unauthorized, ErrorKind::Forbidden],
    ..Doc::new(
        "List the audit log",
        &[response(200, "AuditList", "A page of rows, newest first. One without rows may have a next one")],
    )
};

/// The cursor of the next page of a table.
const NEXT_CURSOR: &str = "x-next-cursor";
const OUTCOMES: [&str; 3] = ["done", "refused", "failed"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AuditList"))]
pub(crate) struct ListView {
    #[cfg_attr(test, schemars(with = "Vec<RowView<'static>>"))]
    rows: Vec<Box<RawValue>>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AuditRow"))]
struct RowView<'r> {
    seq: u64,
    at: Instant,
    actor: ActorView<'r>,
    action: &'r str,
    target: Option<&'r str>,
    outcome: &'r str,
    code: Option<&'r str>,
    request_id: Option<&'r str>,
    client_address: Option<&'r str>,
    count: u64,
    previous_hash: String,
    hash: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AuditActor"))]
struct ActorView<'r> {
    kind: &'r str,
    id: Option<&'r str>,
    role: &'r str,
}

/// `GET /api/admin/audit`: rows of the audit log, newest first.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let mut asked = filter(&mut query);
    asked.limit = query.limit_up_to(1_000, 100);
    let list = describe(&asked);
    let needed = "the nextCursor of a page with the same filters";
    asked.before = query.parsed("cursor", FieldCode::InvalidCursor, needed, |text| {
        Some(Sequence(Cursor::parse(text, &list)?.position))
    });
    query.finish()?;
    let read = async |limit| api.store().audit_page(&AuditQuery { limit, ..asked.clone() }).await;
    // A row of a table is not longer than its JSON.
    let (page, rows) =
        page_bytes::fitting(asked.limit, read, |page| BoundedPage::of(page.rows.iter().map(RowView::of)))
            .await?;
    let next_cursor = page.next.map(|Sequence(position)| Cursor::at(position, &list).to_string());
    let mut response = HttpResponse::Ok();
    if takes_a_table(&request) {
        if let Some(cursor) = next_cursor {
            response.insert_header((NEXT_CURSOR, cursor));
        }
        response.insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"));
        return Ok(response.body(csv::table(&page.rows)));
    }
    Ok(response.json(ListView { rows, has_more: next_cursor.is_some(), next_cursor }))
}

/// Whether `text/csv` is the first media type that a request accepts.
fn takes_a_table(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let first = accepted.and_then(|accepted| accepted.split([',', ';']).next());
    first.is_some_and(|first| first.trim().eq_ignore_ascii_case("text/csv"))
}

fn filter(query: &mut Query) -> AuditQuery {
    let actions = format!("one of {}", Action::ALL.map(Action::as_str).join(", "));
    let outcomes = format!("one of {}", OUTCOMES.join(", "));
    let text = |query: &mut Query, name| {
        let needed = format!("1 to {LONGEST} characters");
        query.parsed(name, FieldCode::InvalidValue, &needed, |text| {
            let is_sound = (1..=LONGEST).contains(&text.chars().count()) && !text.contains('\0');
            is_sound.then(|| text.to_owned())
        })
    };
    let instant = |query: &mut Query, name| {
        query.parsed(name, FieldCode::InvalidValue, instant::EXPECTED, instant::parse_up_to_millisecond)
    };
    AuditQuery {
        actor: text(query, "actor"),
        action: query.parsed("action", FieldCode::InvalidValue, &actions, Action::parse),
        target: text(query, "target"),
        outcome: query.parsed("outcome", FieldCode::InvalidValue, &outcomes, |text| {
            OUTCOMES.contains(&text).then(|| text.to_owned())
        }),
        from: instant(query, "from"),
        to: instant(query, "to"),
        before: None,
        limit: 0,
    }
}

/// The filters as text: what a cursor is bound to.
fn describe(query: &AuditQuery) -> String {
    let AuditQuery { actor, action, target, outcome, from, to, before: _, limit: _ } = query;
    let text = |text: &Option<String>| text.as_deref().map(quoted);
    let instant = |instant: &Option<Timestamp>| instant.map(|at| at.as_millisecond().to_string());
    cursor::describe(
        &[Some(quoted("audit"))],
        &[
            ("actor", text(actor)),
            ("action", action.map(|action| quoted(action.as_str()))),
            ("target", text(target)),
            ("outcome", text(outcome)),
            ("from", instant(from)),
            ("to", instant(to)),
        ],
    )
}

impl<'r> RowView<'r> {
    fn of(row: &'r Row) -> Self {
        Self {
            seq: row.seq,
            at: Instant(row.at),
            actor: ActorView { kind: &row.actor_kind, id: row.actor_id.as_deref(), role: &row.actor_role },
            action: &row.action,
            target: row.target.as_deref(),
            outcome: &row.outcome,
            code: row.code.as_deref(),
            request_id: row.request_id.as_deref(),
            client_address: row.client_address.as_deref(),
            count: row.count,
            previous_hash: row.previous_hash.to_string(),
            hash: row.hash.to_string(),
        }
    }
}
