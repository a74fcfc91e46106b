//! The devices on their real wires: terminal pairs and TCP.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::Devices;
use super::printer::{Options, Printer};
use super::scanner::{Scanner, Terminator};

const WAIT: Duration = Duration::from_secs(10);
const JOB: &[u8] = b"\x1B@hello\n\x1D(H\x06\x0000J001\x1DVB\x00";
const PROOF: &[u8] = b"\x37\x22J001\x00";

fn soon() -> Instant {
    Instant::now() + WAIT
}

fn open(path: &Path) -> File {
    File::options().read(true).write(true).open(path).unwrap()
}

fn set_speed(client: &File, speed: u32) {
    let mut settings = rustix::termios::tcgetattr(client).unwrap();
    settings.set_speed(speed).unwrap();
    settings.control_modes |= rustix::termios::ControlModes::CRTSCTS;
    let now = rustix::termios::OptionalActions::Now;
    rustix::termios::tcsetattr(client, now, &settings).unwrap();
}

/// Reads so many bytes from a line; they have been sent, so it does not wait long.
fn read_line(client: &mut File, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

/// Waits for what only the kernel's own work brings about.
async fn wait_for(is: impl Fn() -> bool) {
    let deadline = soon();
    while !is() {
        assert!(Instant::now() < deadline, "it did not happen");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn read_exactly(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    timeout(WAIT, stream.read_exact(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    bytes
}

/// Reads until the other end is gone.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let ended = timeout(WAIT, stream.read_to_end(&mut bytes)).await.unwrap();
    match ended {
        Ok(_) => bytes,
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            bytes
        }
    }
}

async fn connect(printer: &Printer) -> TcpStream {
    TcpStream::connect(printer.addr().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_scan_arrives_as_it_was_set_up() {
    let dir = tempfile::tempdir().unwrap();
    let scanner = Scanner::start(dir.path()).unwrap();
    assert_eq!(scanner.path(), dir.path().join("scanner"));
    let mut client = open(scanner.path());
    for (terminator, end) in [
        (Terminator::Cr, "\r"),
        (Terminator::CrLf, "\r\n"),
        (Terminator::Lf, "\n"),
        (Terminator::None, ""),
    ] {
        scanner.scan(b"28000", terminator).await.unwrap();
        let sent = format!("28000{end}");
        assert_eq!(read_line(&mut client, sent.len()), sent.as_bytes());
    }
    let gap = Duration::from_millis(1);
    scanner
        .scan_slowly(b"12", Terminator::Cr, gap)
        .await
        .unwrap();
    assert_eq!(read_line(&mut client, 3), b"12\r");
    scanner.scan_raw(&[0xFF, 0x00, 0x03, 0x04]).await.unwrap();
    assert_eq!(read_line(&mut client, 4), [0xFF, 0x00, 0x03, 0x04]);
}

#[tokio::test]
async fn the_scanner_sees_what_the_client_set_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let scanner = Scanner::start(dir.path()).unwrap();
    let mut client = open(scanner.path());
    assert!(scanner.line_settings().unwrap().raw);
    set_speed(&client, 115_200);
    let settings = scanner.line_settings().unwrap();
    assert_eq!((settings.speed, settings.hardware_flow), (115_200, true));
    client.write_all(b"\x16T\r").unwrap();
    let mut heard = Vec::new();
    let deadline = soon();
    while heard.len() < 3 && Instant::now() < deadline {
        heard.extend(scanner.heard().unwrap());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(heard, b"\x16T\r");

    scanner.set_speed(Some(9_600));
    scanner.scan(b"28000", Terminator::Cr).await.unwrap();
    assert_ne!(read_line(&mut client, 6), b"28000\r");
    set_speed(&client, 9_600);
    scanner.scan(b"28000", Terminator::Cr).await.unwrap();
    assert_eq!(read_line(&mut client, 6), b"28000\r");
}

#[tokio::test]
async fn unplugged_and_plugged_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let scanner = Scanner::start(dir.path()).unwrap();
    let mut client = open(scanner.path());
    scanner.unplug();
    assert_eq!(
        client.read(&mut [0; 8]).unwrap_or(0),
        0,
        "the end of the line"
    );
    assert!(client.write_all(b"x").is_err());
    assert!(rustix::termios::tcgetattr(&client).is_err());
    assert!(!scanner.path().exists() && scanner.path().symlink_metadata().is_err());
    assert!(scanner.scan(b"1", Terminator::Cr).await.is_err());
    assert!(scanner.line_settings().is_err());

    scanner.replug().unwrap();
    let mut client = open(scanner.path());
    scanner.scan(b"1", Terminator::Cr).await.unwrap();
    assert_eq!(read_line(&mut client, 2), b"1\r");
    let path = scanner.path().to_owned();
    drop(scanner);
    assert!(path.symlink_metadata().is_err());
}

#[tokio::test]
async fn a_client_that_closes_and_comes_back_finds_the_same_line() {
    let dir = tempfile::tempdir().unwrap();
    let scanner = Scanner::start(dir.path()).unwrap();
    drop(open(scanner.path()));
    let mut client = open(scanner.path());
    scanner.scan(b"again", Terminator::Lf).await.unwrap();
    assert_eq!(read_line(&mut client, 6), b"again\n");
}

#[tokio::test]
async fn a_job_over_tcp_and_its_proof() {
    let printer = Printer::start_tcp(Options::default()).unwrap();
    let mut host = connect(&printer).await;
    host.write_all(JOB).await.unwrap();
    assert_eq!(read_exactly(&mut host, PROOF.len()).await, PROOF);
    let papers = printer.wait_papers(1, soon()).await;
    assert_eq!(papers[0].text(), "hello\n");
    assert_eq!(printer.counters().papers, 1);
    assert!(printer.errors().is_empty());
}

#[tokio::test]
async fn a_second_host_waits_for_the_first() {
    let printer = Printer::start_tcp(Options::default()).unwrap();
    let mut first = connect(&printer).await;
    first.write_all(b"\x10\x04\x01").await.unwrap();
    assert_eq!(read_exactly(&mut first, 1).await, b"\x16");
    let mut second = connect(&printer).await;
    second.write_all(JOB).await.unwrap();
    first.write_all(b"\x10\x04\x04").await.unwrap();
    assert_eq!(read_exactly(&mut first, 1).await, b"\x12");
    assert_eq!(
        (printer.counters().connections, printer.papers().len()),
        (1, 0)
    );
    drop(first);
    assert_eq!(read_exactly(&mut second, PROOF.len()).await, PROOF);
    assert_eq!(printer.counters().connections, 2);
}

#[tokio::test]
async fn out_of_paper_it_answers_status_and_goes_on_after_the_refill() {
    let printer = Printer::start_tcp(Options::default()).unwrap();
    printer.paper_out_after(4);
    let mut host = connect(&printer).await;
    host.write_all(JOB).await.unwrap();
    assert!(
        printer
            .wait_until(soon(), |printer| printer.held_bytes() == JOB.len() - 4)
            .await
    );
    host.write_all(b"\x10\x04\x04").await.unwrap();
    assert_eq!(read_exactly(&mut host, 1).await, b"\x72");
    assert!(printer.papers().is_empty());
    printer.refill();
    assert_eq!(read_exactly(&mut host, PROOF.len()).await, PROOF);
    assert_eq!(printer.wait_papers(1, soon()).await[0].text(), "hello\n");
}

#[tokio::test]
async fn what_was_received_is_printed_also_when_the_host_has_gone() {
    let printer = Printer::start_tcp(Options::default()).unwrap();
    printer.open_cover();
    let mut host = connect(&printer).await;
    host.write_all(JOB).await.unwrap();
    assert!(
        printer
            .wait_until(soon(), |printer| printer.held_bytes() == JOB.len())
            .await
    );
    drop(host);
    let mut next = connect(&printer).await;
    assert!(
        printer
            .wait_until(soon(), |printer| printer.counters().connections == 2)
            .await
    );
    printer.close_cover();
    // The proof reaches whoever is connected: it proves nothing to the next host.
    assert_eq!(read_exactly(&mut next, PROOF.len()).await, PROOF);
    assert_eq!(printer.wait_papers(1, soon()).await.len(), 1);
}

#[tokio::test]
async fn dropped_in_the_middle_of_a_job() {
    let printer = Printer::start_tcp(Options::default()).unwrap();
    printer.drop_after(6);
    let mut host = connect(&printer).await;
    host.write_all(JOB).await.unwrap();
    assert_eq!(read_to_end(&mut host).await, b"");
    let mut next = connect(&printer).await;
    next.write_all(b"\n\x1DVB\x00").await.unwrap();
    assert_eq!(printer.wait_papers(1, soon()).await[0].text(), "hell\n");
}

#[tokio::test]
async fn off_refuses_and_on_serves_at_the_same_address() {
    let printer = Printer::start_tcp(Options::default()).unwrap();
    let mut host = connect(&printer).await;
    host.write_all(b"\x10\x04\x01").await.unwrap();
    assert_eq!(read_exactly(&mut host, 1).await, b"\x16");
    printer.off();
    assert_eq!(read_to_end(&mut host).await, b"");
    let at = printer.addr().unwrap();
    let refused = timeout(WAIT, async {
        while TcpStream::connect(at).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    refused.await.unwrap();
    printer.on();
    let served = timeout(WAIT, async {
        loop {
            match TcpStream::connect(at).await {
                Ok(host) => return host,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    let mut host = served.await.unwrap();
    host.write_all(JOB).await.unwrap();
    assert_eq!(read_exactly(&mut host, PROOF.len()).await, PROOF);
}

#[tokio::test]
async fn switched_off_and_on_at_once_still_ends_the_connection() {
    let printer = Printer::start_tcp(Options::default()).unwrap();
    let mut host = connect(&printer).await;
    host.write_all(b"\x10\x04\x01").await.unwrap();
    assert_eq!(read_exactly(&mut host, 1).await, b"\x16");
    printer.off();
    printer.on();
    assert_eq!(read_to_end(&mut host).await, b"");
}

#[tokio::test]
async fn a_slow_printer_answers_status_while_it_prints() {
    let printer = Printer::start_tcp(Options::default()).unwrap();
    printer.pace(Some(100));
    let mut host = connect(&printer).await;
    host.write_all(&[b'x'; 1_000]).await.unwrap();
    assert!(
        printer
            .wait_until(soon(), |printer| printer.held_bytes() > 900)
            .await
    );
    host.write_all(b"\x10\x04\x01").await.unwrap();
    assert_eq!(read_exactly(&mut host, 1).await, b"\x16");
    assert!(printer.held_bytes() > 0);
    printer.pace(None);
    assert!(
        printer
            .wait_until(soon(), |printer| printer.held_bytes() == 0)
            .await
    );
}

#[tokio::test]
async fn a_serial_printer_prints_answers_and_can_be_pulled() {
    let dir = tempfile::tempdir().unwrap();
    let printer = Printer::start_pty(dir.path(), Options::default()).unwrap();
    let path = printer.path().unwrap().to_owned();
    let mut client = open(&path);
    set_speed(&client, 19_200);
    assert_eq!(printer.line_settings().unwrap().speed, 19_200);
    client.write_all(JOB).unwrap();
    assert_eq!(printer.wait_papers(1, soon()).await[0].text(), "hello\n");
    let answer = tokio::task::spawn_blocking(move || {
        let mut bytes = [0; 7];
        client.read_exact(&mut bytes).map(|()| (client, bytes))
    });
    let (mut client, bytes) = timeout(WAIT, answer).await.unwrap().unwrap().unwrap();
    assert_eq!(bytes, PROOF);

    printer.unplug();
    wait_for(|| path.symlink_metadata().is_err()).await;
    assert!(client.write_all(b"x").is_err());
    printer.replug().unwrap();
    open(&path).write_all(JOB).unwrap();
    assert_eq!(printer.wait_papers(2, soon()).await.len(), 2);

    // Pulled and put back in one go: the name is the new line's.
    printer.replug().unwrap();
    open(&path).write_all(JOB).unwrap();
    assert_eq!(printer.wait_papers(3, soon()).await.len(), 3);
}

#[tokio::test]
async fn words_move_the_devices() {
    let dir = tempfile::tempdir().unwrap();
    let devices = Devices {
        scanner: Scanner::start(dir.path()).unwrap(),
        printer: Printer::start_tcp(Options::default()).unwrap(),
    };
    let mut client = open(devices.scanner.path());
    devices.run("scanner scan 2800 crlf").await.unwrap();
    assert_eq!(read_line(&mut client, 6), b"2800\r\n");
    devices.run("scanner scan-hex 32ff0d").await.unwrap();
    assert_eq!(read_line(&mut client, 3), b"2\xFF\r");
    devices.run("scanner unplug").await.unwrap();
    assert!(
        devices
            .run("scanner scan 1")
            .await
            .unwrap_err()
            .contains("unplugged")
    );
    devices.run("scanner replug").await.unwrap();

    devices.run("printer paper-out 3").await.unwrap();
    let mut host = connect(&devices.printer).await;
    host.write_all(JOB).await.unwrap();
    assert!(
        devices
            .run("printer wait 1 50")
            .await
            .unwrap_err()
            .starts_with("0 papers")
    );
    devices.run("printer refill").await.unwrap();
    assert_eq!(devices.run("printer wait 1").await.unwrap(), "1");
    assert_eq!(devices.run("printer text last").await.unwrap(), "hello\n");
    let picture = dir.path().join("p.png");
    devices
        .run(&format!("printer png 1 {}", picture.display()))
        .await
        .unwrap();
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(devices.run("printer errors").await.unwrap(), "");

    for wrong in [
        "",
        "printer",
        "printer burn",
        "printer slow fast",
        "scanner scan 1 tab",
        "x y",
    ] {
        assert!(devices.run(wrong).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn every_listed_word_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let devices = Devices {
        scanner: Scanner::start(dir.path()).unwrap(),
        printer: Printer::start_pty(dir.path(), Options::default()).unwrap(),
    };
    for line in Devices::WORDS.lines() {
        let said = line
            .replace("[cr|crlf|lf|none]", "lf")
            .replace("BITS|any", "any")
            .replace("[BYTES]", "9")
            .replace("[NUMBER|last|hanging]", "hanging")
            .replace("[MS]", "1")
            .replace("HEX", "00")
            .replace(" PATH", " /dev/null")
            .replace("NUMBER|last", "last");
        let numbers = ["GAP_MS", "BYTES_A_SECOND", "BYTES", "COUNT"];
        let said = numbers
            .iter()
            .fold(said, |said, word| said.replace(word, "1"));
        if let Err(why) = devices.run(&said).await {
            assert!(!why.contains("not understood"), "{line}: {why}");
        }
    }
}
