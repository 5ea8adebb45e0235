"""Sinks: one module a protocol; each delivers batches and says why it could not."""
