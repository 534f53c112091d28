//! `scancel`: ends elements, or sends them a signal.

use crate::options::{self, Options, Spec};
use crate::place::Place;
use crate::squeue::is_named;
use crate::state::{Element, State, Word};
use crate::{Answer, Result, runner};

const SPECS: [Spec; 9] = [
    options::flag("batch", Some('b')),
    options::flag("full", Some('f')),
    options::flag("me", None),
    options::value("name", Some('n')),
    options::flag("quiet", Some('Q')),
    options::value("signal", Some('s')),
    options::value("state", Some('t')),
    options::value("user", Some('u')),
    options::flag("version", Some('V')),
];

pub fn scancel(place: &Place, args: &[String]) -> Result<Answer> {
    let options = match Options::read(&SPECS, args) {
        Ok(options) => options,
        Err(word) => return Ok(Answer::refused(format!("scancel: unrecognized option '{word}'\n"))),
    };
    if options.words.is_empty() && !["me", "name", "user"].iter().any(|name| options.has(name)) {
        return Ok(Answer::refused("scancel: error: No job identification provided\n"));
    }
    State::change(place, |state| {
        // Like the real one, it says nothing of jobs that are not there.
        for position in 0..state.elements.len() {
            if !state.elements[position].start.state.is_over() && is_wanted(state, position, &options) {
                cancel(place, state, position, &options)?;
            }
        }
        // Slurm forgets an element that is cancelled by its own number before it started; of a whole array it keeps a line.
        let singled = |element: &Element| {
            element.index.is_some()
                && element.start.started.is_none()
                && element.former.is_empty()
                && options.words.iter().any(|word| word.contains('_') && is_named(element, word))
        };
        if !options.has("signal") {
            state.elements.retain(|element| !(element.start.state == Word::Cancelled && singled(element)));
        }
        Ok(Answer::well(""))
    })
}

fn is_wanted(state: &State, position: usize, options: &Options) -> bool {
    let element = &state.elements[position];
    (options.words.is_empty() || options.words.iter().any(|word| is_named(element, word)))
        && options.get("name").is_none_or(|name| state.of(element).name == name)
        && options.get("state").is_none_or(|word| word.eq_ignore_ascii_case(element.start.state.text()))
}

fn cancel(place: &Place, state: &mut State, position: usize, options: &Options) -> Result<()> {
    let element = &state.elements[position];
    match (options.get("signal").and_then(runner::named), element.start.state) {
        (Some(signal), Word::Running) => element.group.map_or(Ok(()), |group| runner::signal(group, signal)),
        (Some(_), _) => Ok(()),
        (None, Word::Running) => runner::give_order(place, element.own, Word::Cancelled),
        (None, _) => {
            state.end(position, Word::Cancelled, (0, 0));
            Ok(())
        }
    }
}
