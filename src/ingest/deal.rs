//! What CRMs say of deals and orders.

use crate::model::clock::Millis;

/// What a CRM said of one deal at one time. What it did not say is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealFact {
    /// The same whenever the same thing is told again.
    pub id: String,
    /// The deal as an identity (`hubspot:8812:deal:7`); its conversions name it as their contact, and links join it to
    /// people.
    pub deal: String,
    pub at: Millis,
    pub stage: Option<Stage>,
    /// Decimal, in units of the currency.
    pub amount: Option<String>,
    /// ISO 4217.
    pub currency: Option<String>,
}

/// What a stage means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Open,
    Won,
    Lost,
}
