use serde_json::{Map, Value};

/// What was measured, row by row.
pub(crate) struct Report {
    as_json: bool,
    rows: Vec<Value>,
}

impl Report {
    pub(crate) const fn new(as_json: bool) -> Self {
        Self { as_json, rows: Vec::new() }
    }

    /// Adds a row: what was measured, and its figures. It is shown at once, unless JSON is asked for.
    pub(crate) fn add<const N: usize>(&mut self, what: &str, figures: [(&str, f64); N]) {
        let mut row = Map::from_iter([("what".to_owned(), what.into())]);
        let mut line = format!("{what:<52}");
        for (name, value) in figures {
            let value = (value * 100.0).round() / 100.0;
            row.insert(name.to_owned(), value.into());
            line.push_str(&format!("  {name} {value}"));
        }
        if !self.as_json {
            println!("{line}");
        }
        self.rows.push(row.into());
    }

    pub(crate) fn print(&self) {
        if self.as_json {
            println!("{}", Value::from(self.rows.clone()));
        }
    }
}
