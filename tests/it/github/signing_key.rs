//! A private key that is made for the tests, so that the repository has none.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use branchline::domain::github::app_key::AppKey;

/// Returns the key in PEM.
pub(crate) fn pem() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(|| {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    })
}

pub(crate) fn key() -> AppKey {
    AppKey::from_pem(pem().as_bytes()).unwrap()
}

/// Fails unless the key signed this message.
pub(crate) fn verify(message: &[u8], signature: &[u8]) {
    let key = key();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().unwrap())
        .verify(message, signature)
        .unwrap();
}

/// Decodes a part of a JWT.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
