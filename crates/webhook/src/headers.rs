//! Where header values come from: any framework's map, through one small trait.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::name;

/// The headers of a request.
///
/// Implemented for slices, arrays and vectors of pairs, for `HashMap` and `BTreeMap`, for [`HeaderFields`] (collected
/// from any iterator of pairs) and, with the feature `http`, for `http::HeaderMap`. Names are compared without regard to
/// case; values are bytes as they were received.
///
/// ```
/// use fluxora_webhook::{HeaderFields, Headers};
///
/// struct Request {
///     headers: Vec<(String, Vec<u8>)>,
/// }
///
/// impl Headers for Request {
///     fn fields(&self) -> HeaderFields<'_> {
///         self.headers.iter().map(|(name, value)| (name, value.as_slice())).collect()
///     }
/// }
/// ```
pub trait Headers {
    /// Picks out the headers that matter here.
    ///
    /// ```
    /// # use fluxora_webhook::Headers;
    /// let headers = [("Host", "example.com"), ("X-Fluxora-Timestamp", "1700000000")];
    /// assert_eq!(format!("{:?}", headers.fields()), r#"["x-fluxora-timestamp"]"#);
    /// ```
    fn fields(&self) -> HeaderFields<'_>;
}

/// The headers this crate reads, picked out of an iterator of pairs in one pass, without allocating.
///
/// For maps of a framework whose types the crate does not know, such as actix-web's:
///
/// ```
/// use actix_web::http::header::HeaderMap;
/// use fluxora_webhook::{HeaderFields, UnixSeconds, Verifier};
///
/// let map = HeaderMap::new();
/// let headers: HeaderFields = map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
/// assert!(Verifier::unconfigured().verify(&headers, b"", UnixSeconds::new(0)).is_err());
/// ```
#[derive(Clone, Copy, Default)]
pub struct HeaderFields<'a> {
    pub(crate) delivery_id: Field<'a>,
    pub(crate) timestamp: Field<'a>,
    pub(crate) signature: Field<'a>,
    pub(crate) signature_next: Field<'a>,
    pub(crate) event: Field<'a>,
    pub(crate) standard_id: Field<'a>,
    pub(crate) standard_timestamp: Field<'a>,
    pub(crate) standard_signature: Field<'a>,
}

/// What a request has under one header name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Field<'a> {
    #[default]
    Absent,
    One(&'a [u8]),
    /// A delivery has each header once, so none of several values is believed.
    Repeated,
}

impl<'a> Field<'a> {
    /// The value, when there is exactly one and it is not empty.
    pub(crate) fn value(self) -> Option<&'a [u8]> {
        match self {
            Self::One(value) if !value.is_empty() => Some(value),
            Self::One(_) | Self::Absent | Self::Repeated => None,
        }
    }

    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::One(value),
            Self::One(_) | Self::Repeated => Self::Repeated,
        };
    }
}

impl<'a> HeaderFields<'a> {
    /// The place of a header, if it is one of those that matter.
    #[inline]
    fn place(&mut self, given: &str) -> Option<&mut Field<'a>> {
        let is = |name: &str| given == name || given.eq_ignore_ascii_case(name);
        // Length and last letter tell the headers of a request apart; only a likely one is compared in full.
        match (given.len(), given.as_bytes().last()?.to_ascii_lowercase()) {
            (10, b'd') if is(name::STANDARD_ID) => Some(&mut self.standard_id),
            (15, b't') if is(name::EVENT) => Some(&mut self.event),
            (17, b'p') if is(name::STANDARD_TIMESTAMP) => Some(&mut self.standard_timestamp),
            (17, b'e') if is(name::STANDARD_SIGNATURE) => Some(&mut self.standard_signature),
            (19, b'p') if is(name::TIMESTAMP) => Some(&mut self.timestamp),
            (19, b'e') if is(name::SIGNATURE) => Some(&mut self.signature),
            (21, b'd') if is(name::DELIVERY_ID) => Some(&mut self.delivery_id),
            (24, b't') if is(name::SIGNATURE_NEXT) => Some(&mut self.signature_next),
            _ => None,
        }
    }

    fn present(&self) -> impl Iterator<Item = &'static str> {
        [
            (name::DELIVERY_ID, self.delivery_id),
            (name::TIMESTAMP, self.timestamp),
            (name::SIGNATURE, self.signature),
            (name::SIGNATURE_NEXT, self.signature_next),
            (name::EVENT, self.event),
            (name::STANDARD_ID, self.standard_id),
            (name::STANDARD_TIMESTAMP, self.standard_timestamp),
            (name::STANDARD_SIGNATURE, self.standard_signature),
        ]
        .into_iter()
        .filter_map(|(name, field)| (field != Field::Absent).then_some(name))
    }
}

impl<'a, N: AsRef<str>> FromIterator<(N, &'a [u8])> for HeaderFields<'a> {
    fn from_iter<I: IntoIterator<Item = (N, &'a [u8])>>(pairs: I) -> Self {
        let mut fields = Self::default();
        for (name, value) in pairs {
            if let Some(field) = fields.place(name.as_ref()) {
                field.add(value);
            }
        }
        fields
    }
}

impl fmt::Debug for HeaderFields<'_> {
    /// Names only: the values include signatures.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.present()).finish()
    }
}

impl Headers for HeaderFields<'_> {
    fn fields(&self) -> HeaderFields<'_> {
        *self
    }
}

impl<H: Headers + ?Sized> Headers for &H {
    fn fields(&self) -> HeaderFields<'_> {
        (**self).fields()
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Headers for [(K, V)] {
    fn fields(&self) -> HeaderFields<'_> {
        self.iter().map(|(name, value)| (name, value.as_ref())).collect()
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, const N: usize> Headers for [(K, V); N] {
    fn fields(&self) -> HeaderFields<'_> {
        self.as_slice().fields()
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Headers for Vec<(K, V)> {
    fn fields(&self) -> HeaderFields<'_> {
        self.as_slice().fields()
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, S> Headers for HashMap<K, V, S> {
    fn fields(&self) -> HeaderFields<'_> {
        self.iter().map(|(name, value)| (name, value.as_ref())).collect()
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Headers for BTreeMap<K, V> {
    fn fields(&self) -> HeaderFields<'_> {
        self.iter().map(|(name, value)| (name, value.as_ref())).collect()
    }
}

#[cfg(feature = "http")]
impl Headers for http::HeaderMap {
    fn fields(&self) -> HeaderFields<'_> {
        self.iter().map(|(name, value)| (name, value.as_bytes())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &(impl Headers + ?Sized), expect: Field<'_>) {
        assert_eq!(headers.fields().timestamp, expect);
    }

    fn collected<'a>(pairs: &[(&'a str, &'a str)]) -> HeaderFields<'a> {
        pairs.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
    }

    #[test]
    fn every_source_finds_a_name_in_any_case() {
        let pairs = [("Host", "a"), ("X-Fluxora-Timestamp", "17")];
        check(&pairs, Field::One(b"17"));
        check(pairs.as_slice(), Field::One(b"17"));
        check(&pairs.to_vec(), Field::One(b"17"));
        check(&HashMap::from(pairs), Field::One(b"17"));
        check(&BTreeMap::from(pairs), Field::One(b"17"));
        check(&collected(&pairs), Field::One(b"17"));
    }

    #[test]
    fn every_source_tells_a_repeated_header_from_a_single_one() {
        let pairs = [("X-Fluxora-Timestamp", "17"), ("x-fluxora-timestamp", "17")];
        check(&pairs, Field::Repeated);
        check(&HashMap::from(pairs), Field::Repeated);
        check(&BTreeMap::from(pairs), Field::Repeated);
        check(&collected(&pairs), Field::Repeated);
    }

    #[cfg(feature = "http")]
    #[test]
    fn an_http_header_map_is_a_source() {
        let mut map = http::HeaderMap::new();
        check(&map, Field::Absent);
        map.append(name::TIMESTAMP, http::HeaderValue::from_static("17"));
        check(&map, Field::One(b"17"));
        map.append(name::TIMESTAMP, http::HeaderValue::from_static("17"));
        check(&map, Field::Repeated);
    }

    #[test]
    fn every_name_has_a_place() {
        for name in [
            name::DELIVERY_ID,
            name::TIMESTAMP,
            name::SIGNATURE,
            name::SIGNATURE_NEXT,
            name::EVENT,
            name::STANDARD_ID,
            name::STANDARD_TIMESTAMP,
            name::STANDARD_SIGNATURE,
        ] {
            assert!(collected(&[(name, "v")]).present().eq([name]));
            assert!(collected(&[(&name.to_ascii_uppercase(), "v")]).present().eq([name]));
        }
    }

    #[test]
    fn values_need_not_be_text() {
        check(&[(name::TIMESTAMP, &[0xff_u8, 0x00][..])], Field::One(&[0xff, 0x00]));
    }

    #[test]
    fn names_alone_are_shown() {
        let fields = collected(&[(name::SIGNATURE, "d886")]);
        assert_eq!(format!("{fields:?}"), r#"["x-fluxora-signature"]"#);
    }
}
