//! Goal: no password, token or digest stands in Debug output, whoever logs it (G-25).

use proptest::prelude::*;
use zoa_proto::AclRef;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::OpCode;
use zoa_proto::Perms;
use zoa_proto::Reply;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Zxid;
use zoa_proto::request;

use crate::messages;

/// The secret as text, as a list of numbers, and as its first bytes.
fn assert_hidden(shown: &str) {
    let numbers: Vec<_> = SECRET.bytes().map(|byte| byte.to_string()).collect();
    for form in [
        SECRET.to_owned(),
        numbers.join(", "),
        SECRET[..6].to_owned(),
    ] {
        assert!(!shown.contains(&form), "{shown} shows {form}");
    }
}

const SECRET: &str = "sesame-open-hush";

#[test]
fn handshakes_hide_the_session_password() {
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid::ZERO,
        timeout_ms: 4321,
        session: SessionId(1),
        password: SECRET.as_bytes(),
        read_only: None,
    };
    let shown = format!("{request:?}");
    assert_hidden(&shown);
    assert!(shown.contains("4321"), "the rest is shown: {shown}");
    let response = ConnectResponse {
        protocol_version: 0,
        timeout_ms: 4321,
        session: SessionId(1),
        password: SECRET.as_bytes(),
        read_only: None,
    };
    let shown = format!("{response:?} {response:#?}");
    assert_hidden(&shown);
    assert!(shown.contains("4321"), "the rest is shown: {shown}");
}

#[test]
fn auth_and_sasl_hide_their_tokens() {
    let auth = Some(SECRET.as_bytes());
    let request = Request::Auth(request::Auth {
        auth_type: 0,
        scheme: "digest",
        auth,
    });
    let shown = format!("{request:?}");
    assert_hidden(&shown);
    assert!(shown.contains("digest"), "the rest is shown: {shown}");
    assert_hidden(&format!(
        "{:?}",
        Request::Sasl(request::Sasl { token: auth })
    ));
    assert_hidden(&format!("{:?}", Reply::Sasl(auth)));
}

#[test]
fn acls_hide_the_hash_of_a_digest_as_the_server_does() {
    let id = format!("alice:{SECRET}");
    let entry = AclRef {
        perms: Perms::READ,
        scheme: "digest",
        id: &id,
    };
    let shown = format!("{entry:?} {:?}", entry.to_owned());
    assert_hidden(&shown);
    assert!(shown.contains("digest:alice:x"), "{shown}");
    assert_eq!(
        format!("{:?}", AclRef::OPEN),
        "Acl(world:anyone, perms 0x1f)"
    );
    assert_eq!(entry.to_owned().as_ref(), entry);
}

#[test]
fn replies_show_what_is_no_secret() {
    for (reply, shown) in [
        (Reply::Empty, "Empty"),
        (Reply::Path("/a"), "Path { path: \"/a\" }"),
        (Reply::Count(3), "Count { count: 3 }"),
        (Reply::ErrorResponse(None), "ErrorResponse { error: None }"),
    ] {
        assert_eq!(format!("{reply:?}"), shown);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_shows_its_operation(request in messages::any_request()) {
        let shown = format!("{request:?}");
        prop_assert!(shown.starts_with(&format!("{:?}", request.op())), "{}", shown);
    }

    #[test]
    fn every_reply_shows_what_it_is((op, reply) in messages::any_reply()) {
        let shown = format!("{reply:?}");
        let expected = match op {
            OpCode::Create | OpCode::Sync => "Path { path: ",
            OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => "PathAndStat { path: ",
            OpCode::Exists | OpCode::SetData | OpCode::SetAcl => "Stat { stat: Stat { czxid: ",
            OpCode::GetData | OpCode::Reconfig => "Data { data: ",
            OpCode::GetAcl => "Acl { acl: [",
            OpCode::GetChildren | OpCode::GetEphemerals => "Children { children: [",
            OpCode::GetChildren2 => "ChildrenAndStat { children: [",
            OpCode::GetAllChildrenNumber => "Count { count: ",
            OpCode::AddWatch => "ErrorResponse { error: ",
            OpCode::WhoAmI => "WhoAmI { identities: [",
            OpCode::Sasl => "Sasl",
            OpCode::Multi | OpCode::MultiRead => "Multi { results: [",
            _ => "Empty",
        };
        prop_assert!(shown.starts_with(expected), "{} of {:?}", shown, op);
    }

    #[test]
    fn a_list_shows_its_items(paths in messages::paths()) {
        let items: Vec<_> = paths.into_iter().collect();
        prop_assert_eq!(format!("{paths:?}"), format!("{items:?}"));
        let mut walked = Vec::new();
        for path in &paths {
            walked.push(path);
        }
        prop_assert_eq!(walked, items);
    }
}
