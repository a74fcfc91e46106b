//! The real cupsd and a real IPP printer behind it, away from the machine's own: sockets, ports, spool and a D-Bus of
//! their own, in a folder that goes with the test.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use yibaod::sandbox::lifeline::Tie;

/// Longest wait for one of the programs.
const READY_S_MAX: u64 = 20;
/// How often it is looked at.
const LOOK_MS: u64 = 10;
/// Where printers listen.
const PORT_MIN: u16 = 12_500;
const PORTS: u32 = 7_000;
/// The queue.
pub const QUEUE: &str = "report";

/// A print service with one queue and the printer behind it. All end when it is dropped.
pub struct Cups {
    dir: TempDir,
    port: u16,
    cupsd: Option<(Child, Tie)>,
    others: Vec<(Child, Tie)>,
}

impl Cups {
    /// All of it, ready.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("cups")
            .tempdir()
            .expect("a folder");
        // Its filters run as another user than root.
        mode(dir.path(), 0o755);
        let mut cups = Self {
            dir,
            port: free_port(),
            cupsd: None,
            others: Vec::new(),
        };
        cups.write_files();
        cups.start_printer();
        cups.start_cupsd();
        let printer = format!("ipp://localhost:{}/ipp/print", cups.port);
        cups.run("lpadmin", &["-p", QUEUE, "-E", "-v", &printer, "-m", "raw"]);
        cups
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The table of the configuration that leads the daemon to the queue.
    pub fn device(&self) -> String {
        format!(
            "[[device]]\nname = \"reports\"\nrole = \"report\"\nkind = \"cups-queue\"\nqueue = \"{QUEUE}\"\n\
             path = \"{}\"\n",
            self.path("cups.sock").display()
        )
    }

    /// The same to the printer itself.
    pub fn printer_device(&self) -> String {
        format!(
            "[[device]]\nname = \"reports\"\nrole = \"report\"\nkind = \"ipp-printer\"\n\
             uri = \"ipp://localhost:{}/ipp/print\"\n",
            self.port
        )
    }

    /// Runs one of CUPS's own commands to its end.
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        let output = Command::new(program)
            .args(args)
            .env("CUPS_SERVER", self.path("cups.sock"))
            .env("PATH", PATH)
            .output()
            .unwrap_or_else(|error| panic!("{program} (tests/run installs it): {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{program} {args:?}: {said}{}",
            self.log()
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The jobs of the queue that are not over, as `lpstat` has them.
    pub fn open_jobs(&self) -> Vec<String> {
        let listed = self.run("lpstat", &["-o", QUEUE]);
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        listed.lines().filter_map(first).collect()
    }

    /// From here on the printer stays in the middle of each job.
    pub fn hold(&self) {
        std::fs::write(self.path("hold"), "").expect("its folder");
    }

    /// It goes on.
    pub fn release(&self) {
        std::fs::remove_file(self.path("hold")).expect("it was held");
    }

    /// What the printer says of itself in the middle of a job, such as `+media-empty-error`.
    pub fn says(&self, state: &str) {
        let part = self.path("says.part");
        std::fs::write(&part, format!("STATE: {state}\n")).expect("its folder");
        std::fs::rename(part, self.path("says")).expect("its folder");
    }

    /// What came out, in order.
    pub fn papers(&self) -> Vec<Vec<u8>> {
        let listed = std::fs::read_dir(self.path("out")).expect("its folder");
        let mut paths: Vec<PathBuf> = listed
            .map(|entry| entry.expect("its entry").path())
            .filter(|path| path.extension().is_some_and(|it| it == "pdf"))
            .collect();
        paths.sort();
        let read = |path: &PathBuf| std::fs::read(path).expect("it is there");
        paths.iter().map(read).collect()
    }

    /// kill -9 of the print service; what it started lives on.
    pub fn kill_cupsd(&mut self) {
        let (mut child, _tie) = self.cupsd.take().expect("it runs");
        child.kill().expect("its child");
        child.wait().expect("its child");
        std::fs::remove_file(self.path("cups.sock")).ok();
    }

    pub fn start_cupsd(&mut self) {
        let (conf, files) = (self.path("cupsd.conf"), self.path("cups-files.conf"));
        let mut command = Command::new("cupsd");
        command.arg("-f").arg("-c").arg(conf).arg("-s").arg(files);
        self.cupsd = Some(self.spawn(&mut command, "cupsd"));
        let socket = self.path("cups.sock");
        self.until(|| std::os::unix::net::UnixStream::connect(&socket).is_ok());
    }

    fn start_printer(&mut self) {
        let bus = self.path("bus.sock");
        let mut command = Command::new("dbus-daemon");
        command.arg(format!("--config-file={}", self.path("bus.conf").display()));
        command.args(["--nofork", "--nopidfile"]);
        let child = self.spawn(&mut command, "dbus-daemon");
        self.others.push(child);
        self.until(|| std::os::unix::net::UnixStream::connect(&bus).is_ok());
        let mut command = Command::new("ippeveprinter");
        command.env(
            "DBUS_SYSTEM_BUS_ADDRESS",
            format!("unix:path={}", bus.display()),
        );
        command.args(["-n", "localhost", "-r", "off", "-v", "-k"]);
        command.args(["-f", "application/pdf,application/octet-stream"]);
        command.arg("-p").arg(self.port.to_string());
        command.arg("-d").arg(self.path("printer-spool"));
        command.arg("-c").arg(self.path("print.sh")).arg("printer");
        let child = self.spawn(&mut command, "ippeveprinter");
        self.others.push(child);
        let port = self.port;
        self.until(|| std::net::TcpStream::connect(("localhost", port)).is_ok());
    }

    fn spawn(&self, command: &mut Command, program: &str) -> (Child, Tie) {
        let log = std::fs::File::create(self.path(&format!("{program}.log"))).expect("its folder");
        let child = command
            .env("PATH", PATH)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn();
        let child =
            child.unwrap_or_else(|error| panic!("{program} (tests/run installs it): {error}"));
        let tie = Tie::process(child.id()).expect("a shell");
        (child, tie)
    }

    fn until(&self, is_ready: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(READY_S_MAX);
        while !is_ready() {
            assert!(Instant::now() < until, "{}", self.log());
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        }
    }

    fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        let logs = [
            "cupsd.log",
            "log/error",
            "dbus-daemon.log",
            "ippeveprinter.log",
        ];
        let shown = logs.map(|name| format!("--- {name} ---\n{}", read(name)));
        shown.concat()
    }

    fn write_files(&self) {
        let dir = self.dir.path().display();
        for name in [
            "etc",
            "log",
            "spool/tmp",
            "cache",
            "state",
            "bin",
            "out",
            "printer-spool",
        ] {
            std::fs::create_dir_all(self.path(name)).expect("a folder");
        }
        let write = |name: &str, text: String| {
            std::fs::write(self.path(name), text).expect("its folder");
        };
        write(
            "cupsd.conf",
            format!(
                "LogLevel debug\nDirtyCleanInterval 0\nListen {dir}/cups.sock\nBrowsing Off\nDefaultAuthType None\n\
                 WebInterface No\n<Location />\nOrder allow,deny\nAllow all\n</Location>\n\
                 <Policy default>\nJobPrivateAccess default\nJobPrivateValues none\n\
                 SubscriptionPrivateAccess default\nSubscriptionPrivateValues default\n\
                 <Limit All>\nOrder deny,allow\n</Limit>\n</Policy>\n"
            ),
        );
        let is_root = rustix::process::geteuid().is_root();
        let user = if is_root { "User lp\nGroup lp\n" } else { "" };
        write(
            "cups-files.conf",
            format!(
                "ServerRoot {dir}/etc\nAccessLog {dir}/log/access\nErrorLog {dir}/log/error\n\
                 PageLog {dir}/log/page\nRequestRoot {dir}/spool\nTempDir {dir}/spool/tmp\n\
                 CacheDir {dir}/cache\nStateDir {dir}/state\nServerBin {dir}/bin\n\
                 DataDir /usr/share/cups\nSystemGroup root\n{user}"
            ),
        );
        write(
            "bus.conf",
            format!(
                "<busconfig><type>system</type><listen>unix:path={dir}/bus.sock</listen>\
                 <auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>\
                 <allow own=\"*\"/><allow send_type=\"method_call\"/><allow send_type=\"signal\"/>\
                 <allow send_requested_reply=\"true\" send_type=\"method_return\"/>\
                 <allow send_requested_reply=\"true\" send_type=\"error\"/>\
                 <allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>\
                 <allow receive_type=\"error\"/><allow receive_type=\"signal\"/></policy></busconfig>"
            ),
        );
        // What the printer does with a document.
        write(
            "print.sh",
            format!(
                "#!/bin/sh\necho 'ATTR: job-impressions=2' >&2\n\
                 while [ -e {dir}/hold ]; do\n\
                 if [ -e {dir}/says ]; then cat {dir}/says >&2; rm -f {dir}/says; fi\n\
                 sleep 0.02\ndone\n\
                 n=$(date +%s%N)\ncp \"$1\" {dir}/out/$n.part\nmv {dir}/out/$n.part {dir}/out/$n.pdf\n\
                 echo 'ATTR: job-impressions-completed=2' >&2\n"
            ),
        );
        mode(&self.path("print.sh"), 0o755);
        self.copy_backends();
        if is_root {
            self.give_to_lp();
        }
    }

    /// CUPS's own programs, where this user may run them.
    fn copy_backends(&self) {
        let from = "/usr/lib/cups";
        for folder in ["backend", "daemon"] {
            let to = self.path("bin");
            let copied = Command::new("cp")
                .arg("-r")
                .arg(format!("{from}/{folder}"))
                .arg(&to)
                .status();
            assert!(
                copied.is_ok_and(|it| it.success()),
                "cups-daemon: tests/run installs it"
            );
        }
        mode(&self.path("bin/backend/ipp"), 0o755);
    }

    fn give_to_lp(&self) {
        for name in ["spool", "spool/tmp", "cache", "state", "log"] {
            let given = Command::new("chown")
                .arg("root:lp")
                .arg(self.path(name))
                .status();
            assert!(given.is_ok_and(|it| it.success()), "the group lp");
        }
        mode(&self.path("spool"), 0o710);
        mode(&self.path("spool/tmp"), 0o1770);
    }
}

impl Drop for Cups {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(120).collect();
            eprintln!("{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        let ending = self.cupsd.take().into_iter().chain(self.others.drain(..));
        for (mut child, _tie) in ending {
            let pid = i32::try_from(child.id())
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            // cupsd ends its backends when it is asked to.
            pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
            child.wait().ok();
        }
    }
}

/// Debian has cupsd and ippeveprinter where only root's PATH looks.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn mode(path: &Path, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("it is ours");
}

/// Below those that the kernel gives to whoever asks for any, so that nobody takes it before the printer does.
fn free_port() -> u16 {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % PORTS).expect("it is below");
    loop {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        let offset = u32::from(own.wrapping_mul(61).wrapping_add(asked)) % PORTS;
        let port = PORT_MIN + u16::try_from(offset).expect("it is below");
        let free = |address: &str| TcpListener::bind((address, port)).is_ok();
        if free("0.0.0.0") && free("::1") {
            return port;
        }
    }
}
