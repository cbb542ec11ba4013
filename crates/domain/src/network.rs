//! Addresses and interfaces of a guest.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{BridgeName, Refused};

/// A MAC address of one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac([u8; 6]);

/// Where an interface gets its address from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// An address of its own, with the prefix of its network.
    Static(IpNet),
    /// Whatever the DHCP server gives.
    Dhcp,
}

/// One network interface of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// The name inside the guest (`eth0`); virtual machines have none.
    pub name: Option<Box<str>>,
    /// The bridge or VNet on the host.
    pub bridge: BridgeName,
    /// The address.
    pub address: Address,
    /// The way out of the network.
    pub gateway: Option<IpAddr>,
    /// The MAC address; Proxmox invents one when it is absent.
    pub mac: Option<Mac>,
    /// The resolvers; empty means those of the host.
    pub nameservers: Vec<IpAddr>,
}

impl Address {
    /// Returns the address without its prefix, when it is known beforehand.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Static(net) => Some(net.addr()),
            Self::Dhcp => None,
        }
    }
}

impl FromStr for Address {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        if text.eq_ignore_ascii_case("dhcp") {
            return Ok(Self::Dhcp);
        }
        text.parse().map(Self::Static).map_err(|_| {
            Refused::new(
                text,
                "an address",
                "an address is written with the prefix of its network (`10.0.0.150/24`, no number above 255), or it is `dhcp`",
            )
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(net) => fmt::Display::fmt(net, f),
            Self::Dhcp => f.write_str("dhcp"),
        }
    }
}

impl FromStr for Mac {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused = || {
            Refused::new(
                text,
                "a MAC address",
                "a MAC address of a guest has six pairs of hex digits joined by `:`, is not all zero, \
                 and its first pair is even (`52:54:00:00:00:B0`)",
            )
        };
        let mut bytes = [0; 6];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|pair| pair.len() == 2).ok_or_else(refused)?;
            if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(refused());
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| refused())?;
        }
        // An odd first byte addresses a group of machines, not one.
        let is_one_machine = bytes[0] & 1 == 0 && bytes != [0; 6];
        if pairs.next().is_some() || !is_one_machine { Err(refused()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if nth == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// Lets a word be written and read as its text.
macro_rules! as_text {
    ($($word:ty),*) => {$(
        impl TryFrom<String> for $word {
            type Error = Refused;

            fn try_from(text: String) -> Result<Self, Refused> {
                text.parse()
            }
        }

        impl From<$word> for String {
            fn from(word: $word) -> Self {
                word.to_string()
            }
        }
    )*};
}
as_text!(Address, Mac);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_prefix_or_is_dhcp() {
        assert_eq!("DHCP".parse::<Address>().unwrap(), Address::Dhcp);
        assert_eq!("10.0.0.150/24".parse::<Address>().unwrap().to_string(), "10.0.0.150/24");
        for bad in ["", "10.0.0.150", "10.0.0.256/24", "10.0.0.1/33", "dhcp4"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mac_names_one_machine() {
        assert_eq!("52:54:00:aa:bb:cc".parse::<Mac>().unwrap().to_string(), "52:54:00:AA:BB:CC");
        for bad in [
            "",
            "52:54:00:AA:BB",
            "52:54:00:AA:BB:CC:DD",
            "53:54:00:AA:BB:CC",
            "00:00:00:00:00:00",
            "52:54:00:AA:BB:+C",
        ] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
    }
}
