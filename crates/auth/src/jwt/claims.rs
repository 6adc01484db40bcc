use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{Name, Principal, Refusal, Role};

/// The claims that decide. Each is read as any JSON, so that a wrong type is a refusal that names the claim.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    exp: Value,
    #[serde(default)]
    nbf: Value,
    #[serde(default)]
    sub: Value,
    #[serde(default)]
    role: Value,
    #[serde(default)]
    roles: Value,
}

impl Claims {
    pub(super) fn expires_at(&self) -> Result<Timestamp, Refusal> {
        numeric_date(&self.exp).ok_or(Refusal::Claim("exp"))
    }

    pub(super) fn not_before(&self) -> Result<Option<Timestamp>, Refusal> {
        match &self.nbf {
            Value::Null => Ok(None),
            nbf => numeric_date(nbf).map(Some).ok_or(Refusal::Claim("nbf")),
        }
    }

    pub(super) fn principal(&self) -> Result<Principal, Refusal> {
        let subject: Option<Name> = self.sub.as_str().and_then(|subject| subject.parse().ok());
        Ok(Principal::subject(subject.ok_or(Refusal::Claim("sub"))?, self.role()?))
    }

    /// `role`, or the most powerful role that `roles` names; other words among them are for other services.
    fn role(&self) -> Result<Role, Refusal> {
        match (&self.role, &self.roles) {
            (Value::String(role), _) => role.parse().map_err(|_| Refusal::Claim("role")),
            (Value::Null, Value::Array(roles)) => {
                let known = roles.iter().filter_map(|role| role.as_str()?.parse().ok());
                known.max().ok_or(Refusal::Claim("roles"))
            }
            (Value::Null, Value::Null) => Err(Refusal::Claim("role")),
            (Value::Null, _) => Err(Refusal::Claim("roles")),
            _ => Err(Refusal::Claim("role")),
        }
    }
}

/// A NumericDate: seconds since 1970, with or without a fraction, which is cut off. One beyond the range of instants is its end.
fn numeric_date(value: &Value) -> Option<Timestamp> {
    let Value::Number(number) = value else { return None };
    let text = number.to_string();
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
    if text.contains(['e', 'E']) {
        return None;
    }
    match whole.parse::<i64>() {
        Ok(seconds) => Some(Timestamp::from_second(seconds).unwrap_or(match seconds {
            ..0 => Timestamp::MIN,
            0.. => Timestamp::MAX,
        })),
        // More digits than i64 has.
        Err(_) if whole.starts_with('-') => Some(Timestamp::MIN),
        Err(_) => Some(Timestamp::MAX),
    }
}
