//! Benchmarks of the engine, one file a subject under `engine/`.
