//! `rapport replay`: the archive of a connection read again with its connector as it is now, what differs in events and
//! figures, and, if that is wanted, the new in the place of the old.
//!
//! What happens to stores is in `ingest::replay`; here it is put in order, compared in [`figures`], told by [`report`]
//! and published by [`ending`]. Nothing of the main database changes before [`Trial::publish`], but that what was still
//! to be derived in it is derived.

pub mod ending;
pub mod figures;
pub mod report;

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use chrono_tz::Tz;

use crate::auth;
use crate::ingest::Ingest;
use crate::ingest::connection::Connection;
use crate::ingest::derive;
use crate::ingest::replay::archive::{self, Extent};
use crate::ingest::replay::differences::{self, Differences};
use crate::ingest::replay::read::{self, Tally};
use crate::ingest::replay::{Databases, Stretch, copy, publish};
use crate::ingest::retention::Keeping;
use crate::metrics::period;
use crate::model::{Clock, SystemClock, TimeRange};
use crate::store::chosen::ChosenStore;
use crate::store::embedded::EmbeddedStore;
use crate::store::limits::Limits;

use self::figures::{Comparison, Figure, join, whole_days};
use super::build::{self, DATABASES};
use super::config::Config;
use super::config::store::StoreConfig;
use super::connections;
use super::options::ReplayOptions;
use super::print::print;
use super::progress;

/// A question of this command has the machine for itself, and may take an hour.
const QUERY_SECONDS: u64 = 3_600;

/// `rapport replay`.
///
/// # Errors
/// When there is no such connection, the archive does not cover the stretch, or the store fails.
pub async fn run(config: &Config, options: &ReplayOptions) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let connection = find(config, &options.connection)?;
    let now = clock.now();
    let zone = config.timezone;
    let until = options.until.as_deref().map(|text| period::instant("--until", text, zone)).transpose()?;
    let stretch = Stretch {
        tenant: connection.tenant.clone(),
        connection: connection.name.clone(),
        since: period::instant("--since", &options.since, zone)?,
        until: until.unwrap_or(now).min(now),
        now,
    };
    if stretch.until <= stretch.since {
        bail!("the stretch is empty: `--since` must be in the past and before `--until`");
    }
    let range = options.range.as_deref().map(|text| parse_range(text, zone)).transpose()?;
    let limits = Limits { seconds: QUERY_SECONDS, rows_read: i64::MAX.unsigned_abs(), ..config.engine.clone() };
    if config.store != StoreConfig::Embedded {
        bail!(
            "`rapport replay` needs the embedded engine: it builds the tenant a second time in a database beside, which it \
             makes and drops; with `store` naming servers it does not run"
        );
    }
    let opened = build::open_store_within(config, limits, clock.as_ref()).await?.store;
    let ChosenStore::Embedded(main) = opened.as_ref() else {
        bail!("the embedded engine was configured and is not open")
    };
    let done = replay(main, clock, connection, stretch, (zone, range), options).await;
    main.close().await;
    done
}

async fn replay(
    main: &Arc<EmbeddedStore>,
    clock: Arc<dyn Clock>,
    connection: Connection,
    stretch: Stretch,
    (zone, range): (Tz, Option<TimeRange>),
    options: &ReplayOptions,
) -> Result<()> {
    let trial = Trial::begin(Arc::clone(main), DATABASES, clock, connection, stretch).await?;
    let shown = match trial.show(zone, range).await {
        Ok(shown) => shown,
        Err(error) => {
            trial.discard().await?;
            return Err(error);
        }
    };
    let publishes = options.publish && !shown.is_empty();
    // Told before anything is published: who reads it may want to know what it was, whatever becomes of the process.
    if !options.json {
        print(&report::text(&shown))?;
    }
    match publishes {
        true => trial.publish().await?,
        false => trial.discard().await?,
    }
    match options.json {
        true => print(&format!("{:#}\n", report::json(&shown, publishes)))?,
        false => print(&report::ending(&shown, options.publish))?,
    }
    Ok(())
}

fn find(config: &Config, name: &str) -> Result<Connection> {
    match config.connections.iter().find(|connection| connection.name == name) {
        Some(found) => connections::open_one(found),
        None if config.connections.is_empty() => {
            bail!("there is no connection `{name}`: none is configured (`[[connections]]` in rapport.toml)")
        }
        None => {
            let known: Vec<&str> = config.connections.iter().map(|connection| connection.name.as_str()).collect();
            bail!("there is no connection `{name}`: give one of {}", known.join(", "))
        }
    }
}

/// `FROM..TO`: dates in the zone or instants, half open.
fn parse_range(text: &str, zone: Tz) -> Result<TimeRange> {
    let (from, to) = text.split_once("..").with_context(|| {
        format!("`--range` is `{text}`: write it as 2026-11-01..2026-12-01 (the second day is not part of it)")
    })?;
    Ok(period::between(from, to, zone)?)
}

/// A tenant built a second time, in a scratch database.
pub struct Trial {
    main: Arc<EmbeddedStore>,
    scratch: Arc<EmbeddedStore>,
    databases: Databases,
    stretch: Stretch,
    extent: Extent,
    tally: Tally,
}

/// What a replay changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub stretch: Stretch,
    pub extent: Extent,
    pub tally: Tally,
    pub differences: Differences,
    /// The range of [`Shown::figures`] and its zone; `None` when nothing differs anywhere.
    pub range: Option<(TimeRange, Tz)>,
    pub figures: Vec<Figure>,
}

impl Shown {
    /// Whether there is nothing to publish.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.figures.is_empty()
    }
}

impl Trial {
    /// Builds the tenant a second time: copies what stays, reads the rest again, derives what follows.
    ///
    /// # Errors
    /// When the archive does not cover the stretch, or the store fails.
    pub async fn begin(
        main: Arc<EmbeddedStore>,
        databases: Databases,
        clock: Arc<dyn Clock>,
        connection: Connection,
        stretch: Stretch,
    ) -> Result<Self> {
        ending::finish_replay(&main, databases, clock.as_ref()).await?;
        let extent = archive::examine(main.as_ref(), databases, &stretch).await?;
        let tenants = std::slice::from_ref(&stretch.tenant);
        // What is compared with must be up to date too.
        progress::derive(&Ingest::open(main.clone(), Arc::clone(&clock)).await?, tenants).await?;
        let scratch = Arc::new(ending::open_scratch(&main, databases, clock.as_ref()).await?);
        // What is rejected is so a second time, and the scratch database is no place to keep it.
        let ingest = Ingest::open_keeping(scratch.clone(), clock, Keeping::nothing_rejected()).await?;
        let trial = Self { main, scratch, databases, stretch, extent, tally: Tally::default() };
        match trial.fill(&ingest, &connection).await {
            Ok(tally) => Ok(Self { tally, ..trial }),
            Err(error) => {
                // The error is what counts; what is left over goes with the next start.
                let _ = trial.discard().await;
                Err(error)
            }
        }
    }

    async fn fill(&self, ingest: &Ingest, connection: &Connection) -> Result<Tally> {
        let Self { main, scratch, databases, stretch, extent, .. } = self;
        let failed = "the tenant could not be built a second time; nothing has changed";
        derive::prepare(scratch.as_ref()).await.context(failed)?;
        progress::say("Copying what stays as it is …");
        copy::copy_kept(scratch.as_ref(), *databases, stretch).await.context(failed)?;
        let bar = progress::bar(extent.payloads, "payloads read again");
        let mut tally = Tally::default();
        let mut last = None;
        loop {
            let page = archive::page(main.as_ref(), *databases, stretch, last.as_ref()).await.context(failed)?;
            if page.is_empty() {
                break;
            }
            read::read_again(ingest, connection, &page, &mut tally).await.context(failed)?;
            bar.set_position(tally.payloads);
            last = page.last().cloned();
        }
        bar.finish_and_clear();
        copy::copy_doubtful(scratch.as_ref(), *databases, stretch).await.context(failed)?;
        progress::derive(ingest, std::slice::from_ref(&stretch.tenant)).await?;
        Ok(tally)
    }

    /// Compares events and figures; without a range, over the days on which anything differs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show(&self, zone: Tz, range: Option<TimeRange>) -> Result<Shown> {
        let Self { main, scratch, databases, stretch, extent, tally } = self;
        progress::say("Comparing …");
        let differences = differences::find(main.as_ref(), scratch.as_ref(), *databases, stretch).await?;
        let comparison = Comparison {
            before: main.as_ref(),
            after: scratch.as_ref(),
            scope: auth::owner(&stretch.tenant),
            now: stretch.now,
            zone,
        };
        let range = match range {
            Some(range) => Some(range),
            None => self.differing_range(&comparison, &differences).await?,
        };
        let figures = match range {
            Some(range) => comparison.figures(range).await?,
            None => Vec::new(),
        };
        Ok(Shown {
            stretch: stretch.clone(),
            extent: *extent,
            tally: tally.clone(),
            differences,
            range: range.map(|range| (range, zone)),
            figures,
        })
    }

    /// The days of all that differs: of the events, and of the figures, which can be of long before them.
    async fn differing_range(
        &self,
        comparison: &Comparison<'_>,
        differences: &Differences,
    ) -> Result<Option<TimeRange>> {
        let tenant = &self.stretch.tenant;
        let Some(all) = differences::times_of_all(self.main.as_ref(), self.databases, tenant).await? else {
            return Ok(None);
        };
        let longest = whole_days(comparison.zone, all)?;
        if all.0 < longest.from() {
            let from = crate::ingest::replay::shown(longest.from());
            progress::say(&format!(
                "Figures of before {from} are not compared: a range is 731 days at most. See --range."
            ));
        }
        let days = comparison.differing_days(longest).await?;
        // The end of the last day is the next one's.
        let days = days.map(|(first, end)| (first, end - 1));
        let both = differences.times.map_or(days, |times| join(days, times));
        both.map(|both| whole_days(comparison.zone, both)).transpose()
    }

    /// Puts the tenant as it was built the second time in the place of the first.
    ///
    /// # Errors
    /// When the store fails. Once it has begun, the next start of any command ends it.
    pub async fn publish(self) -> Result<()> {
        progress::say("Publishing …");
        let Stretch { tenant, connection, since, until, .. } = self.stretch.clone();
        let (main, databases) = self.mark().await?;
        ending::publish_marked(main.as_ref(), databases, &tenant).await?;
        tracing::info!(tenant, connection, since, until, "a replay was published");
        Ok(())
    }

    /// Makes the mark by which a publication is known, and leaves it there: what comes next is the next start's.
    ///
    /// # Errors
    /// When the store fails; nothing is published then.
    pub async fn mark(self) -> Result<(Arc<EmbeddedStore>, Databases)> {
        let failed = "nothing was published";
        publish::mark(self.scratch.as_ref(), &self.stretch.tenant, self.stretch.now).await.context(failed)?;
        self.scratch.close().await;
        Ok((self.main, self.databases))
    }

    /// Drops what was built.
    ///
    /// # Errors
    /// When the store fails; the next start of any command drops it then.
    pub async fn discard(self) -> Result<()> {
        self.scratch.close().await;
        Ok(publish::drop_scratch(self.main.as_ref(), self.databases).await?)
    }

    pub fn scratch(&self) -> &Arc<EmbeddedStore> {
        &self.scratch
    }
}
