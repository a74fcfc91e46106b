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
    assert!(matches!(open(&path, None), Err(ListenError::Held(_))));
    drop(door);
    let door = open(&path, None).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    drop(door);
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(open(&path, None), Err(ListenError::NoSocket(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    let deep = dir.path().join("x".repeat(200)).join("yibaod.sock");
    let error = open(&deep, None).err().unwrap();
    assert!(matches!(error, ListenError::Io { .. }), "{error}");
}
