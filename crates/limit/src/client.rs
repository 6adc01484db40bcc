use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// Entries of `X-Forwarded-For` that are read at most, from the last one.
const MAX_HOPS: usize = 32;

/// The networks of the proxies whose `X-Forwarded-For` header is believed. As text: addresses or CIDR blocks, separated by
/// commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// The text names something else than addresses and CIDR blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of IP addresses and CIDR blocks")]
pub struct InvalidProxies;

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    fn from_str(text: &str) -> Result<Self, InvalidProxies> {
        let network = |part: &str| match part.parse() {
            Ok(network) => Ok(network),
            Err(_) => part.parse::<IpAddr>().map(IpNet::from).map_err(|_| InvalidProxies),
        };
        text.split(',').map(|part| network(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    /// The address of the client whose request `peer` sent.
    ///
    /// Each proxy appends the address it was called from, so only the entries behind trusted proxies are believed: the headers,
    /// in the order of the request, are read from the last entry on, until one is no trusted proxy or no address. Where the
    /// peer is no trusted proxy, the headers are ignored.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded_for: impl IntoIterator<Item = &'a str, IntoIter: DoubleEndedIterator>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = forwarded_for.into_iter().rev().flat_map(|header| header.rsplit(','));
        for hop in hops.take(MAX_HOPS) {
            if !self.contains(client) {
                break;
            }
            let Some(address) = address(hop.trim()) else { break };
            client = address;
        }
        client
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The network that counts as one client: the address itself, or the /64 block of an IPv6 address, which one household has.
pub const fn network_of(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// An address with or without brackets, quotes and a port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches('"');
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().ok().or_else(|| entry.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client of a request that came from `peer` with these headers, where 10.0.0.0/8 and ::1 are trusted.
    #[track_caller]
    fn check(peer: &str, headers: &[&str], client: &str) {
        let proxies: TrustedProxies = "10.0.0.0/8, ::1".parse().unwrap();
        let found = proxies.client(peer.parse().unwrap(), headers.iter().copied());
        assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {headers:?}");
    }

    #[test]
    fn the_header_of_an_unknown_peer_is_ignored() {
        check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        check("203.0.113.9", &[], "203.0.113.9");
    }

    #[test]
    fn the_client_is_the_last_entry_that_no_trusted_proxy_has() {
        check("10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("10.0.0.1", &["198.51.100.1, 10.9.9.9"], "198.51.100.1");
        check("10.0.0.1", &["192.0.2.1, 198.51.100.1,10.9.9.9"], "198.51.100.1");
        check("10.0.0.1", &["192.0.2.1", "198.51.100.1"], "198.51.100.1");
        check("::1", &["2001:db8::7"], "2001:db8::7");
    }

    #[test]
    fn a_spoofed_entry_before_the_client_changes_nothing() {
        check("10.0.0.1", &["127.0.0.1, 10.0.0.2, 198.51.100.1"], "198.51.100.1");
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_search_at_the_proxy_that_passed_it() {
        check("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.1, x, 10.9.9.9"], "10.9.9.9");
        check("10.0.0.1", &[""], "10.0.0.1");
    }

    #[test]
    fn addresses_are_read_with_ports_brackets_and_quotes() {
        for entry in ["2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:443", "\"[2001:db8::7]:443\""] {
            check("10.0.0.1", &[entry], "2001:db8::7");
        }
        check("10.0.0.1", &["198.51.100.1:1234"], "198.51.100.1");
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_the_ipv4_address() {
        check("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1");
    }

    #[test]
    fn a_long_header_is_read_up_to_a_bound() {
        let long = "10.0.0.2,".repeat(100_000) + "10.0.0.3";
        check("10.0.0.1", &[&long], "10.0.0.2");
    }

    #[test]
    fn addresses_of_one_64_block_are_one_client() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:0:1:a::1"), network("2001:db8:0:1:b::2"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8:0:2::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn a_list_of_proxies_is_addresses_and_blocks() {
        assert!("10.0.0.0/8,192.0.2.1, 2001:db8::/32".parse::<TrustedProxies>().is_ok());
        for text in ["", "10.0.0.0/33", "proxy.internal", "10.0.0.1,,10.0.0.2"] {
            assert_eq!(text.parse::<TrustedProxies>(), Err(InvalidProxies), "{text}");
        }
    }
}
