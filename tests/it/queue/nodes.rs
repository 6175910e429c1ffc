//! A broker of three nodes that keep three copies of everything, each of which a test can kill.

use std::array::from_fn;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream::ClusterInfo;
use rapport::queue::{Queue, QueueConfig};

use super::broker::{Broker, PATIENCE, free_ports};

const NODES: usize = 3;

pub struct Nodes {
    nodes: [Broker; NODES],
}

impl Nodes {
    pub fn start() -> Self {
        let (ports, routes): ([u16; NODES], [u16; NODES]) = (free_ports(), free_ports());
        let all = routes.map(|port| format!("\"nats://127.0.0.1:{port}\"")).join(", ");
        let node = |number: usize| {
            let more = format!(
                "server_name: {}\ncluster {{\n  name: three\n  listen: \"127.0.0.1:{}\"\n  routes: [{all}]\n}}\n",
                name(number),
                routes[number]
            );
            Broker::start_with(ports[number], &more)
        };
        Self { nodes: from_fn(node) }
    }

    pub fn config(&self) -> QueueConfig {
        let servers = self.nodes.each_ref().map(Broker::address).into();
        QueueConfig { servers, replicas: NODES, ..self.nodes[0].config() }
    }

    /// A queue whose streams are there, once the nodes have found each other.
    pub async fn queue(&self) -> Queue {
        let client = async_nats::connect(self.config().servers).await.unwrap();
        let short = Duration::from_millis(300);
        let context = ContextBuilder::new().timeout(short).build(client);
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = context.query_account().await {
            assert!(Instant::now() < deadline, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let queue = Queue::open(self.config()).await.unwrap();
        while let Err(error) = queue.prepare().await {
            assert!(Instant::now() < deadline, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        queue
    }

    pub fn kill(&mut self, number: usize) {
        self.nodes[number].kill();
    }

    pub fn restart(&mut self, number: usize) {
        self.nodes[number].restart();
    }

    /// The number of the node that leads the stream, once there is one.
    pub async fn leader(&self) -> usize {
        self.once(|stream| (0..NODES).find(|number| stream.leader.as_deref() == Some(&name(*number)))).await
    }

    /// Returns when each node has all of the stream.
    pub async fn until_whole(&self) {
        self.once(|stream| {
            let is_whole = stream.replicas.iter().all(|replica| replica.current && !replica.offline);
            (stream.leader.is_some() && stream.replicas.len() == NODES - 1 && is_whole).then_some(())
        })
        .await;
    }

    /// What is found out of the nodes of the stream, once it is so.
    async fn once<T>(&self, find: impl Fn(&ClusterInfo) -> Option<T>) -> T {
        let config = self.config();
        let client = async_nats::connect(config.servers).await.unwrap();
        let context = jetstream::new(client);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stream = context.get_stream(&config.stream).await;
            let nodes = stream.as_ref().ok().and_then(|stream| stream.cached_info().cluster.as_ref());
            if let Some(found) = nodes.and_then(&find) {
                return found;
            }
            assert!(Instant::now() < deadline, "{stream:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn name(number: usize) -> String {
    format!("node{number}")
}
