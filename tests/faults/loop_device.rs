//! An ext4 filesystem on a loop device over a file, mounted until it is dropped.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use nix::mount::MntFlags;

/// Makes an empty filesystem in `file`.
pub fn format(file: &Path) {
    run("mkfs.ext4", &["-q", "-F", text(file)]);
}

/// A mounted filesystem.
pub struct LoopDevice {
    device: String,
    folder: PathBuf,
}

impl LoopDevice {
    /// Mounts the filesystem of `file` on `folder`, with the options that a machine has by default. The journal is
    /// replayed.
    pub fn mount(file: &Path, folder: &Path) -> Self {
        let device = run("losetup", &["--find", "--show", text(file)]).trim().to_owned();
        // From here on it is taken away again whatever happens.
        let mounted = Self { device: device.clone(), folder: folder.to_owned() };
        run("mount", &["-t", "ext4", &device, text(folder)]);
        mounted
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(&self.folder, MntFlags::MNT_DETACH);
        // The kernel does so once nobody uses the filesystem.
        let _ = Command::new("losetup").args(["--detach", &self.device]).status();
    }
}

/// Runs a program that must succeed, and gives what it says.
fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
