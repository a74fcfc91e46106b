//! Composition: build all parts, replay, open the doors, drain. The only file that knows everything.
