//! A journal that came from elsewhere, and days that are forgotten.

use super::*;

fn elsewhere() -> Desk {
    Desk {
        machine_id: "b".repeat(32),
        ..desk()
    }
}

#[tokio::test]
async fn a_copied_directory_takes_nothing_until_it_is_adopted() {
    let (above, dir) = place();
    written(&dir).await;
    let copy = above.path().join("copy");
    copy_dir(&dir, &copy);

    let there = Options {
        desk: elsewhere(),
        ..options(&copy)
    };
    let (journal, opened) = Journal::open(there.clone()).await.unwrap();
    let foreign = Identity::Foreign {
        name: "收费一".to_owned(),
        number: 7,
        other_machine: true,
    };
    assert_eq!(opened.identity, foreign);
    for stream in ["a", "new"] {
        let refused = journal.append(append(stream, vec![event(9)])).await;
        assert!(matches!(
            refused,
            Err(Error::NotAdopted {
                other_machine: true,
                ..
            })
        ));
    }
    assert!(matches!(
        journal.begin_process("1").await,
        Err(Error::NotAdopted { .. })
    ));
    assert!(matches!(
        journal.forget_before(AT).await,
        Err(Error::NotAdopted { .. })
    ));
    assert_eq!(journal.health().why, Some(Hindrance::NotAdopted));
    assert_eq!(journal.load("a").await.unwrap().len(), 8);
    journal.close().await;

    // It is asked again at each start; the original goes on.
    let (journal, opened) = Journal::open(there.clone()).await.unwrap();
    assert_eq!(opened.identity, foreign);
    assert_eq!(journal.adopt().await.unwrap(), foreign);
    assert!(journal.health().accepts_new);
    journal.append(append("a", vec![event(9)])).await.unwrap();
    journal.close().await;
    let (journal, opened) = Journal::open(there).await.unwrap();
    assert_eq!(opened.identity, Identity::Ours);
    journal.close().await;
    assert_eq!(verify(&copy, &site_key()).unwrap().faults, []);
    assert_eq!(
        Journal::open(options(&dir)).await.unwrap().1.identity,
        Identity::Ours
    );
}

#[tokio::test]
async fn another_number_is_another_desk_and_another_name_is_not() {
    let (_above, dir) = place();
    let opened = Journal::open(options(&dir)).await.unwrap();
    assert_eq!(opened.1.identity, Identity::Fresh);
    opened.0.close().await;
    let renamed = Desk {
        name: "收费二".to_owned(),
        ..desk()
    };
    let numbered = Desk {
        number: 8,
        ..renamed.clone()
    };
    for (desk, expected) in [
        (renamed, Identity::Ours),
        (
            numbered.clone(),
            Identity::Foreign {
                name: "收费二".to_owned(),
                number: 7,
                other_machine: false,
            },
        ),
    ] {
        let (journal, opened) = Journal::open(Options {
            desk,
            ..options(&dir)
        })
        .await
        .unwrap();
        assert_eq!(opened.identity, expected);
        journal.close().await;
    }
    assert!(matches!(
        adopt(&dir, &numbered, &site_key()),
        Ok(Identity::Foreign { .. })
    ));
    assert!(matches!(
        adopt(&dir, &numbered, &site_key()),
        Ok(Identity::Ours)
    ));
    let (_, opened) = Journal::open(Options {
        desk: numbered,
        ..options(&dir)
    })
    .await
    .unwrap();
    assert_eq!(opened.identity, Identity::Ours);
}

#[tokio::test]
async fn a_desk_without_name_number_or_machine_is_refused() {
    let (_above, dir) = place();
    for wrong in [
        Desk {
            number: 1000,
            ..desk()
        },
        Desk {
            name: String::new(),
            ..desk()
        },
        Desk {
            machine_id: "\n".to_owned(),
            ..desk()
        },
    ] {
        let opened = Journal::open(Options {
            desk: wrong,
            ..options(&dir)
        })
        .await;
        assert!(matches!(opened, Err(Error::Refused { .. })));
    }
}

#[tokio::test]
async fn a_journal_that_is_not_there_is_not_made_by_looking() {
    let (_above, dir) = place();
    assert!(matches!(
        verify(&dir, &site_key()),
        Err(Error::Absent { .. })
    ));
    assert!(matches!(
        adopt(&dir, &desk(), &site_key()),
        Err(Error::Absent { .. })
    ));
    assert!(matches!(
        rebuild(&dir, &site_key(), |_, _| None),
        Err(Error::Absent { .. })
    ));
    assert!(!dir.exists());
}

#[tokio::test]
async fn a_deleted_key_forgets_and_leaves_the_chain_whole() {
    const DAY_MS: i64 = 86_400_000;
    let (_above, dir) = place();
    let journal = open(&dir).await;
    for day in 0..3 {
        let mut old = append(&format!("s{day}"), vec![sealed(day * DAY_MS, "张三")]);
        old.head.open = day == 2;
        old.head.person = Some(PersonKeyInput::new(PERSON));
        journal.append(old).await.unwrap();
    }
    let of_person = Filter {
        person: Some(PersonKeyInput::new(PERSON)),
        ..Filter::default()
    };
    assert_eq!(journal.list(of_person.clone()).await.unwrap().len(), 3);

    let forgotten = journal.forget_before(AT + DAY_MS).await.unwrap();
    assert_eq!((forgotten.keys, forgotten.persons), (1, 1));
    // The open stream of the third day is kept, whatever is asked.
    let forgotten = journal.forget_before(AT + 9 * DAY_MS).await.unwrap();
    assert_eq!((forgotten.keys, forgotten.persons), (1, 1));
    assert!(forgotten.before_utc_ms <= AT + 2 * DAY_MS);
    assert_eq!(journal.list(of_person).await.unwrap().len(), 1);

    let mut seen = Vec::new();
    for stream in ["s0", "s1", "s2"] {
        seen.push(texts(&journal.load(stream).await.unwrap())[0].2.clone());
    }
    assert_eq!(seen, ["forgotten", "forgotten", "张三"]);
    // The same day again gets a new key with a new number.
    journal
        .append(append("again", vec![sealed(0, "李四")]))
        .await
        .unwrap();
    assert_eq!(texts(&journal.load("again").await.unwrap())[0].2, "李四");
    assert_eq!(texts(&journal.load("s0").await.unwrap())[0].2, "forgotten");
    journal.close().await;
    let report = verify(&dir, &site_key()).unwrap();
    assert_eq!((report.faults, report.forgotten), (vec![], 2));
}

/// What an old copy refuses must not make it look young.
#[tokio::test]
async fn an_old_copy_stays_old_whatever_it_is_asked() {
    let (above, dir) = place();
    written(&dir).await;
    let older = above.path().join("older");
    copy_dir(&dir, &older);
    let journal = open(&dir).await;
    journal.append(append("d", vec![event(9)])).await.unwrap();
    journal.close().await;
    std::fs::remove_dir_all(&dir).unwrap();
    copy_dir(&older, &dir);
    for _ in 0..2 {
        let (journal, opened) = Journal::open(options(&dir)).await.unwrap();
        let is_behind = matches!(opened.identity, Identity::RolledBack { .. });
        assert!(is_behind, "{:?}", opened.identity);
        let refused = journal.append(append("e", vec![event(10)])).await;
        assert!(
            matches!(refused, Err(Error::RolledBack { .. })),
            "{refused:?}"
        );
        journal.close().await;
    }
}
