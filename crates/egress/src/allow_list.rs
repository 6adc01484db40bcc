//! Networks that an operator opens.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// Blocks of addresses, each with a port, that may be connected to although they are not public.
///
/// Written `10.1.0.0/16:443, 192.168.7.9:8080, [fd00::/8]:*`: a CIDR block or an address, a colon, a port or `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Entry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    block: IpNet,
    /// `None`: every port.
    port: Option<u16>,
}

/// A text is not an [`AllowList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CIDR blocks with a port, such as 10.1.0.0/16:443 or [fd00::/8]:*, separated by commas")]
pub struct InvalidAllowList;

impl AllowList {
    pub(crate) fn contains(&self, address: SocketAddr) -> bool {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        self.0
            .iter()
            .any(|entry| entry.block.contains(&ip) && entry.port.is_none_or(|allowed| allowed == port))
    }

    /// Whether an entry opens this port by its number.
    pub(crate) fn names_port(&self, port: u16) -> bool {
        self.0.iter().any(|entry| entry.port == Some(port))
    }
}

impl FromStr for AllowList {
    type Err = InvalidAllowList;

    fn from_str(text: &str) -> Result<Self, InvalidAllowList> {
        text.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| self::entry(entry).ok_or(InvalidAllowList))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn entry(text: &str) -> Option<Entry> {
    let (block, port) = text.rsplit_once(':')?;
    let bracketed = block.strip_prefix('[').and_then(|block| block.strip_suffix(']'));
    let block = bracketed.unwrap_or(block);
    let block = match block.parse::<IpNet>() {
        Ok(net) => net,
        Err(_) => IpNet::from(block.parse::<IpAddr>().ok()?),
    };
    // Without brackets the last group of an IPv6 address would be taken for a port.
    if matches!(block, IpNet::V6(_)) != bracketed.is_some() {
        return None;
    }
    let port = match port {
        "*" => None,
        port => Some(port.parse().ok().filter(|port| *port != 0)?),
    };
    Some(Entry { block, port })
}

impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Entry { block, port }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match block {
                IpNet::V4(block) => write!(f, "{comma}{block}:")?,
                IpNet::V6(block) => write!(f, "{comma}[{block}]:")?,
            }
            match port {
                Some(port) => write!(f, "{port}")?,
                None => f.write_str("*")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_block_or_an_address_with_a_port() {
        let text = "10.1.0.0/16:443,192.168.7.9:8080, [fd00::/8]:*,";
        let list: AllowList = text.parse().unwrap();
        assert_eq!(list.to_string(), "10.1.0.0/16:443, 192.168.7.9/32:8080, [fd00::/8]:*");
        assert_eq!(list.to_string().parse(), Ok(list));
        assert_eq!("".parse(), Ok(AllowList::default()));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "10.0.0.0/8",
            "10.0.0.0/33:443",
            "10.0.0.0/8:0",
            "10.0.0.0/8:65536",
            "10.0.0.0/8:",
            "example.com:443",
            "fd00::/8:443",
            "[10.0.0.0/8]:443",
            "*:443",
            ":443",
            "10.0.0.0/8:443;10.0.0.0/8:444",
        ] {
            assert_eq!(text.parse::<AllowList>(), Err(InvalidAllowList), "{text}");
        }
    }

    #[test]
    fn an_entry_holds_for_its_block_and_its_port_alone() {
        let list: AllowList = "10.1.0.0/16:443, [fd00::/8]:*".parse().unwrap();
        for (address, expect) in [
            ("10.1.2.3:443", true),
            ("[::ffff:10.1.2.3]:443", true),
            ("10.1.2.3:444", false),
            ("10.2.2.3:443", false),
            ("[fd12::1]:1", true),
            ("[fe80::1]:1", false),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), expect, "{address}");
        }
    }
}
