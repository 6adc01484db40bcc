//! A check of JSON against the part of JSON Schema that the schema of events uses. A member that no schema names is a fault, so that
//! none is left undocumented.

use std::collections::BTreeSet;

use serde_json::Value;

const ANNOTATIONS: [&str; 6] = ["$schema", "$defs", "title", "description", "examples", "format"];

pub(crate) struct Schema(Value);

/// What a value was found to be: its faults, and the members that a schema names.
#[derive(Default)]
struct Checked {
    faults: Vec<String>,
    known: BTreeSet<String>,
}

impl Schema {
    pub(crate) const fn new(schema: Value) -> Self {
        Self(schema)
    }

    pub(crate) fn definition(&self, name: &str) -> &Value {
        self.0["$defs"].get(name).unwrap_or_else(|| panic!("there is no definition {name}"))
    }

    /// The names that the schema chooses between.
    pub(crate) fn variants(&self) -> Vec<&str> {
        let variants = self.0["oneOf"].as_array().unwrap().iter();
        variants.map(|variant| variant["$ref"].as_str().unwrap().rsplit('/').next().unwrap()).collect()
    }

    /// The faults of a value under a definition.
    pub(crate) fn check(&self, definition: &str, value: &Value) -> Vec<String> {
        self.strict(self.definition(definition), value, "")
    }

    /// The faults of a value, unnamed members among them.
    fn strict(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let Checked { mut faults, known } = self.checked(schema, value, at);
        let names = value.as_object().into_iter().flat_map(|members| members.keys());
        faults.extend(
            names.filter(|name| !known.contains(*name)).map(|name| format!("{at}/{name} is unknown")),
        );
        faults
    }

    fn checked(&self, schema: &Value, value: &Value, at: &str) -> Checked {
        let mut checked = Checked::default();
        for (keyword, rule) in schema.as_object().unwrap() {
            self.keyword(keyword, rule, value, at, &mut checked);
        }
        checked
    }

    fn keyword(&self, keyword: &str, rule: &Value, value: &Value, at: &str, checked: &mut Checked) {
        let mut expect = |holds: bool| {
            if !holds {
                checked.faults.push(format!("{at}: {keyword} {rule}, found {value}"));
            }
        };
        match keyword {
            "type" => expect(match rule {
                Value::Array(names) => names.iter().any(|name| is_of(name, value)),
                name => is_of(name, value),
            }),
            "const" => expect(rule == value),
            "enum" => expect(rule.as_array().unwrap().contains(value)),
            "minimum" => expect(value.as_u64().is_none_or(|number| number >= rule.as_u64().unwrap())),
            "required" => {
                let names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                names.for_each(|name| expect(value.get(name).is_some()));
            }
            "oneOf" => {
                let sound: Vec<_> =
                    rule.as_array().unwrap().iter().map(|one| self.checked(one, value, at)).collect();
                let mut sound = sound.into_iter().filter(|checked| checked.faults.is_empty());
                let (one, other) = (sound.next(), sound.next());
                expect(one.is_some() && other.is_none());
                checked.known.extend(one.into_iter().flat_map(|one| one.known));
            }
            "allOf" => {
                rule.as_array().unwrap().iter().for_each(|one| checked.add(self.checked(one, value, at)));
            }
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                checked.add(self.checked(self.definition(name), value, at));
            }
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    checked.known.insert(name.clone());
                    if let Some(member) = value.get(name) {
                        checked.faults.extend(self.strict(schema, member, &format!("{at}/{name}")));
                    }
                }
            }
            "items" => {
                for (number, entry) in value.as_array().into_iter().flatten().enumerate() {
                    checked.faults.extend(self.strict(rule, entry, &format!("{at}/{number}")));
                }
            }
            "additionalProperties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    checked.known.insert(name.clone());
                    checked.faults.extend(self.strict(rule, member, &format!("{at}/{name}")));
                }
            }
            annotation => {
                assert!(ANNOTATIONS.contains(&annotation), "the keyword {annotation} is not checked");
            }
        }
    }
}

impl Checked {
    fn add(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.known.extend(other.known);
    }
}

fn is_of(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not checked"),
    }
}
