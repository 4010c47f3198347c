//! The private key of a GitHub App.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{Error, PemObject};

/// An RSA key that signs as the App. It is never printed.
#[derive(Clone)]
pub struct AppKey(Option<Arc<RsaKeyPair>>);

impl AppKey {
    /// Reads a key in PEM: PKCS#1 as GitHub makes it, or PKCS#8. A line break may be written as the
    /// two characters `\n`, since some tools keep variables in one line.
    ///
    /// # Errors
    /// One phrase that says what is wrong and what to do, without any of the text.
    pub fn from_pem(pem: &[u8]) -> Result<Self, &'static str> {
        let text = String::from_utf8_lossy(pem);
        if text.contains("ENCRYPTED") {
            return Err(
                "is encrypted with a passphrase: use the file as GitHub made it, or decrypt it with `openssl rsa -in KEY.pem -out NEW.pem`",
            );
        }
        let text = match text.contains('\n') {
            true => text.into_owned(),
            false => text.replace("\\n", "\n"),
        };
        let pair = match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            Ok(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            Ok(_) => {
                return Err(
                    "is not an RSA key, which GitHub's Apps have: use the .pem file that GitHub made",
                );
            }
            Err(Error::NoItemsFound) => {
                return Err(
                    "has no private key: expected the .pem file that GitHub made, which begins with -----BEGIN RSA PRIVATE KEY-----",
                );
            }
            Err(_) => {
                return Err(
                    "is damaged: expected the .pem file that GitHub made, with all its lines",
                );
            }
        };
        pair.map(|pair| Self(Some(Arc::new(pair)))).map_err(
            |_| "is not an RSA key of at least 2048 bits: use the .pem file that GitHub made",
        )
    }

    /// Stands for a key that was not read, for commands that do not call GitHub.
    #[must_use]
    pub fn hidden() -> Self {
        Self(None)
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256 (RS256). Returns `None` if the key was not read.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let pair = self.0.as_ref()?;
        let mut signature = vec![0; pair.public_modulus_len()];
        let digest = digest(&SHA256, message);
        pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature)
            .ok()?;
        Some(signature)
    }

    /// Returns the public half, an `RSAPublicKey` in DER; `None` if the key was not read.
    #[must_use]
    pub fn public_key(&self) -> Option<&[u8]> {
        Some(self.0.as_ref()?.public_key().as_ref())
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// The bytes of PKCS#8 around the PKCS#1 key of 2048 bits (RFC 5208).
    const PKCS8_HEAD: usize = 26;

    fn pem(label: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let body = lines.join("\n");
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----")
    }

    #[test]
    fn both_forms_of_a_key_sign_and_nothing_prints_it() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = pair.as_der().unwrap();
        let pkcs1 = &pkcs8.as_ref()[PKCS8_HEAD..];
        let forms = [
            pem("PRIVATE KEY", pkcs8.as_ref()),
            pem("RSA PRIVATE KEY", pkcs1),
            pem("RSA PRIVATE KEY", pkcs1).replace('\n', "\r\n"),
            pem("RSA PRIVATE KEY", pkcs1).replace('\n', "\\n"),
        ];
        for form in forms {
            let key = AppKey::from_pem(form.as_bytes()).unwrap();
            let signature = key.sign(b"a message").unwrap();
            let public = key.public_key().unwrap();
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
                .verify(b"a message", &signature)
                .unwrap();
            assert_eq!(format!("{key:?}"), "AppKey(hidden)");
        }
        assert_eq!(AppKey::hidden().sign(b"a message"), None);
    }

    #[test]
    fn what_is_no_key_is_explained() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = pair.as_der().unwrap();
        let cut = &pem("PRIVATE KEY", pkcs8.as_ref())[..400];
        let cases = [
            (String::new(), "has no private key"),
            ("hunter2".to_owned(), "has no private key"),
            (pem("PUBLIC KEY", pkcs8.as_ref()), "has no private key"),
            (pem("ENCRYPTED PRIVATE KEY", &[1]), "is encrypted"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n".to_owned(),
                "is encrypted",
            ),
            (pem("EC PRIVATE KEY", &[1]), "is not an RSA key"),
            (pem("PRIVATE KEY", &[1, 2, 3]), "is not an RSA key"),
            (cut.to_owned(), "is damaged"),
        ];
        for (text, expected) in cases {
            let why = AppKey::from_pem(text.as_bytes()).unwrap_err();
            assert!(why.starts_with(expected), "{text}: {why}");
        }
    }
}
