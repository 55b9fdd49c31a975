//! Every bound of the C library, by name. The bounds of the protocol are in `zoa_client_core::limits`.
//!
//! The original has none of these; they are so far out that a program that hits one is broken, and it gets an error code.

/// Sessions of one process at a time; a further `zookeeper_init` gives NULL and EMFILE.
pub const HANDLES_MAX: usize = 65_536;

/// Requests of one session that are not yet told how they ended; a further one is refused with ZMARSHALLINGERROR.
pub const PENDING_MAX: usize = 4 << 20;

/// Bytes of requests that wait to be sent; one that would exceed it is refused with ZMARSHALLINGERROR.
pub const UNSENT_LEN_MAX: usize = 1 << 30;

/// Length of one request; the servers' own limit is far below and settable. Refused with ZMARSHALLINGERROR.
pub const REQUEST_LEN_MAX: usize = 512 << 20;

/// Length of one reply; a longer one drops the connection, as a broken server would.
pub const REPLY_LEN_MAX: usize = 1 << 30;

/// Addresses of one name that are handed on.
pub const ADDRESSES_MAX: usize = 64;

/// Bytes of the answer to a probe that are read.
pub const PROBE_ANSWER_LEN_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::PENDING_MAX;
    use super::REPLY_LEN_MAX;
    use super::REQUEST_LEN_MAX;
    use super::UNSENT_LEN_MAX;
    use crate::abi::ClientId;
    use crate::handle::Birth;
    use crate::lifecycle::configure;
    use zoa_client_core::Client;
    use zoa_client_core::ClientConfig;
    use zoa_client_core::ConnectString;
    use zoa_client_core::Entropy;
    use zoa_client_core::SubmitError;
    use zoa_proto::Request;
    use zoa_proto::Version;
    use zoa_proto::request::SetData;

    fn config() -> ClientConfig {
        let birth = Birth {
            number: 0,
            forks: 0,
            timeout_ms: 1_000,
            client_id: ClientId::NONE,
            watcher: None,
            context: std::ptr::null_mut(),
            log_callback: None,
        };
        configure(
            &birth,
            ConnectString::parse("127.0.0.1:1").expect("a host"),
            0,
        )
    }

    /// The error of setting so many bytes with this configuration.
    fn error_of(config: ClientConfig, len: usize) -> Option<SubmitError> {
        let entropy = Entropy {
            hash_key: [1, 2],
            seed: 3,
        };
        let mut core: Client<()> = Client::new(config, entropy, 0);
        let data = vec![0; len];
        let body = SetData {
            path: "/a",
            data: Some(&data),
            version: Version::ANY,
        };
        let submitted = core.submit(0, Request::SetData(body).into(), ());
        submitted.err().map(|rejected| rejected.error)
    }

    #[test]
    fn a_session_is_made_with_these_bounds() {
        let config = config();
        assert_eq!(config.request_len_max, REQUEST_LEN_MAX);
        assert_eq!(config.reply_len_max, REPLY_LEN_MAX);
        assert_eq!(config.pending_max, PENDING_MAX);
        assert_eq!(config.unsent_len_max, UNSENT_LEN_MAX);
    }

    #[test]
    fn a_request_beyond_a_bound_is_refused_by_it() {
        assert_eq!(error_of(config(), 4 << 20), None);
        // The same bounds made small enough to be hit: REQUEST_LEN_MAX, UNSENT_LEN_MAX and PENDING_MAX in the places they stand for.
        let mut small = config();
        small.request_len_max >>= 10;
        assert!(matches!(
            error_of(small, REQUEST_LEN_MAX >> 10),
            Some(SubmitError::RequestTooLong { .. })
        ));
        let mut small = config();
        small.unsent_len_max >>= 10;
        assert!(matches!(
            error_of(small, UNSENT_LEN_MAX >> 10),
            Some(SubmitError::TooMuchUnsent(_))
        ));
        let mut small = config();
        small.pending_max >>= 22;
        assert_eq!(error_of(small, 1), None);
        let mut none = config();
        none.pending_max = 0;
        assert!(matches!(
            error_of(none, 1),
            Some(SubmitError::TooManyPending(0))
        ));
    }
}
