//! The states of a session, in the numbers of the original's constants.

use zoa_client::SessionState;

pub(crate) const EXPIRED: i64 = -112;
pub(crate) const AUTH_FAILED: i64 = -113;
pub(crate) const CONNECTING: i64 = 1;
pub(crate) const ASSOCIATING: i64 = 2;
pub(crate) const CONNECTED: i64 = 3;
pub(crate) const READ_ONLY: i64 = 5;
/// Not connected for so long that the servers may have let the session expire.
pub(crate) const DOUBTFUL: i64 = 6;
pub(crate) const NOT_CONNECTED: i64 = 999;

/// The number of a state.
pub(crate) const fn number_of(state: SessionState) -> i64 {
    match state {
        SessionState::Connecting | SessionState::Suspended => CONNECTING,
        SessionState::Connected => CONNECTED,
        SessionState::ConnectedReadOnly => READ_ONLY,
        SessionState::Expired => EXPIRED,
        SessionState::AuthFailed => AUTH_FAILED,
        SessionState::Closed => NOT_CONNECTED,
    }
}
