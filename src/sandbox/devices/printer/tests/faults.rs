//! What the printer answers, and how it fails.

use proptest::collection::vec;
use proptest::num::u8::ANY;

use super::super::machine::{Machine, Voice};
use super::super::{Full, Options};
use super::{ALL, Job, machine, run};

fn small_job() -> Job {
    Job::start()
        .line("医ab")
        .raw(b"\x1Dv0\x00\x01\x00\x03\x00\x80\x40\x20")
        .qr(b"x", 1)
        .line("㛃")
        .id(b"J002")
        .cut()
}

#[test]
fn paper_may_end_at_any_byte_and_the_rest_follows() {
    let job = small_job();
    let mut whole = machine();
    run(&mut whole, &job.0);
    for bytes in 0..=job.0.len() {
        let mut machine = machine();
        machine.end_paper_after(u64::try_from(bytes).unwrap());
        let said = run(&mut machine, &job.0);
        let out = bytes < job.0.len();
        assert_eq!(
            run(&mut machine, b"\x10\x04\x04"),
            if out { b"\x72" } else { b"\x12" }
        );
        let knife = 4;
        assert_eq!(said.is_empty(), bytes < job.0.len() - knife, "{bytes}");
        assert_eq!(machine.papers().is_empty(), out);
        machine.refill();
        let late = run(&mut machine, b"");
        machine.work(ALL);
        let late = [late, machine.take_outbox()].concat();
        assert_eq!([said, late].concat(), b"\x37\x22J002\x00", "{bytes}");
        assert_eq!(machine.papers(), whole.papers(), "{bytes}");
    }
}

#[test]
fn a_process_id_waits_for_the_line_and_the_cover() {
    let mut machine = machine();
    assert_eq!(
        run(&mut machine, &Job::start().text("abc").id(b"0001").0),
        b""
    );
    assert_eq!(run(&mut machine, b"\n"), b"\x37\x220001\x00");
    machine.set_cover(true);
    assert_eq!(
        run(&mut machine, &Job::default().line("x").id(b"0002").0),
        b""
    );
    assert_eq!(run(&mut machine, b"\x10\x04\x02\x10\x04\x03"), b"\x56\x52");
    machine.set_cover(false);
    machine.work(ALL);
    assert_eq!(machine.take_outbox(), b"\x37\x220002\x00");
}

#[test]
fn voices() {
    let mut machine = machine();
    let ask = Job::default().id(b"AAAA").raw(b"\x1Dr\x01\x10\x04\x01").0;
    assert_eq!(run(&mut machine, &ask), b"\x16\x37\x22AAAA\x00\x00");
    machine.set_voice(Voice::StaleProcessIds);
    assert_eq!(
        run(&mut machine, &Job::default().id(b"BBBB").0),
        b"\x37\x22AAAA\x00"
    );
    machine.set_voice(Voice::NoProcessIds);
    assert_eq!(run(&mut machine, &ask), b"\x16\x00");
    machine.set_voice(Voice::Mute);
    assert_eq!(run(&mut machine, &ask), b"");
    machine.set_voice(Voice::Honest);
    machine.set_near_end(true);
    assert_eq!(run(&mut machine, &ask), b"\x16\x37\x22AAAA\x00\x03");
}

#[test]
fn status_is_answered_at_once_also_from_inside_a_picture() {
    let mut machine = machine();
    machine.receive(b"\x1Dv0\x00\x03\x00\x01\x00\x10\x04");
    machine.work(ALL);
    assert_eq!(machine.take_outbox(), b"");
    machine.receive(b"\x04");
    assert_eq!(machine.take_outbox(), b"\x12");
    machine.work(ALL);
    assert!(machine.hanging().dot(3, 120) && machine.hanging().dot(21, 120));
}

#[test]
fn asking_is_not_a_job() {
    let mut machine = machine();
    machine.set_cover(true);
    assert_eq!(
        run(&mut machine, b"\x10\x04\x02\x10\x04\x03\x10\x04\x03"),
        b"\x16\x12\x12"
    );
    assert_eq!(machine.held_bytes(), 0);
    machine.set_cover(false);
    machine.end_paper_after(1);
    run(&mut machine, b"\x10\x04\x01\n");
    assert_eq!(
        run(&mut machine, b"\x10\x04\x04"),
        b"\x12",
        "only the LF has used paper"
    );
}

#[test]
fn a_held_job_can_be_thrown_away() {
    let mut machine = machine();
    run(&mut machine, &Job::start().text("begun").0);
    machine.end_paper_after(0);
    run(&mut machine, &Job::default().line("held").id(b"0001").0);
    run(&mut machine, b"\x10\x05\x02");
    machine.refill();
    assert_eq!(run(&mut machine, b"new\n"), b"");
    assert_eq!(machine.hanging().text(), "new\n");
}

#[test]
fn automatic_status_tells_changes_until_initialized() {
    let mut machine = machine();
    assert_eq!(run(&mut machine, b"\x1Da\x0F"), b"\x14\x00\x00\x0F");
    machine.set_near_end(true);
    machine.set_near_end(true);
    assert_eq!(machine.take_outbox(), b"\x14\x00\x03\x0F");
    machine.end_paper_after(0);
    assert_eq!(machine.take_outbox(), b"\x1C\x00\x0F\x0F");
    machine.refill();
    assert_eq!(machine.take_outbox(), b"\x14\x00\x00\x0F");
    run(&mut machine, b"\x1B@");
    machine.set_cover(true);
    assert_eq!(machine.take_outbox(), b"");
}

#[test]
fn identity() {
    let said = run(&mut machine(), b"\x1DI\x02\x1DIC\x1DIE");
    assert_eq!(said, b"\x03_SIM-80\0_CHINA GB18030\0");
}

#[test]
fn power_off_loses_the_buffer_but_not_the_paper() {
    let mut machine = machine();
    run(&mut machine, &Job::start().line("printed").text("begun").0);
    machine.end_paper_after(0);
    run(&mut machine, b"held\n");
    machine.power(false);
    assert_eq!(run(&mut machine, b"lost\n\x10\x04\x01"), b"");
    machine.power(true);
    machine.refill();
    run(&mut machine, b"after\n");
    assert_eq!(machine.hanging().text(), "printed\nafter\n");
}

#[test]
fn a_full_buffer_takes_no_more() {
    let mut machine = Machine::new(Options {
        buffer_bytes: 500,
        ..Options::default()
    });
    machine.end_paper_after(0);
    let room = machine.room();
    machine.receive(&vec![b'x'; room]);
    assert_eq!(machine.room(), 0);
    assert_eq!(machine.work(ALL), 0);
    machine.refill();
    assert_eq!(machine.work(ALL), room);
}

#[test]
fn without_flow_control_what_has_no_room_is_lost() {
    let mut machine = Machine::new(Options {
        buffer_bytes: 500,
        full: Full::Drops,
        ..Options::default()
    });
    machine.end_paper_after(0);
    machine.receive(&[b'x'; 600]);
    assert_eq!(machine.counters().dropped, 100);
    assert_eq!(machine.flow_byte(), None);
    assert!(machine.line_room() > 0);
}

#[test]
fn xoff_comes_before_the_buffer_is_full_and_xon_when_there_is_room() {
    let mut machine = Machine::new(Options {
        buffer_bytes: 400,
        full: Full::SaysXoff,
        ..Options::default()
    });
    machine.end_paper_after(0);
    machine.receive(&[b'x'; 200]);
    assert_eq!(machine.flow_byte(), None);
    machine.receive(b"x");
    assert_eq!(machine.flow_byte(), Some(0x13));
    assert_eq!(machine.flow_byte(), None);
    machine.refill();
    machine.work(ALL);
    assert_eq!(machine.flow_byte(), Some(0x11));
    assert_eq!(machine.counters().xoffs, 1);
}

#[test]
fn a_roll_has_an_end() {
    let mut machine = machine();
    let mut fed = Job::start().0;
    fed.extend(std::iter::repeat_n(*b"\x1BJ\xFF", 200).flatten());
    run(&mut machine, &fed);
    assert!(machine.held_bytes() > 0);
    assert_eq!(run(&mut machine, b"\x10\x04\x04"), b"\x72");
    machine.refill();
    machine.work(ALL);
    assert_eq!(machine.held_bytes(), 0);
}

#[test]
fn the_drawer_is_kicked() {
    let mut machine = machine();
    run(&mut machine, b"\x1Bp\x00\x19\xFA\x1Bp\x07\x19\xFA");
    assert_eq!(
        (machine.counters().drawer_kicks, machine.counters().oddities),
        (1, 1)
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    #[test]
    fn any_bytes_are_survived(bytes in vec(ANY, 0..2_000)) {
        let mut machine = machine();
        run(&mut machine, &bytes);
        assert!(machine.hanging().text().len() < 1_000_000);
    }
}
