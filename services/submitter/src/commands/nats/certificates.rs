//! A small authority, and the certificates of servers.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

use super::error::NatsError;

/// What is shown of who vouches for the servers.
const NAME: &str = "Phoenix NATS";

/// A certificate, and its key.
pub(super) struct Proof {
    pub(super) cert: String,
    pub(super) key: String,
}

impl Proof {
    fn of(cert: &Certificate, key: &KeyPair) -> Self {
        Self { cert: cert.pem(), key: key.serialize_pem() }
    }
}

/// Makes who vouches for the servers.
pub(super) fn authority() -> Result<Proof, NatsError> {
    let key = KeyPair::generate()?;
    Ok(Proof::of(&authority_params().self_signed(&key)?, &key))
}

/// Makes the certificate of a server that is reached at an address, and on its own machine.
pub(super) fn server(authority_key: &str, address: &str) -> Result<Proof, NatsError> {
    let params = authority_params();
    let issuer = Issuer::from_params(&params, KeyPair::from_pem(authority_key)?);
    let names = [address, "localhost", "127.0.0.1"].map(str::to_owned);
    let mut server = CertificateParams::new(names.to_vec())?;
    server.distinguished_name.push(DnType::CommonName, address);
    // Servers of a cluster call each other, and prove themselves on both sides.
    server.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    Ok(Proof::of(&server.signed_by(&key, &issuer)?, &key))
}

/// Says who vouches. It is the same each time: with the key it is the authority itself.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
