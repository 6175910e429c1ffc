//! A tenant's business hours in one request: read once, and prepared for the engine once for each range.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Error;
use tokio::sync::OnceCell;

use super::Asking;
use crate::api::errors::{ApiError, Code};
use crate::api::schema::refused;
use crate::metrics::schedule::stored::{self, StoredError};
use crate::metrics::schedule::{Boundaries, BusinessHours, Schedule, VERSIONS_MAX, Version};
use crate::model::TimeRange;
use crate::model::clock::{DAY_MS, Millis};

/// What a request has found out.
#[derive(Default)]
pub(super) struct Found {
    versions: OnceCell<Option<Arc<BusinessHours>>>,
    /// By the beginning of the range and the present for which they were asked.
    boundaries: Mutex<HashMap<(Millis, Millis), Arc<Boundaries>>>,
}

impl Asking {
    /// When the tenant was open, from the beginning of the range until `now`; `None` when it has set no business hours.
    ///
    /// # Errors
    /// When the engine fails, or there is too much for it to search.
    pub async fn business_hours(&self, range: TimeRange, now: Millis) -> Result<Option<Arc<Boundaries>>, Error> {
        let Some(hours) = self.business_hours_versions().await? else {
            return Ok(None);
        };
        let mut known = self.business_hours.boundaries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(boundaries) = known.get(&(range.from(), now)) {
            return Ok(Some(Arc::clone(boundaries)));
        }
        // A reply can come long after the range. The ingestion takes events up to a day ahead of its clock.
        let boundaries = hours
            .boundaries(range.from(), now.saturating_add(DAY_MS).max(range.from()))
            .map_err(|error| refused(Code::LimitExceeded, error.to_string()))?;
        let boundaries = Arc::new(boundaries);
        known.insert((range.from(), now), Arc::clone(&boundaries));
        Ok(Some(boundaries))
    }

    /// Every version that holds at some time; `None` when the tenant has set none.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn business_hours_versions(&self) -> Result<Option<Arc<BusinessHours>>, Error> {
        let read = || async { Ok::<_, Error>(self.read_business_hours().await?.map(Arc::new)) };
        self.business_hours.versions.get_or_try_init(read).await.cloned()
    }

    /// Sets a schedule that holds from an instant on, by default from now on. What holds already is not set again, so
    /// that a client may repeat a request whose answer it has not seen. Returns the version and whether it holds now.
    ///
    /// # Errors
    /// When the tenant has too many versions, or the engine fails.
    pub async fn set_business_hours(
        &self,
        schedule: Schedule,
        valid_from: Option<Millis>,
    ) -> Result<(Version, bool), Error> {
        // Not from the request's memory: one request can set several, one after the other.
        let known = self.read_business_hours().await?;
        if let Some(hours) = &known {
            let same = hours.in_force_at(valid_from.unwrap_or(self.now));
            if same.schedule == schedule && valid_from.is_none_or(|from| from == same.valid_from) {
                return Ok((same.clone(), same == hours.in_force_at(self.now)));
            }
        }
        let valid_from = valid_from.unwrap_or(self.now);
        let mut versions = known.map(BusinessHours::into_versions).unwrap_or_default();
        let replaces = versions.iter().any(|version| version.valid_from == valid_from);
        if VERSIONS_MAX <= versions.len() && !replaces {
            let message = format!(
                "{} versions are set; the limit `businessHoursVersions` is {VERSIONS_MAX}: replace one by giving its `validFrom`",
                versions.len()
            );
            return Err(refused(Code::LimitExceeded, message));
        }
        // Later than all before it, even where the clock stood still or was set back.
        let last = versions.iter().map(|version| version.set_at).max();
        let set_at = last.map_or(self.now, |last| self.now.max(last + 1));
        let version = Version { valid_from, set_at, set_by: self.viewer.sub().to_owned(), schedule };
        let row = stored::row(self.viewer.tenant(), &version).map_err(|error| self.refuse_stored(&error))?;
        self.store.insert(stored::TABLE, row, None).await.map_err(|error| self.refuse_store(&error))?;
        versions.push(version.clone());
        let holds_now = BusinessHours::new(versions).is_some_and(|hours| *hours.in_force_at(self.now) == version);
        Ok((version, holds_now))
    }

    async fn read_business_hours(&self) -> Result<Option<BusinessHours>, Error> {
        let statement = stored::select(self.viewer.tenant());
        let batches = self.read(statement).await.map_err(|error| self.refuse_store(&error))?;
        stored::read(&batches).map_err(|error| self.refuse_stored(&error))
    }

    fn refuse_stored(&self, error: &StoredError) -> Error {
        ApiError::internal(&self.request_id, error).into()
    }
}
