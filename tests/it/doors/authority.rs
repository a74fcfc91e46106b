//! Certificates of a test's own, made by openssl: an authority, the desk's, and those of its callers.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The desk's own name.
const DESK: &str = "desk";
const CONFIG: &str = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = NAME\n\
    [authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n\
    [signed]\nbasicConstraints = CA:FALSE\nsubjectAltName = DNS:localhost, IP:127.0.0.1\n\
    extendedKeyUsage = serverAuth, clientAuth\n";

/// An authority. Its files go with it.
pub(crate) struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    /// With the desk's certificate.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
        let authority = Self { dir };
        authority.make("authority", &["-extensions", "authority"]);
        authority.sign(DESK);
        authority
    }

    /// The certificate of this common name.
    pub(crate) fn sign(&self, name: &str) {
        let (by, key) = (self.certificate("authority"), self.key("authority"));
        let [by, key] = [by, key].map(|path| path.display().to_string());
        self.make(name, &["-extensions", "signed", "-CA", &by, "-CAkey", &key]);
    }

    pub(crate) fn certificate(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.pem"))
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.key"))
    }

    /// The lines of `[tcp]` by which the desk shows its own and wants one that was signed here.
    pub(crate) fn config(&self) -> String {
        let of = |path: PathBuf| path.display().to_string();
        format!(
            "tls_certificate = \"{}\"\ntls_key = \"{}\"\ntls_client_ca = \"{}\"\n",
            of(self.certificate(DESK)),
            of(self.key(DESK)),
            of(self.certificate("authority"))
        )
    }

    fn make(&self, name: &str, more: &[&str]) {
        let config = self.dir.path().join(format!("{name}.cnf"));
        std::fs::write(&config, CONFIG.replace("NAME", name)).expect("room");
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
        let mut openssl = Command::new("openssl");
        openssl.args(words.split(' ')).arg("-config").arg(&config);
        openssl.args(more).arg("-out").arg(self.certificate(name));
        openssl.arg("-keyout").arg(self.key(name));
        let told = openssl.output().expect("tests/run installs it");
        let errors = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success(), "{errors}");
        close(&self.key(name));
    }
}

/// For its owner alone.
fn close(path: &Path) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("its mode");
}
