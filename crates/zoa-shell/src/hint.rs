//! One line of help behind an error, where there is something to say that the error does not.
//!
//! Hints are for people: they are printed when standard error is a terminal, when asked for by `--hints`, and inside the
//! errors of `--json`. Invariant: a hint is one line, and names a command that exists.

use zoa_proto::ErrorCode;

/// What may help after an error about `path`.
pub(crate) fn for_code(code: ErrorCode, path: &str) -> Option<String> {
    let hint = match code {
        ErrorCode::NoNode => no_node(path),
        ErrorCode::NodeExists => format!("`set {path} data` writes to it; `create -s {path} data` makes a new one with a number"),
        ErrorCode::NotEmpty => format!("`deleteall {path}` takes its children with it"),
        ErrorCode::NoAuth => format!("`getAcl {path}` says who may; `whoami` who you are; `addauth digest user:password` adds one"),
        ErrorCode::BadVersion => format!("`stat {path}` shows dataVersion; it has changed since you looked"),
        ErrorCode::InvalidAcl => {
            "an ACL is scheme:id:perms, such as world:anyone:cdrwa; auth: needs an addauth before".to_owned()
        }
        ErrorCode::NoChildrenForEphemerals => "ephemerals go with their session and stay alone".to_owned(),
        ErrorCode::Unimplemented => "this server does not offer it".to_owned(),
        ErrorCode::ConnectionLoss => {
            "no server answers: does one run there, and is -server right? A write may or may not have happened".to_owned()
        }
        ErrorCode::SessionExpired => "`connect` begins a new session; ephemerals of the old one are gone".to_owned(),
        ErrorCode::AuthFailed => "the server does not take this scheme or these words; `connect` begins anew".to_owned(),
        ErrorCode::NotReadOnly => "this server has no quorum and answers reads only".to_owned(),
        ErrorCode::ReconfigDisabled => "the server allows it with reconfigEnabled=true in its zoo.cfg".to_owned(),
        ErrorCode::NoWatcher => format!("this shell has no such watch on {path}; `removewatches {path}` takes any kind"),
        _ => return None,
    };
    Some(hint)
}

fn no_node(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => {
            format!("`ls {parent}` shows what there is; parents must be made first")
        }
        Some(_) | None => "`ls /` shows what there is".to_owned(),
    }
}

/// The command that may have been meant.
pub(crate) fn for_unknown_command(name: &str, commands: &[&'static str]) -> Option<String> {
    let nearest = commands
        .iter()
        .map(|command| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &command.to_lowercase()),
                command,
            )
        })
        .min()?;
    let (distance, command) = nearest;
    (distance <= 2 && distance < name.len()).then(|| format!("did you mean `{command}`?"))
}

#[cfg(test)]
mod tests {
    use super::for_code;
    use super::for_unknown_command;
    use zoa_proto::ErrorCode;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_other_words_are_not() {
        let commands = ["ls", "get", "getAcl", "deleteall"];
        let hint = for_unknown_command("getacl", &commands);
        assert_eq!(hint.as_deref(), Some("did you mean `getAcl`?"));
        assert!(for_unknown_command("deletall", &commands).is_some());
        assert_eq!(for_unknown_command("nosuch", &commands), None);
        assert_eq!(for_unknown_command("x", &commands), None);
    }

    #[test]
    fn every_hint_is_one_line() {
        for code in ErrorCode::ALL {
            let hint = for_code(*code, "/a/b").unwrap_or_default();
            assert!(!hint.contains('\n'), "{code}");
        }
    }
}
