//! `sweep serve`: the same page, which follows the store.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::browser::Browser;
use crate::lab::{Lab, TRAIN, TRAINED};

/// A server that ends with the test.
struct Served {
    process: Child,
    /// `http://127.0.0.1:40123/?token=...`
    address: String,
}

impl Served {
    fn start(lab: &Lab, arguments: &[&str]) -> Self {
        let mut command = lab.command(&["serve", "--port", "0"]);
        let mut process = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        assert!(address.starts_with("http://"), "{address}");
        Self { process, address: address.trim().to_owned() }
    }

    /// Host and port.
    fn authority(&self) -> &str {
        self.address.split('/').nth(2).unwrap()
    }

    /// The whole answer to a raw request without its `Host` line.
    fn raw(&self, line: &str, host: &str, more: &str) -> String {
        let mut stream = TcpStream::connect(self.authority()).unwrap();
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn the_page_follows_the_store_without_being_loaded_again() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::new();
    lab.write("grid.toml", TRAINED);
    lab.write("train.sh", TRAIN);
    lab.sweep(&["plan", "grid.toml"], 0);
    let served = Served::start(&lab, &[]);
    browser.open(&served.address);
    assert_eq!(browser.texts(".standings li"), ["8 runs", "8 new"]);
    browser.eval("window.sameDocument = 1");
    browser.set("runs-filter", "width == 64");
    browser.eval("document.querySelector('[data-key=runs-filter]').focus()");
    lab.sweep(&["submit", "grid.toml", "--jobs", "2"], 4);
    // Whenever it comes: what is waited for is the change, not a time.
    browser.eval(
        "new Promise((done) => { const look = () => (document.querySelector('.standings').textContent.includes('6 done')
           ? done(1) : setTimeout(look, 50)); look(); })",
    );
    assert_eq!(browser.texts(".standings li"), ["8 runs", "6 done", "2 failed"]);
    assert_eq!(browser.number("window.sameDocument"), 1.0);
    // What the reader was doing goes on.
    assert_eq!(browser.text("document.querySelector('[data-key=runs-filter]').value"), "width == 64");
    assert_eq!(browser.text("document.activeElement.getAttribute('data-key')"), "runs-filter");
    assert_eq!(browser.text("document.querySelector('#runs [role=status]').textContent"), "4 of 8 runs");
    assert_eq!(browser.texts("#map .heat td[tabindex]").len(), 2 * 4);
    assert_eq!(browser.problems(), Vec::<String>::new());
}

/// Waits for a file of its name wherever it says so.
const SLOW: &str = r#"
line() { echo "{\"step\": $1, \"loss\": $2}" >> metrics.jsonl; }
line 0 9; line 1 8
until [ -e "$HERE/more" ]; do sleep 0.02; done
line 5 4
until [ -e "$HERE/end" ]; do sleep 0.02; done
echo '{"accuracy": 0.5}' > scores.json
"#;

#[test]
fn a_training_draws_what_it_logs_while_it_runs() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::new();
    lab.write("grid.toml", "name = \"slow\"\ncommand = [\"sh\", \"train.sh\", \"{lr}\"]\n[vary]\nlr = [0.1]\n");
    lab.write("train.sh", &SLOW.replace("$HERE", &lab.path().to_string_lossy()));
    lab.sweep(&["plan", "grid.toml"], 0);
    let served = Served::start(&lab, &[]);
    browser.open(&served.address);
    let mut running =
        lab.command(&["submit", "grid.toml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = |what: &str| {
        format!("new Promise((done) => {{ const look = () => ({what} ? done(1) : setTimeout(look, 50)); look(); }})")
    };
    browser.eval(&until("document.querySelector('#training .result')?.textContent.includes('1 of them running')"));
    assert_eq!(browser.texts(".standings .running"), ["1 running"]);
    browser.eval("document.querySelector('#training summary').click()");
    let last = "[...document.querySelectorAll('#training tbody td')].map((cell) => cell.textContent).slice(-2).join()";
    assert_eq!(browser.text(last), "8,1", "the last value and its step");
    lab.write("more", "");
    browser.eval(&until(&format!("{last} === '4,5'")));
    lab.write("end", "");
    assert_eq!(running.wait().unwrap().code(), Some(0));
    browser.eval(&until("document.querySelector('.standings').textContent.includes('1 done')"));
    assert_eq!(browser.texts("#training .result"), ["1 training"]);
    assert_eq!(browser.text(last), "4,5");
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn findings_come_with_the_news() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::trained();
    let served = Served::start(&lab, &[]);
    browser.open(&served.address);
    let before = browser.number("document.querySelectorAll('.finding').length");
    browser.set("audit-text", "scores.json");
    assert_eq!(browser.texts(".finding"), [] as [&str; 0]);
    let edited = lab.find("scores.json");
    let text = std::fs::read_to_string(&edited).unwrap();
    std::fs::write(&edited, text.replace("0.", "0.9")).unwrap();
    let found = "document.querySelectorAll('.finding .severity.error').length";
    browser.eval(&format!(
        "new Promise((done) => {{ const look = () => ({found} > 0 ? done(1) : setTimeout(look, 50)); look(); }})"
    ));
    // What the reader was looking for stays, and so does everything else that was found.
    assert_eq!(browser.text("document.querySelector('[data-key=audit-text]').value"), "scores.json");
    browser.set("audit-text", "");
    assert!(browser.number("document.querySelectorAll('.finding').length") > before);
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn a_store_that_cannot_be_read_leaves_the_page_as_it_was_and_says_so() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::trained();
    let served = Served::start(&lab, &[]);
    browser.open(&served.address);
    std::fs::rename(lab.path().join("results.db"), lab.path().join("away.db")).unwrap();
    let until = |text: &str| {
        format!(
            "new Promise((done) => {{ const look = () => (document.getElementById('live').textContent.includes('{text}')
               ? done(1) : setTimeout(look, 50)); look(); }})"
        )
    };
    browser.eval(&until("could not be read"));
    assert_eq!(browser.texts(".standings li"), ["8 runs", "6 done", "2 failed"]);
    std::fs::rename(lab.path().join("away.db"), lab.path().join("results.db")).unwrap();
    browser.eval("new Promise((done) => { const look = () => (document.getElementById('live').textContent === 'live' ? done(1) : setTimeout(look, 50)); look(); })");
    drop(served);
    browser.eval(&until("does not answer"));
    assert_eq!(browser.texts(".standings li").len(), 3);
}

#[test]
fn only_this_machine_is_answered_and_only_in_its_own_name() {
    let lab = Lab::trained();
    let served = Served::start(&lab, &[]);
    let port = served.authority().rsplit_once(':').unwrap().1.to_owned();
    assert!(served.authority().starts_with("127.0.0.1:"));
    assert!(served.raw("GET /data", &format!("localhost:{port}"), "").starts_with("HTTP/1.1 200 OK\r\n"));
    for (line, host, status) in [
        ("GET /", "evil.example", "403"),
        ("GET /data", "127.0.0.1.evil.example", "403"),
        ("POST /data", "localhost", "405"),
        ("GET /../../etc/passwd", "localhost", "404"),
        ("GET /%2e%2e/results.db", "localhost", "404"),
    ] {
        let answer = served.raw(line, host, "");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {host}: {answer}");
    }
    let nonsense = {
        let mut stream = TcpStream::connect(served.authority()).unwrap();
        stream.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        // It may close without a word.
        drop(stream.read_to_end(&mut answer));
        answer
    };
    assert!(!nonsense.starts_with(b"HTTP/1.1 200"));
    assert!(served.raw("GET /", "localhost", "").starts_with("HTTP/1.1 200"), "and it goes on");
}

#[test]
fn other_machines_need_a_token() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::trained();
    let refused = lab.stderr(&["serve", "--port", "0", "--listen", "0.0.0.0"], 2);
    assert!(refused.contains("is reached by other machines") && refused.contains("--token"), "{refused}");
    let served = Served::start(&lab, &["--token"]);
    assert!(served.raw("GET /data", "localhost", "").starts_with("HTTP/1.1 401"));
    let (_, token) = served.address.split_once("?token=").unwrap();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert!(served.raw("GET /data", "localhost", &bearer).starts_with("HTTP/1.1 200"));
    browser.open(&served.address);
    // The token is in a cookie that no script sees, and no longer in the address.
    assert_eq!(browser.text("location.search + document.cookie"), "");
    assert_eq!(browser.texts(".standings li").len(), 3);
    assert!(browser.text("fetch('data').then((answer) => String(answer.status))").contains("200"));
}

#[test]
fn ctrl_c_ends_it_at_once() {
    let lab = Lab::trained();
    let mut served = Served::start(&lab, &[]);
    // Even while somebody is connected.
    let _reader = TcpStream::connect(served.authority()).unwrap();
    kill_process(Pid::from_raw(served.process.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    let ended = served.process.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(2));
}
