//! ACLs: `scheme:id:perms` as users type them, and the two lines an entry that the original prints.
//!
//! Whether an id is valid is for the server to say. Invariant: an entry that cannot be read is told and left out, as the original
//! does; the rest of the list still counts.

use serde_json::Value;
use serde_json::json;
use zoa_proto::Acl;
use zoa_proto::Perms;

const LETTERS: [(char, Perms); 5] = [
    ('c', Perms::CREATE),
    ('d', Perms::DELETE),
    ('r', Perms::READ),
    ('w', Perms::WRITE),
    ('a', Perms::ADMIN),
];

/// Reads `scheme:id:perms,...`; what cannot be read comes back as complaints.
pub(crate) fn parse(text: &str) -> (Vec<Acl>, Vec<String>) {
    let (mut acl, mut complaints) = (Vec::new(), Vec::new());
    // Java's split drops empty parts at the end.
    let trimmed = text.trim_end_matches(',');
    for entry in trimmed.split(',') {
        let parts = entry.split_once(':').and_then(|(scheme, rest)| {
            rest.rsplit_once(':').map(|(id, perms)| (scheme, id, perms))
        });
        match parts {
            None => complaints.push(format!("{entry} does not have the form scheme:id:perm")),
            Some((scheme, id, perms)) => acl.push(Acl {
                perms: parse_perms(perms, &mut complaints),
                scheme: scheme.to_owned(),
                id: id.to_owned(),
            }),
        }
    }
    (acl, complaints)
}

fn parse_perms(text: &str, complaints: &mut Vec<String>) -> Perms {
    text.chars().fold(Perms::NONE, |perms, letter| {
        match LETTERS.iter().find(|(known, _)| *known == letter) {
            Some((_, perm)) => perms.union(*perm),
            None => {
                complaints.push(format!("Unknown perm type: {letter}"));
                perms
            }
        }
    })
}

/// `cdrwa`, or what of it is allowed.
pub(crate) fn perms_text(perms: Perms) -> String {
    let allowed = LETTERS.iter().filter(|(_, perm)| perms.contains(*perm));
    allowed.map(|(letter, _)| letter).collect()
}

/// An entry as the original prints it, on two lines.
pub(crate) fn lines(entry: &Acl) -> String {
    format!(
        "'{},'{}\n: {}",
        entry.scheme,
        entry.id,
        perms_text(entry.perms)
    )
}

pub(crate) fn json(acl: &[Acl]) -> Value {
    let entry = |entry: &Acl| json!({"scheme": entry.scheme, "id": entry.id, "perms": perms_text(entry.perms)});
    acl.iter().map(entry).collect()
}

/// Reads what [`json()`] wrote.
pub(crate) fn from_json(value: &Value) -> Option<Vec<Acl>> {
    let entry = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let mut complaints = Vec::new();
        let perms = parse_perms(text("perms")?, &mut complaints);
        let acl = Acl {
            perms,
            scheme: text("scheme")?.to_owned(),
            id: text("id")?.to_owned(),
        };
        complaints.is_empty().then_some(acl)
    };
    value.as_array()?.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::from_json;
    use super::json;
    use super::lines;
    use super::parse;

    #[test]
    fn entries_are_read_and_printed_as_the_original_does() {
        let (acl, complaints) = parse("world:anyone:r,digest:ann:hash=:cdrwa");
        assert_eq!(complaints, Vec::<String>::new());
        let shown: Vec<String> = acl.iter().map(lines).collect();
        assert_eq!(
            shown,
            ["'world,'anyone\n: r", "'digest,'ann:hash=\n: cdrwa"]
        );
        assert_eq!(from_json(&json(&acl)), Some(acl));
    }

    #[test]
    fn what_is_no_entry_is_told_and_left_out() {
        let (acl, complaints) = parse("bad,bad:acl,world:anyone:rz");
        let told = [
            "bad does not have the form scheme:id:perm",
            "bad:acl does not have the form scheme:id:perm",
            "Unknown perm type: z",
        ];
        assert_eq!(
            (acl.len(), complaints),
            (1, told.map(str::to_owned).to_vec())
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[:,a-z\u{e9}]{0,20}") {
            let (acl, complaints) = parse(&text);
            prop_assert!(!acl.is_empty() || !complaints.is_empty());
        }
    }
}
