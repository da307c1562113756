//! Calling one method: typed values in, pages of rows out.
//!
//! Owns: binding values to path, query, header, body and server variables; URL building; page
//! drivers; decoding page bytes once, straight into Arrow builders of the projected columns.
//! Refuses: choosing a method, SQL, DataFusion, retries and credentials (`net` has those).
//! Surprise: a page is read in a single pass that yields rows and the address of the next page, so
//! the next request is sent as soon as the rows are built.

mod acceptance;
mod bind;
mod decode;
mod error_object;
mod exact;
mod exchange;
mod look_up;
mod method_call;
mod method_ref;
mod metrics;
mod pager;
mod server_variables;
mod shared_pages;
mod stream;
mod template;
mod trace;
mod value;
mod wait;
mod write;

pub use bind::{Arguments, Fields, attribute_json, is_secret, masked_body};
pub use decode::{
    ColumnPlan, DecodePlan, Mismatch, RewritePlan, XmlShape, arrow_type, field_of, rewrite_answer,
};
pub use exact::{json_text, number_digits, read_answer, read_json};
pub use exchange::{Exchange, Layer, WriteFailure};
pub use look_up::{Shown, Sight, wrong_object};
pub use method_call::MethodCall;
pub use method_ref::{MethodName, MethodRef};
pub use metrics::{CallMetrics, MetricsSnapshot};
pub use server_variables::ServerVariables;
pub use shared_pages::SharedChains;
pub use stream::{CallContext, Page};
pub use value::{Value, is_same_scalar};
pub use wait::{Ended, Waiter, Watch, known_arguments};
pub use write::decode_answer;
