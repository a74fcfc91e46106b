//! PURE. What can be put on paper: the document model, and receipts made from a finished state.
