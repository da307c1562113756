//! The transport against a server that speaks raw bytes on loopback.

mod auth;
mod aws;
mod canary;
mod exchange;
mod limits;
mod route;
mod server;
