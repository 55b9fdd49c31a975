//! Not written yet: so that others can build.
