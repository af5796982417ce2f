//! How hard a password is to guess: a number from 0 to 4, and what makes it weak in words.
//!
//! The estimate is zxcvbn's (Wheeler, USENIX Security 2016), whose dictionaries are also the list of common passwords.
//! It takes milliseconds: never call it where others wait. Which score an organization asks for is `settings.rs`.

use zxcvbn::{feedback::Warning, matching::patterns::MatchPattern};

use crate::{Error, Org, Password, Result, UserFields, search, settings::PasswordPolicy};

/// What others know of whoever will have the password; none of it makes a good one.
#[derive(Debug, Clone, Default)]
pub struct About(Vec<String>);

impl About {
    /// An organization, while nobody has said who is typing.
    pub fn org(org: &Org) -> Self {
        let mut about = Self::default();
        about.add(&org.name);
        about.add(&org.slug);
        about
    }

    /// A person of an organization.
    pub fn person(fields: &UserFields, org: &Org) -> Self {
        let mut about = Self::default();
        let texts = [
            &fields.username,
            &fields.email,
            &fields.given_name,
            &fields.family_name,
            &fields.display_name,
            &fields.personal_email,
            &fields.phone,
            &fields.mobile,
            &fields.personal_phone,
            &fields.employee_number,
        ];
        for text in texts.into_iter().flatten() {
            about.add(text);
        }
        about.0.extend(Self::org(org).0);
        about
    }

    /// And this, which is not in the record yet.
    #[must_use]
    pub fn and(mut self, text: Option<&str>) -> Self {
        if let Some(text) = text {
            self.add(text);
        }
        self
    }

    /// A text as a whole, its parts, and, of a phone number, the digits.
    fn add(&mut self, text: &str) {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
        for word in [text.to_owned(), digits].into_iter().chain(parts) {
            let word = word.to_lowercase();
            if word.chars().count() >= 3 && !self.0.contains(&word) {
                self.0.push(word);
            }
        }
    }

    /// Whether little is left of a text without these, whatever the case and accents.
    fn make_up(&self, text: &str) -> bool {
        let mut names: Vec<String> = self.0.iter().map(|word| search::fold(word)).collect();
        names.retain(|name| !name.is_empty());
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let folded = search::fold(text);
        let rest = names.iter().fold(folded.clone(), |rest, name| rest.replace(name, " "));
        rest != folded && rest.chars().filter(|c| c.is_alphanumeric()).count() <= LITTLE
    }
}

/// What came of estimating a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// 0: under a thousand guesses; 1: more; 2: over a million; 3: over a hundred million; 4: over ten billion.
    pub score: u8,
    /// It is one word of the dictionaries, perhaps with other letters for some: among the first that are tried.
    is_common: bool,
    /// It is little more than names of the person or the organization.
    is_names: bool,
    /// It is one character, again and again.
    is_one_character: bool,
    /// What makes it weak.
    weakness: &'static str,
}

impl Estimate {
    /// Estimates a password.
    pub fn of(password: &Password, about: &About) -> Self {
        let text = password.reveal();
        let known: Vec<&str> = about.0.iter().map(String::as_str).collect();
        let found = zxcvbn::zxcvbn(within_reason(text), &known);
        let whole = match found.sequence() {
            [only] => match &only.pattern {
                MatchPattern::Dictionary(pattern) => Some(pattern.matched_word.as_str()),
                _ => None,
            },
            _ => None,
        };
        let is_name = |word: &str| about.0.iter().any(|name| name == word);
        let uses_name = found.sequence().iter().any(|part| match &part.pattern {
            MatchPattern::Dictionary(pattern) => is_name(&pattern.matched_word),
            _ => false,
        });
        let warning = found.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        Self {
            score: u8::from(found.score()),
            is_common: whole.is_some_and(|word| !is_name(word)),
            is_names: whole.is_some_and(is_name) || about.make_up(text),
            is_one_character: text.chars().all(|c| text.starts_with(c)),
            weakness: if uses_name && warning.is_none() { NAMES } else { words(warning) },
        }
    }

    /// Refuses what is common, given away, or less than the policy asks for. `field` is the form's field.
    pub fn check(&self, field: &'static str, policy: &PasswordPolicy) -> Result<()> {
        let refuse = |code: &'static str, why: &str| {
            let message = format!("{why} Use a few unrelated words instead.");
            Err(Error::invalid_field(field, code, message))
        };
        if self.is_common {
            return refuse("password.common", "This is one of the passwords that are tried first.");
        }
        if self.is_names {
            return refuse("password.guessable", "This is little more than names that others know.");
        }
        if self.is_one_character {
            return refuse("password.guessable", "This is the first thing somebody would try.");
        }
        if u16::from(self.score) < policy.minimum_strength {
            return refuse("password.guessable", &format!("This is too easy to guess. {}", self.weakness));
        }
        Ok(())
    }
}

/// So many letters and digits beside names are soon tried, such as a year.
const LITTLE: usize = 4;
/// Characters that zxcvbn reads as letters, by letter: it tries every combination of those that occur.
const LOOKALIKES: [&str; 12] = ["4@", "8", "({[<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2"];
/// The longest part that is looked at, in characters; more does not become easier to guess.
const LONGEST: usize = 64;
/// As long as the shortest password that anybody asks for by default: what is always looked at.
const SHORTEST: usize = 12;
/// Combinations times the square of the length: some milliseconds.
const PATIENCE: usize = 40_000;

/// As much of a password as is estimated in milliseconds: its first 64 characters, less if it has so many symbols that
/// could stand for letters that trying them all would take seconds.
fn within_reason(text: &str) -> &str {
    let first = |count: usize| text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end]);
    let text = first(LONGEST);
    let combinations: usize = LOOKALIKES
        .iter()
        .map(|symbols| symbols.chars().filter(|c| text.contains(*c)).count().max(1))
        .product();
    first((PATIENCE / combinations).isqrt().clamp(SHORTEST, LONGEST))
}

const NAMES: &str = "It is made of names that others know.";

/// What makes a password weak, in our words.
fn words(warning: Option<Warning>) -> &'static str {
    match warning {
        Some(Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess) => {
            "It follows the keys of the keyboard."
        }
        Some(
            Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess,
        ) => "It repeats itself.",
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => "It is close to a password that many use.",
        Some(Warning::SequencesLikeAbcAreEasyToGuess) => "It counts or follows the alphabet.",
        Some(Warning::RecentYearsAreEasyToGuess) => "It is little more than a year.",
        Some(Warning::AWordByItselfIsEasyToGuess) => "It is little more than one word.",
        Some(Warning::DatesAreOftenEasyToGuess) => "It is little more than a date.",
        Some(
            Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
            | Warning::CommonNamesAndSurnamesAreEasyToGuess,
        ) => NAMES,
        None => "It is too short for what it is made of.",
    }
}

#[cfg(test)]
#[path = "strength_tests.rs"]
mod tests;
