//! The URL of a receiver.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;
use url::Url;

use crate::AddressKind;

/// Longest URL in bytes.
pub const MAX_URL_BYTES: usize = 2_048;

/// A URL that may be sent to: checked by [`Policy::target`](crate::Policy::target).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    is_https: bool,
    host: Host,
    port: u16,
    path_and_query: String,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    Address(IpAddr),
    /// In lower case, without a dot at its end.
    Name(String),
}

/// Why a URL is refused. The URL is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It has more than [`MAX_URL_BYTES`].
    #[error("the URL is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// It is no absolute URL in ASCII.
    #[error("the URL is not an absolute URL in ASCII: write a name of other letters in its xn-- form")]
    Syntax,
    /// Its scheme is neither `https` nor `http`.
    #[error("the URL must begin with https://")]
    Scheme,
    /// It is an `http` URL.
    #[error("the URL must begin with https://: plain http is not switched on")]
    PlainHttp,
    /// It has a user or a password.
    #[error("the URL must not have a user or a password")]
    UserInfo,
    /// It has a fragment.
    #[error("the URL must not have a fragment")]
    Fragment,
    /// Its port is below 1024 and not 443.
    #[error("the port of the URL must be 443 or at least 1024")]
    Port,
    /// Its host is an address that is not public.
    #[error("the host of the URL is not a public address ({})", kind.as_str())]
    Address {
        /// What it belongs to.
        kind: AddressKind,
    },
}

impl TargetError {
    /// The code of this fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "URL_TOO_LONG",
            Self::Syntax => "URL_INVALID",
            Self::Scheme => "URL_SCHEME_NOT_ALLOWED",
            Self::PlainHttp => "URL_PLAIN_HTTP_NOT_ALLOWED",
            Self::UserInfo => "URL_USERINFO_NOT_ALLOWED",
            Self::Fragment => "URL_FRAGMENT_NOT_ALLOWED",
            Self::Port => "URL_PORT_NOT_ALLOWED",
            Self::Address { .. } => "URL_ADDRESS_NOT_ALLOWED",
        }
    }
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, TargetError> {
        if text.len() > MAX_URL_BYTES {
            return Err(TargetError::TooLong);
        }
        // Parsers disagree on what these mean, so none of them is guessed at.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(TargetError::Syntax);
        }
        let (scheme, rest) = text.split_once("://").ok_or(TargetError::Syntax)?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(TargetError::Scheme);
        }
        if rest.starts_with(['/', ':', '?', '#']) {
            return Err(TargetError::Syntax);
        }
        if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(TargetError::UserInfo);
        }
        if rest.contains('#') {
            return Err(TargetError::Fragment);
        }
        let url = Url::parse(text).map_err(|_| TargetError::Syntax)?;
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(TargetError::Port)?;
        let path = url.path();
        let path_and_query = url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        Ok(Self { is_https, host: host(&url).ok_or(TargetError::Syntax)?, port, path_and_query })
    }

    pub(crate) const fn is_https(&self) -> bool {
        self.is_https
    }

    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) const fn default_port(&self) -> u16 {
        if self.is_https { 443 } else { 80 }
    }

    pub(crate) fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The value of the header `host`.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn host(url: &Url) -> Option<Host> {
    Some(match url.host()? {
        url::Host::Ipv4(address) => Host::Address(IpAddr::V4(address)),
        url::Host::Ipv6(address) => Host::Address(IpAddr::V6(address).to_canonical()),
        url::Host::Domain(name) if is_name(name) => Host::Name(name.to_owned()),
        url::Host::Domain(_) => return None,
    })
}

/// Letters, digits, hyphens and underscores in labels of at most 63 characters. The name is in lower case already.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Target {
    /// The URL in its normal form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path_and_query)
    }
}

impl fmt::Debug for Target {
    /// Without host, path and query: a URL may hold a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("is_https", &self.is_https).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expect: Result<&str, TargetError>) {
        assert_eq!(Target::parse(url).map(|target| target.to_string()), expect.map(str::to_owned), "{url}");
    }

    #[test]
    fn a_url_is_brought_to_its_normal_form() {
        check("https://example.com", Ok("https://example.com/"));
        check("HTTPS://EXAMPLE.com:443/a/../b?c=%20d", Ok("https://example.com/b?c=%20d"));
        check("http://example.com:80/", Ok("http://example.com/"));
        check("https://example.com:8443/a?b", Ok("https://example.com:8443/a?b"));
        check("https://xn--bcher-kva.example/", Ok("https://xn--bcher-kva.example/"));
        check("https://[2606:4700:0::1111]:8443", Ok("https://[2606:4700::1111]:8443/"));
        check("https://0x1.1", Ok("https://1.0.0.1/"));
        check("https://[::ffff:1.1.1.1]/", Ok("https://1.1.1.1/"));
        check("https://receiver/a", Ok("https://receiver/a"));
    }

    #[test]
    fn each_fault_has_its_own_error() {
        use TargetError::{Fragment, Port, Scheme, Syntax, TooLong, UserInfo};
        for (url, expect) in [
            ("", Syntax),
            ("example.com", Syntax),
            ("//example.com/", Syntax),
            ("https:/example.com", Syntax),
            ("https:///example.com", Syntax),
            ("https://", Syntax),
            ("https://:443/", Syntax),
            ("https://example.com\\@evil.example/", Syntax),
            ("https://example.com/a b", Syntax),
            ("https://example.com/\n", Syntax),
            (" https://example.com/", Syntax),
            ("https://b\u{fc}cher.example/", Syntax),
            ("https://exa mple.com", Syntax),
            ("https://example.com./", Syntax),
            ("https://localhost./", Syntax),
            ("https://a..b/", Syntax),
            ("https://[fe80::1%25eth0]/", Syntax),
            ("https://[::1/", Syntax),
            ("https://1.2.3.4.5/", Syntax),
            ("https://256.1.1.1/", Syntax),
            ("https://example.com:65536/", Syntax),
            ("https://example.com:x/", Syntax),
            ("https://example.com:0/", Port),
            ("ftp://example.com/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("gopher://example.com/", Scheme),
            ("https://user@example.com/", UserInfo),
            ("https://user:password@example.com/", UserInfo),
            ("https://@example.com/", UserInfo),
            ("https://example.com/#a", Fragment),
            ("https://example.com#", Fragment),
        ] {
            check(url, Err(expect));
        }
        let longest = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES - 20));
        assert!(Target::parse(&longest).is_ok());
        check(&format!("{longest}a"), Err(TooLong));
    }

    #[test]
    fn debug_shows_no_part_that_may_be_a_credential() {
        let target = Target::parse("https://hunter2.example/hunter2?token=hunter2").unwrap();
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}
