//! What Python makes of texts, where a reference's prompt depends on it.

/// The texts of a list as Python prints it, `['a', "it's"]`.
pub fn list_of_texts(printed: &str) -> Option<Vec<String>> {
    let inside = printed.trim().strip_prefix('[')?.strip_suffix(']')?;
    let (mut texts, mut rest) = (Vec::new(), inside.trim_start());
    while !rest.is_empty() {
        let (text, after) = text(rest)?;
        texts.push(text);
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => {}
            None => return None,
        }
    }
    Some(texts)
}

/// The text that begins with a quotation mark, and what comes behind it.
fn text(printed: &str) -> Option<(String, &str)> {
    let quote = printed.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (mut text, mut characters) = (String::new(), printed[1..].chars());
    loop {
        match characters.next()? {
            c if c == quote => return Some((text, characters.as_str())),
            '\\' => match characters.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'x' => text.push(code(&mut characters, 2)?),
                'u' => text.push(code(&mut characters, 4)?),
                'U' => text.push(code(&mut characters, 8)?),
                c @ ('\\' | '\'' | '"') => text.push(c),
                // Python keeps the stroke before anything else.
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
}

/// The character of so many hexadecimal digits.
fn code(characters: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let digits: String = characters.by_ref().take(digits).collect();
    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
}

/// `str.capitalize`: the first letter large, all others small.
pub fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().collect::<String>() + &characters.as_str().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_python_prints_them() {
        let read = |printed| list_of_texts(printed);
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(read("['a', 'b']"), texts(&["a", "b"]));
        assert_eq!(read(r#"["it's", 'say "x"', 'back\\slash', '\n\x41\u00e9']"#), {
            texts(&["it's", "say \"x\"", "back\\slash", "\nAé"])
        });
        assert_eq!((read("[]"), read("['$\\mu$',]")), (texts(&[]), texts(&["$\\mu$"])));
        for broken in ["", "[", "['a'", "['a' 'b']", "[a]", "['a]", "a, b", "[1]"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_first_letter_is_large() {
        assert_eq!([capitalize("wHAT Is it?"), capitalize("élan"), capitalize("")], ["What is it?", "Élan", ""]);
    }
}
