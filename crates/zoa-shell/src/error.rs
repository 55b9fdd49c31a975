//! Why a command failed: the original's words, an exit code, and a hint of ours.
//!
//! It is *not* how a request ended in general: zoa-client tells that. Here are the words that users of the original's shell know.
//!
//! Invariant: the message is what the original says; what helps beyond that is in the hint, on a line of its own.

use std::io;

use zoa_proto::ErrorCode;

use crate::hint;

/// The original ends with this code after an error.
pub(crate) const EXIT_FAILED: u8 = 1;
/// A command line that cannot be read, as the original's `INVALID_INVOCATION`.
pub(crate) const EXIT_BAD_START: u8 = 2;
/// A command that does not exist, as in every Unix shell.
pub(crate) const EXIT_NO_COMMAND: u8 = 127;
/// Nobody reads our output any more: what a Unix shell reports for SIGPIPE.
pub(crate) const EXIT_OUTPUT_CLOSED: u8 = 141;

/// Why a command failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ShellError {
    /// What is printed; nothing when empty.
    pub(crate) message: String,
    /// What the program ends with when this was its last command.
    pub(crate) exit_code: u8,
    /// The protocol's code, when a server or the client gave one.
    pub(crate) code: Option<ErrorCode>,
    /// Which znode it is about.
    pub(crate) path: Option<String>,
    /// One line that helps, when there is one.
    pub(crate) hint: Option<String>,
}

/// What a command comes to.
pub(crate) type Answer<T> = Result<T, ShellError>;

impl ShellError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit_code: EXIT_FAILED,
            code: None,
            path: None,
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The protocol said no; `path` as the user wrote it.
    pub(crate) fn of_code(code: ErrorCode, path: Option<&str>) -> Self {
        Self {
            message: message_of(code, path),
            exit_code: EXIT_FAILED,
            code: Some(code),
            path: path.map(str::to_owned),
            hint: hint::for_code(code, path.unwrap_or("/path")),
        }
    }

    /// A path that is none.
    pub(crate) fn bad_path(message: String) -> Self {
        let hint = "paths begin with / and do not end with it; put a path with blanks in quotes";
        Self::new(message).with_hint(hint)
    }

    /// What the program was told at its start cannot be obeyed.
    pub(crate) fn bad_start(message: String) -> Self {
        Self {
            exit_code: EXIT_BAD_START,
            ..Self::new(message).with_hint("`zkCli.sh --help` has the options")
        }
    }

    /// Standard output is gone; there is nobody to tell.
    pub(crate) fn output_closed() -> Self {
        Self {
            exit_code: EXIT_OUTPUT_CLOSED,
            ..Self::new("")
        }
    }

    pub(crate) fn is(&self, code: ErrorCode) -> bool {
        self.code == Some(code)
    }
}

impl From<io::Error> for ShellError {
    /// Writing to standard output failed.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::output_closed(),
            _ => Self::new(format!("Cannot write the output: {error}")),
        }
    }
}

/// What the original's shell prints for an error of the protocol.
fn message_of(code: ErrorCode, path: Option<&str>) -> String {
    let shown = path.unwrap_or("null");
    match code {
        ErrorCode::NoNode => format!("Node does not exist: {shown}"),
        ErrorCode::NoChildrenForEphemerals => format!("Ephemerals cannot have children: {shown}"),
        ErrorCode::NodeExists => format!("Node already exists: {shown}"),
        ErrorCode::NotEmpty => format!("Node not empty: {shown}"),
        ErrorCode::NotReadOnly => format!("Not a read-only call: {shown}"),
        ErrorCode::InvalidAcl => format!("Acl is not valid : {shown}"),
        ErrorCode::NoAuth => format!("Insufficient permission : {shown}"),
        ErrorCode::BadArguments => format!("Arguments are not valid : {shown}"),
        ErrorCode::BadVersion => format!("version No is not valid : {shown}"),
        ErrorCode::QuotaExceeded => format!("Quota has exceeded : {shown}"),
        ErrorCode::ReconfigInProgress => {
            "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)"
                .to_owned()
        }
        ErrorCode::NewConfigNoQuorum => {
            "No quorum of new config is connected and up-to-date with the leader of last committed \
            config - try invoking reconfiguration after new servers are connected and synced"
                .to_owned()
        }
        _ => keeper_message(code, path),
    }
}

/// The message of the original's `KeeperException`.
pub(crate) fn keeper_message(code: ErrorCode, path: Option<&str>) -> String {
    let text = code_text(code);
    match path {
        Some(path) => format!("KeeperErrorCode = {text} for {path}"),
        None => format!("KeeperErrorCode = {text}"),
    }
}

/// The original's text for a code.
const fn code_text(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::SystemError => "SystemError",
        ErrorCode::RuntimeInconsistency => "RuntimeInconsistency",
        ErrorCode::DataInconsistency => "DataInconsistency",
        ErrorCode::ConnectionLoss => "ConnectionLoss",
        ErrorCode::MarshallingError => "MarshallingError",
        ErrorCode::Unimplemented => "Unimplemented",
        ErrorCode::OperationTimeout => "OperationTimeout",
        ErrorCode::BadArguments => "BadArguments",
        ErrorCode::InvalidState => "InvalidState",
        ErrorCode::UnknownSession => "UnknownSession",
        ErrorCode::NewConfigNoQuorum => "NewConfigNoQuorum",
        ErrorCode::ReconfigInProgress => "ReconfigInProgress",
        ErrorCode::SslConnectionError => "SslConnectionError",
        ErrorCode::ApiError => "APIError",
        ErrorCode::NoNode => "NoNode",
        ErrorCode::NoAuth => "NoAuth",
        ErrorCode::BadVersion => "BadVersion",
        ErrorCode::NoChildrenForEphemerals => "NoChildrenForEphemerals",
        ErrorCode::NodeExists => "NodeExists",
        ErrorCode::NotEmpty => "Directory not empty",
        ErrorCode::SessionExpired => "Session expired",
        ErrorCode::InvalidCallback => "Invalid callback",
        ErrorCode::InvalidAcl => "InvalidACL",
        ErrorCode::AuthFailed => "AuthFailed",
        ErrorCode::Closing => "Closing",
        ErrorCode::Nothing => "Nothing",
        ErrorCode::SessionMoved => "Session moved",
        ErrorCode::NotReadOnly => "Not a read-only call",
        ErrorCode::EphemeralOnLocalSession => "Ephemeral node on local session",
        ErrorCode::NoWatcher => "No such watcher",
        ErrorCode::RequestTimeout => "RequestTimeout",
        ErrorCode::ReconfigDisabled => "Reconfig is disabled",
        ErrorCode::SessionClosedRequireSaslAuth => {
            "Session closed because client failed to authenticate"
        }
        ErrorCode::QuotaExceeded => "Quota has exceeded",
        ErrorCode::ThrottledOp => "Op throttled due to high load",
    }
}

#[cfg(test)]
mod tests {
    use super::ShellError;
    use zoa_proto::ErrorCode;

    fn check(code: ErrorCode, path: Option<&str>, said: &str) {
        assert_eq!(ShellError::of_code(code, path).message, said);
    }

    #[test]
    fn errors_are_told_in_the_words_of_the_original() {
        check(ErrorCode::NoNode, Some("/a"), "Node does not exist: /a");
        check(
            ErrorCode::BadVersion,
            Some("/a"),
            "version No is not valid : /a",
        );
        check(ErrorCode::InvalidAcl, None, "Acl is not valid : null");
        check(
            ErrorCode::ReconfigDisabled,
            None,
            "KeeperErrorCode = Reconfig is disabled",
        );
        check(
            ErrorCode::ConnectionLoss,
            Some("/a"),
            "KeeperErrorCode = ConnectionLoss for /a",
        );
    }
}
