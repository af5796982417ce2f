//! Networks: one address or a block of them, as people type them and as the list of sessions is searched by them.
//!
//! Every address is one of IPv6 here (IPv4 as `::ffff:0:0/96`, RFC 4291 §2.5.5.2), so that each network is one range.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use crate::{Error, Result};

/// An address, or a block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// Fixed bits, of the address as IPv6.
    bits: u8,
}

/// Bits before an IPv4 address within IPv6.
const V4_OFFSET: u8 = 96;

impl Network {
    /// The address alone.
    pub fn of(address: IpAddr) -> Self {
        Self { address: address.to_canonical(), bits: 128 }
    }

    /// Whether it is one address.
    pub fn is_single(self) -> bool {
        self.bits == 128
    }

    /// At least the customary block of a site, `/24` or `/48`: what may be written down without pointing at somebody.
    #[must_use]
    pub fn widened(self) -> Self {
        let most = if self.address.is_ipv4() { V4_OFFSET + 24 } else { 48 };
        let bits = self.bits.min(most);
        let rest = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
        let address = Ipv6Addr::from_bits(number(self.address) & !rest);
        Self { address: IpAddr::V6(address).to_canonical(), bits }
    }

    /// First and last address as they stand in the database: 32 hexadecimal digits, which sort as the addresses do.
    pub fn range(self) -> (String, String) {
        let rest = u128::MAX.checked_shr(self.bits.into()).unwrap_or(0);
        let low = number(self.address) & !rest;
        (digits(low), digits(low | rest))
    }

    /// Whether an address lies in it.
    pub fn contains(self, address: IpAddr) -> bool {
        let rest = u128::MAX.checked_shr(self.bits.into()).unwrap_or(0);
        number(self.address) & !rest == number(address) & !rest
    }
}

/// An address as it stands in the database; empty for what is none.
pub fn address_key(address: &str) -> String {
    address.parse().map(|address| digits(number(address))).unwrap_or_default()
}

/// What an address counts as where tries are counted: an IPv6 site has 2^64 addresses, its network counts as one.
pub fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// The same of an address as text, as counts are kept by: `203.0.113.7`, `2001:db8:1:2::/64`. What is no address (the
/// host itself) counts as what it is.
pub fn counted(address: &str) -> String {
    match address.parse().map(site) {
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        Ok(IpAddr::V6(v6)) => format!("{v6}/64"),
        Err(_) => address.to_owned(),
    }
}

fn number(address: IpAddr) -> u128 {
    let v6: Ipv6Addr = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    v6.to_bits()
}

fn digits(number: u128) -> String {
    format!("{number:032x}")
}

impl FromStr for Network {
    type Err = Error;

    /// `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`.
    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            let message = "Write an address such as 203.0.113.7, or a network such as 203.0.113.0/24.";
            Error::invalid_field("address", "address.malformed", message)
        };
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| refused())?)),
            None => (text.trim(), None),
        };
        let parsed: IpAddr = address.parse().map_err(|_| refused())?;
        let (most, offset) = if parsed.is_ipv4() { (32, V4_OFFSET) } else { (128, 0) };
        let length = length.unwrap_or(most);
        if length > most {
            return Err(refused());
        }
        Ok(Self { address: parsed.to_canonical(), bits: offset + length })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = if self.address.is_ipv4() { V4_OFFSET } else { 0 };
        match self.is_single() {
            true => self.address.fmt(f),
            // A block of mapped addresses that is wider than IPv4 is shown as one of IPv6.
            false if self.bits < offset => {
                write!(f, "{}/{}", Ipv6Addr::from_bits(number(self.address)), self.bits)
            }
            false => write!(f, "{}/{}", self.address, self.bits - offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_it_says_and_no_more() {
        for (network, inside, outside) in [
            ("203.0.113.0/24", "203.0.113.255", "203.0.114.0"),
            ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
        ] {
            let network: Network = network.parse().unwrap();
            let (low, high) = network.range();
            let holds = |address: &str| {
                let key = address_key(address);
                assert_eq!(network.contains(address.parse().unwrap()), low <= key && key <= high);
                low <= key && key <= high
            };
            assert!(holds(inside) && !holds(outside), "{network}");
        }
    }

    #[test]
    fn a_widened_network_points_at_nobody() {
        for (network, widened) in [
            ("203.0.113.7", "203.0.113.0/24"),
            ("203.0.113.128/25", "203.0.113.0/24"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ] {
            assert_eq!(network.parse::<Network>().unwrap().widened().to_string(), widened);
        }
    }

    #[test]
    fn an_ipv6_site_counts_as_one_address() {
        for (address, counts_as) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
            ("", ""),
        ] {
            assert_eq!(counted(address), counts_as, "{address}");
        }
    }

    #[test]
    fn what_is_none_is_refused_and_what_is_one_reads_back() {
        for wrong in ["", "acme", "203.0.113", "203.0.113.0/33", "2001:db8::/129", "1.2.3.4/", "1.2.3.4/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
        for right in ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "::1"] {
            assert_eq!(right.parse::<Network>().unwrap().to_string(), right);
        }
        assert_eq!("::ffff:192.0.2.1".parse::<Network>().unwrap().to_string(), "192.0.2.1");
        assert_eq!("::ffff:0:0/90".parse::<Network>().unwrap().to_string(), "::ffff:0.0.0.0/90");
        assert_eq!(address_key("the host itself"), "");
    }
}
