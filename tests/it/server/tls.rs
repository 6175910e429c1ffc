//! Hosts that are known by a certificate.

use std::sync::Arc;

use rapport::sql::Sql;
use rapport::store::server::ServerStore;
use rapport::store::server::address::ServerConfig;
use rapport::store::{Store, StoreError};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig as TlsConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::double::{Data, Host};
use crate::engine::limits;
use crate::served::config;

#[tokio::test]
async fn a_host_is_known_by_the_certificates_of_the_file_and_by_no_others() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let tls = TlsConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let data = Data::new();
    let host = Host::start_with(&data, 0, Some(TlsAcceptor::from(Arc::new(tls))));
    let addresses = vec![format!("https://localhost:{}", host.address.port())];
    let known = ServerConfig { hosts: addresses, ca_file: Some(ca_file), ..config(&[]) };
    let store = ServerStore::open(&known, limits()).unwrap();
    assert_eq!(store.query(Sql::new("SELECT 1")).await.unwrap().len(), 1);

    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let other_file = directory.path().join("other.pem");
    std::fs::write(&other_file, other).unwrap();
    let unknown = ServerStore::open(&ServerConfig { ca_file: Some(other_file), ..known }, limits()).unwrap();
    let refused = unknown.query(Sql::new("SELECT 1")).await.expect_err("nobody vouches for it");
    assert!(matches!(refused, StoreError::Unreachable { .. }), "{refused}");
}
