//! Batches of events into the store: what waits at the same time is written together, and each batch gets its own count
//! of what was new.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::bisect::{Refused, bisect};
use super::feed::Feed;
use super::group::{Announced, Groups};
use super::known::{self, Known};
use super::prepare::BATCH_EVENTS_MAX;
use super::rejected::{self, Line, RejectedBy, Rejections};
use super::threads::{Amount, work};
use super::{IngestError, Origin, batch};
use crate::model::event::NormalEvent;
use crate::store::token::Token;
use crate::store::{Insert, Store, StoreError};

/// Events on their way in: an id once for each tenant.
pub(super) struct Batch {
    pub stretches: Vec<Stretch>,
    pub coming: Coming,
}

/// Whether the very same batch can come again. It is then known by its token, and never joined with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coming {
    /// Whoever sends its events again makes another batch of them.
    Once,
    First(Token),
    /// It came before, and nobody heard what became of it.
    Again(Token),
}

impl Coming {
    fn token(self) -> Option<Token> {
        match self {
            Self::Once => None,
            Self::First(token) | Self::Again(token) => Some(token),
        }
    }
}

/// Events of one tenant that came in the same way.
pub(super) struct Stretch {
    pub origin: Arc<Origin>,
    pub events: Vec<NormalEvent>,
}

/// Batches on their way into one store. The turn of a group is held from asking which ids are known until they are stored:
/// two requests with the same id at the same time would otherwise both be told "accepted".
pub(super) struct Commits {
    store: Arc<dyn Store>,
    groups: Groups<Arc<Batch>, Written, IngestError>,
    known: Known,
    following: Following,
    rejections: Arc<Rejections>,
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Written {
    /// Events that were not known.
    pub new: u64,
    /// Those that the engine does not take, with their places in the batch.
    pub refused: Vec<(usize, Line)>,
    /// How many of these stand nowhere else now.
    pub unkept: usize,
}

/// When what follows from events is written.
#[derive(Clone)]
pub(super) enum Following {
    /// Before them, in the same turn: other processes may write too.
    Before,
    /// Behind them: this process is the only one that writes.
    Behind(Arc<Feed>),
}

impl Batch {
    pub fn of(origin: Arc<Origin>, events: Vec<NormalEvent>) -> Self {
        Self { stretches: vec![Stretch { origin, events }], coming: Coming::Once }
    }

    fn len(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.events.len()).sum()
    }

    fn rows(&self) -> impl Iterator<Item = batch::Row<'_>> {
        self.stretches
            .iter()
            .flat_map(|Stretch { origin, events }| events.iter().map(|event| batch::Row { origin, event }))
    }
}

impl Commits {
    pub fn new(store: Arc<dyn Store>, following: Following, rejections: Arc<Rejections>) -> Self {
        let known = match following {
            Following::Before => Known::default(),
            Following::Behind(_) => Known::remembering(),
        };
        Self { store, groups: Groups::of(BATCH_EVENTS_MAX), known, following, rejections }
    }

    /// Says that a batch will come: who comes first waits for it, for a while.
    pub fn announce(&self) -> Announced {
        self.groups.announce()
    }

    /// Returns when the batch is stored, but for what the engine does not take.
    pub async fn write(&self, batch: Arc<Batch>, announced: Announced) -> Result<Written, IngestError> {
        let weight = if batch.coming == Coming::Once { batch.len() } else { BATCH_EVENTS_MAX };
        let write = async |batches| self.write_group(batches).await;
        self.groups.write(batch, weight, Some(announced), write).await
    }

    /// Learns which ids are stored, where that helps.
    pub async fn learn(&self) -> Result<(), StoreError> {
        self.known.fill(self.store.as_ref()).await
    }

    /// Stores what is new of the batches, and says what became of each.
    async fn write_group(&self, batches: Vec<Arc<Batch>>) -> Result<Vec<Written>, IngestError> {
        // Only what is alone keeps its token: another group would be other rows.
        let alone = <[_; 1]>::try_from(batches.clone()).ok();
        let coming = alone.as_ref().map_or(Coming::Once, |[batch]| batch.coming);
        let Selected { rows, accepted, tenants } = self.select(batches.clone()).await?;
        let mut written: Vec<Written> = accepted.into_iter().map(|new| Written { new, ..Written::default() }).collect();
        if rows.num_rows() == 0 {
            return Ok(written);
        }
        match self.store_new(rows.clone(), tenants.clone(), coming.token()).await {
            Ok(()) if matches!(coming, Coming::Again(_)) => self.store_missing(batches).await?,
            Ok(()) => {}
            // Each batch of a group is tried alone first: what is wrong with one costs the others nothing.
            Err(IngestError::Store(error)) if error.is_about_rows() => {
                let (Some([batch]), Some(first)) = (alone, written.first_mut()) else { return Err(error.into()) };
                (first.refused, first.unkept) = self.store_takeable(&batch, &rows, &tenants).await?;
                first.new -= first.refused.len() as u64;
            }
            Err(error) => return Err(error),
        }
        Ok(written)
    }

    /// What is new of the batches.
    async fn select(&self, batches: Vec<Arc<Batch>>) -> Result<Selected, IngestError> {
        let found = self.find_known(&batches).await?;
        let amount = Amount::of(Some(batches.iter().map(|batch| batch.len()).sum()));
        let selected = work(amount, move || {
            let (new, accepted) = select_new(&batches, &found);
            let rows = batch::build(&new).map_err(IngestError::Batch)?;
            let tenants = new.iter().map(|row| row.origin.tenant.clone()).collect();
            Ok::<_, IngestError>(Selected { rows, accepted, tenants })
        });
        selected.await?
    }

    /// Stores what an insert left out whose token was known. The engine notes a token before the rows are in their place: killed in
    /// between it knows the one and does not have the other.
    async fn store_missing(&self, batches: Vec<Arc<Batch>>) -> Result<(), IngestError> {
        let Selected { rows, tenants, .. } = self.select(batches).await?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        tracing::warn!(
            events = rows.num_rows(),
            "the engine took a batch for done that it does not have; it is stored now"
        );
        self.store_new(rows, tenants, None).await
    }

    /// The ids of the batches that are stored already, by tenant.
    async fn find_known(&self, batches: &[Arc<Batch>]) -> Result<HashMap<String, HashSet<String>>, IngestError> {
        let mut found = HashMap::new();
        let rows = || batches.iter().flat_map(|batch| batch.rows());
        let tenants: BTreeSet<&str> =
            batches.iter().flat_map(|batch| &batch.stretches).map(|stretch| stretch.origin.tenant.as_str()).collect();
        for tenant in tenants {
            let ids = || rows().filter(|row| row.origin.tenant == tenant).map(|row| row.event.id.as_str());
            let suspects = self.known.suspects(tenant, ids());
            if !suspects.is_empty() {
                found.insert(tenant.to_owned(), known::find(self.store.as_ref(), tenant, &suspects).await?);
            }
            self.known.note(tenant, ids());
        }
        Ok(found)
    }

    /// Stores what the engine takes of the rows, keeps the rest, and returns it with its places in the batch, and how many of it
    /// could not be kept.
    async fn store_takeable(
        &self,
        batch: &Batch,
        rows: &RecordBatch,
        tenants: &BTreeSet<String>,
    ) -> Result<(Vec<(usize, Line)>, usize), IngestError> {
        let write = async |range: Range<usize>| {
            let rows = rows.slice(range.start, range.len());
            self.store_new(rows, tenants.clone(), None).await
        };
        let is_about_rows = |error: &IngestError| matches!(error, IngestError::Store(error) if error.is_about_rows());
        let refused = bisect(rows.num_rows(), is_about_rows, write).await?;
        let refused: Vec<Refused<StoreError>> = refused.into_iter().filter_map(of_store).collect();
        let lines = rejected::row::lines(rows, &refused);
        let place = |line: &Line| batch.rows().position(|row| Some(&row.event.id) == line.id.as_ref());
        let places: Vec<usize> = lines.iter().map(|line| place(line).unwrap_or_default()).collect();
        // Each came in its own way: a worker's batch has events of several connections.
        let origins: Vec<Origin> = places.iter().filter_map(|place| batch.rows().nth(*place)).map(came).collect();
        let kept = self.rejections.keep_each(self.store.as_ref(), RejectedBy::Engine, origins.iter().zip(&lines)).await;
        let unkept = lines.len() - kept;
        Ok((places.into_iter().zip(lines).collect(), unkept))
    }

    async fn store_new(
        &self,
        rows: RecordBatch,
        tenants: BTreeSet<String>,
        token: Option<Token>,
    ) -> Result<(), IngestError> {
        match &self.following {
            // The events last, which are what "known" means: after a crash in between the sender tries again.
            Following::Before => {
                let events = batch::numbered(&rows, 0).map_err(IngestError::Batch)?;
                for Insert { table, rows } in batch::followers(&rows).map_err(IngestError::Batch)? {
                    self.store.insert(table, rows, None).await?;
                }
                Ok(self.store.insert("events", events, token).await?)
            }
            Following::Behind(feed) => {
                feed.make_room().await?;
                let number = feed.next_number();
                let events = batch::numbered(&rows, number).map_err(IngestError::Batch)?;
                let stored = self.store.insert("events", events, Some(feed.token(number))).await;
                match &stored {
                    Ok(()) => feed.push(number, tenants, Some(rows)),
                    // The engine refused it before it stored anything.
                    Err(error) if error.is_about_rows() => {}
                    Err(_) => feed.push(number, tenants, None),
                }
                Ok(stored?)
            }
        }
    }
}

/// How an event of a batch came.
fn came(row: batch::Row<'_>) -> Origin {
    Origin { received_at: Some(row.event.received_at), ..row.origin.clone() }
}

struct Selected {
    rows: RecordBatch,
    accepted: Vec<u64>,
    tenants: BTreeSet<String>,
}

/// The events that are new, and how many of each batch that are.
fn select_new<'a>(
    batches: &'a [Arc<Batch>],
    found: &'a HashMap<String, HashSet<String>>,
) -> (Vec<batch::Row<'a>>, Vec<u64>) {
    let mut new = Vec::with_capacity(batches.iter().map(|batch| batch.len()).sum());
    let mut seen: HashSet<(&str, &str)> = HashSet::with_capacity(new.capacity());
    let mut accepted = Vec::with_capacity(batches.len());
    // The ids of one batch are different already.
    let is_alone = batches.len() == 1;
    for batch in batches {
        let before = new.len();
        for row in batch.rows() {
            let (tenant, id) = (row.origin.tenant.as_str(), row.event.id.as_str());
            let is_known = found.get(tenant).is_some_and(|known| known.contains(id));
            // An id that two batches bring is the first one's.
            if !is_known && (is_alone || seen.insert((tenant, id))) {
                new.push(row);
            }
        }
        accepted.push((new.len() - before) as u64);
    }
    (new, accepted)
}

fn of_store(Refused { row, error }: Refused<IngestError>) -> Option<Refused<StoreError>> {
    match error {
        IngestError::Store(error) => Some(Refused { row, error }),
        _ => None,
    }
}
