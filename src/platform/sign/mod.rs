//! PURE. What a gateway wants beside the body, a file a family.

pub(super) mod x_tif;
