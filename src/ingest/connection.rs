//! The configured ways in: each is one platform's accounts of one tenant, under the name that its address ends with.

pub mod health;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::health::Health;
use super::connector::options::{OptionError, Options};
use super::connector::{Accounts, Connector, Platform};

/// One configured connection.
#[derive(Debug)]
pub struct Connection {
    /// `/webhooks/{name}`.
    pub name: String,
    pub tenant: String,
    pub platform: &'static Platform,
    pub accounts: Accounts,
    pub connector: Arc<dyn Connector>,
    /// How long raw payloads are kept; 0 keeps only their counts.
    pub keep_days: u16,
    pub health: Health,
}

impl Connection {
    /// A connection of which nothing has come yet.
    ///
    /// # Errors
    /// When an option is missing, unknown or wrong.
    pub fn open(
        (name, tenant): (&str, &str),
        platform: &'static Platform,
        accounts: Accounts,
        mut options: Options,
        keep_days: u16,
    ) -> Result<Self, OptionError> {
        let connector = (platform.open)(&accounts, &mut options)?;
        options.finish()?;
        Ok(Self {
            name: name.to_owned(),
            tenant: tenant.to_owned(),
            platform,
            accounts,
            connector,
            keep_days,
            health: Health::default(),
        })
    }
}

/// All of them, by name.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    by_name: Arc<BTreeMap<String, Arc<Connection>>>,
}

impl Connections {
    /// The last of two of one name counts; the configuration refuses such two.
    pub fn new(connections: impl IntoIterator<Item = Connection>) -> Self {
        let named = connections.into_iter().map(|connection| (connection.name.clone(), Arc::new(connection)));
        Self { by_name: Arc::new(named.collect()) }
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Connection>> {
        self.by_name.get(name)
    }

    /// In the order of their names.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.by_name.values()
    }
}
