//! The paths of requests: judged before they are sent, and put under the chroot.
//!
//! Paths are judged here although the server does so too: an illegal one behind a chroot could leave it (`app` + `le`), and the
//! answer is sooner and clearer.

use core::ops::Range;

use zoa_proto::CreateFlags;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::Path;
use zoa_proto::PathError;
use zoa_proto::Request;
use zoa_proto::request::Create;
use zoa_proto::request::GetEphemerals;

use super::Chroot;

/// Memory for the paths of one request.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    text: String,
    spans: Vec<Range<usize>>,
    ops: Vec<u8>,
}

/// Judges every path of the request.
pub(crate) fn check_paths(request: &Request<'_>) -> Result<(), PathError> {
    match request {
        Request::Multi(ops) | Request::MultiRead(ops) => {
            ops.iter().try_for_each(|op| check_path(path_of_op(&op)))
        }
        _ => check_path(path_of(request)),
    }
}

/// The path of a request, by what it must be.
#[derive(Clone, Copy)]
enum PathOf<'r> {
    Nothing,
    Node(&'r str),
    /// The server appends a number.
    Sequential(&'r str),
    /// Any text; paths that start with it are meant.
    Prefix(&'r str),
}

fn check_path(path: PathOf<'_>) -> Result<(), PathError> {
    match path {
        PathOf::Nothing => Ok(()),
        PathOf::Node(path) => Path::parse(path).map(drop),
        PathOf::Sequential(path) => Path::parse_sequential(path).map(drop),
        PathOf::Prefix(prefix) if prefix.is_empty() || prefix.starts_with('/') => Ok(()),
        PathOf::Prefix(_) => Err(PathError::NotAbsolute),
    }
}

const fn created(path: &str, flags: CreateFlags) -> PathOf<'_> {
    match flags.mode() {
        Some(mode) if mode.is_sequential() => PathOf::Sequential(path),
        Some(_) | None => PathOf::Node(path),
    }
}

const fn path_of<'r>(request: &Request<'r>) -> PathOf<'r> {
    match request {
        Request::Create(body) | Request::Create2(body) | Request::CreateContainer(body) => {
            created(body.path, body.flags)
        }
        Request::CreateTtl(body) => created(body.path, body.flags),
        Request::Delete(body) => PathOf::Node(body.path),
        Request::DeleteContainer(body) => PathOf::Node(body.path),
        Request::Exists(body) => PathOf::Node(body.path),
        Request::GetData(body) => PathOf::Node(body.path),
        Request::SetData(body) => PathOf::Node(body.path),
        Request::GetAcl(body) => PathOf::Node(body.path),
        Request::SetAcl(body) => PathOf::Node(body.path),
        Request::GetChildren(body) | Request::GetChildren2(body) => PathOf::Node(body.path),
        Request::GetAllChildrenNumber(body) => PathOf::Node(body.path),
        Request::GetEphemerals(body) => PathOf::Prefix(body.prefix),
        Request::Sync(body) => PathOf::Node(body.path),
        Request::Check(body) => PathOf::Node(body.path),
        Request::CheckWatches(body) | Request::RemoveWatches(body) => PathOf::Node(body.path),
        Request::AddWatch(body) => PathOf::Node(body.path),
        Request::Multi(_)
        | Request::MultiRead(_)
        | Request::Reconfig(_)
        | Request::SetWatches(_)
        | Request::SetWatches2(_)
        | Request::Auth(_)
        | Request::Sasl(_)
        | Request::WhoAmI
        | Request::Ping
        | Request::CloseSession => PathOf::Nothing,
    }
}

const fn path_of_op<'r>(op: &MultiOp<'r>) -> PathOf<'r> {
    match op {
        MultiOp::Create(body) | MultiOp::Create2(body) | MultiOp::CreateContainer(body) => {
            created(body.path, body.flags)
        }
        MultiOp::CreateTtl(body) => created(body.path, body.flags),
        MultiOp::Delete(body) => PathOf::Node(body.path),
        MultiOp::SetData(body) => PathOf::Node(body.path),
        MultiOp::Check(body) => PathOf::Node(body.path),
        MultiOp::GetData(body) => PathOf::Node(body.path),
        MultiOp::GetChildren(body) => PathOf::Node(body.path),
    }
}

impl Chroot {
    /// The request as the server is to see it.
    pub(crate) fn apply<'r>(&self, request: &Request<'r>, scratch: &'r mut Scratch) -> Request<'r> {
        if self.is_none() {
            return *request;
        }
        let path = match (request, path_of(request)) {
            (Request::Multi(ops), _) => return Request::Multi(self.apply_to_ops(ops, scratch)),
            (Request::MultiRead(ops), _) => {
                return Request::MultiRead(self.apply_to_ops(ops, scratch));
            }
            (_, PathOf::Nothing) => return *request,
            (_, PathOf::Node(path) | PathOf::Prefix(path)) => self.join(path, &mut scratch.text),
            // A number alone (`/`) is a child of the chroot, not the chroot with a number.
            (_, PathOf::Sequential(path)) => self.put_before(path, &mut scratch.text),
        };
        with_path(request, path)
    }

    fn apply_to_ops<'r>(&self, ops: &MultiOps<'_>, scratch: &'r mut Scratch) -> MultiOps<'r> {
        scratch.text.clear();
        scratch.spans.clear();
        for op in ops.iter() {
            let start = scratch.text.len();
            let below = match path_of_op(&op) {
                PathOf::Node("/") | PathOf::Nothing => "",
                PathOf::Node(path) | PathOf::Sequential(path) | PathOf::Prefix(path) => path,
            };
            scratch.text.push_str(&self.0);
            scratch.text.push_str(below);
            scratch.spans.push(start..scratch.text.len());
        }
        let text = scratch.text.as_str();
        let paths = scratch
            .spans
            .iter()
            .map(|span| text.get(span.clone()).unwrap_or_default());
        let rooted = ops
            .iter()
            .zip(paths)
            .map(|(op, path)| op_with_path(&op, path));
        MultiOps::collect_into(rooted, &mut scratch.ops)
    }
}

fn create_at<'r>(body: &Create<'r>, path: &'r str) -> Create<'r> {
    Create { path, ..*body }
}

/// The same request about another path.
fn with_path<'r>(request: &Request<'r>, path: &'r str) -> Request<'r> {
    let mut request = *request;
    match &mut request {
        Request::Create(body) | Request::Create2(body) | Request::CreateContainer(body) => {
            *body = create_at(body, path);
        }
        Request::CreateTtl(body) => body.path = path,
        Request::Delete(body) => body.path = path,
        Request::DeleteContainer(body) => body.path = path,
        Request::Exists(body) => body.path = path,
        Request::GetData(body) => body.path = path,
        Request::SetData(body) => body.path = path,
        Request::GetAcl(body) => body.path = path,
        Request::SetAcl(body) => body.path = path,
        Request::GetChildren(body) | Request::GetChildren2(body) => body.path = path,
        Request::GetAllChildrenNumber(body) => body.path = path,
        Request::GetEphemerals(body) => *body = GetEphemerals { prefix: path },
        Request::Sync(body) => body.path = path,
        Request::Check(body) => body.path = path,
        Request::CheckWatches(body) | Request::RemoveWatches(body) => body.path = path,
        Request::AddWatch(body) => body.path = path,
        Request::Multi(_)
        | Request::MultiRead(_)
        | Request::Reconfig(_)
        | Request::SetWatches(_)
        | Request::SetWatches2(_)
        | Request::Auth(_)
        | Request::Sasl(_)
        | Request::WhoAmI
        | Request::Ping
        | Request::CloseSession => {}
    }
    request
}

fn op_with_path<'r>(op: &MultiOp<'r>, path: &'r str) -> MultiOp<'r> {
    let mut op = *op;
    match &mut op {
        MultiOp::Create(body) | MultiOp::Create2(body) | MultiOp::CreateContainer(body) => {
            body.path = path;
        }
        MultiOp::CreateTtl(body) => body.path = path,
        MultiOp::Delete(body) => body.path = path,
        MultiOp::SetData(body) => body.path = path,
        MultiOp::Check(body) => body.path = path,
        MultiOp::GetData(body) => body.path = path,
        MultiOp::GetChildren(body) => body.path = path,
    }
    op
}

#[cfg(test)]
mod tests {
    use super::Scratch;
    use super::check_paths;
    use crate::chroot::Chroot;
    use zoa_proto::AclList;
    use zoa_proto::CreateMode;
    use zoa_proto::MultiOp;
    use zoa_proto::MultiOps;
    use zoa_proto::PathError;
    use zoa_proto::Request;
    use zoa_proto::Version;
    use zoa_proto::request::Create;
    use zoa_proto::request::Delete;
    use zoa_proto::request::GetData;
    use zoa_proto::request::GetEphemerals;

    fn create(path: &str, mode: CreateMode) -> Create<'_> {
        Create {
            path,
            data: None,
            acl: AclList::empty(),
            flags: mode.flags(),
        }
    }

    fn delete(path: &str) -> Delete<'_> {
        Delete {
            path,
            version: Version::ANY,
        }
    }

    #[track_caller]
    fn check(request: Request<'_>, rooted: Request<'_>) {
        let mut scratch = Scratch::default();
        assert_eq!(Chroot::new("/app").apply(&request, &mut scratch), rooted);
        let mut scratch = Scratch::default();
        assert_eq!(Chroot::new("").apply(&request, &mut scratch), request);
    }

    #[test]
    fn each_kind_of_path_goes_under_the_chroot() {
        let data = |path| Request::GetData(GetData { path, watch: true });
        check(data("/a"), data("/app/a"));
        check(data("/"), data("/app"));
        check(Request::WhoAmI, Request::WhoAmI);
        let ephemerals = |prefix| Request::GetEphemerals(GetEphemerals { prefix });
        check(ephemerals(""), ephemerals("/app"));
        check(ephemerals("/"), ephemerals("/app"));
        check(ephemerals("/a"), ephemerals("/app/a"));
        let plain = |path| Request::Create2(create(path, CreateMode::Persistent));
        check(plain("/a"), plain("/app/a"));
        let sequential = |path| Request::Create(create(path, CreateMode::EphemeralSequential));
        check(sequential("/"), sequential("/app/"));
        check(sequential("/a/lock-"), sequential("/app/a/lock-"));
    }

    #[test]
    fn every_operation_of_a_multi_goes_under_the_chroot() {
        let ops = |paths: [&'static str; 3]| {
            let [first, second, third] = paths;
            [
                MultiOp::Create(create(first, CreateMode::PersistentSequential)),
                MultiOp::Delete(delete(second)),
                MultiOp::Create2(create(third, CreateMode::Persistent)),
            ]
        };
        let (mut from, mut to) = (Vec::new(), Vec::new());
        let request = Request::Multi(MultiOps::collect_into(ops(["/", "/b", "/"]), &mut from));
        let rooted = ops(["/app/", "/app/b", "/app"]);
        check(
            request,
            Request::Multi(MultiOps::collect_into(rooted, &mut to)),
        );
    }

    #[test]
    fn what_is_not_a_path_is_refused_before_it_is_sent() {
        let error = |request: Request<'_>| check_paths(&request).err();
        assert_eq!(
            error(Request::Delete(delete("a"))),
            Some(PathError::NotAbsolute)
        );
        assert_eq!(
            error(Request::Delete(delete("/a/"))),
            Some(PathError::TrailingSlash)
        );
        assert_eq!(
            error(Request::Delete(delete("/../x"))),
            Some(PathError::RelativeComponent)
        );
        assert_eq!(
            error(Request::Create(create("/a/", CreateMode::Ephemeral))),
            Some(PathError::TrailingSlash)
        );
        assert_eq!(
            error(Request::Create(create(
                "/a/",
                CreateMode::EphemeralSequential
            ))),
            None
        );
        assert_eq!(
            error(Request::GetEphemerals(GetEphemerals { prefix: "le" })),
            Some(PathError::NotAbsolute)
        );
        let mut scratch = Vec::new();
        let ops = [MultiOp::Delete(delete("/a")), MultiOp::Delete(delete("b"))];
        let multi = Request::Multi(MultiOps::collect_into(ops, &mut scratch));
        assert_eq!(error(multi), Some(PathError::NotAbsolute));
    }
}
