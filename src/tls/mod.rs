//! TLS, for every port that has it: the certificate that the gateway shows, and the handshake. What is said afterwards is
//! the port's.

mod certificate;
mod handshake;
mod identity;
mod names;

pub use certificate::CertificateError;
pub use certificate::provider;
pub use handshake::Tls;
pub use identity::Identity;
pub use identity::IdentityError;
pub use identity::Wanted;
