//! TLS between the client and a server of ours: who is let in, who is believed, and what is said when not.

use std::time::Duration;

use zoa_client::Acl;
use zoa_client::Client;
use zoa_client::ConnectError;
use zoa_client::ConnectionError;
use zoa_client::CreateMode;
use zoa_client::CreateOptions;
use zoa_client::ErrorCode;
use zoa_client::Notice;
use zoa_client::Perms;
use zoa_client::TlsFailure;
use zoa_client::TlsOptions;
use zoa_server::TlsFiles;
use zoa_server::testing::LocalServer;
use zoa_tls::ClientAuth;
use zoa_tls::testing::Authority;

use crate::suite;

/// A server with a certificate for `localhost`, and the one who signed it.
struct Scene {
    server: LocalServer,
    authority: Authority,
}

impl Scene {
    fn new(client_auth: ClientAuth) -> Self {
        let authority = Authority::new();
        let server = LocalServer::start_secure(TlsFiles {
            key_store: authority.issue("server", &["localhost"]),
            trust_store: Some(authority.certificate()),
            client_auth,
        });
        Self { server, authority }
    }

    fn connect_string(&self) -> String {
        format!("localhost:{}", self.server.secure_address().port())
    }

    /// Options of a client with a certificate about this subject.
    fn options_of(&self, subject: &str) -> TlsOptions {
        let file = self.authority.issue(subject, &["client"]);
        TlsOptions::new(self.authority.certificate()).identity(&file, &file)
    }

    async fn connect(&self, options: TlsOptions) -> Client {
        let client = Client::builder(&self.connect_string()).tls(options);
        client.connect().await.expect("the server takes a session")
    }

    /// Why there is no connection.
    async fn failure(&self, connect_string: &str, options: Option<TlsOptions>) -> ConnectionError {
        let mut builder =
            Client::builder(connect_string).connect_within(Duration::from_millis(1500));
        if let Some(options) = options {
            builder = builder.tls(options);
        }
        match builder.connect().await {
            Err(ConnectError::NoServer {
                last: Some(Notice::AttemptFailed { error, .. }),
                ..
            }) => error,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_a_certificate_is_served_and_known_by_it() {
    let scene = Scene::new(ClientAuth::Need);
    let client = scene.connect(scene.options_of("worker")).await;
    let found = client.who_am_i().await.expect("answered");
    let is_worker = |found: &zoa_client::Identity| {
        (found.scheme.as_str(), found.user.as_str()) == ("x509", "CN=worker,O=Example")
    };
    assert!(found.iter().any(is_worker), "{found:?}");

    let only_worker = vec![Acl {
        perms: Perms::ALL,
        scheme: "x509".to_owned(),
        id: "CN=worker,O=Example".to_owned(),
    }];
    let options = CreateOptions::new(CreateMode::Persistent).acl(only_worker);
    client.create("/own", b"x", options).await.expect("created");
    let other = scene.connect(scene.options_of("other")).await;
    let refused = other
        .get_data("/own")
        .await
        .expect_err("of the worker only");
    assert_eq!(refused.code(), ErrorCode::NoAuth);
    assert!(client.get_data("/own").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_goes_through_in_both_directions_and_watches_arrive() {
    let scene = Scene::new(ClientAuth::Want);
    let options = TlsOptions::new(scene.authority.certificate());
    let client = scene.connect(options.clone()).await;
    let long = vec![7; 900_000];
    client
        .create("/long", &*long, CreateMode::Persistent)
        .await
        .expect("created");
    let watcher = scene.connect(options).await;
    let (found, watch) = watcher.get_data_and_watch("/long").await.expect("read");
    assert_eq!(found.data.as_deref(), Some(&*long));
    let pending: Vec<_> = (0..500)
        .map(|_| client.set_data("/long", b"short", zoa_client::Version::ANY))
        .collect();
    for set in pending {
        set.await.expect("set");
    }
    let event = tokio::time::timeout(suite::PATIENCE, watch)
        .await
        .expect("in time")
        .expect("no end");
    assert_eq!(event.path, "/long");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_or_not_believed_is_told_why() {
    let scene = Scene::new(ClientAuth::Need);
    let at = scene.connect_string();
    let trusting = || TlsOptions::new(scene.authority.certificate());
    let failed = |failure| ConnectionError::Tls(failure);

    let without = scene.failure(&at, Some(trusting())).await;
    assert_eq!(without, failed(TlsFailure::ClientRefused));

    let stranger = Authority::new();
    let file = stranger.issue("worker", &["client"]);
    let strange = scene
        .failure(&at, Some(trusting().identity(&file, &file)))
        .await;
    assert_eq!(strange, failed(TlsFailure::ClientRefused));

    let distrusting = TlsOptions::new(stranger.certificate());
    assert_eq!(
        scene.failure(&at, Some(distrusting)).await,
        failed(TlsFailure::UnknownAuthority)
    );

    let by_address = format!("127.0.0.1:{}", scene.server.secure_address().port());
    let misnamed = scene
        .failure(&by_address, Some(scene.options_of("worker")))
        .await;
    assert_eq!(misnamed, failed(TlsFailure::WrongName));
    let any_name = Client::builder(&by_address).tls(scene.options_of("worker").any_name());
    assert!(any_name.connect().await.is_ok());

    let plain_port = format!("localhost:{}", scene.server.address().port());
    let not_tls = scene
        .failure(&plain_port, Some(scene.options_of("worker")))
        .await;
    assert_eq!(not_tls, failed(TlsFailure::NotTls));

    let unencrypted = scene.failure(&at, None).await;
    assert!(
        !matches!(unencrypted, ConnectionError::Tls(_)),
        "a client without TLS finds no server there: {unencrypted}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_renewed_is_shown_without_a_restart() {
    let scene = Scene::new(ClientAuth::None);
    let options = TlsOptions::new(scene.authority.certificate());
    let by_address = format!("127.0.0.1:{}", scene.server.secure_address().port());
    let misnamed = scene.failure(&by_address, Some(options.clone())).await;
    assert_eq!(misnamed, ConnectionError::Tls(TlsFailure::WrongName));
    let _file = scene.authority.issue("server", &["localhost", "127.0.0.1"]);
    let client = Client::builder(&by_address)
        .tls(options)
        .connect_within(suite::PATIENCE);
    client
        .connect()
        .await
        .expect("the files are looked at again");
}

#[test]
fn a_file_that_is_no_certificate_stops_the_client_before_it_connects() {
    let authority = Authority::new();
    let options = TlsOptions::new(authority.file("absent.pem"));
    let refused = Client::builder("localhost").tls(options).start_blocking();
    let told = refused
        .map(|_| ())
        .expect_err("there is no such file")
        .to_string();
    assert!(told.starts_with("cannot read"), "{told}");
}
