//! The transport against a server that speaks raw bytes on loopback.

mod auth;
mod aws;
mod azure;
mod canary;
mod command;
mod databricks;
mod exchange;
mod google;
mod kubernetes;
mod limits;
mod machine;
mod route;
mod server;
