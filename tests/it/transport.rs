//! What is between a client and the routes: TLS on real sockets, pages of other sites, proxies, the process's log.

mod cors;
pub mod logs;
mod proxies;
mod tls;
