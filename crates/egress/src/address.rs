//! Which addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address that is not public belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// `0.0.0.0/8` and `::`.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// RFC 1918, `fc00::/7` and `fec0::/10`.
    Private,
    /// `100.64.0.0/10`: behind a carrier's address translation.
    SharedSpace,
    /// `169.254.0.0/16` and `fe80::/10`; the metadata service of most clouds is there.
    LinkLocal,
    /// `168.63.129.16`: the host of a virtual machine on Azure.
    CloudHost,
    /// Multicast and broadcast.
    Multicast,
    /// Documentation and benchmarks.
    Documentation,
    /// An IPv6 address that stands for an IPv4 address: 6to4, Teredo, NAT64, IPv4-compatible.
    Translated,
    /// Assigned by IANA for a special purpose, or to nothing.
    Reserved,
}

impl AddressKind {
    /// The name in logs and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::SharedSpace => "shared_space",
            Self::LinkLocal => "link_local",
            Self::CloudHost => "cloud_host",
            Self::Multicast => "multicast",
            Self::Documentation => "documentation",
            Self::Translated => "translated",
            Self::Reserved => "reserved",
        }
    }
}

/// What the address belongs to; `None` if it is public. An IPv4-mapped address is the IPv4 address.
pub(crate) fn kind(address: IpAddr) -> Option<AddressKind> {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

const fn kind_v4(address: Ipv4Addr) -> Option<AddressKind> {
    Some(match address.octets() {
        [0, ..] => AddressKind::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressKind::Private,
        [100, 64..=127, ..] => AddressKind::SharedSpace,
        [127, ..] => AddressKind::Loopback,
        [168, 63, 129, 16] => AddressKind::CloudHost,
        [169, 254, ..] => AddressKind::LinkLocal,
        [192, 0, 2, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            AddressKind::Documentation
        }
        [192, 88, 99, _] => AddressKind::Translated,
        [224..=239, ..] | [255, 255, 255, 255] => AddressKind::Multicast,
        // 192.0.0.0/24: protocol assignments; 192.31.196.0/24, 192.52.193.0/24, 192.175.48.0/24: AS112 and AMT.
        [192, 0, 0, _] | [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] | [240..=255, ..] => {
            AddressKind::Reserved
        }
        _ => return None,
    })
}

const fn kind_v6(address: Ipv6Addr) -> Option<AddressKind> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        // IPv4-compatible and IPv4-translated; NAT64, also its local prefix; Teredo; 6to4.
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => AddressKind::Translated,
        [0x64, 0xff9b, ..] | [0x2001, 0, ..] | [0x2002, ..] => AddressKind::Translated,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => AddressKind::Private,
        [0xfe80..=0xfebf, ..] => AddressKind::LinkLocal,
        [0xff00..=0xffff, ..] => AddressKind::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressKind::Documentation,
        // 2001::/23: protocol assignments, ORCHID and benchmarks. 2620:4f:8000::/48: AS112.
        [0x2001, 1..=0x1ff, ..] | [0x2620, 0x4f, 0x8000, ..] => AddressKind::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        _ => AddressKind::Reserved,
    })
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::*;
    use AddressKind::{
        CloudHost, Documentation, LinkLocal, Loopback, Multicast, Private, Reserved, SharedSpace, Translated,
        Unspecified,
    };

    /// Every block that must not be reached.
    const BLOCKS: [(&str, AddressKind); 48] = [
        ("0.0.0.0/8", Unspecified),
        ("10.0.0.0/8", Private),
        ("100.64.0.0/10", SharedSpace),
        ("127.0.0.0/8", Loopback),
        ("168.63.129.16/32", CloudHost),
        ("169.254.0.0/16", LinkLocal),
        ("172.16.0.0/12", Private),
        ("192.0.0.0/24", Reserved),
        ("192.0.2.0/24", Documentation),
        ("192.31.196.0/24", Reserved),
        ("192.52.193.0/24", Reserved),
        ("192.88.99.0/24", Translated),
        ("192.168.0.0/16", Private),
        ("192.175.48.0/24", Reserved),
        ("198.18.0.0/15", Documentation),
        ("198.51.100.0/24", Documentation),
        ("203.0.113.0/24", Documentation),
        ("224.0.0.0/4", Multicast),
        ("240.0.0.0/5", Reserved),
        ("248.0.0.0/6", Reserved),
        ("255.255.255.255/32", Multicast),
        ("::/128", Unspecified),
        ("::1/128", Loopback),
        ("::7f00:0/104", Translated),
        ("::ffff:0.0.0.0/104", Unspecified),
        ("::ffff:10.0.0.0/104", Private),
        ("::ffff:127.0.0.0/104", Loopback),
        ("::ffff:169.254.0.0/112", LinkLocal),
        ("::ffff:0:0:0/96", Translated),
        ("64:ff9b::/96", Translated),
        ("64:ff9b:1::/48", Translated),
        ("100::/64", Reserved),
        ("2001::/32", Translated),
        ("2001:2::/48", Reserved),
        ("2001:10::/28", Reserved),
        ("2001:20::/28", Reserved),
        ("2001:1f0::/28", Reserved),
        ("2001:db8::/32", Documentation),
        ("2002::/16", Translated),
        ("2620:4f:8000::/48", Reserved),
        ("3fff::/20", Documentation),
        ("4000::/3", Reserved),
        ("5f00::/16", Reserved),
        ("fc00::/7", Private),
        ("fe80::/10", LinkLocal),
        ("fec0::/10", Private),
        ("ff00::/8", Multicast),
        ("8000::/3", Reserved),
    ];

    fn address_in(block: &IpNet, random: u128) -> IpAddr {
        match block {
            IpNet::V4(block) => {
                let host = u32::try_from(random & u128::from(u32::MAX)).unwrap();
                IpAddr::V4(Ipv4Addr::from_bits(
                    block.network().to_bits() | (host & block.hostmask().to_bits()),
                ))
            }
            IpNet::V6(block) => IpAddr::V6(Ipv6Addr::from_bits(
                block.network().to_bits() | (random & block.hostmask().to_bits()),
            )),
        }
    }

    #[test]
    fn the_ends_of_every_block_are_blocked() {
        for (block, expect) in BLOCKS {
            let net: IpNet = block.parse().unwrap();
            for address in [net.network(), net.broadcast()] {
                assert_eq!(kind(address), Some(expect), "{address} of {block}");
            }
        }
    }

    #[test]
    fn addresses_beside_the_blocks_are_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "2001:200::",
            "2001:4860:4860::8888",
            "2003::",
            "2606:4700:4700::1111",
            "2a00::",
            "3ffe:ffff::",
        ] {
            assert_eq!(kind(address.parse().unwrap()), None, "{address}");
        }
    }

    proptest! {
        #[test]
        fn every_address_of_a_block_is_blocked(index in 0..BLOCKS.len(), random: u128) {
            let (block, expect) = BLOCKS[index];
            let address = address_in(&block.parse().unwrap(), random);
            prop_assert_eq!(kind(address), Some(expect), "{} of {}", address, block);
        }

        #[test]
        fn an_ipv4_mapped_address_is_judged_as_the_ipv4_address(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(kind(address.to_ipv6_mapped().into()), kind(address.into()));
        }

        #[test]
        fn no_ipv6_address_outside_of_global_unicast_is_public(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let is_global = bits >> 125 == 1;
            prop_assert!(is_global || address.to_ipv4_mapped().is_some() || kind(address.into()).is_some());
        }

        #[test]
        fn an_ipv6_form_of_any_ipv4_address_is_blocked(bits: u32) {
            let embedded = u128::from(bits);
            for base in [0x0064_ff9b_u128 << 96, 0x2002_u128 << 112 | embedded << 80, 0] {
                let address = Ipv6Addr::from_bits(base | if base >> 112 == 0x2002 { 0 } else { embedded });
                prop_assert!(kind(address.into()).is_some(), "{}", address);
            }
        }
    }
}
