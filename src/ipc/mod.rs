//! The doors: who may call, wire types to ours and back, gRPC. Doors only translate.
