//! Shares out Norway's measure places (tiltaksplasser) among the people who wait
//! for them and the municipalities entitled to them. `ARCHITECTURE.md` is the map.

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod domain;
pub mod error;
pub mod grpc;
pub mod keys;
pub mod people_source;
pub mod postgres;
pub mod recorder;
pub mod replay;
pub mod rotation;
pub mod server;
pub mod store;
pub mod verify;
pub mod worker;
pub mod write;

/// What `build.rs` makes of `proto/`: the wire's types, clients and servers.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod proto {
    /// `google.type`.
    pub mod google {
        /// `google.type`.
        pub mod r#type {
            include!(concat!(env!("OUT_DIR"), "/google.r#type.rs"));
        }
    }
    /// `tiltaksplass.v1`.
    pub mod tiltaksplass {
        /// `tiltaksplass.v1`.
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/tiltaksplass.v1.rs"));
        }
    }
    pub use tiltaksplass::v1;

    /// Every message, enum and service, with comments and imports.
    pub const FILE_DESCRIPTOR_SET: &[u8] =
        include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
