//! What may be sent to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::address::{self, AddressKind};
use crate::target::{Host, Target, TargetError};
use crate::{AllowList, Blocked};

/// Which URLs and which socket addresses may be sent to. A value without I/O.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Networks of the operator's choice.
    pub allowed: AllowList,
    /// Whether `http://` is accepted beside `https://`.
    pub plain_http: bool,
}

impl Policy {
    /// Reads a URL. An address in it is checked here; those that its name resolves to are checked at each connection.
    ///
    /// # Errors
    /// The first fault of the URL.
    pub fn target(&self, url: &str) -> Result<Target, TargetError> {
        let target = Target::parse(url)?;
        if !target.is_https() && !self.plain_http {
            return Err(TargetError::PlainHttp);
        }
        let port = target.port();
        if is_low(port) && port != target.default_port() && !self.allowed.names_port(port) {
            return Err(TargetError::Port);
        }
        let literal = match target.host() {
            Host::Address(address) => Some(*address),
            Host::Name(name) if is_local(name) => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Host::Name(_) => None,
        };
        let checked = literal.map_or(Ok(()), |address| self.check(SocketAddr::new(address, port)));
        checked.map_err(|Blocked(kind)| TargetError::Address { kind })?;
        Ok(target)
    }

    /// Whether one socket address may be connected to.
    ///
    /// # Errors
    /// What it belongs to, if it is neither public nor on the allow-list.
    pub fn check(&self, address: SocketAddr) -> Result<(), Blocked> {
        if self.allowed.contains(address) {
            return Ok(());
        }
        match address::kind(address.ip()) {
            Some(kind) => Err(Blocked(kind)),
            // A low port that the list opens is open within its block only.
            None if is_low(address.port()) && ![80, 443].contains(&address.port()) => {
                Err(Blocked(AddressKind::Reserved))
            }
            None => Ok(()),
        }
    }

    /// Whether all of these addresses may be connected to: one that may not refuses them all.
    ///
    /// # Errors
    /// What the first blocked address belongs to.
    pub fn check_all(&self, addresses: &[SocketAddr]) -> Result<(), Blocked> {
        addresses.iter().try_for_each(|address| self.check(*address))
    }
}

const fn is_low(port: u16) -> bool {
    port < 1024
}

/// Names that stand for this machine (RFC 6761).
fn is_local(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(allowed: &str) -> Policy {
        Policy { allowed: allowed.parse().unwrap(), plain_http: false }
    }

    #[track_caller]
    fn check(policy: &Policy, url: &str, expect: Result<(), TargetError>) {
        assert_eq!(policy.target(url).map(drop), expect, "{url}");
    }

    #[test]
    fn every_form_of_a_blocked_address_is_refused() {
        for (host, kind) in [
            ("127.0.0.1", AddressKind::Loopback),
            ("127.1", AddressKind::Loopback),
            ("0x7f.1", AddressKind::Loopback),
            ("0x7f000001", AddressKind::Loopback),
            ("2130706433", AddressKind::Loopback),
            ("0177.0.0.1", AddressKind::Loopback),
            ("017700000001", AddressKind::Loopback),
            ("%31%32%37.0.0.1", AddressKind::Loopback),
            ("localhost", AddressKind::Loopback),
            ("LOCALHOST", AddressKind::Loopback),
            ("a.localhost", AddressKind::Loopback),
            ("0", AddressKind::Unspecified),
            ("0.0.0.0", AddressKind::Unspecified),
            ("10.0.0.1", AddressKind::Private),
            ("0xa9fea9fe", AddressKind::LinkLocal),
            ("169.254.169.254", AddressKind::LinkLocal),
            ("168.63.129.16", AddressKind::CloudHost),
            ("[::]", AddressKind::Unspecified),
            ("[::1]", AddressKind::Loopback),
            ("[0:0:0:0:0:0:0:1]", AddressKind::Loopback),
            ("[::ffff:127.0.0.1]", AddressKind::Loopback),
            ("[::ffff:7f00:1]", AddressKind::Loopback),
            ("[::127.0.0.1]", AddressKind::Translated),
            ("[64:ff9b::7f00:1]", AddressKind::Translated),
            ("[2002:7f00:1::]", AddressKind::Translated),
            ("[fe80::1]", AddressKind::LinkLocal),
            ("[fd00:ec2::254]", AddressKind::Private),
        ] {
            check(&policy(""), &format!("https://{host}/"), Err(TargetError::Address { kind }));
        }
    }

    #[test]
    fn plain_http_is_refused_unless_it_is_allowed() {
        check(&policy(""), "http://example.com/", Err(TargetError::PlainHttp));
        let plain = Policy { plain_http: true, ..policy("") };
        check(&plain, "http://example.com/", Ok(()));
        check(&plain, "https://example.com/", Ok(()));
    }

    #[test]
    fn a_low_port_is_refused_unless_the_allow_list_names_it() {
        for (port, expect) in [(443, Ok(())), (1024, Ok(())), (65_535, Ok(())), (80, Err(TargetError::Port))]
        {
            check(&policy(""), &format!("https://example.com:{port}/"), expect);
        }
        for port in [1, 22, 25, 1023] {
            check(&policy(""), &format!("https://example.com:{port}/"), Err(TargetError::Port));
            let allowed = policy(&format!("10.0.0.0/8:{port}"));
            check(&allowed, &format!("https://example.com:{port}/"), Ok(()));
            check(&allowed, &format!("https://10.0.0.1:{port}/"), Ok(()));
            let public = SocketAddr::from(([1, 1, 1, 1], port));
            assert_eq!(allowed.check(public), Err(Blocked(AddressKind::Reserved)), "{port}");
        }
    }

    #[test]
    fn the_allow_list_opens_a_block_at_its_port() {
        let allowed = policy("127.0.0.0/8:8080");
        check(&allowed, "https://127.0.0.1:8080/", Ok(()));
        check(&allowed, "https://localhost:8080/", Ok(()));
        check(&allowed, "https://[::ffff:127.0.0.1]:8080/", Ok(()));
        let blocked = Err(TargetError::Address { kind: AddressKind::Loopback });
        check(&allowed, "https://127.0.0.1:8081/", blocked);
        check(&allowed, "https://[::1]:8080/", blocked);
    }

    #[test]
    fn one_blocked_address_among_several_refuses_them_all() {
        let public = SocketAddr::from(([1, 1, 1, 1], 443));
        let private = SocketAddr::from(([10, 0, 0, 1], 443));
        assert_eq!(policy("").check_all(&[public, public]), Ok(()));
        for addresses in [[public, private], [private, public]] {
            assert_eq!(policy("").check_all(&addresses), Err(Blocked(AddressKind::Private)));
        }
    }

    proptest! {
        #[test]
        fn a_literal_is_judged_alike_in_every_notation(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = address.octets();
            let expect = policy("").target(&format!("https://{address}/")).map(drop);
            for host in [
                format!("{bits}"),
                format!("0x{bits:x}"),
                format!("0{bits:o}"),
                format!("{a}.{}", bits & 0x00ff_ffff),
                format!("{a}.{b}.{}", bits & 0xffff),
                format!("0x{a:x}.0{b:o}.{c}.0x{d:x}"),
                format!("[::ffff:{address}]"),
            ] {
                prop_assert_eq!(&policy("").target(&format!("https://{host}/")).map(drop), &expect, "{}", host);
            }
        }

        #[test]
        fn no_text_is_a_target_at_a_blocked_address(host in "[0-9a-fx.:%\\[\\]]{1,24}", port in "(:[0-9]{1,5})?") {
            if let Ok(target) = policy("").target(&format!("https://{host}{port}/"))
                && let Host::Address(address) = target.host()
            {
                prop_assert!(address::kind(*address).is_none(), "{}", address);
            }
        }
    }
}
