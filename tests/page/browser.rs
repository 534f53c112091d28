//! Headless Chromium, spoken to through its pipe: JSON messages that end with a zero byte (Chrome DevTools Protocol).

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

/// What Debian, Ubuntu and Google call the program.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Descriptors 3 and 4 are the protocol's; the shell puts our pipes there.
const REDIRECT: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// A browser with one page.
pub struct Browser {
    process: duct::Handle,
    to: PipeWriter,
    from: BufReader<PipeReader>,
    session: Option<String>,
    last: u64,
    /// Events of the page so far.
    pub events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// `None` where no Chromium is installed.
    pub fn start() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<_> = std::env::split_paths(&path).collect();
        let program = PROGRAMS.iter().find(|program| folders.iter().any(|folder| folder.join(program).is_file()));
        let Some(program) = program else {
            assert!(std::env::var_os("SWEEP_TEST_CHROMIUM").is_none(), "Chromium is required and not on PATH");
            eprintln!("NOT TESTED: no Chromium is installed");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        // Root has no sandbox; the pages are our own.
        let options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
        let quiet = ["--disable-background-networking", "--disable-extensions", "--remote-debugging-pipe"];
        let words = ["-c", REDIRECT, program].into_iter().chain(options).chain(quiet).chain([data.as_str()]);
        let (input, to) = std::io::pipe().unwrap();
        let (from, output) = std::io::pipe().unwrap();
        let command = duct::cmd("sh", words).stdin_file(input).stdout_file(output).unchecked();
        let process = command.start().unwrap();
        let mut browser = Self {
            process,
            to,
            from: BufReader::new(from),
            session: None,
            last: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.size(1280, 900);
        Some(browser)
    }

    /// Ask the browser; whatever it tells meanwhile is kept.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        loop {
            let message = self.read();
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn read(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Wait for an event.
    pub fn wait_for(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let message = self.read();
            self.events.push(message);
        }
    }

    pub fn size(&mut self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// `scheme` is `light` or `dark`, `media` `screen` or `print`.
    pub fn media(&mut self, media: &str, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "media": media, "features": features }));
    }

    /// Open an address and wait until the page says that it is ready.
    pub fn open(&mut self, address: &str) {
        self.events.clear();
        self.call("Page.navigate", json!({ "url": address }));
        self.wait_for("Page.loadEventFired");
        assert_eq!(self.text("document.documentElement.dataset.ready"), "yes", "{:?}", self.problems());
    }

    pub fn open_file(&mut self, path: &Path) {
        self.open(&format!("file://{}", path.display()));
    }

    /// The value of an expression, promises awaited.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true,
            "allowUnsafeEvalBlockedByCSP": false });
        let result = self.call("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    pub fn text(&mut self, expression: &str) -> String {
        self.eval(expression).as_str().unwrap_or_default().to_owned()
    }

    pub fn number(&mut self, expression: &str) -> f64 {
        self.eval(expression).as_f64().unwrap()
    }

    /// The texts of all elements that a selector finds.
    pub fn texts(&mut self, selector: &str) -> Vec<String> {
        let selector = Value::from(selector);
        let all = self.eval(&format!("[...document.querySelectorAll({selector})].map((node) => node.textContent)"));
        all.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// Press a key on whatever has the focus, as a person would.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" { "\r" } else { "" };
            let code = match key {
                "Enter" => 13,
                "Tab" => 9,
                _ => 0,
            };
            let params = json!({ "type": kind, "key": key, "code": key, "text": text, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Move the pointer to the middle of the first element that a selector finds, and click there.
    pub fn click(&mut self, selector: &str) {
        let [x, y] = self.point_at(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", params);
        }
        self.settle();
    }

    /// Let happen what scrolling or a click has started.
    pub fn settle(&mut self) {
        self.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))");
    }

    /// Move the pointer to the middle of the first element that a selector finds.
    pub fn point_at(&mut self, selector: &str) -> [f64; 2] {
        let selector = Value::from(selector);
        let place = self.eval(&format!(
            "(() => {{ const node = document.querySelector({selector}); node.scrollIntoView({{ block: 'center' }});
              const box = node.getBoundingClientRect();
              return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
        ));
        self.settle();
        let [x, y] = [&place[0], &place[1]].map(|part| part.as_f64().unwrap());
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
        [x, y]
    }

    /// Choose an option of a `select`, or set the value of an input, as a person would.
    pub fn set(&mut self, key: &str, value: &str) {
        let (key, value) = (Value::from(format!("[data-key=\"{key}\"]")), Value::from(value));
        self.eval(&format!(
            "(() => {{ const node = document.querySelector({key}); node.value = {value};
              for (const kind of ['input', 'change']) node.dispatchEvent(new Event(kind, {{ bubbles: true }})); }})()"
        ));
    }

    /// Errors, warnings and words on the console, and addresses other than the page's own that it asked for.
    pub fn problems(&self) -> Vec<String> {
        let is_problem = |event: &&Value| {
            ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"]
                .iter()
                .any(|method| event["method"] == *method)
        };
        self.events.iter().filter(is_problem).map(|event| event["params"].to_string()).collect()
    }

    /// Every address that was asked for.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        requests.map(|event| event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let ended = self.process.kill().and_then(|()| self.process.wait().map(drop));
        if let Err(error) = ended {
            eprintln!("cannot end the browser: {error}");
        }
    }
}
