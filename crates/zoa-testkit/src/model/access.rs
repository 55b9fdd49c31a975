//! Who may do what, by the reference's section 2.7.

use crate::op::Acl;
use crate::op::Identity;
use crate::op::code;
use std::net::IpAddr;

/// Whether one of the identities has one of the permission bits.
pub fn allows(acl: &[Acl], perms: i32, identities: &[Identity]) -> bool {
    if acl.is_empty() || identities.iter().any(|identity| identity.scheme == "super") {
        return true;
    }
    acl.iter()
        .filter(|entry| entry.perms & perms != 0)
        .any(|entry| {
            let anyone = entry.who.scheme == "world" && entry.who.id == "anyone";
            anyone
                || identities
                    .iter()
                    .any(|identity| matches(identity, &entry.who))
        })
}

fn matches(identity: &Identity, wanted: &Identity) -> bool {
    if identity.scheme != wanted.scheme {
        return false;
    }
    if identity.scheme == "ip" {
        in_network(&identity.id, &wanted.id)
    } else {
        identity.id == wanted.id
    }
}

fn in_network(address: &str, network: &str) -> bool {
    let (base, bits) = network.split_once('/').unwrap_or((network, ""));
    let (Ok(address), Ok(base)) = (address.parse::<IpAddr>(), base.parse::<IpAddr>()) else {
        return false;
    };
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => {
            let bits: u32 = bits.parse().unwrap_or(32);
            let shift = 32_u32.saturating_sub(bits);
            let cut = |ip: u32| ip.checked_shr(shift).unwrap_or(0);
            cut(u32::from(address)) == cut(u32::from(base))
        }
        (address, base) => address == base,
    }
}

/// The list as it is stored: duplicates gone, `auth` spelled out, nothing that names nobody.
pub(crate) fn settle(asked: &[Acl], identities: &[Identity]) -> Result<Vec<Acl>, i32> {
    let mut distinct: Vec<Acl> = Vec::new();
    for entry in asked {
        if !distinct.contains(entry) {
            distinct.push(entry.clone());
        }
    }
    if distinct.is_empty() {
        return Err(code::INVALID_ACL);
    }
    let mut settled = Vec::new();
    for entry in distinct {
        match entry.who.scheme.as_str() {
            "world" if entry.who.id == "anyone" => settled.push(entry),
            "auth" => settled.extend(spell_out(entry.perms, identities)?),
            "digest" if entry.who.id.split(':').count() == 2 => settled.push(entry),
            "ip" if is_network(&entry.who.id) => settled.push(entry),
            _ => return Err(code::INVALID_ACL),
        }
    }
    Ok(settled)
}

/// Of the identities only those that prove something count: an address does not.
fn spell_out(perms: i32, identities: &[Identity]) -> Result<Vec<Acl>, i32> {
    let proven: Vec<Acl> = identities
        .iter()
        .filter(|identity| identity.scheme == "digest")
        .map(|identity| Acl {
            perms,
            who: identity.clone(),
        })
        .collect();
    if proven.is_empty() {
        Err(code::INVALID_ACL)
    } else {
        Ok(proven)
    }
}

fn is_network(id: &str) -> bool {
    let (base, bits) = id
        .split_once('/')
        .map_or((id, None), |(base, bits)| (base, Some(bits)));
    let bits_fit = bits.is_none_or(|bits| bits.parse::<u32>().is_ok_and(|bits| bits <= 32));
    base.parse::<std::net::Ipv4Addr>().is_ok() && bits_fit
}

/// The list as those may see it who may not change it: passwords hidden.
pub(crate) fn masked(acl: &[Acl]) -> Vec<Acl> {
    let hide = |entry: &Acl| match entry.who.id.split_once(':') {
        Some((user, _)) if entry.who.scheme == "digest" => {
            Acl::new(entry.perms, "digest", &format!("{user}:x"))
        }
        _ => entry.clone(),
    };
    acl.iter().map(hide).collect()
}

/// Identities as whoAmI shows them: of a digest, the user alone.
pub(crate) fn shown(identities: &[Identity]) -> Vec<Identity> {
    let show = |identity: &Identity| match identity.id.split_once(':') {
        Some((user, _)) if identity.scheme == "digest" => Identity::new("digest", user),
        _ => identity.clone(),
    };
    identities.iter().map(show).collect()
}
