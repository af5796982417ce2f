//! Which columns Muster knows, how files spell them, and what separates them.

use model::{Error, Kind, Result};

macro_rules! columns {
    ($($(#[$doc:meta])* $column:ident = $name:literal $(| $alias:literal)*),+ $(,)?) => {
        /// A column that Muster knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Column {
            $($(#[$doc])* $column),+
        }

        impl Column {
            /// All of them, in the order of the template.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$column),+];

            /// As Muster spells it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$column => $name),+ }
            }

            /// Other spellings, without spaces and signs.
            fn aliases(self) -> &'static [&'static str] {
                match self { $(Self::$column => &[$($alias),*]),+ }
            }
        }
    };
}

columns! {
    /// Name to sign in with.
    Username = "username",
    /// Work address.
    Email = "email" | "emailaddress" | "mail",
    /// Given name.
    GivenName = "given_name" | "firstname",
    /// Family name.
    FamilyName = "family_name" | "lastname" | "surname",
    /// Name as shown.
    DisplayName = "display_name",
    /// Title.
    Title = "title" | "jobtitle",
    /// Department.
    Department = "department",
    /// Division.
    Division = "division",
    /// Cost centre.
    CostCentre = "cost_centre" | "costcenter",
    /// Employee number.
    EmployeeNumber = "employee_number" | "employeeid",
    /// Language and region, BCP 47.
    Locale = "locale",
    /// Time zone, IANA.
    Timezone = "timezone",
    /// Work phone.
    Phone = "phone" | "workphone",
    /// Mobile phone.
    Mobile = "mobile" | "mobilephone",
    /// Personal address, for onboarding and recovery.
    PersonalEmail = "personal_email",
    /// Personal phone, for onboarding and recovery.
    PersonalPhone = "personal_phone",
    /// Groups, a list.
    Groups = "groups",
    /// Roles, a list.
    Roles = "roles" | "role",
    /// Wanted status.
    Status = "status",
    /// Notes.
    Notes = "notes" | "note",
    /// Tags, a list.
    Tags = "tags",
}

impl Column {
    /// Position in `ALL`.
    pub(super) fn position(self) -> usize {
        self as usize
    }

    /// The column of that name, whatever case, spaces, hyphens and underscores it is written with.
    pub fn named(name: &str) -> Option<Self> {
        let plain = plain(name);
        Self::ALL
            .into_iter()
            .find(|column| self::plain(column.name()) == plain || column.aliases().contains(&plain.as_str()))
    }
}

impl Column {
    /// Why a cell is not what somebody wrote: spreadsheets put errors in place of values, and turn long numbers into
    /// powers of ten.
    pub(super) fn changed_by_a_spreadsheet(self, cell: &str) -> Option<String> {
        const ERRORS: [&str; 9] =
            ["#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"];
        if ERRORS.iter().any(|error| cell.eq_ignore_ascii_case(error)) {
            return Some(format!("The spreadsheet has put the error {cell} here. Correct the cell."));
        }
        let is_number = matches!(
            self,
            Self::EmployeeNumber | Self::CostCentre | Self::Phone | Self::Mobile | Self::PersonalPhone
        );
        (is_number && is_power_of_ten(cell)).then(|| {
            format!(
                "The spreadsheet has changed this number to {cell}. Format the column as text, enter the number again and \
                 export the file anew."
            )
        })
    }
}

/// `1.23E+05`, with a point or a comma.
fn is_power_of_ten(cell: &str) -> bool {
    let Some((number, power)) = cell.split_once(['E', 'e']) else { return false };
    let power = power.strip_prefix('+').unwrap_or_default();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, rest) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    digits(whole) && digits(rest) && digits(power)
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The columns of one file.
#[derive(Debug)]
pub(super) struct Header {
    columns: Vec<Option<Column>>,
    pub(super) warnings: Vec<String>,
}

impl Header {
    /// Whether these cells name columns of people.
    pub(super) fn is_header(cells: &[String]) -> bool {
        let identifies =
            |name: &String| matches!(Column::named(name), Some(Column::Email | Column::Username));
        cells.iter().any(identifies)
    }

    /// Reads the row that names the columns.
    pub(super) fn read(cells: &[String]) -> Result<Self> {
        let named = cells.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1);
        let mut columns: Vec<Option<Column>> = Vec::with_capacity(named);
        let mut unknown = Vec::new();
        for name in &cells[..named] {
            let column = Column::named(name);
            match column {
                Some(known) if columns.contains(&Some(known)) => {
                    let message = format!("The header names the column {} twice.", known.name());
                    return Err(Error::new(Kind::Invalid, "csv.column_twice", message));
                }
                Some(_) => {}
                None => unknown.push(format!("“{}”", name.trim())),
            }
            columns.push(column);
        }
        if !columns.iter().any(|column| matches!(column, Some(Column::Email | Column::Username))) {
            let message = "The first line must name the columns, at least “email” or “username”.";
            return Err(Error::new(Kind::Invalid, "csv.no_email", message));
        }
        let warnings = match unknown.as_slice() {
            [] => Vec::new(),
            [one] => vec![format!("The column {one} is not known and is left out.")],
            many => vec![format!("The columns {} are not known and are left out.", many.join(", "))],
        };
        Ok(Self { columns, warnings })
    }

    /// How many cells a row must have.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Every position, also of unknown columns.
    pub(super) fn all(&self) -> impl Iterator<Item = Option<Column>> {
        self.columns.iter().copied()
    }

    /// The known ones.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column> {
        self.all().flatten()
    }
}

/// The separator, if the line only names it (`sep=;`), as spreadsheet programs do.
pub(super) fn named_separator(line: &str) -> Option<u8> {
    match line.trim_end_matches(['\r', '\n']).as_bytes() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator @ (b',' | b';' | b'\t' | b'|')] => {
            Some(*separator)
        }
        _ => None,
    }
}

/// The separator of which the line has most; a comma where it has none.
pub(super) fn separator(first_line: &str) -> u8 {
    let mut best = (0, b',');
    for candidate in [b',', b';', b'\t', b'|'] {
        let mut quoted = false;
        let mut many = 0;
        for byte in first_line.bytes() {
            quoted ^= byte == b'"';
            many += usize::from(byte == candidate && !quoted);
        }
        if many > best.0 {
            best = (many, candidate);
        }
    }
    best.1
}
