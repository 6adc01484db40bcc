//! Pages that are read in the order of one index, newest first, for any estimate of the server: a row comparison and an order by
//! both columns have the order of that index only.

use fluxora_store::Sequence;
use fluxora_store::delivery::LIST_WINDOW;
use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};

use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// Where a page begins in an index, and which rows the index holds.
pub(super) enum Key {
    /// All rows.
    All,
    /// Rows of a partial index with this condition.
    Where(&'static str),
    /// Rows with a value in the first column of the index.
    Equal(&'static str, Option<String>),
}

/// A statement with its values. It is planned for them.
pub(crate) struct Statement {
    pub(crate) sql: String,
    values: Vec<Value>,
    order: String,
}

pub(super) enum Value {
    Integer(i64),
    Text(Option<String>),
    Instant(Timestamp),
}

/// A table with its alias, of which `seq` is the primary key.
#[derive(Clone, Copy)]
pub(super) struct Table(pub(super) &'static str, pub(super) &'static str);

/// What a page reads: columns of a table and of what is joined to its rows.
pub(super) struct Select {
    pub(super) columns: &'static str,
    pub(super) table: Table,
    pub(super) join: &'static str,
}

impl Statement {
    /// Selects the rows of a key from `before` on, down to and with `floor`, for a page of `limit`. The server does not know how many
    /// rows the inner query ends with when it plans: it follows the index, where it would read and sort the whole table for an
    /// estimate that the conditions of the outer query leave few rows in.
    pub(super) fn of(
        select: &Select,
        key: Key,
        before: Option<Sequence>,
        floor: Option<Sequence>,
        limit: u32,
    ) -> Self {
        let Select { columns, table: Table(name, alias), join } = select;
        let mut this = Self { sql: String::new(), values: Vec::new(), order: String::new() };
        let range = this.range(alias, key, before, floor);
        let one_more = limit.max(1).saturating_add(1);
        let most = this.bind(Value::Integer(one_more.max(LIST_WINDOW).into()));
        let order = &this.order;
        this.sql = format!(
            "SELECT {columns} FROM (SELECT * FROM {name} {alias} WHERE {range} ORDER BY {order} LIMIT (SELECT {most}::bigint)) AS {alias} \
             {join} WHERE true"
        );
        this
    }

    /// Reads the last row of the window of a page.
    pub(super) fn window(Table(name, alias): Table, key: Key, before: Option<Sequence>) -> Self {
        let mut this = Self { sql: String::new(), values: Vec::new(), order: String::new() };
        let range = this.range(alias, key, before, None);
        let offset = this.bind(Value::Integer(i64::from(LIST_WINDOW).saturating_sub(1)));
        let order = &this.order;
        this.sql = format!(
            "SELECT {alias}.seq FROM {name} {alias} WHERE {range} ORDER BY {order} LIMIT 1 OFFSET (SELECT {offset}::bigint)"
        );
        this
    }

    /// The condition of a range of an index, and its order.
    fn range(&mut self, alias: &str, key: Key, before: Option<Sequence>, floor: Option<Sequence>) -> String {
        let before = self.bind(Value::Integer(before.map_or(i64::MAX, columns::seq)));
        let floor = self.bind(Value::Integer(floor.map_or(0, columns::seq)));
        let seq = format!("{alias}.seq");
        let range = format!("{seq} < {before} AND {seq} >= {floor}");
        let (range, order) = match key {
            Key::All => (range, format!("{seq} DESC")),
            Key::Where(condition) => (format!("{condition} AND {range}"), format!("{seq} DESC")),
            Key::Equal(column, None) => {
                (format!("{column} IS NULL AND {range}"), format!("{column} DESC, {seq} DESC"))
            }
            Key::Equal(column, value) => {
                let value = self.bind(Value::Text(value));
                let row = format!("({column}, {seq})");
                let range = format!("{row} < ({value}, {before}) AND {row} >= ({value}, {floor})");
                (range, format!("{column} DESC, {seq} DESC"))
            }
        };
        self.order = order;
        range
    }

    pub(super) fn require(&mut self, condition: &str, value: Value) {
        let value = self.bind(value);
        self.sql.push_str(&format!(" AND {condition} {value}"));
    }

    /// Ends a statement that reads one row more than the limit.
    pub(super) fn end(mut self, limit: u32) -> Self {
        let one_more = self.bind(Value::Integer(i64::from(limit.max(1)).saturating_add(1)));
        self.sql.push_str(&format!(" ORDER BY {} LIMIT {one_more}", self.order));
        self
    }

    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub(crate) fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.values.iter().map(Value::typed).collect()
    }
}

/// Reads where a window ends; `None` without one, or if fewer rows are left.
pub(super) async fn floor(
    lease: &Lease,
    what: &'static str,
    window: Option<Statement>,
) -> Result<Option<Sequence>, Fault> {
    let Some(window) = window else { return Ok(None) };
    let rows = lease.query_typed(&window.sql, &window.typed()).await.attempt(what)?;
    let floor = rows.first().map(|row| row.try_get::<_, i64>("seq")).transpose().attempt(what)?;
    Ok(floor.map(fluxora_store::rows::sequence))
}

impl Value {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Integer(integer) => (integer, Type::INT8),
            Self::Text(text) => (text, Type::TEXT),
            Self::Instant(instant) => (instant, Type::TIMESTAMPTZ),
        }
    }
}
