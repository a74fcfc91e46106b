//! Names, id and card numbers, tokens: types that show nothing.
