//! Manifests: plan, apply, drift and teardown of a stack.
