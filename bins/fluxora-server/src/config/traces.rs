use clap::Args;
use fluxora_trace::{Resource, Sampler};
use http::{HeaderName, HeaderValue, Uri};

use super::ConfigFaults;
use super::setting::{Parser, Setting, any, optional};

/// Where traces are sent, by the names of the OpenTelemetry specification.
#[derive(Args)]
#[command(next_help_heading = "Traces")]
pub(crate) struct TraceSettings {
    /// OpenTelemetry collector that gets the traces: an http or https URL, to which /v1/traces is appended. OTLP over HTTP, as
    /// JSON. Without it no trace is recorded.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(endpoint())
    )]
    otel_exporter_otlp_endpoint: Setting<Option<Uri>>,

    /// Headers of requests to the collector: name=value, separated by commas, values percent-encoded.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    otel_exporter_otlp_headers: Setting<Option<String>>,

    /// File that holds the OTEL_EXPORTER_OTLP_HEADERS.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    otel_exporter_otlp_headers_file: Setting<Option<String>>,

    /// Name of this service in traces: 1 to 255 printable characters.
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "fluxora", value_parser = name())]
    otel_service_name: Setting<String>,

    /// Attributes of this process in traces: name=value, separated by commas, values percent-encoded.
    #[arg(
        long,
        env = "OTEL_RESOURCE_ATTRIBUTES",
        default_value = "",
        hide_default_value = true,
        value_parser = optional(attributes())
    )]
    otel_resource_attributes: Setting<Option<Vec<(String, String)>>>,

    /// Which traces are recorded: always_on, always_off, traceidratio, or one of them after parentbased_, which decides as the
    /// sender of a request did, if it sent a traceparent.
    #[arg(long, env = "OTEL_TRACES_SAMPLER", default_value = "parentbased_always_on", value_parser = sampler())]
    otel_traces_sampler: Setting<String>,

    /// Share of traces that traceidratio records: a number from 0 to 1.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value = "1", value_parser = ratio())]
    otel_traces_sampler_arg: Setting<String>,
}

/// A collector. Not `Debug`: its headers may be secret.
#[derive(Clone)]
pub(crate) struct Collector {
    /// The URL of traces.
    pub(crate) url: Uri,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) resource: Resource,
    pub(crate) sampler: Sampler,
}

/// Where traces go; `None` if none is recorded.
#[derive(Clone)]
pub(crate) struct Traces(pub(crate) Option<Collector>);

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Traces").field(&self.0.as_ref().map(|collector| &collector.url)).finish()
    }
}

impl TraceSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<Traces> {
        let endpoint = faults.take(&self.otel_exporter_otlp_endpoint);
        let headers = self.headers(faults);
        let name = faults.take(&self.otel_service_name);
        let attributes = faults.take(&self.otel_resource_attributes);
        let sampler = faults.take(&self.otel_traces_sampler);
        let ratio = faults.take(&self.otel_traces_sampler_arg);
        let (headers, sampler) = (headers?, Sampler::named(&sampler?, Some(&ratio?))?);
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let version = named("service.version", crate::VERSION);
        // The name of the attributes counts only where OTEL_SERVICE_NAME is not set, as the specification says.
        let name = name.filter(|name| name != DEFAULT_NAME).map(|name| named("service.name", &name));
        let defaults = [named("service.name", DEFAULT_NAME), version];
        let resource = defaults.into_iter().chain(attributes?.unwrap_or_default()).chain(name);
        let resource = Resource::new(resource);
        Some(Traces(endpoint?.map(|url| Collector { url, headers, resource, sampler })))
    }

    fn headers(&self, faults: &mut ConfigFaults) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let name = "OTEL_EXPORTER_OTLP_HEADERS";
        let value = &self.otel_exporter_otlp_headers;
        let Some(text) = faults.secret(name, value, &self.otel_exporter_otlp_headers_file)? else {
            return Some(Vec::new());
        };
        let header = |(name, value): &(String, String)| {
            let mut value = HeaderValue::try_from(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name).ok()?, value))
        };
        let headers = pairs(&text).and_then(|pairs| pairs.iter().map(header).collect());
        if headers.is_none() {
            faults.add(format!("{name} must be headers name=value, separated by commas"));
        }
        headers
    }
}

const DEFAULT_NAME: &str = "fluxora";

fn endpoint() -> Parser<Uri> {
    Parser::new("an http or https URL such as http://localhost:4318", traces_url)
}

fn traces_url(base: &str) -> Option<Uri> {
    let parsed: Uri = base.parse().ok()?;
    let is_http = matches!(parsed.scheme_str(), Some("http" | "https")) && parsed.authority().is_some();
    if !is_http || parsed.query().is_some() {
        return None;
    }
    format!("{}/v1/traces", base.trim_end_matches('/')).parse().ok()
}

fn name() -> Parser<String> {
    Parser::new("1 to 255 printable characters", |text| {
        let is_printable = !text.chars().any(char::is_control);
        ((1..=255).contains(&text.len()) && is_printable).then(|| text.to_owned())
    })
}

fn attributes() -> Parser<Vec<(String, String)>> {
    Parser::new("attributes name=value, separated by commas", pairs)
}

fn sampler() -> Parser<String> {
    let names = "always_on, always_off, traceidratio, or one of them after parentbased_";
    Parser::new(names, |text| Sampler::named(text, None).map(|_| text.to_owned()))
}

fn ratio() -> Parser<String> {
    Parser::new("a ratio from 0 to 1, such as 0.25", |text| {
        Sampler::named("traceidratio", Some(text)).map(|_| text.to_owned())
    })
}

/// The pairs of a list `name=value,name=value` whose values are percent-encoded.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let name = name.trim();
        (!name.is_empty()).then_some((name.to_owned(), decoded(value.trim())?))
    };
    text.split(',').map(pair).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
        } else {
            byte
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_percent_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs("a=1, b = x%20y%2Cz"), Some(vec![pair("a", "1"), pair("b", "x y,z")]));
        assert_eq!(pairs("authorization=Basic%20YQ=="), Some(vec![pair("authorization", "Basic YQ==")]));
        for wrong in ["", "a", "=1", "a=1,", "a=%", "a=%2", "a=%zz", "a=%ff"] {
            assert_eq!(pairs(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_is_a_base_url() {
        for (base, expect) in [
            ("http://localhost:4318", Some("http://localhost:4318/v1/traces")),
            ("https://otlp.example/otlp/", Some("https://otlp.example/otlp/v1/traces")),
            ("localhost:4318", None),
            ("grpc://localhost:4317", None),
            ("http://localhost/?a=1", None),
            ("hunter2", None),
        ] {
            let read = traces_url(base).map(|url| url.to_string());
            assert_eq!(read.as_deref(), expect, "{base}");
        }
    }
}
