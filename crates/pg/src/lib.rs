//! A server of the PostgreSQL protocol.
