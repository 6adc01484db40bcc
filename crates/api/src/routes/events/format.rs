use actix_web::HttpRequest;
use actix_web::http::header;

/// The form of an answer, chosen by `Accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One JSON document.
    Page,
    /// Server-sent events.
    EventStream,
    /// A JSON document on each line.
    Lines,
}

impl Format {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let accepted = request.headers().get_all(header::ACCEPT);
        Self::preferred(accepted.filter_map(|value| value.to_str().ok()))
    }

    /// The accepted format with the greatest weight, the first of several. JSON if none is known.
    fn preferred<'v>(accepted: impl Iterator<Item = &'v str>) -> Self {
        let mut best = (0, Self::Page);
        for range in accepted.flat_map(|value| value.split(',')) {
            let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
            let format = match name.trim().to_ascii_lowercase().as_str() {
                "text/event-stream" => Self::EventStream,
                "application/x-ndjson" => Self::Lines,
                "application/json" | "application/*" | "*/*" => Self::Page,
                _ => continue,
            };
            let weight = weight(parameters);
            if weight > best.0 {
                best = (weight, format);
            }
        }
        best.1
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Page => "application/json",
            Self::EventStream => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }
}

/// The weight among the parameters of a media range, in thousandths: 1000 without one, 0 if it cannot be read.
fn weight(parameters: &str) -> u16 {
    let mut parameters = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let Some((_, value)) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("q")) else {
        return 1_000;
    };
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let digits = format!("{fraction:0<3}");
    match (whole, digits.parse::<u16>()) {
        ("0", Ok(thousandths)) if digits.len() == 3 => thousandths,
        ("1", Ok(0)) => 1_000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &[&str], expect: Format) {
        assert_eq!(Format::preferred(accept.iter().copied()), expect, "{accept:?}");
    }

    #[test]
    fn accept_chooses_the_format_by_weight_and_then_by_order() {
        check(&[], Format::Page);
        check(&["*/*"], Format::Page);
        check(&["text/html, */*;q=0.8"], Format::Page);
        check(&["text/event-stream"], Format::EventStream);
        check(&["Text/Event-Stream ; charset=utf-8"], Format::EventStream);
        check(&["application/x-ndjson"], Format::Lines);
        check(&["application/x-ndjson;q=0.5, text/event-stream;q=0.9"], Format::EventStream);
        check(&["application/json, text/event-stream"], Format::Page);
        check(&["text/event-stream;q=0.2", "application/x-ndjson;q=0.25"], Format::Lines);
        check(&["text/event-stream;q=0"], Format::Page);
        check(&["text/event-stream;q=2"], Format::Page);
        check(&["text/event-stream;q=1.000, application/json"], Format::EventStream);
        check(&["text/plain"], Format::Page);
    }
}
