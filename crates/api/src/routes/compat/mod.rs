//! Profiles for clients of another backend: the same data in the shapes that these clients read. No rule about streams is
//! decided here.

pub(crate) mod frontend;
pub(crate) mod sdk;
