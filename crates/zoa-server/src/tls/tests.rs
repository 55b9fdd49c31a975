//! The deadlines, bounds and files of the handshake.

use std::net::Ipv4Addr;

use tokio::net::TcpListener;
use zoa_tls::testing::Authority;

use super::*;

fn acceptor() -> Acceptor {
    let authority = Authority::new();
    let files = TlsFiles {
        key_store: authority.issue("server", &["localhost"]),
        trust_store: None,
        client_auth: ClientAuth::None,
    };
    Acceptor::new(files).expect("the files are there")
}

/// A socket whose other side says nothing.
async fn silent() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("the loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let silent = TcpStream::connect(address).await.expect("somebody listens");
    let (socket, _) = listener.accept().await.expect("somebody connects");
    (socket, silent)
}

#[tokio::test]
async fn who_says_nothing_is_cut_after_tls_handshake_time() {
    let mut acceptor = acceptor();
    assert_eq!(acceptor.time, TLS_HANDSHAKE_TIME);
    acceptor.time = Duration::from_millis(20);
    let (socket, _silent) = silent().await;
    let refused = acceptor.accept(socket).await.map(|_| ());
    let kind = refused.map_err(|error| error.kind());
    assert_eq!(kind, Err(io::ErrorKind::TimedOut));
}

#[tokio::test]
async fn beyond_tls_handshakes_max_a_connection_is_closed_at_once() {
    let acceptor = acceptor();
    let all = u32::try_from(TLS_HANDSHAKES_MAX).expect("a small number");
    let under_way = acceptor
        .handshakes
        .try_acquire_many(all)
        .expect("none is under way");
    let (socket, _silent) = silent().await;
    let refused = acceptor.accept(socket).await.map(|_| ());
    assert!(refused.is_err_and(|error| error.to_string().contains("too many")));
    drop(under_way);
    assert_eq!(acceptor.handshakes.available_permits(), TLS_HANDSHAKES_MAX);
}

#[test]
fn certificates_that_cannot_be_read_leave_the_old_ones_in_use() {
    let acceptor = acceptor();
    let before = acceptor.server.config(0);
    // The folder of the authority is gone by now, and so are the files.
    let later_ms = time::now().mono_ms + 10 * LOOKED_AT_EVERY_MS;
    assert!(Arc::ptr_eq(&before, &acceptor.server.config(later_ms)));
}
