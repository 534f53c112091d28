//! Options of a command line, and of the `#SBATCH` lines of a script.

use std::collections::BTreeMap;

/// One option of a program.
pub struct Spec {
    pub long: &'static str,
    pub short: Option<char>,
    pub takes_value: bool,
}

/// Options by their long names, the last of each; and the other words.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    given: BTreeMap<&'static str, String>,
    pub words: Vec<String>,
}

impl Options {
    /// Read `args`; fails with the word that no option has.
    pub fn read(specs: &'static [Spec], args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(word) = args.next() {
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let spec = specs.iter().find(|spec| spec.long == name).ok_or_else(|| word.clone())?;
                options.take(spec, value.map(str::to_owned), &mut args);
            } else if let Some(short) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                options.short(specs, short, &mut args).ok_or_else(|| word.clone())?;
            } else {
                options.words.push(word.clone());
                // What follows a script is the script's.
                options.words.extend(args.by_ref().cloned());
            }
        }
        Ok(options)
    }

    /// `-hX`, `-n1`, `-n 1`: flags, then at most one option with a value.
    fn short<'a>(
        &mut self,
        specs: &'static [Spec],
        letters: &str,
        args: &mut impl Iterator<Item = &'a String>,
    ) -> Option<()> {
        let mut rest = letters;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            let spec = specs.iter().find(|spec| spec.short == Some(letter))?;
            if spec.takes_value {
                let value = rest.strip_prefix('=').unwrap_or(rest);
                self.take(spec, Some(value.to_owned()).filter(|value| !value.is_empty()), args);
                break;
            }
            self.take(spec, None, args);
        }
        Some(())
    }

    fn take<'a>(&mut self, spec: &Spec, value: Option<String>, args: &mut impl Iterator<Item = &'a String>) {
        let next = || args.next().cloned().unwrap_or_default();
        let value = if spec.takes_value { value.unwrap_or_else(next) } else { value.unwrap_or_default() };
        self.given.insert(spec.long, value);
    }

    /// These, where they are given, before `others`.
    pub fn over(self, mut others: Self) -> Self {
        others.given.extend(self.given);
        Self { given: others.given, words: self.words }
    }

    pub fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// The words between the commas of an option's value.
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).map(|list| list.split(',').collect())
    }
}

pub const fn flag(long: &'static str, short: Option<char>) -> Spec {
    Spec { long, short, takes_value: false }
}

pub const fn value(long: &'static str, short: Option<char>) -> Spec {
    Spec { long, short, takes_value: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: [Spec; 4] =
        [flag("me", None), flag("noheader", Some('h')), flag("array", Some('r')), value("format", Some('o'))];

    fn read(line: &str) -> Result<Options, String> {
        Options::read(&SPECS, &line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_form_of_an_option_is_read() {
        let same = read("--me --noheader --array --format=%i").expect("known options");
        for line in ["--me -hr -o %i", "--me -h -r -o%i", "--me -hro=%i", "--format %i -r -h --me"] {
            assert_eq!(read(line).expect("known options"), same, "{line}");
        }
        assert_eq!(read("--colour=red"), Err("--colour=red".to_owned()));
    }

    #[test]
    fn what_follows_a_word_belongs_to_it() {
        let options = read("--me script --colour").expect("known options");
        assert_eq!(options.words, ["script", "--colour"]);
    }
}
