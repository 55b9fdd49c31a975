//! Every operation of the protocol, through both faces.

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::ErrorCode;
use zoa_client::Version;
use zoa_client::blocking;
use zoa_server::testing::LocalServer;

#[tokio::test]
async fn what_is_created_can_be_read_and_listed() {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string())
        .await
        .expect("connected");
    let path = client.create("/a", b"one", CreateMode::Persistent).await;
    assert_eq!(path.as_deref(), Ok("/a"));
    let data = client.get_data("/a").await.expect("read");
    assert_eq!(data.bytes(), b"one");
    let mut names = client.get_children("/").await.expect("listed");
    names.sort();
    assert_eq!(names, ["a", "zookeeper"]);
    let error = client.get_data("/b").await.expect_err("not there");
    assert_eq!((error.code(), error.path()), (ErrorCode::NoNode, "/b"));
    assert!(client.close().await);
}

#[test]
fn the_blocking_face_does_the_same_without_a_runtime() {
    let server = LocalServer::start();
    let client = blocking::Client::connect(&server.connect_string()).expect("connected");
    client
        .create("/a", b"one", CreateMode::Persistent)
        .expect("created");
    assert_eq!(client.get_data("/a").expect("read").bytes(), b"one");
    client.delete("/a", Version::ANY).expect("deleted");
    assert_eq!(client.exists("/a"), Ok(None));
    assert!(client.close());
}
