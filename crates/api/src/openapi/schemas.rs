use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use super::kinds::Event;
use super::{requests, webhook_requests};
use crate::answer::Envelope;
use crate::routes::audit;
use crate::routes::compat::frontend;
use crate::routes::compat::sdk::{self, Enveloped, SdkStream};
use crate::routes::events::page::PageView;
use crate::routes::events::proof::Proof;
use crate::routes::health::{HealthView, LivenessView, ReadinessView};
use crate::routes::indexer::drifts::DriftsView;
use crate::routes::indexer::list::Page;
use crate::routes::indexer::push::IngestedView;
use crate::routes::indexer::rewind::RewoundView;
use crate::routes::keys;
use crate::routes::log_level::LogLevelView;
use crate::routes::root::RootView;
use crate::routes::streams::events::EventsView;
use crate::routes::streams::explain::ExplanationView;
use crate::routes::streams::list::ListView;
use crate::routes::streams::segments::SegmentsView;
use crate::routes::treasury::recipient::RecipientView;
use crate::routes::treasury::summary::SummaryView;
use crate::routes::webhooks::{deliveries, endpoints, replays};
use crate::view::StreamView;

/// Every schema of the document by name.
pub(super) fn all() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .for_serialize();
    let mut generator = settings.into_generator();
    for add in [
        add::<Envelope<'_>>,
        add::<PageView<Event>>,
        add::<Proof>,
        add::<HealthView<'_>>,
        add::<LivenessView>,
        add::<ReadinessView>,
        add::<Page>,
        add::<DriftsView>,
        add::<IngestedView<'_>>,
        add::<RewoundView<'_>>,
        add::<LogLevelView>,
        add::<RootView<'_>>,
        add::<audit::list::ListView>,
        add::<EventsView>,
        add::<ListView>,
        add::<StreamView>,
        add::<SegmentsView>,
        add::<ExplanationView>,
        add::<SummaryView>,
        add::<RecipientView>,
        add::<endpoints::list::ListView>,
        add::<endpoints::view::WithSecret<'_>>,
        add::<endpoints::test::TestView>,
        add::<deliveries::list::ListView>,
        add::<deliveries::read::WithAttempts<'_>>,
        add::<deliveries::view::DeliveryView>,
        add::<replays::list::ListView>,
        add::<replays::view::ReplayView>,
        add::<frontend::version::VersionView>,
        add::<frontend::metrics::MetricsView>,
        add::<frontend::RowsView>,
        add::<frontend::read::RowView>,
        add::<Enveloped<SdkStream>>,
        add::<Enveloped<sdk::read::ReadView>>,
        add::<Enveloped<sdk::cancel::CancelledView>>,
        add::<Enveloped<sdk::list::PageView>>,
        add::<Enveloped<sdk::poll::PollView>>,
        add::<keys::list::ListView>,
        add::<keys::view::KeyView>,
        add::<keys::view::NewKeyView<'_>>,
    ] {
        add(&mut generator);
    }
    let mut schemas = generator.take_definitions(true);
    let bodies = requests::schemas().into_iter().chain(webhook_requests::schemas());
    schemas.extend(bodies.map(|(name, schema)| (name.to_owned(), schema)));
    schemas.insert("OpenApi".to_owned(), serde_json::json!({"type": "object"}));
    schemas
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
    generator.subschema_for::<T>();
}
