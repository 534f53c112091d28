//! Token ids of texts, against tiktoken.

use serde::Deserialize;
use serde_json::{Value, json};
use vpit::tokenizer::{Template, Tokenizer};

use super::folder;

#[derive(Deserialize)]
struct Encoded {
    text: String,
    ids: Vec<i64>,
}

/// Whether all texts get the reference's ids and come back from them.
fn encodes(tokenizer: &Tokenizer) -> Result<(), String> {
    let rows: Vec<Encoded> = runfile::files::read_json(&folder("tokenizer/expected.json")).unwrap();
    assert!(rows.len() > 10);
    for Encoded { text, ids } in &rows {
        let said = tokenizer.encode(text).map_err(|error| error.to_string())?;
        if said != *ids {
            return Err(format!("{text:?} becomes {said:?} and not {ids:?}"));
        }
        let back = tokenizer.decode(ids).map_err(|error| error.to_string())?;
        if back != *text {
            return Err(format!("{text:?} comes back as {back:?}"));
        }
    }
    Ok(())
}

#[test]
fn texts_get_the_ids_of_tiktoken_from_either_form_of_a_tokenizer() {
    let forms = [
        Tokenizer::from_json(&folder("tokenizer/tokenizer.json")).unwrap(),
        Tokenizer::from_model(&folder("tokenizer/tokenizer.model")).unwrap(),
    ];
    forms.iter().for_each(|tokenizer| encodes(tokenizer).unwrap());
    for template in [Template::Release, Template::Llama3] {
        let [first, second] = &forms.each_ref().map(|tokenizer| tokenizer.specials(706, template).unwrap());
        assert_eq!((&first.user, &first.assistant, first.eot), (&second.user, &second.assistant, second.eot));
    }
    let released = forms[0].specials(706, Template::Release).unwrap();
    // 450 ranks, then the specials; byte 10 is a line break.
    assert_eq!(*released.bos, [450, 450]);
    assert_eq!((released.user.first(), released.user.last()), (Some(&456), Some(&10)));
    assert_eq!((released.eot, released.pad, released.image_start, released.image_end), (459, 451, 706, 707));
    assert!(forms[0].specials(705, Template::Release).unwrap_err().to_string().contains("706 tokens"));
}

/// A `tokenizer.json` with something wrong in it.
fn json(wrong: impl Fn(&mut Value)) -> Result<(), String> {
    let mut tokenizer: Value = runfile::files::read_json(&folder("tokenizer/tokenizer.json")).unwrap();
    wrong(&mut tokenizer);
    let file = tempfile::NamedTempFile::new().unwrap();
    runfile::files::write_json(file.path(), &tokenizer).unwrap();
    encodes(&Tokenizer::from_json(file.path()).unwrap())
}

#[test]
fn another_cut_order_or_spelling_of_tokens_shows() {
    let cut = |tokenizer: &Value| {
        tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"].as_str().map(str::to_owned)
    };
    let recut = |from: &'static str, to: &'static str| {
        json(move |tokenizer| {
            let pattern = cut(tokenizer).unwrap();
            assert!(pattern.contains(from));
            tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(pattern.replace(from, to));
        })
    };
    recut("{1,3}", "{1,2}").unwrap_err();
    recut(r"[^\r\n\p{L}\p{N}]?\p{L}+", r"\p{L}+").unwrap_err();
    recut(r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"[^\s\p{L}\p{N}]+[\r\n]*").unwrap_err();
    recut(r"|\s+(?!\S)", "").unwrap_err();
    json(|tokenizer| tokenizer["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = json!(true)).unwrap_err();
    json(|tokenizer| tokenizer["normalizer"] = json!({ "type": "Lowercase" })).unwrap_err();
    json(|tokenizer| tokenizer["model"]["merges"].as_array_mut().unwrap().reverse()).unwrap_err();
    json(|_| {}).unwrap();
}

#[test]
fn exchanged_ranks_of_a_published_vocabulary_show() {
    let lines = std::fs::read_to_string(folder("tokenizer/tokenizer.model")).unwrap();
    let mut tokens: Vec<&str> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
    // The first two merges, and two bytes.
    for (a, b) in [(256, 257), (101, 116)] {
        tokens.swap(a, b);
        let text: String = tokens.iter().enumerate().map(|(rank, token)| format!("{token} {rank}\n")).collect();
        tokens.swap(a, b);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        encodes(&Tokenizer::from_model(file.path()).unwrap()).unwrap_err();
    }
}
