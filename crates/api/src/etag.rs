//! The version of what a path names, as an entity tag: `"7"`.

use actix_web::http::header::{HeaderMap, IF_MATCH};

use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;

/// The entity tag of a version.
pub(crate) fn of(version: u32) -> String {
    format!("\"{version}\"")
}

/// The versions to which a request is bound by `If-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// There is no condition, or it is `*`.
    Any,
    /// One of these.
    OneOf(Vec<u32>),
}

impl Condition {
    /// Reads `If-Match`. A tag of another form, a weak one included, is read and matches no version.
    ///
    /// # Errors
    /// `INVALID_VALUE` if it is no list of entity tags.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut versions = Vec::new();
        let mut given = headers.get_all(IF_MATCH).peekable();
        if given.peek().is_none() {
            return Ok(Self::Any);
        }
        for value in given {
            let text = value.to_str().map_err(|_| malformed())?;
            if text.trim() == "*" {
                return Ok(Self::Any);
            }
            for tag in text.split(',').map(str::trim) {
                versions.push(version(tag)?);
            }
        }
        Ok(Self::OneOf(versions.into_iter().flatten().collect()))
    }

    /// Whether the request is bound to a version.
    pub(crate) const fn is_bound(&self) -> bool {
        matches!(self, Self::OneOf(_))
    }

    /// Whether a request may change what has this version.
    ///
    /// # Errors
    /// `PRECONDITION_FAILED` if not.
    pub(crate) fn check(&self, version: u32) -> Result<(), ApiError> {
        match self {
            Self::OneOf(versions) if !versions.contains(&version) => Err(ApiError::new(
                ErrorKind::PreconditionFailed,
                "it was changed since: read it again, and send its ETag in If-Match",
            )),
            _ => Ok(()),
        }
    }
}

/// The version of a tag; `None` if the tag is none of this server's.
fn version(tag: &str) -> Result<Option<u32>, ApiError> {
    let (is_weak, quoted) = tag.strip_prefix("W/").map_or((false, tag), |tag| (true, tag));
    let inner = quoted.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or_else(malformed)?;
    if inner.contains('"') {
        return Err(malformed());
    }
    let version = inner.parse().ok().filter(|version: &u32| !is_weak && version.to_string() == inner);
    Ok(version)
}

fn malformed() -> ApiError {
    let message = "If-Match must be the ETag of an answer, such as \"7\", quotes included";
    ApiError::invalid_field("If-Match", FieldCode::InvalidValue, message)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(values: &[&'static str], expect: Option<&Condition>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_static(value));
        }
        assert_eq!(Condition::of(&headers).ok().as_ref(), expect, "{values:?}");
    }

    #[test]
    fn a_condition_is_read_from_every_form_of_the_header() {
        check(&[], Some(&Condition::Any));
        check(&["*"], Some(&Condition::Any));
        check(&["\"7\""], Some(&Condition::OneOf(vec![7])));
        check(&["\"7\", \"8\"", "\"9\""], Some(&Condition::OneOf(vec![7, 8, 9])));
        for other in ["W/\"7\"", "\"abc\"", "\"07\"", "\"+7\"", "\"\"", "\"99999999999\""] {
            check(&[other], Some(&Condition::OneOf(Vec::new())));
        }
        for malformed in ["", "7", "\"7", "7\"", "\"7\" \"8\"", "\"7\",", "W/7"] {
            check(&[malformed], None);
        }
    }

    #[test]
    fn only_the_version_of_its_tag_meets_a_condition() {
        let bound = Condition::OneOf(vec![7]);
        assert!(bound.check(7).is_ok() && Condition::Any.check(7).is_ok());
        assert_eq!(bound.check(8).unwrap_err().kind, ErrorKind::PreconditionFailed);
        assert!(Condition::OneOf(Vec::new()).check(7).is_err());
    }
}
