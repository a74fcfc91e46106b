//! PURE. What a settlement is and what comes next. No async, clock, randomness, files or sockets.
