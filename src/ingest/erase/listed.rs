//! Rows of the table `erasing`, of one erasure: those of others stand beside them and are never read or removed by it.
//!
//! A text names the table as `FROM erasing WHERE …`; what is made of it says whose rows are meant.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;

use super::report::{Erasure, wrong_column};
use crate::ingest::removal;
use crate::sql::Sql;
use crate::store::{Sharing, Store, StoreError};

/// How texts name the table.
const PLACE: &str = "FROM erasing WHERE ";

/// What one erasure has listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a> {
    pub tenant: &'a str,
    pub erasure: &'a str,
}

impl<'a> Listed<'a> {
    pub fn of(erasure: &'a Erasure) -> Self {
        Self { tenant: &erasure.tenant, erasure: erasure.id() }
    }

    /// Appends a text in which the table is this erasure's part of it.
    pub fn push(&self, sql: &mut Sql, text: &'static str) {
        for (index, part) in text.split(PLACE).enumerate() {
            if 0 < index {
                sql.push(PLACE).push("tenant = ").bind_tenant(self.tenant);
                sql.push(" AND erasure = ").bind(self.erasure).push(" AND ");
            }
            sql.push(part);
        }
    }

    /// The text as a part of a statement.
    pub fn part(&self, text: &'static str) -> Sql {
        let mut sql = Sql::default().of_tenant(self.tenant);
        self.push(&mut sql, text);
        sql
    }

    /// Lists what a query finds, which has the tenant under the name `of_tenant` and the erasure under `of_erasure`. It goes on
    /// from a `WITH` clause.
    pub fn find(&self, query: &'static str) -> Sql {
        let mut sql = Sql::new("INSERT INTO erasing WITH ");
        sql.bind_tenant(self.tenant).push(" AS of_tenant, ").bind(self.erasure).push(" AS of_erasure");
        self.push(&mut sql, query);
        sql
    }

    /// Notes how many rows of a table a condition is true for, under a name.
    pub fn count(&self, name: &'static str, table: &'static str, condition: &'static str) -> Sql {
        let mut sql = Sql::new("INSERT INTO erasing SELECT ");
        sql.bind_tenant(self.tenant).push(", ").bind(self.erasure).push(", 'COUNT', '").push(name);
        sql.push("', count(), 0 ").append(&removal::rows(self.tenant, table, &self.part(condition)));
        sql
    }

    /// The counts by their names: of what was counted twice, because an erasure broke off, the first.
    pub async fn counts(&self, store: &dyn Store) -> Result<BTreeMap<String, u64>, StoreError> {
        let text = "SELECT name, max(key) FROM erasing WHERE what = 'COUNT' GROUP BY name";
        let mut counts = BTreeMap::new();
        for batch in store.query(self.part(text)).await? {
            let names = batch.column(0).as_string_opt::<i32>().ok_or_else(wrong_column)?;
            let rows = batch.column(1).as_primitive_opt::<UInt64Type>().ok_or_else(wrong_column)?;
            let pairs = names.iter().flatten().zip(rows.values());
            counts.extend(pairs.map(|(name, rows)| (name.to_owned(), *rows)));
        }
        Ok(counts)
    }

    /// Removes what is listed, from the disk too: it has names in clear.
    pub async fn empty(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut sql = Sql::new("ALTER TABLE erasing DROP PARTITION ").of_tenant(self.tenant);
        sql.bind(self.erasure);
        store.execute_all(vec![sql]).await?;
        if store.sharing() != Sharing::Own {
            // Parts of before, which are there since it was seen to that all copies have the list.
            removal::clean(store, self.tenant, "erasing").await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_text_is_about_the_one_erasure() {
        let listed = Listed { tenant: "acme", erasure: "12ab" };
        let sql = listed.part(
            "a IN (SELECT key FROM erasing WHERE what = 'CHAT') OR b IN (SELECT name FROM erasing WHERE what = 'NAME')",
        );
        assert_eq!(
            sql.text(),
            "a IN (SELECT key FROM erasing WHERE tenant = ? AND erasure = ? AND what = 'CHAT') OR \
             b IN (SELECT name FROM erasing WHERE tenant = ? AND erasure = ? AND what = 'NAME')"
        );
        assert_eq!(sql.values(), ["acme", "12ab", "acme", "12ab"].map(Into::into));
    }
}
