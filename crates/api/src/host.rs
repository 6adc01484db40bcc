use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::{self, HeaderMap};

use crate::error::{ApiError, ErrorKind};

/// The names by which clients may address the server, in the header `Host`.
///
/// A web page can resolve its own domain name to this server (DNS rebinding) and then read and write as a visitor who reaches
/// the port. IP addresses and `localhost` cannot be pointed elsewhere and are always accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    names: Vec<String>,
    any: bool,
}

impl AllowedHosts {
    /// Names separated by commas, without ports; `*` accepts every name. `None` if one of them is not a host name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut hosts = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "*" => hosts.any = true,
                name if is_name(name) => hosts.names.push(name.to_ascii_lowercase()),
                _ => return None,
            }
        }
        Some(hosts)
    }

    /// Accepts a request without `Host` (HTTP/1.0), or with one that is allowed.
    ///
    /// # Errors
    /// `HOST_NOT_ALLOWED`.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let allowed = |value: &header::HeaderValue| value.to_str().is_ok_and(|host| self.allows(host));
        if headers.get_all(header::HOST).all(allowed) { Ok(()) } else { Err(refused()) }
    }

    fn allows(&self, host: &str) -> bool {
        if self.any {
            return true;
        }
        if let Some(rest) = host.strip_prefix('[') {
            return rest.split_once(']').is_some_and(|(ip, _)| ip.parse::<Ipv6Addr>().is_ok());
        }
        let name = host.split_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<IpAddr>().is_ok()
            || self.names.iter().any(|allowed| allowed == name)
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= 253 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn refused() -> ApiError {
    ApiError::new(
        ErrorKind::HostNotAllowed,
        "this server does not answer to the name in the header Host: an operator can add it to ALLOWED_HOSTS",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(allowed: &str, host: &str, expect: bool) {
        assert_eq!(AllowedHosts::parse(allowed).unwrap().allows(host), expect, "{host:?} by {allowed:?}");
    }

    #[test]
    fn addresses_and_loopback_names_are_always_allowed() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:3000",
            "10.2.3.4:80",
            "[::1]:3000",
            "[::1]",
            "localhost",
            "LocalHost:3000",
        ] {
            check("", host, true);
        }
        check("", "a.localhost:1", true);
    }

    #[test]
    fn other_names_are_allowed_if_they_are_listed() {
        for host in
            ["evil.test", "evil.test:3000", "127.0.0.1.evil.test", "localhost.evil.test", "[evil]", ""]
        {
            check("", host, false);
            check("api.example.com", host, false);
        }
        for host in ["api.example.com", "API.example.com:443", "api.example.com."] {
            check("other.test, api.Example.com", host, true);
        }
        check("api.example.com", "a.api.example.com", false);
        check("*", "evil.test", true);
    }

    #[test]
    fn a_list_with_something_other_than_names_is_refused() {
        for list in ["https://a.test", "a.test:80", "a test", "*.a.test", "\u{e4}.test"] {
            assert_eq!(AllowedHosts::parse(list), None, "{list}");
        }
    }
}
