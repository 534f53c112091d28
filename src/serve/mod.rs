//! A page over HTTP, for one reader or a group: it only ever reads, and says no to whatever is not asked in its own name.
//!
//! [`Site`] decides what is answered, without touching a network; [`listen`] is the network. Who holds a site puts a new
//! [`Snapshot`] into it whenever there is news, so that no request waits for the store.

mod http;
mod site;

pub use http::listen;
pub use site::{Answer, Asked, Site, Snapshot, Token};

#[cfg(test)]
mod tests;
