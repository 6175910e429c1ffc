//! What brings a cluster up, as far as it can be read: it cannot be run here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rapport::store::server::address::ServerConfig;
use yaml_rust2::{Yaml, YamlLoader};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: &str) -> Yaml {
    YamlLoader::load_from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}")).remove(0)
}

/// Names and members of a map.
fn members(map: &Yaml) -> Vec<(&str, &Yaml)> {
    let Some(map) = map.as_hash() else { return Vec::new() };
    map.iter().map(|(name, value)| (name.as_str().expect("names are texts"), value)).collect()
}

fn texts(list: &Yaml) -> Vec<&str> {
    list.as_vec().map(|list| list.iter().filter_map(Yaml::as_str).collect()).unwrap_or_default()
}

/// Hosts of each shard, as the servers know them.
fn remote_servers(server: &Yaml, cluster: &str) -> Vec<Vec<String>> {
    let shards = server["remote_servers"][cluster]["shard"].as_vec().expect("shards");
    let hosts = |shard: &Yaml| {
        let replicas = shard["replica"].as_vec().expect("replicas").iter();
        replicas.map(|replica| replica["host"].as_str().unwrap().to_owned()).collect()
    };
    shards.iter().map(hosts).collect()
}

#[test]
fn every_service_mounts_files_that_are_there_and_waits_for_services_that_are() {
    let compose = yaml("docker-compose.yml");
    let services: BTreeSet<&str> = members(&compose["services"]).into_iter().map(|(name, _)| name).collect();
    let volumes: BTreeSet<&str> = members(&compose["volumes"]).into_iter().map(|(name, _)| name).collect();
    let mut used = BTreeSet::new();
    for (name, service) in members(&compose["services"]) {
        for mount in texts(&service["volumes"]) {
            let source = mount.split(':').next().unwrap();
            match source.strip_prefix("./") {
                Some(file) => drop(read(file)),
                None => assert!(used.insert(source) && volumes.contains(source), "{name}: {mount}"),
            }
        }
        for (other, _) in members(&service["depends_on"]) {
            assert!(services.contains(other), "{name} waits for {other}");
            let health = &compose["services"][other]["healthcheck"];
            assert!(health["test"].as_vec().is_some(), "{other} does not say when it is ready");
        }
        let is_built = service["build"].as_hash().is_some();
        let tag = service["image"].as_str().and_then(|image| image.split_once(':')).map(|(_, tag)| tag);
        assert!(is_built != tag.is_some_and(|tag| tag != "latest"), "{name} has no image of a version");
    }
    assert_eq!(used, volumes, "a volume that nobody has");
}

#[test]
fn the_program_and_the_servers_mean_the_same_cluster() {
    let compose = yaml("docker-compose.yml");
    let server = yaml(".config/cluster/server.yaml");
    let name = server["macros"]["cluster"].as_str().unwrap();
    let known = remote_servers(&server, name);
    assert_eq!(known.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    let services = &compose["services"];
    for (index, shard) in known.iter().enumerate() {
        for host in shard {
            let environment = &services[host.as_str()]["environment"];
            assert_eq!(environment["SHARD"].as_str(), Some((index + 1).to_string().as_str()), "{host}");
            assert_eq!(environment["REPLICA"].as_str(), Some(host.as_str()));
        }
    }
    let users = yaml(".config/cluster/users.yaml");
    for program in ["api-1", "api-2", "worker-1", "worker-2"] {
        let environment = &services[program]["environment"];
        let text = |variable: &str| environment[variable].as_str().unwrap_or_else(|| panic!("{program}: {variable}"));
        assert_eq!(text("RAPPORT_CLUSTER"), name);
        let shards = ServerConfig::parse_shards(text("RAPPORT_STORE")).unwrap();
        let bare = |host: &String| host.trim_start_matches("http://").trim_end_matches(":8123").to_owned();
        let hosts: Vec<Vec<String>> = shards.iter().map(|shard| shard.hosts.iter().map(bare).collect()).collect();
        assert_eq!(hosts, known, "{program}");
        for user in [shards[0].login.user.as_str(), text("RAPPORT_STORE_READER")] {
            assert!(users["users"][user].as_hash().is_some(), "{program}: {user}");
        }
        let brokers = text("RAPPORT_NATS")
            .split(',')
            .map(|broker| broker.trim_start_matches("nats://").trim_end_matches(":4222"));
        assert!(brokers.clone().all(|broker| services[broker].as_hash().is_some()));
        assert_eq!(text("RAPPORT_NATS_REPLICAS"), brokers.count().to_string());
    }
    let keepers = server["zookeeper"]["node"].as_vec().unwrap().iter().map(|node| node["host"].as_str().unwrap());
    let keeper = yaml(".config/cluster/keeper.yaml");
    let members = keeper["keeper_server"]["raft_configuration"]["server"].as_vec().unwrap().iter();
    assert_eq!(keepers.collect::<Vec<_>>(), members.map(|one| one["hostname"].as_str().unwrap()).collect::<Vec<_>>());
}

#[test]
fn the_brokers_keep_what_they_have_accepted() {
    let text = read(".config/cluster/nats.conf");
    assert!(text.contains("sync_interval: always"));
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}
