//! Where the processes of one task meet: a host and a port that all of them are told.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};

/// Ports from here on are nobody's by convention, and below those that systems give to clients.
const FIRST_PORT: u16 = 20_000;
const PORTS: u32 = 10_000;

/// The variables by which torch's programs find the first of their processes, which runs on this host: a batch script runs
/// on the first node of its job, and so does the first process of a step that has all of them.
pub(super) fn environment() -> [(OsString, OsString); 2] {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    [("MASTER_ADDR".into(), host.into()), ("MASTER_PORT".into(), port(std::process::id()).to_string().into())]
}

/// A port that nobody listens at now. Workers that share a node look from different ones on: what is free now is used in a
/// moment.
fn port(worker: u32) -> u16 {
    let port = |nth: u32| FIRST_PORT + u16::try_from(worker.wrapping_mul(31).wrapping_add(nth) % PORTS).unwrap_or(0);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    (0..PORTS).map(port).find(is_free).unwrap_or(FIRST_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_listens_at_is_passed_over() {
        let first = port(7);
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, first));
        assert_ne!((port(7), listener.is_ok()), (first, true));
        assert!((FIRST_PORT..FIRST_PORT + 10_000).contains(&first));
    }
}
