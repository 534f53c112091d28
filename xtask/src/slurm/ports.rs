//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::failure::{Failure, Result};

/// Below the ports that systems lend to outgoing connections, which come and go.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// `N` free ports. Each folder looks from another one on, so that two clusters that start at once do not meet.
pub fn choose<const N: usize>(folder: &Path) -> Result<[u16; N]> {
    let start = folder.as_os_str().as_encoded_bytes().iter().fold(0u32, |sum, &byte| sum * 31 % 9973 + u32::from(byte));
    let start = u16::try_from(start % u32::from(COUNT)).unwrap_or(0);
    let mut free = (0..COUNT).map(|step| FIRST + (start + step) % COUNT).filter(|&port| is_free(port));
    let mut ports = [0; N];
    for port in &mut ports {
        *port = free.next().ok_or_else(|| Failure::new(format!("no free port from {FIRST} on")))?;
    }
    Ok(ports)
}

pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_ports_are_free_and_differ() {
        let ports: [u16; 5] = choose(Path::new("/elsewhere/.slurm")).expect("free ports");
        assert!(ports.iter().all(|&port| is_free(port)));
        assert!(ports.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_passed_over() {
        let [first]: [u16; 1] = choose(Path::new("/somewhere/.slurm")).expect("a free port");
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).expect("free");
        assert!(!is_free(first));
        let [second]: [u16; 1] = choose(Path::new("/somewhere/.slurm")).expect("another free port");
        assert_ne!(first, second);
    }
}
