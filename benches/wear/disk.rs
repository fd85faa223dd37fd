//! A disk that counts what is written to it.

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::loop_device::LoopDevice;

const BYTES: u64 = 1 << 30;

/// An ext4 filesystem on a loop device.
pub(crate) struct Disk {
    _mounted: LoopDevice,
    folder: PathBuf,
    stat: PathBuf,
    _place: tempfile::TempDir,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (image, folder) = (place.path().join("disk"), place.path().join("mounted"));
        File::create(&image).unwrap().set_len(BYTES).unwrap();
        std::fs::create_dir(&folder).unwrap();
        // Without the laziness by which the kernel goes on writing for minutes after a mount.
        let mkfs = ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"];
        assert!(Command::new("mkfs.ext4").args(mkfs).arg(&image).status().unwrap().success());
        let mounted = LoopDevice::mount(&image, &folder);
        let stat = Path::new("/sys/block").join(device_of(&folder)).join("stat");
        Self { _mounted: mounted, folder, stat, _place: place }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kilobytes that were written to the device so far, with what the filesystem still held back.
    pub(crate) fn written_kb(&self) -> f64 {
        /// Sectors of 512 bytes, whatever the device has. Source: `Documentation/block/stat.rst` of the kernel.
        const WRITTEN_SECTORS: usize = 6;
        nix::unistd::syncfs(File::open(&self.folder).unwrap()).unwrap();
        let stat = std::fs::read_to_string(&self.stat).unwrap();
        stat.split_whitespace().nth(WRITTEN_SECTORS).unwrap().parse::<f64>().unwrap() / 2.0
    }
}

/// The name of the device that is mounted there.
fn device_of(folder: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    let mount = mounts.lines().find(|line| line.split(' ').nth(1) == folder.to_str()).unwrap();
    mount.split(' ').next().unwrap().rsplit('/').next().unwrap().to_owned()
}
