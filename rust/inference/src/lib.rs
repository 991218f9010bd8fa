//! Neural networks of the media plane, run in batches on threads of their own.
