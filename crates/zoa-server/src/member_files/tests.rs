//! Real files in a folder of each test.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::*;

const PEERS: &str = "server.1=a:1:2\nserver.2=b:1:2\n";
const AFTER: &str = "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=1a0000000f";

/// A folder with a zoo.cfg, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(servers: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("zoa-member-files-{}-{number}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(folder.0.join("data")).unwrap();
        fs::write(folder.0.join("data/myid"), "1\n").unwrap();
        let data = folder.0.join("data");
        let config = format!(
            "# by hand\ndataDir={}\nclientPort=2181\ninitLimit=10\nsyncLimit=5\n{servers}",
            data.display()
        );
        fs::write(folder.path("zoo.cfg"), config).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, lines: &str) -> io::Result<Option<PathBuf>> {
        let files = ConfigFiles {
            config: self.path("zoo.cfg"),
            words: Vec::new(),
        };
        write(&files, PeerId(1), &MemberLines::parse(lines).unwrap())
    }

    fn servers(&self) -> Vec<u8> {
        let loaded = ServerConfig::load(&self.path("zoo.cfg"), &[]);
        let (config, _) = loaded.unwrap_or_else(|errors| panic!("{errors}"));
        config.ensemble.servers.into_keys().collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn a_server_starts_from_the_files_that_a_reconfig_left() {
    let folder = Folder::new(PEERS);
    let secret = fs::Permissions::from_mode(0o600);
    fs::set_permissions(folder.path("zoo.cfg"), secret).unwrap();
    let by_hand = folder.text("zoo.cfg");
    let named = folder.write(AFTER).unwrap();
    assert_eq!(named, Some(folder.path("zoo.cfg.dynamic.1a0000000f")));
    assert_eq!(folder.servers(), [1, 2, 3]);
    assert_eq!(folder.text("zoo.cfg.bak"), by_hand);
    for name in ["zoo.cfg", "zoo.cfg.bak", "zoo.cfg.dynamic.1a0000000f"] {
        let mode = fs::metadata(folder.path(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(folder.write(AFTER).unwrap(), None, "it is so already");
    let fewer = "server.1=a:1:2\nserver.3=c:1:2\nversion=1b00000001";
    folder.write(fewer).unwrap();
    assert_eq!(folder.servers(), [1, 3]);
    assert_eq!(folder.text("zoo.cfg.bak"), by_hand, "what somebody wrote");
    let left: Vec<_> = fs::read_dir(&folder.0).unwrap().collect();
    assert_eq!(left.len(), 5, "{left:?}");
}

#[test]
fn an_outdated_file_is_mended() {
    let folder = Folder::new("");
    let old = folder.path("zoo.cfg.dynamic.5");
    fs::write(&old, "server.1=a:1:2\nserver.9=z:1:2\n").unwrap();
    let config = folder.text("zoo.cfg") + &format!("dynamicConfigFile={}\n", old.display());
    fs::write(folder.path("zoo.cfg"), config).unwrap();
    assert_eq!(folder.servers(), [1, 9]);
    folder.write(AFTER).unwrap();
    assert_eq!(folder.servers(), [1, 2, 3]);
    assert!(old.exists() && !folder.path("zoo.cfg.bak").exists());
}

#[test]
fn what_cannot_be_written_leaves_zoo_cfg_as_it_is() {
    let folder = Folder::new(PEERS);
    let before = folder.text("zoo.cfg");
    // A directory in its place: not even root can put a file there.
    fs::create_dir(folder.path("zoo.cfg.dynamic.1a0000000f")).unwrap();
    let error = folder.write(AFTER).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("zoo.cfg.dynamic.1a0000000f cannot be written"),
        "{error}"
    );
    assert_eq!(folder.text("zoo.cfg"), before);
    let mut names: Vec<_> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "data",
            "zoo.cfg",
            "zoo.cfg.bak",
            "zoo.cfg.dynamic.1a0000000f"
        ]
    );
}

#[test]
fn zoo_cfg_never_becomes_one_that_a_server_could_not_start_from() {
    let folder = Folder::new(PEERS);
    let before = folder.text("zoo.cfg");
    let error = folder.write("server.1=a:1:2\nserver.2=b:1:2:observer\nversion=2");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("observers need servers"), "{error}");
    assert_eq!(folder.text("zoo.cfg"), before);
}

#[test]
fn a_link_is_followed() {
    let folder = Folder::new(PEERS);
    fs::rename(folder.path("zoo.cfg"), folder.path("real.cfg")).unwrap();
    std::os::unix::fs::symlink(folder.path("real.cfg"), folder.path("zoo.cfg")).unwrap();
    folder.write(AFTER).unwrap();
    assert!(folder.path("zoo.cfg").is_symlink());
    assert!(
        folder
            .text("real.cfg")
            .contains("zoo.cfg.dynamic.1a0000000f")
    );
    assert_eq!(folder.servers(), [1, 2, 3]);
}
