//! What can be asked, a file each.
