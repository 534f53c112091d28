//! Dark, narrow and on paper.

use serde_json::json;

use crate::browser::Browser;
use crate::lab::Lab;

/// Whether text stands out from its ground by the contrast that WCAG 2 asks for (AA, 4.5), for elements of a selector.
const CONTRAST: &str = r"(selector) => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (node) => {
    const own = rgb(getComputedStyle(node).backgroundColor);
    return own[3] === 255 || !node.parentElement ? own : ground(node.parentElement);
  };
  const contrast = (node) => {
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((p, q) => q - p);
    return (a + 0.05) / (b + 0.05);
  };
  const nodes = [...document.querySelectorAll(selector)].filter((node) => node.textContent.trim() !== '' && node.checkVisibility());
  return nodes.length === 0 ? 0 : Math.min(...nodes.map(contrast));
}";

#[test]
fn text_is_readable_in_light_and_in_dark() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::paper();
    let page = lab.page();
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.media("screen", scheme);
        browser.open_file(&page);
        for selector in [
            "h1",
            "p",
            ".heat td",
            ".heat th",
            ".matrix td button",
            "table.data td",
            "table.data th button",
            "nav a",
            ".stamp",
            ".severity",
            ".evidence li",
            ".finding .rule",
        ] {
            let contrast = browser.number(&format!("({CONTRAST})('{selector}')"));
            assert!(contrast >= 4.5, "{scheme}: {selector}: {contrast}");
        }
        grounds.push(browser.text("getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(grounds[0], grounds[1]);
    // The reader's own choice goes before the system's.
    browser.set("theme", "light");
    assert_eq!(browser.text("getComputedStyle(document.body).backgroundColor"), grounds[0]);
}

#[test]
fn a_narrow_window_scrolls_in_one_direction_alone() {
    let Some(mut browser) = Browser::start() else { return };
    browser.size(360, 780);
    browser.open_file(&Lab::paper().page());
    assert!(browser.number("document.documentElement.scrollWidth") <= 360.0);
}

#[test]
fn paper_gets_everything_but_the_controls() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    browser.media("print", "dark");
    for gone in ["nav", ".controls", ".files"] {
        assert_eq!(
            browser.text(&format!("getComputedStyle(document.querySelector('{gone}')).display")),
            "none",
            "{gone}"
        );
    }
    assert_eq!(browser.text("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
    let printed = browser.call("Page.printToPDF", json!({ "printBackground": true }));
    assert!(printed["data"].as_str().unwrap().starts_with("JVBERi0"), "a PDF in Base64");
}

#[test]
fn every_control_has_a_name_and_every_section_a_place_in_the_outline() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::paper().page());
    browser.call("Accessibility.enable", json!({}));
    let tree = browser.call("Accessibility.getFullAXTree", json!({}));
    let mut seen = 0;
    for node in tree["nodes"].as_array().unwrap() {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        if ["button", "combobox", "checkbox", "searchbox", "textbox", "region", "figure", "link"].contains(&role) {
            seen += 1;
            assert_ne!(node["name"]["value"].as_str().unwrap_or_default(), "", "{node}");
        }
    }
    assert!(seen > 100, "{seen}");
    let levels = "[...document.querySelectorAll('h1, h2, h3, h4')].map((node) => Number(node.tagName[1]))";
    let levels = browser.eval(levels);
    let levels: Vec<u64> = levels.as_array().unwrap().iter().map(|level| level.as_u64().unwrap()).collect();
    assert!(levels[0] == 1 && levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    let doubled = "(() => { const ids = [...document.querySelectorAll('[id]')].map((node) => node.id); return ids.length - new Set(ids).size; })()";
    assert_eq!(browser.number(doubled), 0.0);
}
