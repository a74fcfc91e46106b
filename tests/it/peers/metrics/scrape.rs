//! Fetched as Prometheus fetches: HTTP/1.1 over TCP with a token, as `authorization: credentials_file` sends it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Page;
use crate::desk::{Desk, Setup, eventually};
use crate::doors::{TOKEN, tcp};

/// What Prometheus 2 and 3 say they take, before the token.
const HEAD: &str = "GET /metrics HTTP/1.1\r\nHost: ADDRESS\r\nUser-Agent: Prometheus/3.5.0\r\n\
    Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,\
    */*;q=0.1\r\nAccept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\nConnection: close\r\n";

/// What others say, before what they take and the token.
const OLDER_HEAD: &str = "GET /metrics HTTP/1.1\r\nHost: ADDRESS\r\nConnection: close\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_fetches_over_tcp_with_a_monitors_token_and_nobody_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config_more, address) = tcp(folder.path(), "monitor");
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");

    let (head, body) = scrape(address, &bearer(TOKEN)).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.contains(kind), "{head}");
    let page = Page::read(body).await;
    assert_eq!(page.one("yibaod_accepting"), "1");
    assert!(page.number("yibaod_connections_open", &[]) >= 1.0);
    page.names_nobody(&desk);
    // A collector that knows the older text only.
    let older = format!("Accept: text/plain;version=0.0.4\r\n{}", bearer(TOKEN));
    let (head, body) = scrape_with(OLDER_HEAD, address, &older).await;
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    assert!(
        body.contains("# TYPE yibaod_calls_refused_total counter\n"),
        "{body}"
    );
    assert!(
        !body.contains("# EOF") && !body.contains("stateset"),
        "{body}"
    );

    let wrong = TOKEN.replace('0', "1");
    let refused = [
        String::new(),
        bearer(&wrong),
        bearer(""),
        format!("Authorization: Basic {TOKEN}\r\n"),
    ];
    for shown in &refused {
        let (head, body) = scrape(address, shown).await;
        assert!(head.starts_with("HTTP/1.1 401 "), "{shown}: {head}");
        assert!(
            body.contains("E7012") && !body.contains("yibaod_"),
            "{body}"
        );
    }
    // A page in a browser of this machine has no business there, whatever it shows.
    let from_page = format!("{}Origin: https://evil.example\r\n", bearer(TOKEN));
    let (head, body) = scrape(address, &from_page).await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert!(!body.contains("yibaod_"), "{body}");
    let told = Page::of(&desk).await;
    let counted = told.number("yibaod_calls_refused_total", &[("code", "E7012")]);
    assert_eq!(counted, 4.0, "each refusal is counted");

    // Taken back, it opens nothing from the next look at its file on, a second later at most.
    std::fs::remove_file(folder.path().join("hall.token")).expect("it is there");
    let is_shut = async || {
        let (head, _) = scrape(address, &bearer(TOKEN)).await;
        head.starts_with("HTTP/1.1 401 ").then_some(())
    };
    eventually(is_shut).await.expect("it is shut");
}

/// Head and body of the answer.
async fn scrape(address: SocketAddr, more: &str) -> (String, String) {
    scrape_with(HEAD, address, more).await
}

async fn scrape_with(head: &str, address: SocketAddr, more: &str) -> (String, String) {
    let mut line = TcpStream::connect(address).await.expect("it listens");
    let asked = format!(
        "{}{more}\r\n",
        head.replace("ADDRESS", &address.to_string())
    );
    line.write_all(asked.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}
