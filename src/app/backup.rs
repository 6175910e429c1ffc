//! `rapport backup` and `rapport restore`: the store copied while no server runs, and a store made of a copy.
//!
//! What is copied, and why it is consistent, is in [`crate::store::backup`]; here it is asked for and told.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::model::{Clock, SystemClock};
use crate::store::backup::files::verify;
use crate::store::backup::restore::{self, Target};
use crate::store::backup::{self, Manifest, Name, Progress, read_manifest};
use crate::store::engine::{self, EngineSource};
use crate::store::{OpenError, Store};

use super::build::{self, DATABASES};
use super::config::Config;
use super::options::{BackupOptions, RestoreOptions};
use super::progress;

/// How often it is told how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// `rapport backup`.
///
/// # Errors
/// When a server runs, which then has to be asked, no directory is known, or the copy fails.
pub async fn backup(config: &Config, options: &BackupOptions) -> Result<()> {
    let Some(directory) = options.directory.as_ref().or(config.operations.backup_dir.as_ref()) else {
        bail!("where to put the backup is not known: give --directory, or set RAPPORT_BACKUP_DIR");
    };
    let at = SystemClock.now();
    let name = Name::new(at, options.label.as_deref())?;
    let open = match build::open_store(config, &SystemClock).await {
        Ok(open) => open,
        Err(error) if matches!(error.downcast_ref(), Some(OpenError::InUse { .. })) => bail!("{}", ask_server(config)),
        Err(error) => return Err(error),
    };
    let Some(store) = open.store.embedded() else {
        bail!(
            "rapport copies the embedded engine's store: make backups of ClickHouse servers with their own BACKUP statement"
        );
    };
    let copied = Arc::new(Progress::default());
    let making = backup::make(store, (directory, &name), at, &copied);
    let made = telling(&copied, "bytes copied", making).await;
    open.store.close().await;
    let manifest = made?;
    println!("{}", directory.join(name.text()).display());
    println!("{}", summary(&manifest));
    Ok(())
}

/// `rapport restore`.
///
/// # Errors
/// When the backup is damaged, the data directory is not empty, or what was restored does not open.
pub async fn restore(config: &Config, options: &RestoreOptions) -> Result<()> {
    let began = Instant::now();
    let progress = Arc::new(Progress::default());
    if options.verify {
        let manifest = read_manifest(&options.backup)?;
        progress.bytes_total.store(manifest.bytes, Ordering::Relaxed);
        let (path, read) = (options.backup.clone(), Arc::clone(&progress));
        let checking =
            async { tokio::task::spawn_blocking(move || verify(&path, &read)).await.map_err(anyhow::Error::from) };
        let bytes = telling(&progress, "bytes read", checking).await??;
        println!("every file is what was written: {bytes} bytes\n{}", summary(&manifest));
        return Ok(());
    }
    let source = EngineSource { library: config.engine_library.clone(), cache_dir: config.cache_dir.clone() };
    let library = tokio::task::spawn_blocking(move || engine::find_or_install(&source)).await??;
    let data_dir = config.data_dir.clone();
    let target = Target { library, data_dir, database: DATABASES.main, limits: config.engine.clone() };
    let restoring = restore::restore(&options.backup, &target, &SystemClock, &progress);
    let manifest = telling(&progress, "bytes copied", restoring).await?;
    // What a newer program has beside: later migrations, the views, what is derived by other rules.
    let open = build::open_store(config, &SystemClock).await.context("it is restored, but it does not open")?;
    let version = open.store.version().await;
    open.store.close().await;
    version?;
    println!("restored into {} in {:.1} s", config.data_dir.display(), began.elapsed().as_secs_f64());
    println!("{}", summary(&manifest));
    Ok(())
}

/// Shows how far it is while it goes on.
async fn telling<T>(copied: &Progress, done: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut bar = None;
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            () = tokio::time::sleep(TOLD_EVERY) => {}
        }
        let total = copied.bytes_total.load(Ordering::Relaxed);
        if 0 < total {
            bar.get_or_insert_with(|| progress::bar(total, done)).set_position(copied.bytes.load(Ordering::Relaxed));
        }
    }
}

fn summary(manifest: &Manifest) -> String {
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    format!(
        "as it was at {}: {} tables, {rows} rows, {} files, {} bytes, by rapport {}",
        manifest.at,
        manifest.tables.len(),
        manifest.files,
        manifest.bytes,
        manifest.program,
    )
}

/// What to do where a server has the data directory.
fn ask_server(config: &Config) -> String {
    let scheme = if config.network.tls.is_some() { "https" } else { "http" };
    let configured = match &config.operations.backup_dir {
        Some(directory) => in_directory(directory),
        None => "set RAPPORT_BACKUP_DIR and start it anew first, then it does it".to_owned(),
    };
    format!(
        "a server runs in {}: ask it ({configured}):\n  curl -X POST {scheme}://{}/v1/backups -H \"Authorization: Bearer \
         $(rapport token --tenant backup --role admin --sub backup)\"",
        config.data_dir.display(),
        config.listen,
    )
}

fn in_directory(directory: &Path) -> String {
    format!("it puts the backup into {}, unless it was started with another RAPPORT_BACKUP_DIR", directory.display())
}
