//! How full the disk is, and what follows: above the first watermark a warning, and streams with a limit in bytes lose their oldest early; above
//! the second no write is taken, until it is below the first again.
//!
//! The disk is looked at every few seconds, by the background threads and by whoever writes. A log that meets the end of the disk
//! takes no more writes until a restart; this is there so that it never does.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::block::{Block, Blocked};
use crate::clock::Timestamp;
use crate::engine::{Engine, EngineError, Inner};

/// How often the disk is looked at. At a gigabyte a second, what comes in between is a thousandth of a disk of five terabytes.
pub(crate) const SPACE_INTERVAL_MS: i64 = 5_000;

/// Bytes of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Used by anyone.
    pub used: u64,
    /// Left for us.
    pub available: u64,
}

impl DiskSpace {
    /// Percent in use, as `df` counts it: of what is used and what is left for us.
    pub fn percent(&self) -> f64 {
        let all = self.used.saturating_add(self.available);
        if all == 0 { 0.0 } else { self.used as f64 * 100.0 / all as f64 }
    }

    /// Bytes in use above so many percent.
    pub(crate) fn above(&self, percent: u8) -> u64 {
        let all = u128::from(self.used) + u128::from(self.available);
        self.used.saturating_sub((all * u128::from(percent) / 100) as u64)
    }
}

/// Says how full a disk is.
pub trait Space: Send + Sync + fmt::Debug {
    /// The file system that a directory is on.
    ///
    /// # Errors
    /// When it can't be asked.
    fn of(&self, directory: &Path) -> io::Result<DiskSpace>;
}

/// Asks the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealSpace;

impl Space for RealSpace {
    fn of(&self, directory: &Path) -> io::Result<DiskSpace> {
        let told = rustix::fs::statvfs(directory)?;
        let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
        Ok(DiskSpace { used: bytes(told.f_blocks.saturating_sub(told.f_bfree)), available: bytes(told.f_bavail) })
    }
}

/// Percents in use at which something happens; 100 is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// A warning, and early deletion by size.
    pub high_percent: u8,
    /// No more writes.
    pub flood_percent: u8,
}

impl Default for Watermarks {
    /// Elasticsearch's.
    fn default() -> Self {
        Self { high_percent: 90, flood_percent: 95 }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskStage {
    /// There is room.
    #[default]
    Roomy,
    /// Above the first watermark.
    High,
    /// Writes are refused: above the second watermark, and since then not below the first.
    Flood,
}

/// What is known of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskState {
    /// Nothing where it could not be asked.
    pub space: Option<DiskSpace>,
    /// What follows from it.
    pub stage: DiskStage,
}

/// Looks at the disk now and then.
#[derive(Debug)]
pub(crate) struct DiskWatch {
    space: Arc<dyn Space>,
    pub(crate) watermarks: Watermarks,
    state: Mutex<DiskState>,
    looked: AtomicI64,
}

impl DiskWatch {
    pub(crate) fn new(space: Arc<dyn Space>, watermarks: Watermarks) -> Self {
        Self { space, watermarks, state: Mutex::default(), looked: AtomicI64::new(i64::MIN) }
    }

    /// What was seen last.
    pub(crate) fn state(&self) -> DiskState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks, where the last look is long enough ago. Whether it has become worse.
    fn look_due(&self, directory: &Path, now: Timestamp) -> bool {
        let looked = self.looked.load(Ordering::Relaxed);
        if looked != i64::MIN && (0..SPACE_INTERVAL_MS).contains(&now.0.saturating_sub(looked)) {
            return false;
        }
        // Of several that come at once, one looks.
        let is_ours = self.looked.compare_exchange(looked, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        is_ours && self.look(directory)
    }

    fn look(&self, directory: &Path) -> bool {
        let space = match self.space.of(directory) {
            Ok(it) => it,
            Err(error) => {
                // What was known goes on: neither are writes refused for this, nor is a flood over.
                tracing::warn!(%error, "the disk could not be asked how full it is");
                return false;
            }
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.stage;
        let is_above = |percent: u8| percent < 100 && space.percent() >= f64::from(percent);
        let stage = match (is_above(self.watermarks.flood_percent), is_above(self.watermarks.high_percent)) {
            (true, _) => DiskStage::Flood,
            (false, true) if before == DiskStage::Flood => DiskStage::Flood,
            (false, true) => DiskStage::High,
            (false, false) => DiskStage::Roomy,
        };
        *state = DiskState { space: Some(space), stage };
        drop(state);
        let percent = space.percent().round();
        match (before == stage, stage) {
            (true, _) => {}
            (false, DiskStage::Flood) => {
                tracing::error!(percent, available = space.available, "the disk is too full: writes are refused until there is room")
            }
            (false, DiskStage::High) => tracing::warn!(percent, available = space.available, "the disk is getting full"),
            (false, DiskStage::Roomy) => tracing::info!(percent, available = space.available, "the disk has room again"),
        }
        stage > before
    }
}

impl Engine {
    /// How full the disk is, as it was seen last.
    pub fn disk(&self) -> DiskState {
        self.inner.disk.state()
    }

    /// At how many percent something happens.
    pub fn watermarks(&self) -> Watermarks {
        self.inner.disk.watermarks
    }
}

impl Inner {
    /// Looks at the disk where that is due.
    pub(crate) fn disk_due(&self) {
        // A disk in memory has no end.
        if self.fs().is_real() && self.disk.look_due(self.data_dir(), self.clock.now()) {
            // Room is to be made now, not in a minute.
            self.last_retention.store(i64::MIN, Ordering::Relaxed);
        }
    }

    /// Looks again at once, after room was made.
    pub(crate) fn look_at_disk(&self) {
        if self.fs().is_real() {
            self.disk.look(self.data_dir());
        }
    }

    /// Refuses a write to an index where the disk is too full.
    pub(crate) fn check_disk(&self, index: &str) -> Result<(), EngineError> {
        self.disk_due();
        match self.disk.state().stage {
            DiskStage::Flood => Err(EngineError::Blocked(Blocked::one(index, Block::ReadOnlyAllowDelete))),
            DiskStage::High | DiskStage::Roomy => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_that_of_df() {
        let space = DiskSpace { used: 42, available: 58 };
        assert!((space.percent() - 42.0).abs() < f64::EPSILON);
        assert_eq!((space.above(40), space.above(42), space.above(90)), (2, 0, 0));
        assert!(DiskSpace { used: 0, available: 0 }.percent().abs() < f64::EPSILON);
    }

    #[test]
    fn the_system_can_be_asked() {
        let space = RealSpace.of(Path::new("/")).unwrap();
        assert!(space.used > 0 && space.percent() <= 100.0);
    }
}
