use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::web;
use fluxora_stream::ContractId;

use crate::error::{ApiError, FieldFault};
use crate::field_code::FieldCode;

/// Reads the parameters of a query string one by one and collects every fault.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    faults: Vec<FieldFault>,
}

impl Query {
    /// Reads the query string of a request.
    ///
    /// # Errors
    /// `INVALID_VALUE` if it is malformed.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let pairs =
            web::Query::<Vec<(String, String)>>::from_query(request.query_string()).map_err(|_| {
                ApiError::invalid(vec![FieldFault::new(
                    "query",
                    FieldCode::InvalidValue,
                    "the query string cannot be read",
                )])
            })?;
        Ok(Self { pairs: pairs.into_inner(), faults: Vec::new() })
    }

    /// An optional parameter, parsed by `parse`; `needed` describes the accepted values.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        code: FieldCode,
        needed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.checked(name, |text| parse(text).ok_or_else(|| (code, format!("{name} must be {needed}"))))
    }

    /// An optional parameter, parsed by `parse`, which returns the code and the message of a fault.
    pub(crate) fn checked<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, (FieldCode, String)>,
    ) -> Option<T> {
        let given = self.take(name)?;
        let fault = |(code, message)| self.faults.push(FieldFault::new(name, code, message));
        parse(&given).map_err(fault).ok()
    }

    /// An optional contract, as a filter names it.
    pub(crate) fn contract(&mut self, name: &'static str) -> Option<ContractId> {
        self.checked(name, |text| {
            ContractId::parse(text).map_err(|error| (error.into(), format!("{name}: {error}")))
        })
    }

    /// Whether a parameter is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }

    /// An optional parameter with a fixed set of words.
    pub(crate) fn word<T: FromStr>(&mut self, name: &'static str, needed: &str) -> Option<T> {
        self.parsed(name, FieldCode::InvalidValue, needed, |text| text.parse().ok())
    }

    /// The items per page: 1 to 100, 20 by default.
    pub(crate) fn limit(&mut self) -> u32 {
        self.limit_up_to(100, 20)
    }

    /// The items per page: 1 to `max`, or `default`.
    pub(crate) fn limit_up_to(&mut self, max: u32, default: u32) -> u32 {
        let range = |text: &str| text.parse().ok().filter(|limit| (1..=max).contains(limit));
        let needed = format!("a whole number from 1 to {max}");
        self.parsed("limit", FieldCode::InvalidValue, &needed, range).unwrap_or(default)
    }

    /// Adds a fault of another part of the request.
    pub(crate) fn fault(&mut self, fault: FieldFault) {
        self.faults.push(fault);
    }

    /// Ends the reading. Every remaining parameter is unknown.
    ///
    /// # Errors
    /// Every fault.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        if !self.pairs.is_empty() {
            let message = "the query string has a parameter that this request does not take";
            self.faults.push(FieldFault::new("query", FieldCode::UnknownField, message));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.faults)) }
    }

    fn take(&mut self, name: &'static str) -> Option<String> {
        let mut found = Vec::new();
        self.pairs.retain_mut(|(key, value)| {
            let this = key == name;
            if this {
                found.push(std::mem::take(value));
            }
            !this
        });
        if found.len() > 1 {
            self.faults.push(FieldFault::new(
                name,
                FieldCode::DuplicateField,
                format!("{name} is given twice"),
            ));
            return None;
        }
        found.pop()
    }
}
