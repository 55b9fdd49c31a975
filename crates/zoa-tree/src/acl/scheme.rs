//! The schemes of ids: which ids are valid in an ACL and whom they match.
//!
//! `world` and `auth` are not here: the first needs no identity, the second is expanded when an
//! ACL is set. sasl and key are not served; an ACL that names them is invalid, as on a server of the
//! reference without their providers.

use core::net::IpAddr;
use core::net::Ipv4Addr;
use core::net::Ipv6Addr;

/// A scheme whose ids an ACL may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scheme {
    /// User and hash of user and password.
    Digest,
    /// Address, or address and number of leading bits.
    Ip,
    /// Whom a certificate is about.
    X509,
}

impl Scheme {
    /// The scheme of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "digest" => Some(Self::Digest),
            "ip" => Some(Self::Ip),
            "x509" => Some(Self::X509),
            _ => None,
        }
    }

    /// Whether an identity of this scheme proves something that `auth` may stand for. An address
    /// does not.
    pub(crate) const fn is_authenticated(self) -> bool {
        match self {
            Self::Digest | Self::X509 => true,
            Self::Ip => false,
        }
    }

    /// Whether an ACL may name this id.
    pub(crate) fn is_valid(self, id: &str) -> bool {
        match self {
            // The reference splits at colons and drops empty parts at the end only.
            Self::Digest => id.trim_end_matches(':').matches(':').count() == 1,
            Self::Ip => Network::parse(id).is_some(),
            // Attributes with values, such as CN=worker.
            Self::X509 => id.contains('='),
        }
    }

    /// Whether an identity matches the id in an ACL.
    pub(crate) fn matches(self, identity: &str, acl_id: &str) -> bool {
        match self {
            Self::Digest | Self::X509 => identity == acl_id,
            Self::Ip => Network::parse(acl_id)
                .is_some_and(|network| parse_address(identity).is_some_and(|ip| network.has(ip))),
        }
    }
}

/// Addresses that share their leading bits.
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<i32>().ok()?)),
            None => (text, None),
        };
        let address = parse_address(address)?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(bits_max), |bits| u32::try_from(bits).ok())?;
        (bits <= bits_max).then_some(Self { address, bits })
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differing = u32::from(ours) ^ u32::from(theirs);
                differing.leading_zeros() >= self.bits
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differing = u128::from(ours) ^ u128::from(theirs);
                differing.leading_zeros() >= self.bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Reads an address as the reference does: decimal parts may have leading zeros or a plus sign,
/// and there is no mixed form of IPv6.
pub(crate) fn parse_address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        let mixed = text.contains('.');
        return text
            .parse::<Ipv6Addr>()
            .ok()
            .filter(|_| !mixed)
            .map(IpAddr::V6);
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let value = parts.next()?.parse::<i32>().ok()?;
        *octet = u8::try_from(value).ok()?;
    }
    parts
        .next()
        .is_none()
        .then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}

#[cfg(test)]
mod tests {
    use super::Scheme;

    fn check_valid(scheme: Scheme, valid: &[&str], invalid: &[&str]) {
        for id in valid {
            assert!(scheme.is_valid(id), "{id}");
        }
        for id in invalid {
            assert!(!scheme.is_valid(id), "{id}");
        }
    }

    #[test]
    fn a_digest_id_is_user_colon_hash() {
        check_valid(
            Scheme::Digest,
            &["user:hash=", ":hash", "a:b:"],
            &["", "user", "user:", ":", "a:b:c"],
        );
    }

    #[test]
    fn an_ip_id_is_an_address_with_or_without_bits() {
        let valid = [
            "1.2.3.4",
            "1.2.3.4/0",
            "1.2.3.4/32",
            "01.2.3.+4",
            "::1",
            "fe80::/10",
            "1:2:3:4:5:6:7:8/128",
        ];
        let invalid = [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.3.-1",
            "1.2.3.4/33",
            "1.2.3.4/-1",
        ];
        check_valid(Scheme::Ip, &valid, &invalid);
        check_valid(
            Scheme::Ip,
            &[],
            &[
                "1.2.3.4/",
                "localhost",
                "::1/129",
                "1::2::3",
                "::ffff:1.2.3.4",
                "1.2.3.4/8/8",
            ],
        );
    }

    #[test]
    fn an_address_matches_by_its_leading_bits() {
        let check = |id, acl_id, expected| {
            assert_eq!(Scheme::Ip.matches(id, acl_id), expected, "{id} {acl_id}");
        };
        check("10.1.2.3", "10.1.2.3", true);
        check("10.1.2.4", "10.1.2.3", false);
        check("10.1.2.4", "10.1.2.3/29", true);
        check("10.1.2.8", "10.1.2.3/29", false);
        check("9.9.9.9", "10.1.2.3/0", true);
        check("::1", "10.1.2.3/0", false);
        check("fe80::17", "fe80::/10", true);
        check("ff80::17", "fe80::/10", false);
        check("not an address", "10.0.0.0/8", false);
    }
}
