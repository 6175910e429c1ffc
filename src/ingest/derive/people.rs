//! Who is who: names and chats that links join are one person. One of the places outside `sql/` with SQL text: see `lib.rs`.
//!
//! A run takes links that were told since the last one and works out anew, from all links there are, the persons at their
//! ends. So what is derived link by link is what would be derived at once, in whatever order links come; and a late link
//! changes answers about the past. It never takes a link away. Which links there are, the feeds of `inbox` say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{ArrowPrimitiveType, Int64Type, UInt64Type};
use arrow::error::ArrowError;

use super::run::push_key;
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// So many contacts can share a phone, an address of mail or a chat and still be one person: found under several names in a
/// few CRMs and messengers. More share a switchboard, a placeholder or a group, which says nothing of who they are and joins
/// nobody.
const SHARING_MAX: i64 = 50;

/// The same of any other name. Ids are one person's by their nature, so that only a placeholder has more; a contact that is
/// given a new name with each visit has fewer for years.
const NAMES_MAX: i64 = 1_000;

/// The name of a deal, an order, a case: `crm:account:deal:id`. One customer can have any number of them, and one deal any
/// number of people, who are not one person for that: it joins the one that was told of first.
const DEALS: &str = "'%:%:deal:%'";

/// Keys of one question: with at most 20 digits each, well below what the engine takes as one statement (4 MiB).
const KEYS_MAX: usize = 50_000;

/// A link that was told since persons were derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    key: u64,
    other: u64,
    /// How often it was told; what is told meanwhile stays.
    marks: i64,
}

impl Link {
    /// Its place in the order in which links are taken.
    pub fn place(&self) -> (u64, u64) {
        (self.key, self.other)
    }
}

/// What is known of a name: whose it is, and in which version of its row that stands.
type Known = BTreeMap<u64, (u64, u64)>;

/// The next links that wait, after a place.
pub(super) async fn next_links(
    store: &dyn Store,
    tenant: &str,
    after: (u64, u64),
    links_max: i64,
) -> Result<Vec<Link>, StoreError> {
    let mut sql = Sql::new("SELECT key, other, sum(marks) AS waiting FROM stale_links WHERE tenant = ");
    sql.bind_tenant(tenant).push(" AND ");
    push_after(&mut sql, after);
    sql.push(" GROUP BY key, other HAVING waiting > 0 ORDER BY key, other LIMIT ").bind(links_max);
    let mut links = Vec::new();
    for batch in store.query(sql).await? {
        let (keys, others) = (numbers::<UInt64Type>(&batch, 0)?, numbers::<UInt64Type>(&batch, 1)?);
        let marks = numbers::<Int64Type>(&batch, 2)?;
        let rows = keys.into_iter().zip(others).zip(marks);
        links.extend(rows.map(|((key, other), marks)| Link { key, other, marks }));
    }
    Ok(links)
}

/// Derives the persons at the ends of these links.
pub(super) async fn run(store: &dyn Store, tenant: &str, links: &[Link]) -> Result<(), StoreError> {
    let ends: BTreeSet<u64> = links.iter().flat_map(|link| [link.key, link.other]).collect();
    let known = read_known(store, tenant, &ends).await?;
    let mut names = ends;
    names.extend(known.keys());
    let joins = read_joins(store, tenant, &names).await?;
    let changed = changes(&known, &persons(&names, &joins));
    store.insert("people", people(tenant, &changed).map_err(|error| unfit("people", &error))?, None).await?;
    // Last, so that a run that breaks off is begun again.
    store.insert("stale_links", taken(tenant, links).map_err(|error| unfit("stale_links", &error))?, None).await
}

/// All names of the persons that have these, as they were derived last.
async fn read_known(store: &dyn Store, tenant: &str, ends: &BTreeSet<u64>) -> Result<Known, StoreError> {
    let mut touched = BTreeSet::new();
    for keys in texts(ends) {
        for batch in store.query(persons_of(tenant, keys)).await? {
            touched.extend(numbers::<UInt64Type>(&batch, 0)?);
        }
    }
    let mut known = Known::new();
    for keys in texts(&touched) {
        for batch in store.query(names_of(tenant, keys)).await? {
            let (names, persons) = (numbers::<UInt64Type>(&batch, 0)?, numbers::<UInt64Type>(&batch, 1)?);
            let rows = names.into_iter().zip(persons.into_iter().zip(numbers::<UInt64Type>(&batch, 2)?));
            // Who was of such a person and is no longer is another's matter.
            known.extend(rows.filter(|(_, (person, _))| touched.contains(person)));
        }
    }
    Ok(known)
}

/// The links among these names, without those of a name that too many share.
async fn read_joins(store: &dyn Store, tenant: &str, names: &BTreeSet<u64>) -> Result<Vec<(u64, u64)>, StoreError> {
    let mut shared = BTreeSet::new();
    // Of names that join one other alone, that one.
    let mut firsts = BTreeMap::new();
    let mut joins = Vec::new();
    for keys in texts(names) {
        for batch in store.query(links_of(tenant, keys)).await? {
            let (keys, are_shared) = (numbers::<UInt64Type>(&batch, 0)?, numbers::<UInt64Type>(&batch, 1)?);
            let only = numbers::<UInt64Type>(&batch, 3)?;
            let others = batch.column(2).as_list_opt::<i32>().ok_or_else(no_number)?;
            let all = others.values().as_primitive_opt::<UInt64Type>().ok_or_else(no_number)?.values();
            for (row, (key, is_shared)) in keys.into_iter().zip(are_shared).enumerate() {
                if is_shared == 1 {
                    shared.insert(key);
                }
                if only[row] != 0 {
                    firsts.insert(key, only[row]);
                }
                let offset = |at: usize| usize::try_from(others.value_offsets()[at]).unwrap_or(0);
                // Every link is told from both ends, and links that wait can lead elsewhere: they have their own run.
                let here =
                    all[offset(row)..offset(row + 1)].iter().filter(|other| key < **other && names.contains(other));
                joins.extend(here.map(|other| (key, *other)));
            }
        }
    }
    let is_others = |key: &u64, other: &u64| firsts.get(key).is_some_and(|first| first != other);
    joins.retain(|(key, other)| {
        let are_few = !shared.contains(key) && !shared.contains(other);
        are_few && !is_others(key, other) && !is_others(other, key)
    });
    Ok(joins)
}

/// Marks every link there is.
pub(super) fn mark_everything() -> Sql {
    Sql::new("INSERT INTO stale_links SELECT DISTINCT tenant, key, other, 1 FROM identity_links WHERE key <= other")
        .of_everyone()
}

/// The rules, for who must know whether they are others than before.
pub(super) fn rules() -> Vec<Sql> {
    vec![persons_of("", String::new()), names_of("", String::new()), links_of("", String::new())]
}

/// Whose these names are.
fn persons_of(tenant: &str, keys: String) -> Sql {
    let mut sql = Sql::new("SELECT argMax(person_key, version) AS person FROM people WHERE tenant = ");
    sql.bind_tenant(tenant).push(" AND name_key IN ");
    push_keys(&mut sql, keys);
    sql.push(" GROUP BY name_key");
    sql
}

/// The names that ever were of these persons: whose each is now, and the version of its row.
fn names_of(tenant: &str, keys: String) -> Sql {
    let mut sql =
        Sql::new("SELECT name_key, argMax(person_key, version) AS person, max(version) AS latest FROM people");
    sql.push(" WHERE tenant = ")
        .bind_tenant(tenant)
        .push(" AND name_key IN (SELECT name_key FROM people WHERE tenant = ");
    sql.bind_tenant(tenant).push(" AND person_key IN ");
    push_keys(&mut sql, keys);
    sql.push(") GROUP BY name_key");
    sql
}

/// What these names are linked to; of one that too many share, that it is; of a deal, the one that it joins.
fn links_of(tenant: &str, keys: String) -> Sql {
    let mut sql = Sql::new("SELECT key, toUInt64(length(groupUniqArrayIf(other, ");
    // A chat has no name, and anybody can have many.
    sql.push("other_name != '' AND other_name NOT LIKE ").push(DEALS).push("))");
    sql.push(" > if(any(name) = '' OR startsWith(any(name), 'phone:') OR startsWith(any(name), 'email:'), ");
    sql.bind(SHARING_MAX)
        .push(", ")
        .bind(NAMES_MAX)
        .push(")) AS is_shared, if(is_shared = 1, [], groupUniqArray(other)) AS others, if(any(name) LIKE ")
        .push(DEALS)
        // Deals that were put together do not take the place of whom they are of.
        .push(", argMinIf(other, (at, id, other_name), other_name NOT LIKE ")
        .push(DEALS)
        .push("), 0) AS only");
    // Until the engine merges, a link has a row for each time it was told: what was told first is then in no single row.
    sql.push(
        " FROM (SELECT key, other, max(name) AS name, max(other_name) AS other_name, min(at) AS at, min(id) AS id",
    );
    sql.push(" FROM identity_links WHERE tenant = ").bind_tenant(tenant).push(" AND key IN ");
    push_keys(&mut sql, keys);
    sql.push(" GROUP BY key, other) GROUP BY key");
    sql
}

/// Keys in texts of at most [`KEYS_MAX`], with commas: one parameter each.
fn texts(keys: &BTreeSet<u64>) -> Vec<String> {
    let keys: Vec<String> = keys.iter().map(u64::to_string).collect();
    keys.chunks(KEYS_MAX).map(|keys| keys.join(",")).collect()
}

fn push_keys(sql: &mut Sql, keys: String) {
    sql.push("(SELECT toUInt64(arrayJoin(splitByChar(',', ").bind(keys).push("))))");
}

fn push_after(sql: &mut Sql, (key, other): (u64, u64)) {
    // The first comparison is the one that the table's order helps.
    sql.push("key >= ");
    push_key(sql, key);
    sql.push(" AND (key, other) > (");
    push_key(sql, key);
    sql.push(", ");
    push_key(sql, other);
    sql.push(")");
}

/// Whose each name is, when these pairs of them are one person's each: the least name of all that hang together.
fn persons(names: &BTreeSet<u64>, joins: &[(u64, u64)]) -> BTreeMap<u64, u64> {
    // Each name points at a lesser one of its person, the least at itself.
    let mut lesser: BTreeMap<u64, u64> = names.iter().map(|name| (*name, *name)).collect();
    for (one, other) in joins {
        let (one, other) = (least(&mut lesser, *one), least(&mut lesser, *other));
        lesser.insert(one.max(other), one.min(other));
    }
    names.iter().map(|name| (*name, least(&mut lesser, *name))).collect()
}

/// Follows a name to the least of its person, and makes the way shorter for the next.
fn least(lesser: &mut BTreeMap<u64, u64>, name: u64) -> u64 {
    let mut way = Vec::new();
    let mut least = name;
    while let Some(next) = lesser.get(&least).copied().filter(|next| *next != least) {
        way.push(least);
        least = next;
    }
    for name in way {
        lesser.insert(name, least);
    }
    least
}

/// The rows that must be written: name, person, version. Who has no row is a person by itself.
fn changes(known: &Known, persons: &BTreeMap<u64, u64>) -> Vec<(u64, u64, u64)> {
    let mut rows = Vec::new();
    // A person of one name needs no row, but its least name has one when it has others.
    let joined: BTreeSet<u64> =
        persons.iter().filter(|(name, person)| name != person).map(|(_, person)| *person).collect();
    for (name, person) in persons {
        match known.get(name) {
            Some((before, _)) if before == person => {}
            Some((_, version)) => rows.push((*name, *person, version.saturating_add(1))),
            None if joined.contains(person) => rows.push((*name, *person, 1)),
            None => {}
        }
    }
    rows
}

fn people(tenant: &str, rows: &[(u64, u64, u64)]) -> Result<RecordBatch, ArrowError> {
    let column =
        |of: fn(&(u64, u64, u64)) -> u64| -> ArrayRef { Arc::new(UInt64Array::from_iter_values(rows.iter().map(of))) };
    RecordBatch::try_from_iter([
        ("tenant", same(tenant, rows.len())),
        ("name_key", column(|row| row.0)),
        ("person_key", column(|row| row.1)),
        ("version", column(|row| row.2)),
    ])
}

/// As many marks taken away as were seen.
fn taken(tenant: &str, links: &[Link]) -> Result<RecordBatch, ArrowError> {
    let column = |of: fn(&Link) -> u64| -> ArrayRef { Arc::new(UInt64Array::from_iter_values(links.iter().map(of))) };
    let marks = Int64Array::from_iter_values(links.iter().map(|link| link.marks.saturating_neg()));
    RecordBatch::try_from_iter([
        ("tenant", same(tenant, links.len())),
        ("key", column(|link| link.key)),
        ("other", column(|link| link.other)),
        ("marks", Arc::new(marks)),
    ])
}

fn same(text: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)))
}

fn numbers<T: ArrowPrimitiveType>(batch: &RecordBatch, column: usize) -> Result<Vec<T::Native>, StoreError> {
    match batch.column(column).as_primitive_opt::<T>() {
        Some(column) => Ok(column.values().to_vec()),
        None => Err(no_number()),
    }
}

fn no_number() -> StoreError {
    StoreError::Engine { code: 0, message: "a key is no number".to_owned() }
}

fn unfit(table: &'static str, error: &ArrowError) -> StoreError {
    StoreError::WrongColumns { table, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(joins: &[(u64, u64)], expect: &[(u64, u64)]) {
        let names: BTreeSet<u64> = (1..=6).collect();
        let mut reversed: Vec<(u64, u64)> = joins.iter().map(|(one, other)| (*other, *one)).collect();
        reversed.reverse();
        for joins in [joins, &reversed] {
            let of: Vec<(u64, u64)> =
                persons(&names, joins).into_iter().filter(|(name, person)| name != person).collect();
            assert_eq!(of, expect, "{joins:?}");
        }
    }

    #[test]
    fn all_that_hangs_together_is_the_least_of_it() {
        check(&[], &[]);
        check(&[(5, 6), (3, 4)], &[(4, 3), (6, 5)]);
        check(&[(5, 6), (3, 4), (4, 6), (2, 3)], &[(3, 2), (4, 2), (5, 2), (6, 2)]);
        // A ring, and what is said twice.
        check(&[(1, 2), (2, 3), (3, 1), (1, 2)], &[(2, 1), (3, 1)]);
    }

    #[test]
    fn only_rows_that_differ_are_written_and_a_name_alone_has_none() {
        let known = Known::from([(2, (2, 1)), (3, (2, 4)), (5, (2, 1))]);
        let persons = BTreeMap::from([(1, 1), (2, 1), (3, 3), (4, 4), (5, 2), (6, 6)]);
        // 1 is new and has 2; 3 was 2's and stands alone now; 5 stays; 4 and 6 are nobody's.
        assert_eq!(changes(&known, &persons), [(1, 1, 1), (2, 1, 2), (3, 3, 5)]);
    }
}
