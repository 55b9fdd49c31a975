//! What this machine lets a run have: namespaces of its own, a small disk for each server, a brake for its writes.
//!
//! The run starts itself again in namespaces of its own for processes, mounts and the network, if it may. So nothing of it can
//! outlive it: when its first process ends, however that was, the kernel kills the others, and with them go mounts, loop devices and
//! ports. What is missing is said aloud by the caller, who leaves out the faults that need it.

use std::env;
use std::fs;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

/// Says to the second self what it has been given.
const GIVEN: &str = "ZOA_CHAOS_GROUNDS";

/// Bytes of a server's disk; most of them are never written.
const DISK_LEN: u64 = 256 << 20;

/// Addresses of clients, some of which are in the ACLs that the test kit makes.
pub(crate) const CLIENT_ADDRESSES: [&str; 5] =
    ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];

/// Everything that a server needs a place for.
const ISOLATED: [&str; 6] = [
    "--mount",
    "--pid",
    "--net",
    "--fork",
    "--kill-child=KILL",
    "--mount-proc",
];

/// Whose rights the run has in its namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    /// Those of the machine's root.
    Root,
    /// Root's in the namespaces only.
    Mapped,
    /// There are no namespaces.
    None,
}

/// What the run has.
#[derive(Debug)]
pub(crate) struct Grounds {
    rights: Rights,
    has_loops: bool,
    brake: Option<Brake>,
    /// What is missing, and what for.
    pub(crate) missing: Vec<String>,
}

/// Starts this program again in namespaces of its own, unless it is there already; returns when there is nothing better to have.
pub(crate) fn enter() -> Result<Grounds> {
    match env::var(GIVEN).as_deref() {
        Ok("root") => return Grounds::prepare(Rights::Root),
        Ok("mapped") => return Grounds::prepare(Rights::Mapped),
        Ok(_) => return Grounds::prepare(Rights::None),
        Err(_) => {}
    }
    let choices: [(&str, &[&str]); 2] = [("root", &[]), ("mapped", &["--user", "--map-root-user"])];
    for (given, more) in choices {
        let mut trial = Command::new("unshare");
        trial.args(more).args(ISOLATED);
        if succeeds(trial.args(["ip", "link", "set", "lo", "up"])) {
            let program = env::current_exe().context("looking for this program")?;
            let mut again = Command::new("unshare");
            again.args(more).args(ISOLATED).arg(program);
            again.args(env::args_os().skip(1)).env(GIVEN, given);
            return Err(again.exec()).context("starting again in namespaces");
        }
    }
    Grounds::prepare(Rights::None)
}

impl Grounds {
    fn prepare(rights: Rights) -> Result<Self> {
        let mut missing = Vec::new();
        if rights == Rights::None {
            missing.push(
                "no namespaces (unshare and ip, as root or where users may have namespaces): links between servers are not cut or \
                 slowed, disks do not fill up"
                    .to_owned(),
            );
        } else {
            run(&["ip", "link", "set", "lo", "up"])?;
            for address in CLIENT_ADDRESSES {
                run(&["ip", "addr", "add", &format!("{address}/32"), "dev", "lo"])?;
            }
        }
        let mut grounds = Self {
            rights,
            has_loops: rights == Rights::Root && has_loops(),
            brake: None,
            missing,
        };
        if !grounds.has_loops {
            grounds
                .missing
                .push("no loop devices (root, /dev/loop-control): no slow disks".to_owned());
            return Ok(grounds);
        }
        match Brake::find() {
            Ok(brake) => grounds.brake = Some(brake),
            Err(error) => grounds.missing.push(format!(
                "no control of writes by cgroup ({error:#}): no slow disks"
            )),
        }
        Ok(grounds)
    }

    /// Whether each server has its own view of the others, through proxies.
    pub(crate) fn has_proxies(&self) -> bool {
        self.rights != Rights::None
    }

    /// Whether disks can be made slow.
    pub(crate) fn has_brake(&self) -> bool {
        self.brake.is_some()
    }

    /// An address for a client.
    pub(crate) fn client_address(&self, number: u32) -> Ipv4Addr {
        let at = usize::try_from(number).unwrap_or(0) % CLIENT_ADDRESSES.len();
        let given = CLIENT_ADDRESSES.get(at).filter(|_| self.has_proxies());
        given
            .and_then(|address| address.parse().ok())
            .unwrap_or(Ipv4Addr::LOCALHOST)
    }

    /// A disk for a server, mounted in `folder`.
    pub(crate) fn disk(&self, folder: &Path) -> Result<ServerDisk> {
        let place = folder.join("disk");
        fs::create_dir_all(&place).context("making a folder for a disk")?;
        let at = place.to_string_lossy().into_owned();
        let mut device = None;
        if self.has_loops {
            let image = folder.join("disk.img");
            let file = fs::File::create(&image).context("making the image of a disk")?;
            file.set_len(DISK_LEN)
                .context("making the image of a disk")?;
            let image = image.to_string_lossy().into_owned();
            run(&["mkfs.ext4", "-q", "-F", "-m", "0", &image])?;
            run(&["mount", "-o", "loop", &image, &at])?;
            device = Some(device_of(&place)?);
        } else if self.rights != Rights::None {
            run(&[
                "mount",
                "-t",
                "tmpfs",
                "-o",
                &format!("size={DISK_LEN}"),
                "chaos",
                &at,
            ])?;
        }
        Ok(ServerDisk {
            place,
            device,
            is_bounded: self.rights != Rights::None,
        })
    }

    /// Lets the process feel the brake of its disk.
    pub(crate) fn govern(&self, pid: u32) -> Result<()> {
        self.brake
            .as_ref()
            .map_or(Ok(()), |brake| brake.govern(pid))
    }

    /// Lets a disk take so many writes a second, or as many as it can.
    pub(crate) fn slow_down(&self, disk: &ServerDisk, per_second: Option<u64>) -> Result<()> {
        match (&self.brake, disk.device) {
            (Some(brake), Some(device)) => brake.set(device, per_second),
            _ => Ok(()),
        }
    }
}

/// The disk of one server.
#[derive(Debug)]
pub(crate) struct ServerDisk {
    /// Where it is mounted.
    pub(crate) place: PathBuf,
    device: Option<(u64, u64)>,
    is_bounded: bool,
}

impl ServerDisk {
    /// Takes all room that is left.
    pub(crate) fn fill(&self) -> Result<()> {
        ensure!(
            self.is_bounded,
            "a disk that others use, too, is not filled"
        );
        let ballast = fs::File::create(self.ballast()).context("making ballast")?;
        let mut len = 0;
        for piece in [8 << 20, 64 << 10, 4 << 10] {
            while rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), len, piece)
                .is_ok()
            {
                len += piece;
            }
        }
        Ok(())
    }

    /// Gives the room back.
    pub(crate) fn empty_out(&self) -> Result<()> {
        let ballast = self.ballast();
        if ballast.exists() {
            fs::remove_file(ballast).context("removing ballast")?;
        }
        Ok(())
    }

    fn ballast(&self) -> PathBuf {
        self.place.join("ballast")
    }
}

/// A control group whose processes can be made to write slowly.
#[derive(Debug)]
struct Brake {
    folder: PathBuf,
    is_unified: bool,
}

impl Brake {
    fn find() -> Result<Self> {
        let (root, is_unified) = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            let root = PathBuf::from("/sys/fs/cgroup");
            let control = root.join("cgroup.subtree_control");
            fs::write(&control, "+io").with_context(|| format!("writing {}", control.display()))?;
            (root, true)
        } else {
            (PathBuf::from("/sys/fs/cgroup/blkio"), false)
        };
        remove_leftovers(&root);
        let folder = root.join(format!("zoa-chaos-{}", leftover_free_number(&root)));
        fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        let brake = Self { folder, is_unified };
        let file = brake.file();
        ensure!(file.exists(), "there is no {}", file.display());
        Ok(brake)
    }

    fn file(&self) -> PathBuf {
        self.folder.join(if self.is_unified {
            "io.max"
        } else {
            "blkio.throttle.write_iops_device"
        })
    }

    fn govern(&self, pid: u32) -> Result<()> {
        let processes = self.folder.join("cgroup.procs");
        fs::write(&processes, pid.to_string())
            .with_context(|| format!("writing {}", processes.display()))
    }

    fn set(&self, (major, minor): (u64, u64), per_second: Option<u64>) -> Result<()> {
        let line = match (self.is_unified, per_second) {
            (true, Some(count)) => format!("{major}:{minor} wiops={count}"),
            (true, None) => format!("{major}:{minor} wiops=max"),
            (false, count) => format!("{major}:{minor} {}", count.unwrap_or(0)),
        };
        let file = self.file();
        fs::write(&file, line).with_context(|| format!("writing {}", file.display()))
    }
}

impl Drop for Brake {
    fn drop(&mut self) {
        // It is empty once the servers are gone; otherwise a later run removes it.
        fs::remove_dir(&self.folder).ok();
    }
}

/// Groups of runs that were killed; those in use do not go.
fn remove_leftovers(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with("zoa-chaos-")
        {
            fs::remove_dir(entry.path()).ok();
        }
    }
}

fn leftover_free_number(root: &Path) -> u32 {
    (1..)
        .find(|number| !root.join(format!("zoa-chaos-{number}")).exists())
        .unwrap_or(0)
}

/// Major and minor number of the device that a folder is on (`makedev(3)`).
fn device_of(folder: &Path) -> Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let device = fs::metadata(folder).context("looking at a disk")?.dev();
    Ok((
        (device >> 8) & 0xfff,
        (device & 0xff) | ((device >> 12) & 0xf_ff00),
    ))
}

fn has_loops() -> bool {
    Path::new("/dev/loop-control").exists() && succeeds(Command::new("mkfs.ext4").arg("-V"))
}

fn run(words: &[&str]) -> Result<()> {
    let (program, arguments) = words.split_first().context("a command has words")?;
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("starting {program}"))?;
    ensure!(
        output.status.success(),
        "`{}` ended with {}: {}",
        words.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Where a server listens for everybody: an address of the loopback that is its own.
pub(crate) fn server_address(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 77, number, 1))
}

/// Where the proxy listens on which server `from` finds server `to`.
pub(crate) fn proxy_address(from: u8, to: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 77, to, 100 + from))
}
