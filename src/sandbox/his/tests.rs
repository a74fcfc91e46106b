//! The books of the small HIS.

use super::*;
use crate::sandbox::persons::everybody;
use crate::sandbox::platform::Fen;

fn his() -> (His, String) {
    let persons = everybody();
    let his = His::open(&persons, "2026-11-22", "07:30");
    let file = his.file(&persons[0].idno).expect("it is known").clone();
    (his, file.his_id)
}

#[test]
fn a_time_is_one_patients() {
    let (mut his, id) = his();
    let today = When::Today;
    assert_eq!(his.schedule().departments(today).len(), 2);
    let first = his.schedule().free(today).next().expect("a free one").id;
    let order = his.hold(first, &id).expect("it is free");
    assert_eq!(order.total(), Fen(2_100));
    assert_eq!(his.hold(first, "P2").unwrap_err(), Refused::SlotLost);
    assert!(his.schedule().free(today).all(|slot| slot.id != first));
    his.book(&order, "S1").expect("it is held");
    assert_eq!(his.book(&order, "S2").unwrap_err(), Refused::SlotLost);
    let second = his.schedule().free(today).next().expect("a free one").id;
    let order = his.hold(second, &id).expect("it is free");
    his.lose(&order);
    assert_eq!(his.book(&order, "S3").unwrap_err(), Refused::SlotLost);
    assert_eq!(his.registered(&id).len(), 1, "what is lost is none");
}

#[test]
fn an_appointment_is_of_the_next_day() {
    let persons = everybody();
    // The month ends.
    let mut his = His::open(&persons, "2026-11-30", "08:00");
    let id = his.file(&persons[0].idno).expect("known").his_id.clone();
    let (today, later) = (When::Today, When::Appointment);
    let count = |his: &His, when| his.schedule().free(when).count();
    assert_eq!((count(&his, today), count(&his, later)), (16, 16));
    assert_eq!(his.schedule().departments(later).len(), 2);
    assert!(
        his.schedule()
            .free(later)
            .all(|slot| slot.day == "2026-12-01")
    );
    // The second time of the second doctor.
    let slot = his.schedule().free(later).nth(9).expect("a free one").id;
    let order = his.hold(slot, &id).expect("it is free");
    assert!(order.number.starts_with("YY"), "{}", order.number);
    let registered = his.book(&order, "S1").expect("it is held");
    assert_eq!((registered.place, registered.slot.id), (Place(2), slot));
    assert_eq!(his.registered(&id), [registered]);
    assert!(his.registered("P2").is_empty());
    assert_eq!((count(&his, today), count(&his, later)), (16, 15));
}

#[test]
fn a_time_that_is_past_is_not_sold() {
    let persons = everybody();
    for (time, today) in [
        ("00:00", "08:00-08:30"),
        ("08:00", "08:00-08:30"),
        ("08:01", "08:30-09:00"),
        ("11:47", "14:00-14:30"),
        ("14:00", "14:00-14:30"),
        // The last of the day.
        ("14:01", "16:00-16:30"),
        ("23:59", "23:30-24:00"),
    ] {
        let his = His::open(&persons, "2026-11-30", time);
        let first = |when| his.schedule().free(when).next().expect("a free one").period;
        assert_eq!(first(When::Today), today, "at {time}");
        assert_eq!(his.schedule().departments(When::Today).len(), 2, "{time}");
        assert_eq!(first(When::Appointment), "08:00-08:30", "at {time}");
    }
}

#[test]
fn what_is_paid_is_what_was_ticked() {
    let (mut his, id) = his();
    let ticked = his.unpaid(&id);
    let total: Fen = ticked.iter().map(Fee::total).sum();
    assert_eq!((ticked.len(), total), (2, Fen(16_920)));
    his.lock(&ticked).expect("nothing changed");
    his.change(&ticked[0].number);
    assert_eq!(his.lock(&ticked).unwrap_err(), Refused::FeesChanged);
    let ticked = his.unpaid(&id);
    assert!(his.to_hand_out(&id).is_empty());
    let paid = Paid {
        setl_id: "S1".to_owned(),
        mdtrt_id: "V1".to_owned(),
        psn_no: "N1".to_owned(),
    };
    his.pay(&ticked, &paid);
    assert!(his.unpaid(&id).is_empty());
    assert!(his.lock(&ticked).is_err(), "nothing is paid twice");
    let waiting = his.to_hand_out(&id);
    assert_eq!((waiting.len(), &waiting[0].paid), (1, &paid));
    his.give_back("S1");
    assert_eq!(his.unpaid(&id).len(), 2);
    his.pay(&ticked, &paid);
    his.given(&waiting[0].number);
    assert!(his.to_hand_out(&id).is_empty());
}

#[test]
fn packages_have_codes_of_their_own() {
    let (mut his, id) = his();
    let mut codes = Vec::new();
    for _ in 0..3 {
        let made = his.sign(&id);
        assert_eq!(his.sign(&id), made, "nothing is made twice");
        let paid = Paid {
            setl_id: String::new(),
            mdtrt_id: String::new(),
            psn_no: String::new(),
        };
        his.pay(&made, &paid);
    }
    for medicine in his.to_hand_out(&id).iter().flat_map(|it| &it.medicines) {
        assert!(medicine.trace_codes.iter().all(|code| code.len() == 20));
        codes.extend(medicine.trace_codes.clone());
    }
    let count = codes.len();
    codes.sort();
    codes.dedup();
    assert_eq!((codes.len(), count), (15, 15));
}

#[test]
fn a_report_is_a_pdf_and_a_picture() {
    let (his, id) = his();
    let reports = his.reports(&id);
    assert_eq!(reports.iter().filter(|it| it.released.is_some()).count(), 2);
    let page = reports[0].page();
    assert!(page.text().contains("白细胞"));
    let pdf = page.pdf();
    assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF\n"));
    let table = pdf.windows(5).rposition(|at| at == b"xref\n");
    // The last "xref" belongs to "startxref"; the table is the one before.
    assert!(table.is_some());
    let reader = png::Decoder::new(std::io::Cursor::new(page.png())).read_info();
    let reader = reader.expect("a picture");
    assert_eq!((reader.info().width, reader.info().height), (1_240, 874));
    assert_ne!(pdf, reports[1].page().pdf());
}
