//! The site profile, and whether the platform can be reached: its name, its port, its certificate. No transaction is
//! sent; over TLS a bare `HEAD /` shows that the certificate is trusted.

use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use yibaod::config::profile_report;
use yibaod::config::{Problem, Profile, secrets};

use super::finding::Seen;
use super::{Finding, Patient};

/// How long a name, a connection and a certificate may each take.
const WAIT_S_MAX: u64 = 5;
/// Findings of a profile that are listed; `yibaoctl profile check` has all.
const LISTED_MAX: usize = 5;

/// What `yibaoctl profile check` says, in short.
pub(super) fn profile(patient: &Patient) -> Vec<Finding> {
    let Ok(settings) = &patient.settings else {
        return Vec::new();
    };
    let path = &settings.paths.site_profile;
    let subject = "profile";
    let credentials_dir = secrets::handed_dir();
    let report = profile_report::look(&patient.machine.path(path), credentials_dir.as_deref());
    let words = |problem: &Problem| {
        let zh = format!("{}：{}", problem.key, problem.what.zh);
        (zh, format!("{}: {}", problem.key, problem.what.en))
    };
    let advice = |finding: Seen| {
        let check = format!("yibaoctl profile check {}", path.display());
        finding.so(
            format!("全部问题：{check}"),
            format!("All of them: {check}"),
        )
    };
    let mut findings = Vec::new();
    for wrong in report.errors.iter().take(LISTED_MAX) {
        let (zh, en) = words(&wrong.problem);
        let finding = advice(Finding::bad(subject, zh, en));
        findings.push(finding.about(&wrong.problem.key));
    }
    for problem in report.warnings.iter().take(LISTED_MAX) {
        let (zh, en) = words(problem);
        let finding = advice(Finding::care(subject, zh, en));
        findings.push(finding.about(&problem.key));
    }
    for problem in report.unseen.iter().take(LISTED_MAX) {
        let (zh, en) = words(problem);
        findings.push(Finding::unseen(subject, zh, en).so(
            "请以管理员身份、在服务运行时再次执行：systemd 凭据只在那时可见",
            "Run it again as root while the service runs: only then its credentials are seen",
        ));
    }
    if report.errors.is_empty() {
        let name = report.name().unwrap_or_default();
        findings.push(Finding::fine(
            subject,
            format!("站点配置 {name} 可以使用"),
            "can be used",
        ));
    }
    findings
}

/// Whether the addresses of the profile can be reached from here.
pub(super) async fn reach(patient: &Patient) -> Vec<Finding> {
    let Ok(settings) = &patient.settings else {
        return Vec::new();
    };
    let path = patient.machine.path(&settings.paths.site_profile);
    let Ok(profile) = Profile::load(&path) else {
        return Vec::new();
    };
    let mut places: Vec<Place> = [&profile.url.base, &profile.voucher.url]
        .into_iter()
        .filter_map(|url| Place::of(url))
        .collect();
    places.dedup();
    let mut findings = Vec::new();
    for place in places {
        findings.push(place.look(profile.url.ca_path.as_deref()).await);
    }
    findings
}

/// Where an address leads; nothing of its path, which may hold keys.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    is_tls: bool,
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        let uri: http::Uri = url.parse().ok()?;
        let is_tls = uri.scheme_str() == Some("https");
        let usual = if is_tls { 443 } else { 80 };
        Some(Self {
            host: uri.host()?.to_owned(),
            port: uri.port_u16().unwrap_or(usual),
            is_tls,
        })
    }

    fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    async fn look(&self, ca_path: Option<&Path>) -> Finding {
        let (subject, at) = ("platform", self.shown());
        let wait = Duration::from_secs(WAIT_S_MAX);
        let found = timeout(wait, lookup_host((self.host.as_str(), self.port))).await;
        let addresses: Vec<_> = match found {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        let Some(address) = addresses.first() else {
            let zh = format!("域名 {} 无法解析", self.host);
            let en = format!("the name {} cannot be resolved", self.host);
            return Finding::bad(subject, zh, en).so(
                "检查 /etc/resolv.conf 与医保专网 DNS，或在 /etc/hosts 中写明地址",
                "Check /etc/resolv.conf and the network's DNS, or write it into /etc/hosts",
            );
        };
        let why = match timeout(wait, TcpStream::connect(address)).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.kind().to_string()),
            Err(_) => Some(format!("no answer within {WAIT_S_MAX} s")),
        };
        if let Some(why) = why {
            let zh = format!("{at} 连接不上：{why}");
            return Finding::bad(subject, zh, format!("{at} cannot be reached: {why}")).so(
                "检查医保专线、路由与防火墙；确认地址与端口是医保局给出的",
                "Check the line, routes and firewalls, and that address and port are the bureau's",
            );
        }
        if !self.is_tls {
            let zh = format!("{at} 可以连接（未加密）");
            return Finding::fine(subject, zh, "can be reached, without TLS");
        }
        match trusted(&format!("https://{at}/"), ca_path, wait).await {
            Ok(()) => Finding::fine(subject, format!("{at} 可以连接，证书可信"), "is trusted"),
            Err(why) => {
                let zh = format!("{at} 的 TLS 握手失败：{why}");
                let en = format!("TLS with {at} failed: {why}");
                Finding::bad(subject, zh, en).so(
                    "核对 [url] ca_path 的证书、服务器证书的域名与有效期，以及本机时间",
                    "Check [url] ca_path, the name and dates of the server's certificate, and this clock",
                )
            }
        }
    }
}

/// Whether its certificate is trusted: any answer to `HEAD /` shows it.
async fn trusted(url: &str, ca_path: Option<&Path>, wait: Duration) -> Result<(), String> {
    // A second time it changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .timeout(wait);
    let builder = match ca_path {
        Some(path) => {
            let pem = std::fs::read(path).map_err(|error| error.to_string())?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem);
            builder.tls_certs_only(certificates.map_err(|error| innermost(&error))?)
        }
        None => builder,
    };
    let client = builder.build().map_err(|error| innermost(&error))?;
    let answer = client.head(url).send().await;
    match answer {
        Ok(_) => Ok(()),
        // It spoke after the handshake, only not as we do.
        Err(error) if !error.is_connect() && !error.is_timeout() => Ok(()),
        Err(error) => Err(innermost(&error)),
    }
}

/// The last cause, which says most.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_place_is_host_and_port_and_nothing_of_the_path() {
        let place = Place::of("https://fsi.example:8443/csb/key-1?x=2").unwrap();
        assert_eq!(place.shown(), "fsi.example:8443");
        assert!(place.is_tls);
        assert_eq!(Place::of("http://10.0.0.1/x").unwrap().port, 80);
        assert_eq!(Place::of("not an address"), None);
    }

    #[tokio::test]
    async fn what_listens_is_reached_and_what_does_not_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = Place {
            host: "127.0.0.1".into(),
            port,
            is_tls: false,
        };
        assert_eq!(place.look(None).await.level, Level::Fine);
        drop(listener);
        let found = place.look(None).await;
        assert_eq!(found.level, Level::Bad);
        assert!(found.seen.1.contains("refused"), "{found:?}");
        let nowhere = Place {
            host: "no-such-host.invalid".into(),
            ..place
        };
        assert!(nowhere.look(None).await.seen.1.contains("resolved"));
    }

    #[tokio::test]
    async fn what_speaks_no_tls_is_not_trusted() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = tokio::spawn(async move {
            while let Ok((line, _)) = listener.accept().await {
                line.writable().await.ok();
                line.try_write(b"HTTP/1.1 200 OK\r\n\r\n").ok();
            }
        });
        let place = Place {
            host: "127.0.0.1".into(),
            port,
            is_tls: true,
        };
        let found = place.look(None).await;
        answer.abort();
        assert_eq!(found.level, Level::Bad, "{found:?}");
    }
}
