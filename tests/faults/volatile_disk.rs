//! A disk with a volatile write cache: what was written is on it only after a flush, and what was not flushed when the
//! power goes may be there or not, block by block. It is a file in RAM, served by FUSE, under a loop device.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use fuser::BackgroundSession;
use fuser::Config;
use fuser::Errno;
use fuser::FileAttr;
use fuser::FileHandle;
use fuser::FileType;
use fuser::Filesystem;
use fuser::FopenFlags;
use fuser::Generation;
use fuser::INodeNo;
use fuser::LockOwner;
use fuser::OpenFlags;
use fuser::ReplyAttr;
use fuser::ReplyData;
use fuser::ReplyEmpty;
use fuser::ReplyEntry;
use fuser::ReplyOpen;
use fuser::ReplyWrite;
use fuser::Request;
use fuser::WriteFlags;
use nix::mount::MntFlags;
use rand::Rng;
use rand::RngExt;
use tempfile::TempDir;

/// Bytes of the disk; only what is written takes memory.
const DISK_BYTES: u64 = 192 << 20;

/// What reaches the disk whole or not at all.
const BLOCK_BYTES: usize = 4096;

/// The only file of the filesystem.
const FILE: &str = "disk";

const FILE_ID: INodeNo = INodeNo(2);

type Block = Box<[u8; BLOCK_BYTES]>;

/// What is on a disk without power; zeros where nothing is.
#[derive(Clone, Default)]
pub struct Image(BTreeMap<u64, Block>);

/// A disk with power, until it is dropped.
pub struct VolatileDisk {
    state: Arc<Mutex<State>>,
    // In this order: what is mounted on the folder goes before the folder.
    _session: BackgroundSession,
    folder: TempDir,
}

#[derive(Default)]
struct State {
    durable: Image,
    /// The write cache.
    pending: BTreeMap<u64, Block>,
    flushes: u64,
    is_off: bool,
}

/// The filesystem with the one file.
struct Served(Arc<Mutex<State>>);

impl VolatileDisk {
    /// Gives a disk power.
    pub fn new(image: Image) -> Self {
        let state = Arc::new(Mutex::new(State { durable: image, ..State::default() }));
        let folder = tempfile::tempdir().unwrap();
        let session = fuser::spawn_mount(Served(Arc::clone(&state)), folder.path(), &Config::default());
        Self { state, _session: session.unwrap(), folder }
    }

    /// Where its bytes are.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// Takes the power: nothing is written or flushed any more. Gives what is on the disk, to which some of what was
    /// in its cache made it if `lucky`, and nothing else.
    pub fn cut(&self, chance: &mut impl Rng, lucky: bool) -> Image {
        let mut state = lock(&self.state);
        state.is_off = true;
        let mut image = state.durable.clone();
        for (number, block) in &state.pending {
            if lucky && chance.random() {
                image.0.insert(*number, block.clone());
            }
        }
        image
    }

    /// Times that the cache was emptied onto the disk.
    pub fn flushes(&self) -> u64 {
        lock(&self.state).flushes
    }
}

impl Drop for VolatileDisk {
    fn drop(&mut self) {
        // Whoever still has the file open gets errors from now on; without this the session would not go before them.
        let _ = nix::mount::umount2(self.folder.path(), MntFlags::MNT_DETACH);
    }
}

impl State {
    fn read(&self, offset: u64, bytes: usize) -> Vec<u8> {
        let mut data = vec![0; bytes];
        for (number, at, part) in blocks(offset, bytes) {
            if let Some(block) = self.pending.get(&number).or_else(|| self.durable.0.get(&number)) {
                data[part.clone()].copy_from_slice(&block[at..at + part.len()]);
            }
        }
        data
    }

    fn write(&mut self, offset: u64, data: &[u8]) {
        for (number, at, part) in blocks(offset, data.len()) {
            let durable = &self.durable;
            let known = || durable.0.get(&number).cloned().unwrap_or_else(|| Box::new([0; BLOCK_BYTES]));
            let block = self.pending.entry(number).or_insert_with(known);
            block[at..at + part.len()].copy_from_slice(&data[part]);
        }
    }

    fn flush(&mut self) {
        self.durable.0.append(&mut self.pending);
        self.flushes += 1;
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == FILE {
            reply.entry(&Duration::MAX, &attributes(FILE_ID), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, id: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&Duration::MAX, &attributes(id));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let end = DISK_BYTES.min(offset + u64::from(size));
        reply.data(&lock(&self.0).read(offset, usize::try_from(end.saturating_sub(offset)).unwrap()));
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = lock(&self.0);
        if state.is_off {
            return reply.error(Errno::EIO);
        }
        state.write(offset, data);
        reply.written(u32::try_from(data.len()).unwrap());
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let mut state = lock(&self.0);
        if state.is_off {
            return reply.error(Errno::EIO);
        }
        state.flush();
        reply.ok();
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Only that somebody closes the file.
        reply.ok();
    }
}

/// The blocks of a range: their numbers, where the range begins in them, and which part of it they are.
fn blocks(offset: u64, bytes: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let size = u64::try_from(BLOCK_BYTES).unwrap();
    let mut done = 0;
    std::iter::from_fn(move || {
        let from = offset + u64::try_from(done).unwrap();
        let at = usize::try_from(from % size).unwrap();
        let part = done..bytes.min(done + BLOCK_BYTES - at);
        done = part.end;
        (!part.is_empty()).then_some((from / size, at, part))
    })
}

fn attributes(id: INodeNo) -> FileAttr {
    let is_file = id == FILE_ID;
    FileAttr {
        ino: id,
        size: if is_file { DISK_BYTES } else { 0 },
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if is_file { FileType::RegularFile } else { FileType::Directory },
        perm: 0o700,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no holder of this lock panics")
}

#[test]
fn a_disk_keeps_what_was_flushed_and_may_lose_the_rest() {
    let mut state = State::default();
    state.write(4090, b"flushed, in two blocks");
    state.flush();
    state.write(4096, b"not");

    assert_eq!(state.read(4088, 26), b"\0\0flushenotin two blocks\0\0".as_slice()[..26].to_vec());
    let durable = State { durable: state.durable.clone(), ..State::default() };
    assert_eq!(durable.read(4090, 22), b"flushed, in two blocks");
}
