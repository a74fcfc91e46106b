//! A printer that reports a change while it is asked how it is.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::config::devices::Kind;
use crate::device::conformance::printer::config;
use crate::device::{Hub, Paper, ROLE_RECEIPT};

/// A question by its number, answered as a printer does whose roll is low; `10 04 04`, the first time, behind a report
/// of just that.
fn answer(question: u8, times: usize) -> &'static [u8] {
    match question {
        1 => &[0x16],
        2 => &[0x12],
        4 if times == 0 => &[0x14, 0x00, 0x03, 0x0f, 0x1e],
        _ => &[0x1e],
    }
}

async fn printer(listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.expect("a desk");
    let (mut heard, mut times) = (Vec::new(), 0);
    loop {
        let byte = stream.read_u8().await;
        let Ok(byte) = byte else {
            return;
        };
        heard.push(byte);
        if let [.., 0x10, 0x04, question] = heard.as_slice() {
            let said = answer(*question, times);
            times += usize::from(*question == 4);
            stream.write_all(said).await.expect("the desk listens");
        }
    }
}

#[tokio::test]
async fn an_answer_belongs_to_its_question_whatever_is_reported_meanwhile() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its own").to_string();
    let far = tokio::spawn(printer(listener));
    let kind = Kind::EscPosTcp { address };
    let hub = Hub::start(vec![config(kind, "epson-tm-80")]);
    let state = hub.printer_state(ROLE_RECEIPT).await.expect("it answers");
    assert!(state.online, "{state:?}");
    assert_eq!((state.paper, state.trouble()), (Paper::Low, None));
    far.abort();
}
