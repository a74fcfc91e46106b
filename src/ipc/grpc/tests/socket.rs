//! The door's socket: whose it is, and what a crash leaves of it.

use super::*;

#[tokio::test]
async fn a_socket_has_one_owner_and_a_stale_one_is_replaced() {
    let open = |path: &Path, gid| open(path, gid, Desk::new().0);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run").join("yibaod.sock");
    std::fs::create_dir(dir.path().join("run")).unwrap();
    // What a crash leaves behind: the file, and nobody who listens.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let own_gid = std::fs::metadata(&path).unwrap().gid();
    let door = open(&path, Some(own_gid)).unwrap();
    let found = std::fs::metadata(&path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o660);
    assert!(matches!(
        open(&path, None),
        Err(DoorError::Listen(ListenError::Held(_)))
    ));
    drop(door);
    let door = open(&path, None).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    drop(door);
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(
        open(&path, None),
        Err(DoorError::Listen(ListenError::NoSocket(_)))
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    let deep = dir.path().join("x".repeat(200)).join("yibaod.sock");
    let error = open(&deep, None).err().unwrap();
    assert!(
        matches!(error, DoorError::Listen(ListenError::Io { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn links_laid_on_the_sockets_path_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let open = |path: &Path| open(path, None, Desk::new().0);
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join("theirs");
    std::fs::write(&theirs, "precious").unwrap();
    let socket = dir.path().join("their.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let path = dir.path().join("yibaod.sock");
    let lock = dir.path().join("yibaod.lock");
    for target in [&theirs, &socket, &dir.path().join("nothing")] {
        symlink(target, &path).unwrap();
        let refused = open(&path).err().unwrap();
        assert!(
            matches!(refused, DoorError::Listen(ListenError::NoSocket(_))),
            "{refused}"
        );
        std::fs::remove_file(&path).unwrap();
    }
    std::fs::remove_file(&lock).unwrap();
    let unmade = dir.path().join("unmade");
    for target in [&theirs, &unmade] {
        symlink(target, &lock).unwrap();
        let refused = open(&path).err().unwrap();
        assert!(
            matches!(
                refused,
                DoorError::Listen(ListenError::Io { what: "open", .. })
            ),
            "{refused}"
        );
        std::fs::remove_file(&lock).unwrap();
    }
    assert!(!unmade.exists() && socket.exists());
    // A hard link is only locked, never written.
    std::fs::hard_link(&theirs, &lock).unwrap();
    drop(open(&path).unwrap());
    assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "precious");
    // Another's socket under our path is taken out of it, and goes on under its own.
    std::fs::hard_link(&socket, &path).unwrap();
    drop(open(&path).unwrap());
    assert!(std::os::unix::net::UnixStream::connect(&socket).is_ok());
}
