//! What a request brings to the resolvers: who asks, within which limits, and where it is noted.

use std::sync::Arc;

use super::audit::Trace;
use super::bearers::Bearer;
use super::http::request_id::RequestId;
use super::limits::Limits;
use crate::auth::Viewer;

/// A request to the schema, before anything of it runs.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub viewer: Viewer,
    pub bearer: Bearer,
    /// Those of the viewer's role.
    pub limits: Arc<Limits>,
    pub request_id: RequestId,
    /// Where resolvers note what they were asked.
    pub trace: Arc<Trace>,
}
